// SPDX-License-Identifier: Apache-2.0
//
// Late columns: a query that keeps few rows of many reads most of their columns for nothing. In: an optimised
// Ir in which a summarize of arg_max, arg_min or take_any, or a top, keeps whole rows of one table. Out: two
// queries: the first finds which rows are kept and reads only what that takes; the second goes on with those
// rows, whose other columns have been fetched in between.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "compiler/ir/ir.h"

namespace kqlc::ir {

// The column of type long that `LateColumns::early` reads beside those of the table: where the row stands in
// its source.
inline constexpr std::string_view kRowColumn = "$row";
// The column of `LateColumns::early` that tells where a group's first row stands, which its place in the
// order comes from; there for a summarize only.
inline constexpr std::string_view kFirstRowColumn = "$first";
// The table that `LateColumns::late` scans: the rows that `early` gives, then the fetched columns.
inline constexpr std::string_view kKeptTable = "$kept";

struct LateColumns {
  Ir early;  // its last column is kRowColumn, never null
  std::string table;
  Schema fetched;  // columns of `table`
  Ir late;
};

// The place of a column of kKeptTable among all of them, from its name.
size_t kept_place(std::string_view name);

// Returns the two queries; none where the rows' columns are all needed to find them, where fewer than three
// could be fetched, where there is a join, or where a value may be another one later (rand) or end the query
// (assert). Both have passed verify() and need no further pass. Requires: `ir` has passed optimize().
std::optional<LateColumns> split_late_columns(const Ir& ir);

}  // namespace kqlc::ir
