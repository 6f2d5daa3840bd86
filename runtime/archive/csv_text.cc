// SPDX-License-Identifier: Apache-2.0
//
// CSV text by RFC 4180, read byte by byte: the header, and the state of quotes at the file's end.
#include "runtime/archive/csv_text.h"

#include "runtime/archive/json_text.h"
#include "runtime/archive/source.h"
#include "runtime/value/datetime.h"

namespace kqlc::archive {
namespace {

constexpr size_t kMaxHeaderBytes = size_t{1} << 20;
constexpr std::string_view kUtcSuffix = " [UTC]";

std::vector<std::string> cut_header(std::string_view text, char delimiter) {
  std::vector<std::string> names(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '"' && text.substr(i + 1).starts_with('"')) {
      names.back().push_back('"');
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == delimiter) {
      names.emplace_back();
    } else if (!quoted && (c == '\n' || c == '\r')) {
      break;
    } else {
      names.back().push_back(c);
    }
  }
  return names;
}

// Follows the quotes of CSV text: one opens a field only where the field begins.
class QuoteState {
 public:
  explicit QuoteState(char delimiter) : delimiter_(delimiter) {}

  void take(char byte) {
    line_ += byte == '\n';
    if (is_open_) {
      is_open_ = byte != '"';
      was_open_ = !is_open_;
    } else if (byte == '"' && (at_start_ || was_open_)) {
      if (at_start_) opened_at_ = line_;
      is_open_ = true;  // the second of a doubled quote opens the field again
      was_open_ = false;
    } else {
      was_open_ = false;
    }
    at_start_ = !is_open_ && (byte == delimiter_ || byte == '\n' || byte == '\r');
  }
  std::optional<uint64_t> open_at() const { return is_open_ ? std::optional(opened_at_) : std::nullopt; }

 private:
  char delimiter_;
  bool is_open_ = false;
  bool was_open_ = false;  // up to the byte before
  bool at_start_ = true;
  uint64_t line_ = 1;
  uint64_t opened_at_ = 0;
};

}  // namespace

char csv_delimiter(const File& file) { return file.path.find(".tsv") != std::string::npos ? '\t' : ','; }

Result<std::vector<CsvColumn>> read_csv_header(const File& file) {
  TextBuffer text;
  KQLC_TRY(read_start(file, kMaxHeaderBytes, &text));
  std::vector<CsvColumn> columns;
  for (std::string& header :
       cut_header(skip_byte_order_mark({text.data(), text.size()}), csv_delimiter(file))) {
    std::string name = header;
    bool is_utc = name.ends_with(kUtcSuffix);
    if (is_utc) name.resize(name.size() - kUtcSuffix.size());
    columns.push_back({std::move(header), std::move(name), is_utc});
  }
  return columns;
}

std::string_view foreign_zone(const CsvColumn& column, std::string_view name) {
  std::string_view rest = column.header;
  if (column.is_utc || !rest.starts_with(name)) return {};
  rest.remove_prefix(name.size());
  bool is_zone = rest.size() > 3 && rest.starts_with(" [") && rest.ends_with(']');
  return is_zone ? rest.substr(2, rest.size() - 3) : std::string_view();
}

std::optional<DateTime> read_portal_time(std::string_view text) {
  bool is_iso = text.size() > 4 && text[4] == '-';
  bool is_american = text.find('/') <= 2 && (text.ends_with(" AM") || text.ends_with(" PM"));
  return is_iso || is_american ? datetime::read_datetime(text) : std::nullopt;
}

std::optional<uint64_t> find_open_quote(const File& file) {
  auto opened = open_bytes(file.path, file.compression);
  if (!opened.ok()) return std::nullopt;
  std::unique_ptr<ByteStream> stream = std::move(opened).value();
  QuoteState state(csv_delimiter(file));
  TextBuffer buffer;
  buffer.resize(kChunkBytes);
  bool at_start = true;
  while (true) {
    auto count = stream->read(buffer.data(), kChunkBytes);
    if (!count.ok() || count.value() == 0) return state.open_at();
    std::string_view text(buffer.data(), count.value());
    for (char byte : at_start ? skip_byte_order_mark(text) : text) state.take(byte);
    at_start = false;
  }
}

}  // namespace kqlc::archive
