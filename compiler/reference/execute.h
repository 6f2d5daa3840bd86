// SPDX-License-Identifier: Apache-2.0
//
// The reference executor: runs a bound Plan row by row, before any pass. In: a Plan and where the rows of its
// tables come from. Out: the rows of a result, in an order that is defined. It is the oracle for kernels and
// the interpreter of the benchmarks: plain on purpose, and never optimised.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "compiler/plan/plan.h"
#include "runtime/base/result.h"
#include "runtime/value/row_list.h"

namespace kqlc::reference {

using Row = std::vector<Cell>;
// Takes one row of a table; false asks for no more rows. Cells are borrowed until it returns.
using RowSink = std::function<bool(const Cell* row, uint64_t position)>;
// Reads the table of a Scan node, rows in input order, the columns of `schema` for which `needed` is true;
// the others may be null.
using TableReader = std::function<Result<void>(const std::string& table, const plan::Schema& schema,
                                               const std::vector<bool>& needed, const RowSink& sink)>;

struct Rows {
  plan::Schema schema;
  RowList rows;
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();  // what the cells refer to
};

// Runs result number `result` of the plan.
// Errors: those of the reader; Limit when the kept rows need more than `memory_limit` bytes (0: no limit).
// Once `stop` is true no operator gets further rows; what comes out then is of a part of the input.
Result<Rows> execute(const plan::Plan& plan, size_t result, const TableReader& reader,
                     size_t memory_limit = 0, const std::atomic<bool>* stop = nullptr);

}  // namespace kqlc::reference
