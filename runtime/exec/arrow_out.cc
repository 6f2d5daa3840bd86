// SPDX-License-Identifier: Apache-2.0
//
// Each array owns its buffers and each schema its texts, freed by its release callback, as the C data
// interface wants. A consumer may move a child out and release it apart, so every child has its own memory.
#include "runtime/exec/arrow_out.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/dynamic.h"

namespace kqlc::exec {

namespace {

constexpr size_t kBatchRows = 65'536;
constexpr size_t kBatchBytes = size_t{1} << 30;  // of one text column: offsets are 32 bits
constexpr int kDecimalDigits = 38;

// ---- schemas

struct SchemaData {
  std::string format, name, metadata;
  std::vector<ArrowSchema*> children;
};

void release_schema(ArrowSchema* schema) {
  auto* data = static_cast<SchemaData*>(schema->private_data);
  for (ArrowSchema* child : data->children) {
    if (child->release) child->release(child);
    delete child;
  }
  delete data;
  schema->release = nullptr;
}

void fill_schema(ArrowSchema* out, std::unique_ptr<SchemaData> data, bool nullable) {
  *out = ArrowSchema{};
  out->format = data->format.c_str();
  out->name = data->name.c_str();
  out->metadata = data->metadata.empty() ? nullptr : data->metadata.data();
  out->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
  out->n_children = static_cast<int64_t>(data->children.size());
  out->children = data->children.data();
  out->release = release_schema;
  out->private_data = data.release();
}

std::string extension_metadata(std::string_view name) {
  std::string out;
  auto number = [&](size_t value) {
    auto bits = static_cast<int32_t>(value);
    out.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  };
  number(2);
  for (std::string_view text : {std::string_view("ARROW:extension:name"), name,
                                std::string_view("ARROW:extension:metadata"), std::string_view()}) {
    number(text.size());
    out += text;
  }
  return out;
}

const char* unit_letter(TimeUnit unit) {
  constexpr const char* letters[] = {"n", "u", "m", "s"};
  return letters[static_cast<int>(unit)];
}

std::string format_of(Type type, TimeUnit unit, int scale) {
  switch (type) {
    case Type::Bool:
      return "b";
    case Type::Int:
      return "i";
    case Type::Long:
      return "l";
    case Type::Real:
      return "g";
    case Type::Decimal:
      return "d:" + std::to_string(kDecimalDigits) + "," + std::to_string(scale);
    case Type::DateTime:
      return std::string("ts") + unit_letter(unit) + ":UTC";
    case Type::TimeSpan:
      return std::string("tD") + unit_letter(unit);
    case Type::Guid:
      return "w:16";
    default:
      return "u";
  }
}

// ---- arrays

struct ArrayData {
  std::vector<uint8_t> validity, values;
  std::string text;
  const void* buffers[3] = {};
  std::vector<ArrowArray*> children;
};

void release_array(ArrowArray* array) {
  auto* data = static_cast<ArrayData*>(array->private_data);
  for (ArrowArray* child : data->children) {
    if (child->release) child->release(child);
    delete child;
  }
  delete data;
  array->release = nullptr;
}

void fill_array(ArrowArray* out, std::unique_ptr<ArrayData> data, int64_t rows, int64_t nulls,
                int64_t buffers) {
  *out = ArrowArray{};
  data->buffers[0] = nulls ? data->validity.data() : nullptr;
  if (buffers > 1) data->buffers[1] = data->values.data();
  if (buffers > 2) data->buffers[2] = data->text.data();
  out->length = rows;
  out->null_count = nulls;
  out->n_buffers = buffers;
  out->n_children = static_cast<int64_t>(data->children.size());
  out->buffers = data->buffers;
  out->children = data->children.data();
  out->release = release_array;
  out->private_data = data.release();
}

// ---- values

// The digits of a decimal as a whole number, and how many of them stand behind the point (negative: zeros to
// add).
struct Digits {
  std::string text;
  bool negative = false;
  int64_t places = 0;
};

Digits digits_of(Decimal value, Arena& arena) {
  std::string text(decimal::print(value, arena).view());
  Digits out;
  if (size_t e = text.find_first_of("eE"); e != std::string::npos) {
    out.places = -std::strtoll(text.c_str() + e + 1, nullptr, 10);
    text.resize(e);
  }
  if (size_t point = text.find('.'); point != std::string::npos) {
    out.places += static_cast<int64_t>(text.size() - point - 1);
    text.erase(point, 1);
  }
  if (text.starts_with('-')) {
    out.negative = true;
    text.erase(0, 1);
  }
  text.erase(0, std::min(text.find_first_not_of('0'), text.size()));
  while (!text.empty() && text.back() == '0' && out.places > 0) {
    text.pop_back();
    --out.places;
  }
  if (text.empty()) out.places = 0;
  out.text = std::move(text);
  return out;
}

// Writes 16 bytes; false when there are more than 38 digits.
bool write_decimal(Digits digits, int scale, uint8_t* out) {
  int64_t zeros = digits.text.empty() ? 0 : scale - digits.places;
  if (zeros < 0 || static_cast<int64_t>(digits.text.size()) + zeros > kDecimalDigits) return false;
  digits.text.append(static_cast<size_t>(zeros), '0');
  unsigned __int128 value = 0;
  for (char digit : digits.text) value = value * 10 + static_cast<unsigned>(digit - '0');
  if (digits.negative) value = -value;
  std::memcpy(out, &value, 16);
  return true;
}

bool write_time(int64_t ticks, TimeUnit unit, uint8_t* out) {
  constexpr int64_t per_unit[] = {0, datetime::kTicksPerMicrosecond, datetime::kTicksPerMillisecond,
                                  datetime::kTicksPerSecond};
  int64_t value = 0;
  if (unit == TimeUnit::Nanoseconds) {
    if (__builtin_mul_overflow(ticks, int64_t{100}, &value)) return false;
  } else {
    int64_t per = per_unit[static_cast<int>(unit)];
    value = ticks / per - (ticks % per < 0);
  }
  std::memcpy(out, &value, 8);
  return true;
}

// ---- the stream

class Stream {
 public:
  Stream(std::shared_ptr<const Rows> rows, TimeUnit unit)
      : rows_(std::move(rows)), unit_(unit), scales_(rows_->schema.size(), 0) {
    for (size_t column = 0; column < scales_.size(); ++column)
      if (rows_->schema[column].type == Type::Decimal) scales_[column] = scale_of(column);
  }

  int get_schema(ArrowSchema* out) {
    auto top = std::make_unique<SchemaData>();
    top->format = "+s";
    for (size_t column = 0; column < scales_.size(); ++column) {
      const Field& field = rows_->schema[column];
      auto data = std::make_unique<SchemaData>();
      data->format = format_of(field.type, unit_, scales_[column]);
      data->name = field.name;
      if (field.type == Type::Dynamic) data->metadata = extension_metadata("arrow.json");
      if (field.type == Type::Guid) data->metadata = extension_metadata("arrow.uuid");
      auto* child = new ArrowSchema;
      fill_schema(child, std::move(data), true);
      top->children.push_back(child);
    }
    fill_schema(out, std::move(top), false);
    return 0;
  }

  int get_next(ArrowArray* out) {
    *out = ArrowArray{};  // released: the end
    if (next_ == rows_->num_rows) return 0;
    size_t count = rows_in_batch();
    auto top = std::make_unique<ArrayData>();
    for (size_t column = 0; column < scales_.size(); ++column) {
      auto* child = new ArrowArray{};
      top->children.push_back(child);
      if (!fill_column(column, count, child)) {
        ArrowArray broken;
        fill_array(&broken, std::move(top), 0, 0, 1);
        broken.release(&broken);
        return EINVAL;
      }
    }
    fill_array(out, std::move(top), static_cast<int64_t>(count), 0, 1);
    next_ += count;
    return 0;
  }

  const char* error() const { return error_.empty() ? nullptr : error_.c_str(); }

 private:
  // Scales above 38 fit no decimal128; the value is named when it is written.
  int scale_of(size_t column) {
    Arena arena;
    int64_t scale = 0;
    for (size_t row = 0; row < rows_->num_rows; ++row) {
      const Cell& cell = rows_->at(row, column);
      if (cell.valid) scale = std::max(scale, digits_of(cell.m, arena).places);
    }
    return static_cast<int>(std::min<int64_t>(scale, kDecimalDigits));
  }

  Str text_of(const Cell& cell, Type type, Arena& arena) const {
    if (!cell.valid) return {};
    return type == Type::String ? cell.s : dynamic::print(dynamic::resolve({cell.node}, arena), arena);
  }

  size_t rows_in_batch() const {
    size_t count = std::min(kBatchRows, rows_->num_rows - next_);
    for (size_t column = 0; column < scales_.size(); ++column) {
      Type type = rows_->schema[column].type;
      if (type != Type::String && type != Type::Dynamic) continue;
      Arena arena;
      size_t bytes = 0;
      for (size_t i = 0; i < count; ++i) {
        bytes += text_of(rows_->at(next_ + i, column), type, arena).size;
        if (bytes > kBatchBytes && i > 0) count = i;
      }
    }
    return count;
  }

  bool fill_column(size_t column, size_t count, ArrowArray* out) {
    Type type = rows_->schema[column].type;
    auto data = std::make_unique<ArrayData>();
    data->validity.assign((count + 7) / 8, 0);
    bool text = type == Type::String || type == Type::Dynamic;
    size_t width = text ? 4 : physical_type(type).width;
    data->values.assign(width ? width * (count + text) : (count + 7) / 8, 0);
    int64_t nulls = 0;
    Arena arena;
    for (size_t i = 0; i < count; ++i) {
      const Cell& cell = rows_->at(next_ + i, column);
      auto bit = static_cast<uint8_t>(1u << (i & 7));
      if (cell.valid) data->validity[i >> 3] |= bit;
      nulls += !cell.valid;
      if (text) {
        data->text += text_of(cell, type, arena).view();
        if (data->text.size() > INT32_MAX) return fail(column, "a text of more than 2 GB", "");
        auto end = static_cast<int32_t>(data->text.size());
        std::memcpy(data->values.data() + 4 * (i + 1), &end, 4);
      } else if (type == Type::Bool) {
        if (cell.valid && cell.b) data->values[i >> 3] |= bit;
      } else if (cell.valid && !write_value(column, cell, data->values.data() + width * i)) {
        return false;
      }
    }
    fill_array(out, std::move(data), static_cast<int64_t>(count), nulls, text ? 3 : 2);
    return true;
  }

  bool write_value(size_t column, const Cell& cell, uint8_t* out) {
    Arena arena;
    switch (Type type = rows_->schema[column].type; type) {
      case Type::Int:
        std::memcpy(out, &cell.i, 4);
        return true;
      case Type::Guid:
        std::memcpy(out, cell.g.bytes, 16);
        return true;
      case Type::Decimal:
        if (write_decimal(digits_of(cell.m, arena), scales_[column], out)) return true;
        return fail(column, std::string(decimal::print(cell.m, arena).view()), "decimal128");
      case Type::DateTime:
        if (write_time(cell.l - datetime::kUnixEpochTicks, unit_, out)) return true;
        return fail(column, std::string(datetime::print_datetime({cell.l}, arena).view()), "timestamp[ns]");
      case Type::TimeSpan:
        if (write_time(cell.l, unit_, out)) return true;
        return fail(column, std::string(datetime::print_timespan({cell.l}, arena).view()), "duration[ns]");
      default:
        std::memcpy(out, &cell.l, 8);
        return true;
    }
  }

  bool fail(size_t column, const std::string& value, const std::string& type) {
    error_ =
        "column " + rows_->schema[column].name + ": " + value + (type.empty() ? "" : " does not fit " + type);
    if (type.ends_with("[ns]"))
      error_ += "; ask for another unit (--arrow-time=us, or KqlcOptions.time_unit)";
    return false;
  }

  std::shared_ptr<const Rows> rows_;
  TimeUnit unit_;
  std::vector<int> scales_;
  size_t next_ = 0;
  std::string error_;
};

Stream& of(ArrowArrayStream* stream) { return *static_cast<Stream*>(stream->private_data); }

}  // namespace

void export_rows(std::shared_ptr<const Rows> rows, TimeUnit unit, ArrowArrayStream* out) {
  out->get_schema = [](ArrowArrayStream* self, ArrowSchema* schema) { return of(self).get_schema(schema); };
  out->get_next = [](ArrowArrayStream* self, ArrowArray* array) { return of(self).get_next(array); };
  out->get_last_error = [](ArrowArrayStream* self) { return of(self).error(); };
  out->release = [](ArrowArrayStream* self) {
    delete static_cast<Stream*>(self->private_data);
    self->release = nullptr;
  };
  out->private_data = new Stream(std::move(rows), unit);
}

}  // namespace kqlc::exec
