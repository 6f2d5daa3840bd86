// SPDX-License-Identifier: Apache-2.0
//
// Rows as text. In: rows of Cells with their schema. Out: a table for people, NDJSON, JSON or CSV. In a
// table, control characters of event data are shown escaped, so that data cannot write to the terminal.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/reference/execute.h"

namespace kqlc::cli {

enum class OutputFormat { Table, Ndjson, Json, Csv, Arrow, Parquet };

// Returns false when there is no such format.
bool find_format(std::string_view name, OutputFormat& format);
// The ending of a file of this format, with its dot.
std::string_view extension_of(OutputFormat format);

// Appends a value as JSON: datetimes as ISO 8601 with seven decimals, timespans in Kusto's text form,
// decimals as text, dynamic as the value itself.
void append_json_value(std::string& out, const Cell& cell, Type type);
// The text as a JSON string, in quotes.
std::string json_string(std::string_view text);

// A result to be printed.
struct Output {
  std::string rule;   // rule key; "" for a query
  std::string title;  // heading of a table; "" for a query
  std::string stem;   // name of its file where each result has its own
  const reference::Rows* rows = nullptr;
  std::string partial;  // why rows are missing; ""
};

// Takes the next bytes of an output.
using TextWriter = std::function<Result<void>(std::string_view bytes)>;

// Writes all results in one of the text formats, printed by several threads, and but for tables some rows at
// a time. Errors: those of `write`. What is partial is marked: a line of its own in NDJSON (with the key
// `partial`, `$partial` in a query), a member `partial` in JSON, a last line `# partial: ...` in CSV and in a
// table. With a `width` (of a terminal) tables are cut to it and say so.
Result<void> print_outputs(const std::vector<Output>& outputs, OutputFormat format, size_t width,
                           size_t threads, const TextWriter& write);

// Writes `before`, the results as members of an object, and `behind`: "columns":[{"name","type"}...],
// "rows":[[...]...] of one result, "tables":[{"columns","rows"}...] of several. Printed as print_outputs()
// does.
Result<void> print_json_members(const std::vector<Output>& outputs, size_t threads, std::string_view before,
                                std::string_view behind, const TextWriter& write);

}  // namespace kqlc::cli
