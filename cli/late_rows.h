// SPDX-License-Identifier: Apache-2.0
//
// LateRows: a query run in two steps, with the late columns of few rows fetched in between
// (compiler/ir/late_columns.h). In: an Ir. Out: a kernel for the scan; and when its rows are there, the rows
// of the query.
#pragma once

#include <memory>
#include <string>

#include "codegen/kernel.h"
#include "compiler/ir/late_columns.h"
#include "runtime/archive/fetch.h"

namespace kqlc::cli {

class LateRows {
 public:
  // Compiles both steps. Nothing where the query has no such form.
  static std::unique_ptr<LateRows> compile(const ir::Ir& ir, const codegen::KernelOptions& options);

  // The kernel that finds the rows; the table that it scans and whose columns are fetched.
  const codegen::Kernel& early() const { return *early_; }
  const std::string& table() const { return table_; }
  const plan::Schema& fetched() const { return fetched_; }

  // The locators of rows that early() gave, in their order; and of the first rows of their groups, which
  // decide that order and therefore have to be rows as well.
  std::vector<uint64_t> locators_of(const RowList& found) const;
  std::vector<uint64_t> first_rows_of(const RowList& found) const;
  // The rows of the query. `fetched` are the columns of fetched(), a row each of `found`.
  codegen::KernelRows finish(const RowList& found, const std::vector<Column>& fetched) const;

 private:
  // Runs the second step over some of the rows, whose columns are those kept and those fetched.
  void consume(codegen::KernelState& state, const std::vector<Column>& columns, int64_t begin,
               int64_t end) const;
  std::vector<uint64_t> column_of(std::string_view name, const RowList& found) const;

  std::unique_ptr<codegen::Kernel> early_, late_;
  std::string table_;
  plan::Schema kept_, fetched_;
  size_t threads_ = 1;
};

}  // namespace kqlc::cli
