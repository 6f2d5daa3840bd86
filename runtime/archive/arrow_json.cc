// SPDX-License-Identifier: Apache-2.0
//
// The JSON text of an Arrow value. In: an array and a row. Out: text as a dynamic column holds it: structs
// and maps are bags, lists are arrays, times and guids are strings in Kusto's forms. Source: KQL "The dynamic
// data type".
#include <cmath>
#include <cstring>

#include "runtime/archive/arrow_columns.h"
#include "runtime/value/datetime.h"
#include "runtime/value/dynamic.h"
#include "runtime/value/guid.h"

namespace kqlc::archive {
namespace {

constexpr int kMaxDepth = dynamic::kMaxDepth;

void append_string(std::string_view text, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  out->push_back('"');
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte < 0x20) {
      *out += "\\u00";
      out->push_back(kDigits[byte >> 4]);
      out->push_back(kDigits[byte & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void append_value(const arrow::Array& array, int64_t row, int depth, std::string* out);

void append_items(const arrow::Array& values, int64_t begin, int64_t end, int depth, std::string* out) {
  out->push_back('[');
  for (int64_t i = begin; i < end; ++i) {
    if (i > begin) out->push_back(',');
    append_value(values, i, depth + 1, out);
  }
  out->push_back(']');
}

template <class List>
void append_list(const List& array, int64_t row, int depth, std::string* out) {
  const int64_t begin = array.value_offset(row);
  append_items(*array.values(), begin, begin + array.value_length(row), depth, out);
}

void append_struct(const arrow::StructArray& array, int64_t row, int depth, std::string* out) {
  out->push_back('{');
  for (int i = 0; i < array.num_fields(); ++i) {
    if (i) out->push_back(',');
    append_string(array.struct_type()->field(i)->name(), out);
    out->push_back(':');
    append_value(*array.field(i), row, depth + 1, out);
  }
  out->push_back('}');
}

void append_map(const arrow::MapArray& array, int64_t row, int depth, std::string* out) {
  out->push_back('{');
  for (int64_t i = array.value_offset(row); i < array.value_offset(row + 1); ++i) {
    if (i > array.value_offset(row)) out->push_back(',');
    std::string key;
    append_value(*array.keys(), i, depth + 1, &key);
    if (key.starts_with('"')) {
      *out += key;
    } else {
      append_string(key, out);
    }
    out->push_back(':');
    append_value(*array.items(), i, depth + 1, out);
  }
  out->push_back('}');
}

// Scalars that JSON has no form for of its own.
void append_scalar(const arrow::Array& array, int64_t row, std::string* out) {
  auto scalar = array.GetScalar(row);
  append_string(scalar.ok() ? (*scalar)->ToString() : "", out);
}

void append_real(double value, std::string* out) {
  Arena arena;
  Str text = dynamic::print_real(value, arena);
  if (std::isfinite(value)) {
    out->append(text.data, text.size);
  } else {
    append_string(text.view(), out);
  }
}

void append_timestamp(const arrow::TimestampArray& array, int64_t row, std::string* out) {
  int64_t value = array.Value(row);
  int64_t scale = 0;
  switch (static_cast<const arrow::TimestampType&>(*array.type()).unit()) {
    case arrow::TimeUnit::SECOND:
      scale = datetime::kTicksPerSecond;
      break;
    case arrow::TimeUnit::MILLI:
      scale = datetime::kTicksPerMillisecond;
      break;
    case arrow::TimeUnit::MICRO:
      scale = datetime::kTicksPerMicrosecond;
      break;
    default:
      value = value / 100 - (value % 100 < 0);
      scale = 1;
  }
  int64_t ticks;
  if (__builtin_mul_overflow(value, scale, &ticks) ||
      __builtin_add_overflow(ticks, datetime::kUnixEpochTicks, &ticks) || !datetime::in_range(ticks)) {
    return append_scalar(array, row, out);
  }
  char text[datetime::kDateTimeSize];
  datetime::print_datetime(DateTime{ticks}, text);
  append_string({text, sizeof text}, out);
}

void append_fixed_bytes(const arrow::FixedSizeBinaryArray& array, int64_t row, std::string* out) {
  if (array.byte_width() != 16) return append_scalar(array, row, out);
  Guid guid;
  std::memcpy(guid.bytes, array.GetValue(row), 16);
  char text[guid::kTextSize];
  guid::print(guid, text);
  append_string({text, sizeof text}, out);
}

void append_value(const arrow::Array& array, int64_t row, int depth, std::string* out) {
  if (array.IsNull(row) || depth > kMaxDepth) {
    *out += "null";
    return;
  }
  if (is_text(array.type_id())) return append_string(text_at(array, row), out);
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      *out += static_cast<const arrow::BooleanArray&>(array).Value(row) ? "true" : "false";
      break;
    case arrow::Type::HALF_FLOAT:
      append_real(half_at(array, row), out);
      break;
    case arrow::Type::FLOAT:
      append_real(static_cast<const arrow::FloatArray&>(array).Value(row), out);
      break;
    case arrow::Type::DOUBLE:
      append_real(static_cast<const arrow::DoubleArray&>(array).Value(row), out);
      break;
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
    case arrow::Type::UINT32:
    case arrow::Type::UINT64: {
      auto scalar = array.GetScalar(row);
      *out += scalar.ok() ? (*scalar)->ToString() : "null";
      break;
    }
    case arrow::Type::TIMESTAMP:
      append_timestamp(static_cast<const arrow::TimestampArray&>(array), row, out);
      break;
    case arrow::Type::FIXED_SIZE_BINARY:
      append_fixed_bytes(static_cast<const arrow::FixedSizeBinaryArray&>(array), row, out);
      break;
    case arrow::Type::STRUCT:
      append_struct(static_cast<const arrow::StructArray&>(array), row, depth, out);
      break;
    case arrow::Type::MAP:
      append_map(static_cast<const arrow::MapArray&>(array), row, depth, out);
      break;
    case arrow::Type::LIST:
      append_list(static_cast<const arrow::ListArray&>(array), row, depth, out);
      break;
    case arrow::Type::LARGE_LIST:
      append_list(static_cast<const arrow::LargeListArray&>(array), row, depth, out);
      break;
    case arrow::Type::FIXED_SIZE_LIST:
      append_list(static_cast<const arrow::FixedSizeListArray&>(array), row, depth, out);
      break;
    case arrow::Type::DICTIONARY: {
      auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      append_value(*coded.dictionary(), coded.GetValueIndex(row), depth, out);
      break;
    }
    case arrow::Type::RUN_END_ENCODED:
      append_value(*static_cast<const arrow::RunEndEncodedArray&>(array).values(), run_of(array, row), depth,
                   out);
      break;
    case arrow::Type::LIST_VIEW:
      append_list(static_cast<const arrow::ListViewArray&>(array), row, depth, out);
      break;
    case arrow::Type::LARGE_LIST_VIEW:
      append_list(static_cast<const arrow::LargeListViewArray&>(array), row, depth, out);
      break;
    case arrow::Type::SPARSE_UNION: {
      auto& any = static_cast<const arrow::SparseUnionArray&>(array);
      append_value(*any.field(any.child_id(row)), row, depth, out);
      break;
    }
    case arrow::Type::DENSE_UNION: {
      auto& any = static_cast<const arrow::DenseUnionArray&>(array);
      append_value(*any.field(any.child_id(row)), any.value_offset(row), depth, out);
      break;
    }
    case arrow::Type::EXTENSION:
      append_value(*static_cast<const arrow::ExtensionArray&>(array).storage(), row, depth, out);
      break;
    default:
      append_scalar(array, row, out);
  }
}

}  // namespace

std::string json_text(const arrow::Array& array, int64_t row) {
  std::string text;
  append_value(array, row, 0, &text);
  return text;
}

}  // namespace kqlc::archive
