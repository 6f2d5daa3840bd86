// SPDX-License-Identifier: Apache-2.0
//
// RowBuilder: the conversions from text to KQL types. In: one value as a reader found it. Out: its bits in a
// column. What is accepted per type is what Kusto's to...() functions accept; a real number that is whole
// fits a long. All memory is taken once; clear() zeroes what was used, so that a value nobody sets is null.
#include "runtime/archive/rows.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/guid.h"

namespace kqlc::archive {
namespace {

std::string_view trim(std::string_view text) {
  auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool equals_caseless(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

bool read_real(std::string_view text, double* value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

bool read_hexadecimal(std::string_view digits, int64_t* value) {
  uint64_t bits = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return false;
  *value = static_cast<int64_t>(bits);
  return true;
}

bool read_long(std::string_view text, int64_t* value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error == std::errc() && end == text.data() + text.size()) return true;
  if (text.starts_with("0x") || text.starts_with("0X")) return read_hexadecimal(text.substr(2), value);
  double real;
  // 2^63 itself does not fit.
  if (!read_real(text, &real) || !(real >= -0x1p63 && real < 0x1p63) || real != std::trunc(real))
    return false;
  *value = static_cast<int64_t>(real);
  return true;
}

bool read_bool(std::string_view text, bool* value) {
  if (equals_caseless(text, "true") || text == "1") return *value = true, true;
  if (equals_caseless(text, "false") || text == "0") return *value = false, true;
  return false;
}

size_t value_bytes(size_t width, int64_t rows) { return width ? width * rows : (rows + 7) / 8; }

template <class T>
Reading reading_of(const std::optional<T>& value, Cell* cell) {
  if (!value) return Reading::Failure;
  *cell = make_cell(*value);
  return Reading::Value;
}

Reading read_integer(Type type, std::string_view text, Cell* cell) {
  int64_t value;
  if (!read_long(text, &value)) return Reading::Failure;
  if (type == Type::Long) return reading_of(std::optional(value), cell);
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    return Reading::Failure;
  }
  return reading_of(std::optional(static_cast<int32_t>(value)), cell);
}

Cell text_cell(std::string_view text) {
  Cell cell;
  cell.s = Str(text);
  cell.valid = true;
  return cell;
}

}  // namespace

PhysicalType physical_type(Type type) {
  switch (type) {
    case Type::Bool:
      return {Encoding::Bits, 0};
    case Type::Int:
      return {Encoding::Fixed32, 4};
    case Type::Guid:
    case Type::Decimal:
      return {Encoding::Fixed128, 16};
    case Type::String:
    case Type::Dynamic:
      return {Encoding::Strs, sizeof(Str)};
    default:
      return {Encoding::Fixed64, 8};
  }
}

Reading read_value(Type type, std::string_view text, Cell* cell) {
  text = trim(text);
  if (text.empty()) return Reading::Null;
  switch (type) {
    case Type::Bool: {
      bool value;
      return reading_of(read_bool(text, &value) ? std::optional(value) : std::nullopt, cell);
    }
    case Type::Int:
    case Type::Long:
      return read_integer(type, text, cell);
    case Type::Real: {
      double value;
      return reading_of(read_real(text, &value) ? std::optional(value) : std::nullopt, cell);
    }
    case Type::DateTime:
      return reading_of(datetime::read_datetime(text), cell);
    case Type::TimeSpan:
      return reading_of(datetime::read_timespan(text), cell);
    case Type::Guid:
      return reading_of(guid::read(text), cell);
    case Type::Decimal:
      return reading_of(decimal::read(text), cell);
    default:
      return Reading::Failure;
  }
}

RowBuilder::RowBuilder(const std::vector<ColumnRequest>& columns)
    : stores_(columns.size()), columns_(columns.size()), touched_(columns.size(), 0) {
  for (size_t i = 0; i < columns.size(); ++i) {
    PhysicalType form = physical_type(columns[i].type);
    stores_[i].type = columns[i].type;
    stores_[i].encoding = form.encoding;
    stores_[i].width = form.width;
    stores_[i].values = std::make_unique<uint8_t[]>(value_bytes(form.width, kMaxRows));
    stores_[i].validity = std::make_unique<uint8_t[]>(kMaxRows / 8);
  }
}

void RowBuilder::begin_row(uint64_t position) {
  ++row_number_;
  if (num_rows_ == 0) position_ = position;
}

void RowBuilder::drop_row() {
  for (size_t i = 0; i < stores_.size(); ++i) {
    if (is_set(i)) set_null(i);
  }
}

void RowBuilder::put(size_t column, const Cell& cell) {
  Store& store = stores_[column];
  auto bit = static_cast<uint8_t>(1u << (num_rows_ & 7));
  if (store.width) {
    std::memcpy(store.values.get() + num_rows_ * store.width, &cell.l, store.width);
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
  if (type == Type::String || type == Type::Dynamic) return put(column, text_cell(text)), true;
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
  batch.position = position_;
  batch.columns = columns_.data();
  batch.num_columns = columns_.size();
  return batch;
}

void RowBuilder::clear() {
  // One row more than was kept: a row that was begun may have been given up.
  int64_t rows = std::min(num_rows_ + 1, kMaxRows);
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
