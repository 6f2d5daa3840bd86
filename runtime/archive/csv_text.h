// SPDX-License-Identifier: Apache-2.0
//
// What the text of a CSV file says beside its fields: what its columns are, in which zone the times of a
// portal's export are, and whether a quote lacks its end. In: files. Out: columns, times, places.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/archive/archive.h"

namespace kqlc::archive {

// A column as a header line names it. The portals of Azure and Defender put the zone of their clock behind
// the name of each time: `TimeGenerated [UTC]`, `TimeGenerated [Local Time]`.
struct CsvColumn {
  std::string header;  // as it stands in the file
  std::string name;    // the table's: without `[UTC]`
  bool is_utc = false;
};

// Reads the columns of a CSV or TSV file. Errors: those of reading.
Result<std::vector<CsvColumn>> read_csv_header(const File& file);

// The byte between fields.
char csv_delimiter(const File& file);

// The zone that a header names for the time column `name`, when it is not UTC; empty otherwise.
std::string_view foreign_zone(const CsvColumn& column, std::string_view name);

// Reads a time of a column whose header says `[UTC]`: ISO 8601, or what portals print for the United States,
// `11/28/2026, 10:15:30.123 AM`. Other languages put the day first, which nobody could tell from the month;
// AM and PM in capital letters are those of the United States. Empty for any other text.
std::optional<DateTime> read_portal_time(std::string_view text);

// Returns the line (from 1) of the quote that opens a field which the file does not close; empty where there
// is none. Reads the file to its end.
std::optional<uint64_t> find_open_quote(const File& file);

}  // namespace kqlc::archive
