// SPDX-License-Identifier: Apache-2.0
//
// The conversions from Arrow types to KQL types. In: an array. Out: a Column. Layouts that kernels know are
// borrowed; dictionary codes are widened to int32; times become ticks; everything else goes value by value
// through a Cell. Source: DESIGN, "Physical types".
#include "runtime/archive/arrow_columns.h"

#include <arrow/util/decimal.h>
#include <arrow/util/float16.h>
#include <arrow/util/ree_util.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "runtime/archive/arrow_status.h"
#include "runtime/archive/arrow_time.h"
#include "runtime/archive/json_text.h"
#include "runtime/simd/unicode.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/dynamic.h"
#include "runtime/value/guid.h"

namespace kqlc::archive {

bool is_text(arrow::Type::type id) {
  return id == arrow::Type::STRING || id == arrow::Type::LARGE_STRING || id == arrow::Type::STRING_VIEW ||
         id == arrow::Type::BINARY || id == arrow::Type::LARGE_BINARY || id == arrow::Type::BINARY_VIEW;
}

std::string_view text_at(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return static_cast<const arrow::BinaryArray&>(array).GetView(row);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return static_cast<const arrow::LargeBinaryArray&>(array).GetView(row);
    default:
      return static_cast<const arrow::BinaryViewArray&>(array).GetView(row);
  }
}

double half_at(const arrow::Array& array, int64_t row) {
  return arrow::util::Float16::FromBits(static_cast<const arrow::HalfFloatArray&>(array).Value(row))
      .ToDouble();
}

int64_t run_of(const arrow::Array& array, int64_t row) {
  return arrow::ree_util::FindPhysicalIndex(arrow::ArraySpan(*array.data()), row, array.offset());
}

namespace {

using arrow::internal::checked_cast;

// Ticks of one unit; 0 for nanoseconds, which are a hundredth of a tick.
int64_t ticks_per(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return datetime::kTicksPerSecond;
    case arrow::TimeUnit::MILLI:
      return datetime::kTicksPerMillisecond;
    case arrow::TimeUnit::MICRO:
      return datetime::kTicksPerMicrosecond;
    default:
      return 0;
  }
}

Reading datetime_cell(int64_t value, int64_t scale, Cell* cell) {
  int64_t ticks;
  if (!datetime_ticks(value, scale, &ticks)) return Reading::Failure;
  *cell = make_cell(DateTime{ticks});
  return Reading::Value;
}

Reading timespan_cell(int64_t value, int64_t scale, Cell* cell) {
  int64_t ticks;
  if (!to_ticks(value, scale, &ticks)) return Reading::Failure;
  *cell = make_cell(TimeSpan{ticks});
  return Reading::Value;
}

std::optional<int64_t> integer_at(const arrow::Array& array, int64_t row, bool* is_integer) {
  *is_integer = true;
  switch (array.type_id()) {
    case arrow::Type::INT8:
      return static_cast<const arrow::Int8Array&>(array).Value(row);
    case arrow::Type::INT16:
      return static_cast<const arrow::Int16Array&>(array).Value(row);
    case arrow::Type::INT32:
      return static_cast<const arrow::Int32Array&>(array).Value(row);
    case arrow::Type::INT64:
      return static_cast<const arrow::Int64Array&>(array).Value(row);
    case arrow::Type::UINT8:
      return static_cast<const arrow::UInt8Array&>(array).Value(row);
    case arrow::Type::UINT16:
      return static_cast<const arrow::UInt16Array&>(array).Value(row);
    case arrow::Type::UINT32:
      return static_cast<const arrow::UInt32Array&>(array).Value(row);
    case arrow::Type::UINT64: {
      uint64_t value = static_cast<const arrow::UInt64Array&>(array).Value(row);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default:
      *is_integer = false;
      return std::nullopt;
  }
}

Reading cell_of_time(const arrow::Array& array, int64_t row, Type type, Cell* cell) {
  const arrow::DataType& own = *array.type();
  if (type == Type::DateTime) {
    switch (own.id()) {
      case arrow::Type::TIMESTAMP:
        return datetime_cell(static_cast<const arrow::TimestampArray&>(array).Value(row),
                             ticks_per(static_cast<const arrow::TimestampType&>(own).unit()), cell);
      case arrow::Type::DATE32:
        return datetime_cell(static_cast<const arrow::Date32Array&>(array).Value(row), datetime::kTicksPerDay,
                             cell);
      case arrow::Type::DATE64:
        return datetime_cell(static_cast<const arrow::Date64Array&>(array).Value(row),
                             datetime::kTicksPerMillisecond, cell);
      default:
        return Reading::Failure;
    }
  }
  switch (own.id()) {
    case arrow::Type::DURATION:
      return timespan_cell(static_cast<const arrow::DurationArray&>(array).Value(row),
                           ticks_per(static_cast<const arrow::DurationType&>(own).unit()), cell);
    case arrow::Type::TIME32:
      return timespan_cell(static_cast<const arrow::Time32Array&>(array).Value(row),
                           ticks_per(static_cast<const arrow::Time32Type&>(own).unit()), cell);
    case arrow::Type::TIME64:
      return timespan_cell(static_cast<const arrow::Time64Array&>(array).Value(row),
                           ticks_per(static_cast<const arrow::Time64Type&>(own).unit()), cell);
    default:
      return Reading::Failure;
  }
}

// Returns the value at `row` as any type but string and dynamic.
Reading cell_of(const arrow::Array& array, int64_t row, Type type, Cell* cell) {
  if (array.IsNull(row)) return Reading::Null;
  if (is_text(array.type_id())) return read_value(type, text_at(array, row), cell);
  bool is_integer;
  auto integer = integer_at(array, row, &is_integer);
  if (is_integer) return integer ? reading::convert_long(*integer, type, cell) : Reading::Failure;
  switch (array.type_id()) {
    case arrow::Type::NA:
      return Reading::Null;
    case arrow::Type::BOOL:
      return reading::convert_long(static_cast<const arrow::BooleanArray&>(array).Value(row), type, cell);
    case arrow::Type::HALF_FLOAT:
      return reading::convert_real(half_at(array, row), type, cell);
    case arrow::Type::FLOAT:
      return reading::convert_real(static_cast<const arrow::FloatArray&>(array).Value(row), type, cell);
    case arrow::Type::DOUBLE:
      return reading::convert_real(static_cast<const arrow::DoubleArray&>(array).Value(row), type, cell);
    case arrow::Type::DECIMAL32:
      return read_value(type, static_cast<const arrow::Decimal32Array&>(array).FormatValue(row), cell);
    case arrow::Type::DECIMAL64:
      return read_value(type, static_cast<const arrow::Decimal64Array&>(array).FormatValue(row), cell);
    case arrow::Type::DECIMAL128:
      return read_value(type, static_cast<const arrow::Decimal128Array&>(array).FormatValue(row), cell);
    case arrow::Type::DECIMAL256:
      return read_value(type, static_cast<const arrow::Decimal256Array&>(array).FormatValue(row), cell);
    case arrow::Type::FIXED_SIZE_BINARY: {
      auto& bytes = static_cast<const arrow::FixedSizeBinaryArray&>(array);
      if (type != Type::Guid || bytes.byte_width() != 16) return Reading::Failure;
      Guid guid;
      std::memcpy(guid.bytes, bytes.GetValue(row), 16);
      *cell = make_cell(guid);
      return Reading::Value;
    }
    case arrow::Type::DICTIONARY: {
      auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      return cell_of(*coded.dictionary(), coded.GetValueIndex(row), type, cell);
    }
    case arrow::Type::RUN_END_ENCODED:
      return cell_of(*static_cast<const arrow::RunEndEncodedArray&>(array).values(), run_of(array, row), type,
                     cell);
    case arrow::Type::EXTENSION:
      return cell_of(*static_cast<const arrow::ExtensionArray&>(array).storage(), row, type, cell);
    default:
      return cell_of_time(array, row, type, cell);
  }
}

class ColumnMaker {
 public:
  ColumnMaker(const ColumnRequest& request, uint64_t position, Worker& worker)
      : request_(request), position_(position), worker_(worker), arena_(worker.rows.arena()) {}

  Column make(const arrow::Array& array) {
    Column column;
    column.type = request_.type;
    if (array.type_id() == arrow::Type::NA) return column;
    if (array.type_id() == arrow::Type::EXTENSION) {
      return make(*static_cast<const arrow::ExtensionArray&>(array).storage());
    }
    if (request_.type == Type::String || request_.type == Type::Dynamic) return make_text(array, column);
    if (borrow_values(array, &column)) return column;
    convert_values(array, &column);
    return column;
  }

 private:
  static void borrow(const arrow::Array& array, Encoding encoding, Column* column) {
    const arrow::ArrayData& data = *array.data();
    column->encoding = encoding;
    column->offset = data.offset;
    if (array.null_count() && data.buffers[0]) column->validity = data.buffers[0]->data();
    column->values = data.buffers[1] ? data.buffers[1]->data() : nullptr;
  }

  bool borrow_values(const arrow::Array& array, Column* column) {
    arrow::Type::type id = array.type_id();
    bool same = (request_.type == Type::Bool && id == arrow::Type::BOOL) ||
                (request_.type == Type::Int && id == arrow::Type::INT32) ||
                (request_.type == Type::Long && id == arrow::Type::INT64) ||
                (request_.type == Type::Real && id == arrow::Type::DOUBLE) ||
                (request_.type == Type::Guid && id == arrow::Type::FIXED_SIZE_BINARY &&
                 static_cast<const arrow::FixedSizeBinaryArray&>(array).byte_width() == 16);
    if (same) borrow(array, physical_type(request_.type).encoding, column);
    return same;
  }

  void convert_values(const arrow::Array& array, Column* column) {
    PhysicalType form = physical_type(request_.type);
    int64_t rows = array.length();
    auto* validity = zeroed((rows + 7) / 8);
    auto* values = zeroed(form.width ? form.width * rows : (rows + 7) / 8);
    for (int64_t row = 0; row < rows; ++row) {
      Cell cell;
      Reading reading = cell_of(array, row, request_.type, &cell);
      if (reading == Reading::Failure) {
        count_problem(&worker_.report, request_.name, position_ + row, json_text(array, row), request_.type);
      }
      if (reading != Reading::Value) continue;
      auto bit = static_cast<uint8_t>(1u << (row & 7));
      validity[row >> 3] |= bit;
      if (form.width) {
        std::memcpy(values + row * form.width, &cell.l, form.width);
      } else if (cell.b) {
        values[row >> 3] |= bit;
      }
    }
    column->encoding = form.encoding;
    column->validity = validity;
    column->values = values;
  }

  Column make_text(const arrow::Array& array, Column column) {
    switch (array.type_id()) {
      case arrow::Type::STRING:
        borrow(array, Encoding::Utf8, &column);
        column.data = bytes_of(array);
        return column;
      case arrow::Type::LARGE_STRING:
        borrow(array, Encoding::LargeUtf8, &column);
        column.data = bytes_of(array);
        return column;
      case arrow::Type::STRING_VIEW:
        borrow(array, Encoding::Utf8View, &column);
        column.buffers = view_buffers(array);
        return column;
      case arrow::Type::DICTIONARY: {
        auto& coded = static_cast<const arrow::DictionaryArray&>(array);
        const arrow::Array& values = *coded.dictionary();
        if (is_text(values.type_id()) && values.null_count() == 0) return make_dictionary(coded, column);
        break;
      }
      default:
        break;
    }
    return make_strs(array, column);
  }

  Column make_dictionary(const arrow::DictionaryArray& array, Column column) {
    auto* dictionary = arena_.allocate_array<Column>(1);
    Column values;
    values.type = request_.type;
    *dictionary = make_text(*array.dictionary(), values);
    column.dictionary = dictionary;
    column.dictionary_size = array.dictionary()->length();
    const arrow::Array& indices = *array.indices();
    borrow(indices, Encoding::Dictionary, &column);
    // The code of a null row may be anything; kernels look all codes up.
    if (indices.type_id() == arrow::Type::INT32 && indices.null_count() == 0) return column;
    // Codes start at row 0 and the validity at the array's offset; so the codes get as many rows in front.
    int64_t rows = array.length();
    auto* codes = arena_.allocate_array<int32_t>(column.offset + rows);
    for (int64_t row = 0; row < rows; ++row) {
      codes[column.offset + row] = array.IsNull(row) ? 0 : static_cast<int32_t>(array.GetValueIndex(row));
    }
    column.values = codes;
    return column;
  }

  Column make_strs(const arrow::Array& array, Column column) {
    int64_t rows = array.length();
    auto* strs = arena_.allocate_array<Str>(rows);
    for (int64_t row = 0; row < rows; ++row) {
      strs[row] = array.IsNull(row) ? Str() : str_at(array, row);
      if (request_.type != Type::Dynamic || !dynamic::is_too_deep(strs[row].view())) continue;
      count_problem(&worker_.report, request_.name, position_ + row, strs[row].view(), request_.type);
      strs[row] = Str();
    }
    column.encoding = Encoding::Strs;
    column.values = strs;
    return column;
  }

  Str str_at(const arrow::Array& array, int64_t row) {
    if (!is_text(array.type_id())) {
      const std::string text = text_of_value(array, row);
      return worker_.repaired(arena_.copy(Str(text)));
    }
    return worker_.repaired(text_at(array, row));
  }

  // A string column takes times and guids without the quotes that JSON gives them.
  std::string text_of_value(const arrow::Array& array, int64_t row) {
    std::string text = json_text(array, row);
    if (text == "null") return "";
    if (request_.type == Type::String && text.size() >= 2 && text.front() == '"') {
      std::string plain(text.size(), '\0');
      plain.resize(unescape_json({text.data() + 1, text.size() - 2}, plain.data()));
      return plain;
    }
    return text;
  }

  uint8_t* zeroed(size_t bytes) {
    auto* place = static_cast<uint8_t*>(arena_.allocate(bytes));
    std::memset(place, 0, bytes);
    return place;
  }

  static const char* bytes_of(const arrow::Array& array) {
    auto& buffer = array.data()->buffers[2];
    return buffer ? reinterpret_cast<const char*>(buffer->data()) : nullptr;
  }

  const char* const* view_buffers(const arrow::Array& array) {
    auto& buffers = array.data()->buffers;
    auto** places = arena_.allocate_array<const char*>(buffers.size());
    for (size_t i = 2; i < buffers.size(); ++i)
      places[i - 2] = reinterpret_cast<const char*>(buffers[i]->data());
    return places;
  }

  const ColumnRequest& request_;
  uint64_t position_;
  Worker& worker_;
  Arena& arena_;
};

Type kql_type(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return Type::Bool;
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
      return Type::Int;
    case arrow::Type::INT64:
    case arrow::Type::UINT32:
    case arrow::Type::UINT64:
      return Type::Long;
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
      return Type::Real;
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256:
      return Type::Decimal;
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
      return Type::DateTime;
    case arrow::Type::DURATION:
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
      return Type::TimeSpan;
    case arrow::Type::FIXED_SIZE_BINARY:
      return static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width() == 16 ? Type::Guid
                                                                                     : Type::String;
    case arrow::Type::DICTIONARY:
      return kql_type(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case arrow::Type::RUN_END_ENCODED:
      return kql_type(*static_cast<const arrow::RunEndEncodedType&>(type).value_type());
    case arrow::Type::EXTENSION: {
      auto& extension = static_cast<const arrow::ExtensionType&>(type);
      return extension.extension_name() == "arrow.json" ? Type::Dynamic : kql_type(*extension.storage_type());
    }
    case arrow::Type::STRUCT:
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::LIST_VIEW:
    case arrow::Type::LARGE_LIST_VIEW:
    case arrow::Type::FIXED_SIZE_LIST:
    case arrow::Type::MAP:
    case arrow::Type::SPARSE_UNION:
    case arrow::Type::DENSE_UNION:
      return Type::Dynamic;
    default:
      return Type::String;
  }
}

// An unpacked file as an Arrow stream.
class UnpackedInput : public arrow::io::InputStream {
 public:
  explicit UnpackedInput(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}

  arrow::Status Close() override { return closed_ = true, arrow::Status::OK(); }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return place_; }
  arrow::Result<int64_t> Read(int64_t size, void* out) override {
    int64_t done = 0;
    while (done < size) {
      auto count = stream_->read(static_cast<char*>(out) + done, static_cast<size_t>(size - done));
      if (!count.ok()) return arrow::Status::IOError(count.error().message);
      if (count.value() == 0) break;
      done += static_cast<int64_t>(count.value());
    }
    place_ += done;
    return done;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(size));
    ARROW_ASSIGN_OR_RAISE(int64_t count, Read(size, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(count));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

 private:
  std::unique_ptr<ByteStream> stream_;
  int64_t place_ = 0;
  bool closed_ = false;
};

}  // namespace

Column make_column(const arrow::Array& array, const ColumnRequest& request, uint64_t position,
                   Worker& worker) {
  return ColumnMaker(request, position, worker).make(array);
}

void emit_record_batch(const File& file, const arrow::RecordBatch& batch, uint64_t row, Worker& worker) {
  std::vector<Column> columns;
  uint64_t position = position_of(file, row);
  for (const ColumnRequest& request : worker.request.columns) {
    std::shared_ptr<arrow::Array> array = batch.GetColumnByName(request.name);
    Column missing;
    missing.type = request.type;
    columns.push_back(array ? make_column(*array, request, position, worker) : missing);
    if (!array && row == 0) ++worker.report.missing_columns[request.name];
  }
  Batch result;
  result.num_rows = batch.num_rows();
  result.position = position;
  result.columns = columns.data();
  result.num_columns = columns.size();
  if (result.num_rows) worker.emit(result);
  worker.rows.clear();
}

namespace {

constexpr const char* kTypeKey = "kqlc.type";

Type type_of(const arrow::Field& field) {
  auto said = field.metadata() ? field.metadata()->Get(kTypeKey) : arrow::Status::KeyError("");
  if (said.ok())
    for (int i = 0; i < kNumTypes; ++i)
      if (type_name(static_cast<Type>(i)) == *said) return static_cast<Type>(i);
  return kql_type(*field.type());
}

}  // namespace

std::shared_ptr<arrow::Field> field_of(const ColumnRequest& column,
                                       const std::shared_ptr<arrow::DataType>& type) {
  auto field = arrow::field(column.name, type);
  if (kql_type(*type) == column.type) return field;
  return field->WithMetadata(arrow::key_value_metadata({kTypeKey}, {std::string(type_name(column.type))}));
}

std::vector<ColumnRequest> columns_of_schema(const arrow::Schema& schema) {
  std::vector<ColumnRequest> columns;
  for (auto& field : schema.fields()) columns.push_back({field->name(), type_of(*field)});
  return columns;
}

arrow::Status refuse_repeated(const std::vector<ColumnRequest>& own, const ScanRequest& request) {
  for (const ColumnRequest& wanted : request.columns) {
    auto same = [&](const ColumnRequest& column) { return column.name == wanted.name; };
    if (std::count_if(own.begin(), own.end(), same) > 1)
      return arrow::Status::Invalid("two columns ", wanted.name);
  }
  return arrow::Status::OK();
}

std::vector<int> requested_fields(const arrow::Schema& schema, const ScanRequest& request) {
  std::vector<int> fields;
  for (const ColumnRequest& column : request.columns) {
    int field = schema.GetFieldIndex(column.name);
    if (field >= 0) fields.push_back(field);
  }
  return fields;
}

Error error_of(const arrow::Status& status, const File& file) {
  ErrorCode code = status.IsIOError()          ? ErrorCode::Io
                   : status.IsNotImplemented() ? ErrorCode::Unsupported
                   : status.IsOutOfMemory()    ? ErrorCode::Limit
                                               : ErrorCode::Format;
  return Error{code, file.path + ": " + message_of(status)};
}

Result<std::shared_ptr<arrow::io::InputStream>> open_input(const File& file) {
  std::unique_ptr<ByteStream> stream;
  KQLC_TRY_ASSIGN(stream, open_bytes(file.path, file.compression));
  return std::shared_ptr<arrow::io::InputStream>(std::make_shared<UnpackedInput>(std::move(stream)));
}

}  // namespace kqlc::archive
