// SPDX-License-Identifier: Apache-2.0
//
// The columns of a file by its own account, for tables that no schema knows. In: a File. Out: names and
// types, in the order of the file. Arrow and Parquet say; of CSV all columns are strings; of JSON the first
// rows are looked at, and a key that holds different kinds of values becomes dynamic, one that holds nothing
// but null becomes string, and is said to be a guess.
#include <arrow/ipc/api.h>
#include <simdjson.h>

#include <cctype>
#include <exception>
#include <optional>
#include <unordered_map>

#include "runtime/archive/arrow_columns.h"
#include "runtime/archive/csv_text.h"
#include "runtime/archive/json_keys.h"
#include "runtime/archive/parquet_footer.h"
#include "runtime/simd/unicode.h"
#include "runtime/value/datetime.h"

namespace kqlc::archive {
namespace {

namespace dom = simdjson::dom;

constexpr size_t kHeadBytes = size_t{4} << 20;
constexpr size_t kMaxRows = 2000;

std::optional<Type> type_of(dom::element value) {
  switch (value.type()) {
    case dom::element_type::BOOL:
      return Type::Bool;
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
      return Type::Long;
    case dom::element_type::DOUBLE:
      return Type::Real;
    case dom::element_type::STRING: {
      std::string_view text = value.get_string().value_unsafe();
      bool dated = text.size() >= 19 && text[4] == '-' && text[10] == 'T' && datetime::read_datetime(text);
      return dated ? Type::DateTime : Type::String;
    }
    case dom::element_type::NULL_VALUE:
      return std::nullopt;
    default:
      return Type::Dynamic;
  }
}

Type join_types(Type a, Type b) {
  auto is_number = [](Type type) { return type == Type::Long || type == Type::Real; };
  auto is_text = [](Type type) { return type == Type::String || type == Type::DateTime; };
  if (a == b) return a;
  if (is_number(a) && is_number(b)) return Type::Real;
  return is_text(a) && is_text(b) ? Type::String : Type::Dynamic;
}

class JsonColumns {
 public:
  // Returns whether more rows are of use.
  bool add(dom::element value) {
    if (value.is_array()) {
      for (dom::element item : value.get_array().value_unsafe()) {
        if (!add(item)) return false;
      }
      return true;
    }
    if (!value.is_object()) return true;
    dom::element inner;
    for (const char* wrapper : kRowsKeys) {
      if (value[wrapper].get(inner) == simdjson::SUCCESS && inner.is_array()) return add(inner);
    }
    bool is_envelope = value[kCategoryKey].error() == simdjson::SUCCESS &&
                       value[kPropertiesKey].get(inner) == simdjson::SUCCESS && inner.is_object();
    add_row((is_envelope ? inner : value).get_object().value_unsafe());
    return ++rows_ < kMaxRows;
  }

  std::vector<ColumnRequest> columns() const {
    std::vector<ColumnRequest> result;
    for (size_t i = 0; i < names_.size(); ++i)
      result.push_back({names_[i], types_[i].value_or(Type::String), !types_[i]});
    return result;
  }

 private:
  void add_row(dom::object row) {
    for (auto [key, value] : row) {
      auto [place, is_new] = places_.try_emplace(std::string(key), names_.size());
      if (is_new) {
        names_.emplace_back(key);
        types_.emplace_back();
      }
      auto type = type_of(value);
      std::optional<Type>& mine = types_[place->second];
      if (type) mine = mine ? join_types(*mine, *type) : *type;
    }
  }

  std::unordered_map<std::string, size_t> places_;
  std::vector<std::string> names_;
  std::vector<std::optional<Type>> types_;
  size_t rows_ = 0;
};

// Parses a text as the scan will read it: repaired where it is no UTF-8. `value` is valid until the parser is
// used again.
simdjson::error_code parse_repaired(dom::parser& parser, std::string_view text, dom::element& value) {
  if (simd::is_utf8(text)) return parser.parse(text.data(), text.size()).get(value);
  return parser.parse(simd::repair_utf8(text)).get(value);
}

Result<std::vector<ColumnRequest>> read_json_columns(const File& file) {
  TextBuffer text;
  dom::parser parser;
  JsonColumns columns;
  dom::element value;
  if (file.format == Format::Json) {
    KQLC_TRY(read_all(file, kMaxLineBytes, &text));
    auto error = parse_repaired(parser, {text.data(), text.size()}, value);
    if (error) return Error{ErrorCode::Format, file.path + ": " + simdjson::error_message(error)};
    columns.add(value);
    return columns.columns();
  }
  KQLC_TRY(read_start(file, kHeadBytes, &text));
  const char* place = text.data();
  const char* end = place + text.size();
  while (place < end) {
    const char* stop = simd::line_end(place, end);
    auto error = parse_repaired(parser, {place, static_cast<size_t>(stop - place)}, value);
    if (!error && !columns.add(value)) break;
    place = stop + 1;
  }
  return columns.columns();
}

arrow::Result<std::shared_ptr<arrow::Schema>> read_arrow_schema(
    const File& file, std::shared_ptr<arrow::io::InputStream> input) {
  if (file.format == Format::ArrowStream) {
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchStreamReader::Open(std::move(input)));
    return reader->schema();
  }
  if (file.format == Format::ArrowFile) {
    ARROW_ASSIGN_OR_RAISE(auto opened, arrow::io::ReadableFile::Open(file.path));
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchFileReader::Open(opened));
    return reader->schema();
  }
  ARROW_ASSIGN_OR_RAISE(auto opened, open_parquet_file(file));
  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(opened.reader->GetSchema(&schema));
  return schema;
}

}  // namespace

Result<void> read_start(const File& file, size_t limit, TextBuffer* text) {
  std::unique_ptr<ByteStream> stream;
  KQLC_TRY_ASSIGN(stream, open_bytes(file.path, file.compression));
  text->resize(limit);
  size_t size = 0;
  while (size < limit) {
    auto count = stream->read(text->data() + size, limit - size);
    if (!count.ok() && size == 0) return std::move(count.error());
    if (!count.ok() || count.value() == 0) break;
    size += count.value();
  }
  text->resize(size);
  return {};
}

Result<std::vector<ColumnRequest>> read_columns(const File& file) {
  if (file.format == Format::Json || file.format == Format::Ndjson) return read_json_columns(file);
  if (file.format == Format::Csv) {
    std::vector<CsvColumn> header;
    KQLC_TRY_ASSIGN(header, read_csv_header(file));
    std::vector<ColumnRequest> columns;
    for (CsvColumn& column : header)
      columns.push_back({std::move(column.name), column.is_utc ? Type::DateTime : Type::String});
    return columns;
  }
  try {
    std::shared_ptr<arrow::io::InputStream> input;
    if (file.format == Format::ArrowStream) {
      KQLC_TRY_ASSIGN(input, open_input(file));
    }
    auto schema = read_arrow_schema(file, std::move(input));
    if (!schema.ok()) return error_of(schema.status(), file);
    return columns_of_schema(**schema);
  } catch (const std::exception& thrown) {
    return Error{ErrorCode::Format, file.path + ": " + thrown.what()};
  }
}

}  // namespace kqlc::archive
