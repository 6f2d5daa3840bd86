// SPDX-License-Identifier: Apache-2.0
//
// The rows that were found become columns again, beside those that were fetched: one batch for the second
// kernel.
#include "cli/late_rows.h"

#include <algorithm>
#include <cstring>

namespace kqlc::cli {

namespace {

// One column of rows of Cells, in the physical encoding of its type.
class CellColumn {
 public:
  CellColumn(const RowList& rows, size_t column, Type type) : validity_((rows.size() + 7) / 8) {
    const PhysicalType form = physical_type(type);
    values_.resize(form.width ? rows.size() * form.width : validity_.size());
    for (size_t row = 0; row < rows.size(); ++row) {
      const Cell& cell = rows[row][column];
      auto bit = static_cast<uint8_t>(cell.valid << (row & 7));
      validity_[row >> 3] |= bit;
      if (form.width)
        std::memcpy(values_.data() + row * form.width, &cell.l, form.width);
      else if (cell.b)
        values_[row >> 3] |= bit;
    }
    column_.type = type;
    column_.encoding = form.encoding;
    column_.values = values_.data();
    column_.validity = validity_.data();
  }
  const Column& column() const { return column_; }

 private:
  std::vector<uint8_t> values_, validity_;
  Column column_;
};

}  // namespace

std::unique_ptr<LateRows> LateRows::compile(const ir::Ir& ir, const codegen::KernelOptions& options) {
  auto split = ir::split_late_columns(ir);
  if (!split) return nullptr;
  auto out = std::make_unique<LateRows>();
  out->table_ = split->table;
  out->fetched_ = split->fetched;
  out->kept_ = split->early.ops[split->early.result].schema;
  auto early = codegen::Kernel::compile(std::make_shared<ir::Ir>(std::move(split->early)), options);
  auto late = codegen::Kernel::compile(std::make_shared<ir::Ir>(std::move(split->late)), options);
  // Without a join the second step has one phase.
  if (!early.ok() || !late.ok() || late.value()->num_phases() != 1) return nullptr;
  out->early_ = std::move(early).value();
  out->late_ = std::move(late).value();
  return out;
}

// A column of places; nothing where there is no such column.
std::vector<uint64_t> LateRows::column_of(std::string_view name, const RowList& found) const {
  auto column = std::ranges::find(kept_, name, &plan::ColumnDef::name);
  std::vector<uint64_t> out;
  if (column == kept_.end()) return out;
  auto place = static_cast<size_t>(column - kept_.begin());
  for (RowList::Row row : found) out.push_back(static_cast<uint64_t>(row[place].l));
  return out;
}

std::vector<uint64_t> LateRows::locators_of(const RowList& found) const {
  return column_of(ir::kRowColumn, found);
}
std::vector<uint64_t> LateRows::first_rows_of(const RowList& found) const {
  return column_of(ir::kFirstRowColumn, found);
}

codegen::KernelRows LateRows::finish(const RowList& found, const std::vector<Column>& columns) const {
  std::vector<std::unique_ptr<CellColumn>> kept;
  for (size_t i = 0; i < kept_.size(); ++i)
    kept.push_back(std::make_unique<CellColumn>(found, i, kept_[i].type));
  auto state = late_->create_state();
  // A union may read the rows more than once. Each input reads what it needs of them, found by the names that
  // the split gave.
  for (size_t input = 0; input < late_->inputs().size() && !found.empty(); ++input) {
    std::vector<Column> batch_columns;
    for (const plan::ColumnDef& column : late_->inputs()[input].columns) {
      size_t place = ir::kept_place(column.name);
      batch_columns.push_back(place < kept.size() ? kept[place]->column() : columns[place - kept.size()]);
    }
    Batch batch;
    batch.num_rows = static_cast<int64_t>(found.size());
    batch.columns = batch_columns.data();
    batch.num_columns = batch_columns.size();
    late_->consume(*state, input, batch);
  }
  return late_->finish(*state);
}

}  // namespace kqlc::cli
