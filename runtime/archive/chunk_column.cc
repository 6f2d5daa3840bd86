// SPDX-License-Identifier: Apache-2.0
//
// Builders by KQL type: text for string, dynamic and decimal, ticks for times until all are known to fit.
#include "runtime/archive/chunk_column.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"

namespace kqlc::archive {
namespace {

constexpr int64_t kNanosecondsPerTick = 100;

// Codes instead of texts, when at most every fourth row brings a new one; else the column as it is.
arrow::Result<std::shared_ptr<arrow::Array>> encode_repetitive(std::shared_ptr<arrow::Array> plain) {
  auto& texts = static_cast<const arrow::StringArray&>(*plain);
  std::unordered_map<std::string_view, int32_t> places;
  arrow::Int32Builder codes;
  arrow::StringBuilder values;
  ARROW_RETURN_NOT_OK(codes.Reserve(texts.length()));
  for (int64_t row = 0; row < texts.length(); ++row) {
    std::string_view text = texts.GetView(row);
    auto [place, is_new] = places.try_emplace(text, static_cast<int32_t>(places.size()));
    if (is_new) {
      if (places.size() > static_cast<size_t>(texts.length()) / 4 + 1) return plain;
      ARROW_RETURN_NOT_OK(values.Append(text));
    }
    codes.UnsafeAppend(place->second);
  }
  ARROW_ASSIGN_OR_RAISE(auto code_array, codes.Finish());
  ARROW_ASSIGN_OR_RAISE(auto value_array, values.Finish());
  return arrow::DictionaryArray::FromArrays(code_array, value_array);
}

}  // namespace

std::string quote(std::string_view text) {
  auto array = std::make_shared<arrow::StringArray>(
      1, arrow::Buffer::FromVector(std::vector<int32_t>{0, static_cast<int32_t>(text.size())}),
      arrow::Buffer::FromString(std::string(text)));
  return json_text(*array, 0);
}

ChunkColumn::ChunkColumn(const ColumnRequest& request)
    : request_(request), guids_(arrow::fixed_size_binary(16)) {}

arrow::Status ChunkColumn::append(const Column& column, int64_t rows, uint64_t* bytes) {
  bool is_text = request_.type == Type::String || request_.type == Type::Dynamic;
  for (int64_t row = 0; row < rows; ++row) {
    if (!is_text) {
      ARROW_RETURN_NOT_OK(append_cell(load(column, request_.type, column.encoding, row)));
      continue;
    }
    Str text = load_str(column, column.encoding, row);
    *bytes += text.size;
    bool is_null = text.size == 0 && request_.type == Type::Dynamic;
    nulls_ += is_null;
    vacant_ &= text.size == 0;
    ARROW_RETURN_NOT_OK(is_null ? texts_.AppendNull() : texts_.Append(text.view()));
  }
  return arrow::Status::OK();
}

template <class Builder, class Value>
arrow::Status ChunkColumn::append_number(Builder& builder, Value value, bool valid) {
  if (!valid) return builder.AppendNull();
  least_ = std::min<int64_t>(least_.value_or(value), value);
  greatest_ = std::max<int64_t>(greatest_.value_or(value), value);
  return builder.Append(value);
}

arrow::Status ChunkColumn::append_cell(const Cell& cell) {
  nulls_ += !cell.valid;
  vacant_ &= !cell.valid;
  switch (request_.type) {
    case Type::Bool:
      return append_number(bools_, cell.b, cell.valid);
    case Type::Int:
      return append_number(ints_, cell.i, cell.valid);
    case Type::Real:
      if (!cell.valid) return reals_.AppendNull();
      has_nan_ |= std::isnan(cell.d);
      least_real_ = std::min(least_real_.value_or(cell.d), cell.d);
      greatest_real_ = std::max(greatest_real_.value_or(cell.d), cell.d);
      return reals_.Append(cell.d);
    case Type::Guid:
      return cell.valid ? guids_.Append(cell.g.bytes) : guids_.AppendNull();
    case Type::Decimal: {
      Arena arena;
      return cell.valid ? texts_.Append(decimal::print(cell.m, arena).view()) : texts_.AppendNull();
    }
    default:
      return append_number(longs_, cell.l, cell.valid);
  }
}

std::string ChunkColumn::statistics() const {
  std::string out = quote(request_.name) + ":{\"type\":" + quote(type_name(request_.type));
  if (request_.type != Type::String) out += ",\"nulls\":" + std::to_string(nulls_);
  auto add = [&](const std::string& least, const std::string& greatest) {
    out += ",\"min\":" + least + ",\"max\":" + greatest;
  };
  if (request_.type == Type::DateTime && least_) {
    Arena arena;
    add(quote(datetime::print_datetime(DateTime{*least_}, arena).view()),
        quote(datetime::print_datetime(DateTime{*greatest_}, arena).view()));
  } else if (request_.type != Type::TimeSpan && least_) {
    add(std::to_string(*least_), std::to_string(*greatest_));
  } else if (least_real_ && !has_nan_ && std::isfinite(*least_real_) && std::isfinite(*greatest_real_)) {
    char least[40], greatest[40];
    std::snprintf(least, sizeof least, "%.17g", *least_real_);
    std::snprintf(greatest, sizeof greatest, "%.17g", *greatest_real_);
    add(least, greatest);
  }
  return out + "}";
}

arrow::Result<std::shared_ptr<arrow::Array>> ChunkColumn::finish() {
  vacant_ = true;
  has_nan_ = false;
  nulls_ = 0;
  least_.reset();
  greatest_.reset();
  least_real_.reset();
  greatest_real_.reset();
  return finish_values();
}

arrow::Result<std::shared_ptr<arrow::Array>> ChunkColumn::finish_values() {
  switch (request_.type) {
    case Type::String: {
      ARROW_ASSIGN_OR_RAISE(auto texts, texts_.Finish());
      return encode_repetitive(texts);
    }
    case Type::Dynamic:
    case Type::Decimal:
      return texts_.Finish();
    case Type::Bool:
      return bools_.Finish();
    case Type::Int:
      return ints_.Finish();
    case Type::Long:
      return longs_.Finish();
    case Type::Real:
      return reals_.Finish();
    case Type::Guid:
      return guids_.Finish();
    default: {
      ARROW_ASSIGN_OR_RAISE(auto ticks, longs_.Finish());
      return finish_time(static_cast<const arrow::Int64Array&>(*ticks));
    }
  }
}

arrow::Result<std::shared_ptr<arrow::Array>> ChunkColumn::finish_time(const arrow::Int64Array& ticks) {
  bool is_date = request_.type == Type::DateTime;
  int64_t zero = is_date ? datetime::kUnixEpochTicks : 0;
  std::shared_ptr<arrow::DataType> type =
      is_date ? arrow::timestamp(arrow::TimeUnit::NANO, "UTC") : arrow::duration(arrow::TimeUnit::NANO);
  arrow::Int64Builder nanoseconds;
  for (int64_t row = 0; row < ticks.length(); ++row) {
    int64_t value = 0;
    if (ticks.IsNull(row)) {
      ARROW_RETURN_NOT_OK(nanoseconds.AppendNull());
    } else if (__builtin_mul_overflow(ticks.Value(row) - zero, kNanosecondsPerTick, &value)) {
      return print_times(ticks);
    } else {
      ARROW_RETURN_NOT_OK(nanoseconds.Append(value));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto array, nanoseconds.Finish());
  return array->View(type);
}

arrow::Result<std::shared_ptr<arrow::Array>> ChunkColumn::print_times(const arrow::Int64Array& ticks) {
  arrow::StringBuilder texts;
  for (int64_t row = 0; row < ticks.length(); ++row) {
    Arena arena;
    Str text = request_.type == Type::DateTime ? datetime::print_datetime(DateTime{ticks.Value(row)}, arena)
                                               : datetime::print_timespan(TimeSpan{ticks.Value(row)}, arena);
    ARROW_RETURN_NOT_OK(ticks.IsNull(row) ? texts.AppendNull() : texts.Append(text.view()));
  }
  return texts.Finish();
}

}  // namespace kqlc::archive
