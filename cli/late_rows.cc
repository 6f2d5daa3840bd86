// SPDX-License-Identifier: Apache-2.0
//
// The rows that were found become columns again, beside those that were fetched: one batch a thread for
// the second kernel.
#include "cli/late_rows.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/side_by_side.h"

namespace kqlc::cli {

namespace {

// Values that are worth a thread.
constexpr size_t kCellsOfThread = 8192;

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
  out->threads_ = std::max<size_t>(1, options.threads);
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

// A union may read the rows more than once. Each input reads what it needs of them, found by the names that
// the split gave.
void LateRows::consume(codegen::KernelState& state, const std::vector<Column>& columns, int64_t begin,
                       int64_t end) const {
  for (size_t input = 0; input < late_->inputs().size(); ++input) {
    std::vector<Column> batch_columns;
    for (const plan::ColumnDef& column : late_->inputs()[input].columns) {
      batch_columns.push_back(columns[ir::kept_place(column.name)]);
      batch_columns.back().offset += begin;
    }
    Batch batch;
    batch.num_rows = end - begin;
    batch.position = static_cast<uint64_t>(begin);
    batch.columns = batch_columns.data();
    batch.num_columns = batch_columns.size();
    late_->consume(state, input, batch);
  }
}

codegen::KernelRows LateRows::finish(const RowList& found, const std::vector<Column>& fetched) const {
  std::vector<std::unique_ptr<CellColumn>> kept;
  std::vector<Column> columns;
  for (size_t i = 0; i < kept_.size(); ++i) {
    kept.push_back(std::make_unique<CellColumn>(found, i, kept_[i].type));
    columns.push_back(kept.back()->column());
  }
  columns.insert(columns.end(), fetched.begin(), fetched.end());
  const size_t rows = found.size(),
               parts = std::clamp<size_t>(rows * columns.size() / kCellsOfThread, 1, threads_);
  std::vector<std::shared_ptr<codegen::KernelState>> states(parts);
  for (auto& state : states) state = late_->create_state();
  const auto row_of = [&](size_t part) { return static_cast<int64_t>(rows * part / parts); };
  if (!found.empty())
    side_by_side(parts, parts, [&](size_t part, size_t) {
      consume(*states[part], columns, row_of(part), row_of(part + 1));
    });
  for (size_t i = 1; i < parts; ++i) late_->merge(*states[0], *states[i]);
  return late_->finish(*states[0]);
}

}  // namespace kqlc::cli
