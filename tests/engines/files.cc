// SPDX-License-Identifier: Apache-2.0
//
// NDJSON leaves null columns out, CSV leaves them empty; Parquet and Arrow write datetimes as timestamps of
// nanoseconds where they fit and as text where they do not, decimals and dynamic as text.
#include "tests/engines/files.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/writer.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/output.h"
#include "runtime/functions/convert.h"
#include "runtime/value/dynamic.h"

namespace kqlc::engines {

namespace {

constexpr int64_t kUnixEpoch = 621'355'968'000'000'000;  // ticks
constexpr int64_t kMostNanoTicks = INT64_MAX / 100;

Error arrow_error(const arrow::Status& status) { return {ErrorCode::Io, status.ToString()}; }

std::string text_of_cell(const Cell& cell, Type type) {
  std::string json;
  cli::append_json_value(json, cell, type);
  if (!cell.valid) return "";
  if (type == Type::String) return std::string(cell.s.view());
  return type != Type::Dynamic && json.front() == '"' ? json.substr(1, json.size() - 2) : json;
}

std::string ndjson_text(const TableData& table) {
  std::string out;
  for (const Row& row : table.rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      if (!row[i].valid) continue;
      line += (line.empty() ? "" : ",") + cli::json_string(table.schema[i].name) + ":";
      cli::append_json_value(line, row[i], table.schema[i].type);
    }
    out += "{" + line + "}\n";
  }
  return out;
}

std::string csv_text(const TableData& table) {
  std::string out;
  auto add = [&](const std::string& text, bool last) {
    out += '"';
    for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
    out += last ? "\"\n" : "\",";
  };
  for (size_t i = 0; i < table.schema.size(); ++i) add(table.schema[i].name, i + 1 == table.schema.size());
  for (const Row& row : table.rows)
    for (size_t i = 0; i < row.size(); ++i)
      add(text_of_cell(row[i], table.schema[i].type), i + 1 == row.size());
  return out;
}

bool fits_nanoseconds(const TableData& table, size_t index) {
  for (const Row& row : table.rows) {
    if (!row[index].valid) continue;
    int64_t epoch = table.schema[index].type == Type::DateTime ? kUnixEpoch : 0;
    if (std::abs(row[index].l / 2 - epoch / 2) > kMostNanoTicks / 2 - 1) return false;
  }
  return true;
}

// What a column is in an Arrow file.
std::shared_ptr<arrow::DataType> arrow_type(const TableData& table, size_t index, Texts texts) {
  switch (table.schema[index].type) {
    case Type::Bool:
      return arrow::boolean();
    case Type::Int:
      return arrow::int32();
    case Type::Long:
      return arrow::int64();
    case Type::Real:
      return arrow::float64();
    case Type::Guid:
      return arrow::fixed_size_binary(16);
    case Type::DateTime:
      if (fits_nanoseconds(table, index)) return arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
      return arrow::utf8();
    case Type::TimeSpan:
      if (fits_nanoseconds(table, index)) return arrow::duration(arrow::TimeUnit::NANO);
      return arrow::utf8();
    case Type::Decimal:
      return arrow::utf8();
    default:
      break;
  }
  switch (texts) {
    case Texts::Large:
      return arrow::large_utf8();
    case Texts::View:
      return arrow::utf8_view();
    case Texts::Dictionary:
      return arrow::dictionary(arrow::int32(), arrow::utf8());
    default:
      return arrow::utf8();
  }
}

template <class Builder, class T>
arrow::Status append(arrow::ArrayBuilder& builder, T value) {
  return static_cast<Builder&>(builder).Append(value);
}

arrow::Status append_cell(arrow::ArrayBuilder& builder, const Cell& cell, Type type) {
  bool null = !cell.valid || (type == Type::String && cell.s.data == nullptr);
  if (null) return builder.AppendNull();
  std::string text = text_of_cell(cell, type);
  switch (builder.type()->id()) {
    case arrow::Type::BOOL:
      return append<arrow::BooleanBuilder>(builder, cell.b);
    case arrow::Type::INT32:
      return append<arrow::Int32Builder>(builder, cell.i);
    case arrow::Type::INT64:
      return append<arrow::Int64Builder>(builder, cell.l);
    case arrow::Type::DOUBLE:
      return append<arrow::DoubleBuilder>(builder, cell.d);
    case arrow::Type::FIXED_SIZE_BINARY:
      return append<arrow::FixedSizeBinaryBuilder>(builder, cell.g.bytes);
    case arrow::Type::TIMESTAMP:
      return append<arrow::TimestampBuilder>(builder, (cell.l - kUnixEpoch) * 100);
    case arrow::Type::DURATION:
      return append<arrow::DurationBuilder>(builder, cell.l * 100);
    case arrow::Type::LARGE_STRING:
      return append<arrow::LargeStringBuilder>(builder, text);
    case arrow::Type::STRING_VIEW:
      return append<arrow::StringViewBuilder>(builder, text);
    case arrow::Type::DICTIONARY:
      return append<arrow::StringDictionary32Builder>(builder, std::string_view(text));
    default:
      return append<arrow::StringBuilder>(builder, text);
  }
}

arrow::Result<std::shared_ptr<arrow::Table>> arrow_table(const TableData& table, Texts texts) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < table.schema.size(); ++i) {
    auto type = arrow_type(table, i, texts);
    std::unique_ptr<arrow::ArrayBuilder> builder;
    if (type->id() == arrow::Type::DICTIONARY) {
      builder = std::make_unique<arrow::StringDictionary32Builder>();
    } else {
      ARROW_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder));
    }
    for (const Row& row : table.rows)
      ARROW_RETURN_NOT_OK(append_cell(*builder, row[i], table.schema[i].type));
    ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
    fields.push_back(arrow::field(table.schema[i].name, type));
    arrays.push_back(array);
  }
  return arrow::Table::Make(arrow::schema(fields), arrays, static_cast<int64_t>(table.rows.size()));
}

arrow::Status write_arrow(const TableData& table, Storage storage, const std::string& path) {
  Texts texts = storage == Storage::ArrowLarge        ? Texts::Large
                : storage == Storage::ArrowView       ? Texts::View
                : storage == Storage::ArrowDictionary ? Texts::Dictionary
                                                      : Texts::Plain;
  ARROW_ASSIGN_OR_RAISE(auto rows, arrow_table(table, texts));
  ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::FileOutputStream::Open(path));
  if (storage == Storage::Parquet || storage == Storage::ParquetDictionary) {
    parquet::WriterProperties::Builder properties;
    if (storage == Storage::Parquet) properties.disable_dictionary();
    // Two row groups, where there are rows for it.
    ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(
        *rows, arrow::default_memory_pool(), out, std::max<int64_t>(1, (rows->num_rows() + 1) / 2),
        properties.build(), parquet::ArrowWriterProperties::Builder().store_schema()->build()));
    return out->Close();
  }
  ARROW_ASSIGN_OR_RAISE(auto writer, storage == Storage::ArrowStream
                                         ? arrow::ipc::MakeStreamWriter(out, rows->schema())
                                         : arrow::ipc::MakeFileWriter(out, rows->schema()));
  ARROW_RETURN_NOT_OK(writer->WriteTable(*rows, 3));
  ARROW_RETURN_NOT_OK(writer->Close());
  return out->Close();
}

arrow::Status write_text(const std::string& text, Storage storage, const std::string& path) {
  std::shared_ptr<arrow::io::OutputStream> out;
  ARROW_ASSIGN_OR_RAISE(out, arrow::io::FileOutputStream::Open(path));
  if (storage == Storage::NdjsonGz || storage == Storage::NdjsonZst) {
    auto kind = storage == Storage::NdjsonGz ? arrow::Compression::GZIP : arrow::Compression::ZSTD;
    ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::Create(kind));
    ARROW_ASSIGN_OR_RAISE(out, arrow::io::CompressedOutputStream::Make(codec.get(), out));
    ARROW_RETURN_NOT_OK(out->Write(text));
    return out->Close();
  }
  ARROW_RETURN_NOT_OK(out->Write(text));
  return out->Close();
}

}  // namespace

const char* storage_name(Storage storage) {
  static constexpr const char* names[] = {"ndjson",      "ndjson.gz",
                                          "ndjson.zst",  "csv",
                                          "parquet",     "parquet with dictionaries",
                                          "arrow",       "arrow large",
                                          "arrow view",  "arrow dictionary",
                                          "arrow stream"};
  return names[static_cast<size_t>(storage)];
}

Result<archive::File> write_file(const TableData& table, Storage storage, const std::string& folder) {
  static constexpr const char* endings[] = {"ndjson",     "ndjson.gz",          "ndjson.zst", "csv",
                                            "parquet",    "dictionary.parquet", "arrow",      "large.arrow",
                                            "view.arrow", "dictionary.arrow",   "arrows"};
  std::string path = folder + "/" + table.name + "." + endings[static_cast<size_t>(storage)];
  arrow::Status status;
  if (storage <= Storage::NdjsonZst) {
    status = write_text(ndjson_text(table), storage, path);
  } else if (storage == Storage::Csv) {
    status = write_text(csv_text(table), storage, path);
  } else {
    status = write_arrow(table, storage, path);
  }
  if (!status.ok()) return arrow_error(status);
  return archive::detect_file(path, {.table = table.name, .known_tables = {}});
}

Result<archive::File> write_ndjson(const std::string& table, const std::string& text,
                                   const std::string& folder) {
  std::string path = folder + "/" + table + ".ndjson";
  if (auto status = write_text(text, Storage::Ndjson, path); !status.ok()) return arrow_error(status);
  return archive::detect_file(path, {.table = table, .known_tables = {}});
}

TemporaryFolder::TemporaryFolder() {
  std::string name = std::filesystem::temp_directory_path().string() + "/kqlc-test-XXXXXX";
  KQLC_CHECK(mkdtemp(name.data()) != nullptr, "no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace kqlc::engines
