// SPDX-License-Identifier: Apache-2.0
//
// A column at a time into Arrow's builders; a value that does not fit its type ends the output before a byte
// of it is written.
#include "runtime/output/arrow_output.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <parquet/arrow/writer.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>

#include "runtime/archive/arrow_status.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/dynamic.h"

namespace kqlc::output {
namespace {

constexpr int kDecimalDigits = 38;
constexpr int64_t kRowsPerBatch = 65'536;

using ArrayResult = arrow::Result<std::shared_ptr<arrow::Array>>;

// A column of the rows, to be made into an array.
struct Values {
  const ArrowOutput& output;
  size_t column;

  size_t size() const { return output.rows->size(); }
  const Cell& operator[](size_t row) const { return (*output.rows)[row][column]; }
  const std::string& name() const { return output.columns[column].name; }
};

template <class Builder, class Append>
ArrayResult build(const Values& values, Builder& builder, const Append& append) {
  ARROW_RETURN_NOT_OK(builder.Reserve(static_cast<int64_t>(values.size())));
  for (size_t row = 0; row < values.size(); ++row)
    ARROW_RETURN_NOT_OK(values[row].valid ? append(values[row]) : builder.AppendNull());
  return builder.Finish();
}

ArrayResult build_times(const Values& values, bool is_date) {
  bool micro = values.output.microseconds;
  auto unit = micro ? arrow::TimeUnit::MICRO : arrow::TimeUnit::NANO;
  int64_t zero = is_date ? datetime::kUnixEpochTicks : 0;
  arrow::Int64Builder builder;
  auto append = [&](const Cell& cell) {
    int64_t ticks = cell.l - zero, value = 0;
    if (micro) {
      // Towards the past, so that order is kept.
      value = ticks / datetime::kTicksPerMicrosecond - (ticks % datetime::kTicksPerMicrosecond < 0);
    } else if (__builtin_mul_overflow(ticks, int64_t{100}, &value)) {
      return arrow::Status::Invalid(
          "column ", values.name(),
          ": a time does not fit 64 bits of nanoseconds; --arrow-time=us writes microseconds");
    }
    return builder.Append(value);
  };
  ARROW_ASSIGN_OR_RAISE(auto array, build(values, builder, append));
  return array->View(is_date ? arrow::timestamp(unit, "UTC") : arrow::duration(unit));
}

// The digits behind the point that a column needs: the most of any value.
ArrayResult build_decimals(const Values& values) {
  std::vector<arrow::Decimal128> numbers(values.size());
  std::vector<int32_t> scales(values.size(), 0);
  int32_t scale = 0;
  auto too_long = [&] {
    return arrow::Status::Invalid("column ", values.name(), ": a decimal does not fit decimal128");
  };
  for (size_t row = 0; row < values.size(); ++row) {
    if (!values[row].valid) continue;
    Arena arena;
    int32_t precision = 0;
    Str text = decimal::print(values[row].m, arena);
    if (!arrow::Decimal128::FromString(text.view(), &numbers[row], &precision, &scales[row]).ok())
      return too_long();
    scale = std::max(scale, scales[row]);
  }
  if (scale > kDecimalDigits) return too_long();
  arrow::Decimal128Builder builder(arrow::decimal128(kDecimalDigits, scale));
  size_t row = 0;
  return build(values, builder, [&](const Cell& cell) -> arrow::Status {
    row = static_cast<size_t>(builder.length());
    auto scaled = numbers[row].Rescale(scales[row], scale);
    if (!scaled.ok() || !scaled->FitsInPrecision(kDecimalDigits)) return too_long();
    return builder.Append(*scaled);
  });
}

ArrayResult build_array(const Values& values) {
  switch (values.output.columns[values.column].type) {
    case Type::Bool: {
      arrow::BooleanBuilder builder;
      return build(values, builder, [&](const Cell& cell) { return builder.Append(cell.b); });
    }
    case Type::Int: {
      arrow::Int32Builder builder;
      return build(values, builder, [&](const Cell& cell) { return builder.Append(cell.i); });
    }
    case Type::Long: {
      arrow::Int64Builder builder;
      return build(values, builder, [&](const Cell& cell) { return builder.Append(cell.l); });
    }
    case Type::Real: {
      arrow::DoubleBuilder builder;
      return build(values, builder, [&](const Cell& cell) { return builder.Append(cell.d); });
    }
    case Type::Guid: {
      arrow::FixedSizeBinaryBuilder builder(arrow::fixed_size_binary(16));
      return build(values, builder, [&](const Cell& cell) { return builder.Append(cell.g.bytes); });
    }
    case Type::String: {
      arrow::StringBuilder builder;
      return build(values, builder, [&](const Cell& cell) { return builder.Append(cell.s.view()); });
    }
    case Type::Dynamic: {
      arrow::StringBuilder builder;
      return build(values, builder, [&](const Cell& cell) {
        Arena arena;
        return builder.Append(dynamic::print(cell.node, arena).view());
      });
    }
    case Type::Decimal:
      return build_decimals(values);
    case Type::DateTime:
      return build_times(values, true);
    case Type::TimeSpan:
      return build_times(values, false);
  }
  return arrow::Status::Invalid("unknown type");
}

std::shared_ptr<const arrow::KeyValueMetadata> extension_of(Type type) {
  const char* name = type == Type::Guid ? "arrow.uuid" : type == Type::Dynamic ? "arrow.json" : nullptr;
  if (!name) return nullptr;
  return arrow::key_value_metadata({"ARROW:extension:name", "ARROW:extension:metadata"}, {name, ""});
}

arrow::Result<std::shared_ptr<arrow::Table>> make_table(const ArrowOutput& output) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < output.columns.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto array, build_array({output, i}));
    fields.push_back(
        arrow::field(output.columns[i].name, array->type(), true, extension_of(output.columns[i].type)));
    arrays.push_back(std::move(array));
  }
  std::shared_ptr<const arrow::KeyValueMetadata> metadata;
  if (!output.partial.empty()) metadata = arrow::key_value_metadata({"kqlc.partial"}, {output.partial});
  return arrow::Table::Make(arrow::schema(fields, metadata), arrays,
                            static_cast<int64_t>(output.rows->size()));
}

Result<void> result_of(const arrow::Status& status) {
  if (status.ok()) return {};
  return Error{status.IsInvalid() ? ErrorCode::Usage : ErrorCode::Io, archive::message_of(status)};
}

// Runs `write` at the border: what Arrow and Parquet throw ends here.
template <class Write>
Result<void> guarded(const Write& write) {
  try {
    return result_of(write());
  } catch (const std::exception& thrown) {
    return Error{ErrorCode::Io, thrown.what()};
  }
}

arrow::Status write_all(int descriptor, const uint8_t* bytes, int64_t size) {
  while (size > 0) {
    ssize_t count = ::write(descriptor, bytes, static_cast<size_t>(size));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) return arrow::Status::OK();  // the reader has what it wanted
    if (count < 0) return arrow::Status::IOError(std::strerror(errno));
    bytes += count;
    size -= count;
  }
  return arrow::Status::OK();
}

}  // namespace

Result<void> write_arrow_stream(const ArrowOutput& output, int descriptor) {
  return guarded([&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto table, make_table(output));
    ARROW_ASSIGN_OR_RAISE(auto bytes, arrow::io::BufferOutputStream::Create());
    ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeStreamWriter(bytes, table->schema()));
    ARROW_RETURN_NOT_OK(writer->WriteTable(*table, kRowsPerBatch));
    ARROW_RETURN_NOT_OK(writer->Close());
    ARROW_ASSIGN_OR_RAISE(auto buffer, bytes->Finish());
    return write_all(descriptor, buffer->data(), buffer->size());
  });
}

Result<void> write_arrow_file(const ArrowOutput& output, const std::string& path) {
  return guarded([&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto table, make_table(output));
    ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::FileOutputStream::Open(path));
    ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(file, table->schema()));
    ARROW_RETURN_NOT_OK(writer->WriteTable(*table, kRowsPerBatch));
    ARROW_RETURN_NOT_OK(writer->Close());
    return file->Close();
  });
}

Result<void> write_parquet_file(const ArrowOutput& output, const std::string& path) {
  return guarded([&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto table, make_table(output));
    ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::FileOutputStream::Open(path));
    auto properties = parquet::WriterProperties::Builder().compression(parquet::Compression::ZSTD)->build();
    auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), file, 1 << 20,
                                                   properties, arrow_properties));
    return file->Close();
  });
}

}  // namespace kqlc::output
