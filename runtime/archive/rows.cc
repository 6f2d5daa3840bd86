// SPDX-License-Identifier: Apache-2.0
//
// RowBuilder: one value as a reader found it becomes bits in a column. All memory is taken once; clear()
// zeroes what was used, so that a value nobody sets is null.
#include "runtime/archive/rows.h"

#include <algorithm>
#include <cstring>

#include "runtime/value/dynamic.h"

namespace kqlc::archive {
namespace {

size_t value_bytes(size_t width, int64_t rows) { return width ? width * rows : (rows + 7) / 8; }

// Rows of a batch: as many as have their values in the cache of a core; few rows of a wide table do not
// take megabytes then. Not so few that what is done once a batch counts.
constexpr size_t kBatchBytes = 512 << 10;
constexpr size_t kFewestRows = 256;
constexpr size_t kMostRows = 4096;

int64_t rows_of_batch(const std::vector<ColumnRequest>& columns) {
  size_t row_bytes = sizeof(uint64_t);  // its locator
  for (const ColumnRequest& column : columns) row_bytes += physical_type(column.type).width;
  const size_t rows = std::clamp(kBatchBytes / row_bytes, kFewestRows, kMostRows);
  return static_cast<int64_t>(rows & ~size_t{63});  // whole words of bits
}

Cell text_cell(std::string_view text) {
  Cell cell;
  cell.s = Str(text);
  cell.valid = true;
  return cell;
}

}  // namespace

RowBuilder::RowBuilder(const std::vector<ColumnRequest>& columns)
    : stores_(columns.size()),
      columns_(columns.size()),
      touched_(columns.size(), 0),
      max_rows_(rows_of_batch(columns)),
      locators_(static_cast<size_t>(max_rows_)) {
  for (size_t i = 0; i < columns.size(); ++i) {
    PhysicalType form = physical_type(columns[i].type);
    stores_[i].type = columns[i].type;
    stores_[i].encoding = form.encoding;
    stores_[i].width = form.width;
    stores_[i].values = std::make_unique<uint8_t[]>(value_bytes(form.width, max_rows_));
    stores_[i].validity = std::make_unique<uint8_t[]>(value_bytes(0, max_rows_));
  }
}

void RowBuilder::begin_row(uint64_t position) {
  ++row_number_;
  locators_[static_cast<size_t>(num_rows_)] = position;
}

void RowBuilder::drop_row() {
  for (size_t i = 0; i < stores_.size(); ++i) {
    if (!is_set(i)) continue;
    set_null(i);
    touched_[i] = 0;
  }
}

void RowBuilder::put(size_t column, const Cell& cell) {
  Store& store = stores_[column];
  auto bit = static_cast<uint8_t>(1u << (num_rows_ & 7));
  if (store.width) {
    uint8_t* place = store.values.get() + num_rows_ * store.width;
    if (store.width == sizeof(Str))  // most columns; a copy of known size is two instructions
      std::memcpy(place, &cell.l, sizeof(Str));
    else
      std::memcpy(place, &cell.l, store.width);
  } else if (cell.b) {
    store.values[num_rows_ >> 3] |= bit;
  } else {
    store.values[num_rows_ >> 3] &= static_cast<uint8_t>(~bit);
  }
  store.validity[num_rows_ >> 3] |= bit;
  touched_[column] = row_number_;
}

bool RowBuilder::set_null(size_t column) {
  Store& store = stores_[column];
  if (store.width) std::memset(store.values.get() + num_rows_ * store.width, 0, store.width);
  store.validity[num_rows_ >> 3] &= static_cast<uint8_t>(~(1u << (num_rows_ & 7)));
  touched_[column] = row_number_;
  return true;
}

bool RowBuilder::set_text(size_t column, std::string_view text) {
  Type type = stores_[column].type;
  if (type == Type::String) return put(column, text_cell(text)), true;
  if (type == Type::Dynamic && !dynamic::is_too_deep(text)) return put(column, text_cell(text)), true;
  set_null(column);
  Cell cell;
  Reading reading = read_value(type, text, &cell);
  if (reading == Reading::Value) put(column, cell);
  return reading != Reading::Failure;
}

bool RowBuilder::set_number(size_t column, std::string_view text) {
  Type type = stores_[column].type;
  if (type != Type::DateTime && type != Type::TimeSpan && type != Type::Guid) return set_text(column, text);
  set_null(column);
  return false;
}

bool RowBuilder::set_bool(size_t column, bool value, std::string_view text) {
  switch (stores_[column].type) {
    case Type::Int:
    case Type::Long:
    case Type::Real:
      return set_text(column, value ? "1" : "0");
    case Type::Bool:
    case Type::String:
    case Type::Dynamic:
      return set_text(column, text);
    default:
      set_null(column);
      return false;
  }
}

bool RowBuilder::set_json(size_t column, std::string_view text) {
  Type type = stores_[column].type;
  if (type == Type::String || type == Type::Dynamic) return set_text(column, text);
  set_null(column);
  return false;
}

Batch RowBuilder::batch() {
  for (size_t i = 0; i < stores_.size(); ++i) {
    Column& column = columns_[i];
    column.encoding = stores_[i].encoding;
    column.type = stores_[i].type;
    column.values = stores_[i].values.get();
    column.validity = stores_[i].validity.get();
  }
  Batch batch;
  batch.num_rows = num_rows_;
  batch.position = locators_[0];
  batch.locators = locators_.data();
  batch.columns = columns_.data();
  batch.num_columns = columns_.size();
  return batch;
}

void RowBuilder::clear() {
  // One row more than was kept: a row that was begun may have been given up.
  int64_t rows = std::min(num_rows_ + 1, max_rows_);
  for (Store& store : stores_) {
    std::memset(store.values.get(), 0, value_bytes(store.width, rows));
    std::memset(store.validity.get(), 0, value_bytes(0, rows));
  }
  num_rows_ = 0;
  arena_.reset();
}

void count_problem(ScanReport* report, const std::string& column, uint64_t position, std::string_view value,
                   Type type) {
  ColumnProblem& problem = report->problems[column];
  if (problem.failures++ == 0 || position < problem.first.position) {
    problem.first = {position, "",
                     "'" + std::string(value.substr(0, 80)) + "' is no " + std::string(type_name(type))};
  }
}

}  // namespace kqlc::archive
