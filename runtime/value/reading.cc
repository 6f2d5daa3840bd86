// SPDX-License-Identifier: Apache-2.0
//
// The conversions. What is accepted per type is what Kusto's to...() functions accept.
#include "runtime/value/reading.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/guid.h"

namespace kqlc::reading {
namespace {

std::string_view trim(std::string_view text) {
  auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
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

}  // namespace

bool equals_caseless(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
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

Reading convert_long(int64_t value, Type type, Cell* cell) {
  switch (type) {
    case Type::Bool:
      *cell = make_cell(value != 0);
      return Reading::Value;
    case Type::Int:
      if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
        return Reading::Failure;
      }
      *cell = make_cell(static_cast<int32_t>(value));
      return Reading::Value;
    case Type::Long:
      *cell = make_cell(value);
      return Reading::Value;
    case Type::Real:
      *cell = make_cell(static_cast<double>(value));
      return Reading::Value;
    case Type::Decimal:
      *cell = make_cell(decimal::from_long(value));
      return Reading::Value;
    default:
      return Reading::Failure;
  }
}

Reading convert_real(double value, Type type, Cell* cell) {
  if (type == Type::Real) return *cell = make_cell(value), Reading::Value;
  if (type == Type::Decimal && std::isfinite(value))
    return *cell = make_cell(decimal::from_real(value)), Reading::Value;
  bool whole = value >= -0x1p63 && value < 0x1p63 && value == std::trunc(value);
  return whole ? convert_long(static_cast<int64_t>(value), type, cell) : Reading::Failure;
}

}  // namespace kqlc::reading
