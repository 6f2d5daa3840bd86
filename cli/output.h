// SPDX-License-Identifier: Apache-2.0
//
// Rows as text. In: rows of Cells with their schema. Out: a table for people, NDJSON, JSON or CSV. In a table,
// control characters of event data are shown escaped, so that data cannot write to the terminal.
#pragma once

#include <string>

#include "compiler/reference/execute.h"

namespace kqlc::cli {

enum class OutputFormat { Table, Ndjson, Json, Csv };

// Returns false when there is no such format.
bool find_format(std::string_view name, OutputFormat& format);

// One value as JSON: datetimes as ISO 8601 with seven decimals, timespans in Kusto's text form, decimals as text,
// dynamic as the value itself.
std::string json_value(const Cell& cell, Type type);
std::string json_string(std::string_view text);
// {"columns":[{"name","type"}...],"rows":[[...]...]} without the outer braces.
std::string json_table(const reference::Rows& rows);

// Writes rows; `rule` is what NDJSON gives as the rule, "" for a query.
std::string print_rows(const reference::Rows& rows, OutputFormat format, const std::string& rule);

}  // namespace kqlc::cli
