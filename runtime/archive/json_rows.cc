// SPDX-License-Identifier: Apache-2.0
//
// JsonRows: what the shapes of an export mean. In: one JSON value. Out: rows. The text is walked once,
// forwards, with simdjson's on-demand parser; the values that nobody asked for are skipped by their
// structure. An envelope is an object with `category` and an object `properties`; its row is `properties`.
// When `properties` comes first, its text is put aside until the rest of the object has been seen. The last
// of repeated keys wins.
#include "runtime/archive/json_rows.h"

#include <simdjson.h>

#include <cstring>
#include <unordered_map>

#include "runtime/archive/json_check.h"
#include "runtime/archive/json_keys.h"
#include "runtime/archive/json_text.h"
#include "runtime/archive/json_walk.h"
#include "runtime/simd/unicode.h"

namespace kqlc::archive {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int kMaxWrappers = 3;  // an array of responses that hold `records`

// The name of the table in a category; empty when it names none.
std::string_view table_of_category(std::string_view category) {
  return category.starts_with(kAdvancedHunting) ? category.substr(kAdvancedHunting.size())
                                                : std::string_view();
}

const char* message_of(simdjson::error_code error) { return simdjson::error_message(error); }

simdjson::error_code raw_json(ondemand::value value, char first, std::string_view* text) {
  if (first == '{') {
    ondemand::object object;
    auto error = value.get_object().get(object);
    return error ? error : object.raw_json().get(*text);
  }
  ondemand::array array;
  auto error = value.get_array().get(array);
  return error ? error : array.raw_json().get(*text);
}

}  // namespace

// Functions that parse return nullptr, or what is wrong with the text.
class JsonRows::Implementation {
 public:
  explicit Implementation(Worker& worker);
  void add(const File& file, std::string_view text, uint64_t position);
  void add_line(const File& file, simd::Quotes quotes, std::string_view text, uint32_t flags,
                uint64_t position);

  std::vector<bool> seen_;

 private:
  // What an object has shown of itself so far.
  struct Row {
    bool is_row = true;
    bool inner_done = false;  // the columns of `properties` are set
    std::string_view text;    // from the object's brace to the end of what is read
    std::string_view category, time, timestamp, type, properties;
    int32_t properties_column = -1;  // what `properties` fills where it turns out to be a value like others
  };

  void begin_text(const File& file, std::string_view text, uint64_t position);
  void end_text(const char* problem);
  const char* add_document(std::string_view text);
  const char* add_flat_row();
  const char* add_value(ondemand::value value, int depth);
  const char* add_array(ondemand::array array, int depth);
  const char* add_object(ondemand::object object, uint64_t offset, int depth);
  const char* read_field(ondemand::field& field, KeyTable::Key** last, Row* row, int depth);
  const char* read_special(Special special, std::string_view token, Row* row);
  bool is_wrapper(Special special, std::string_view token, const Row& row, int depth) const;
  const char* read_rows(Special special, ondemand::value value, Row* row, int depth);
  const char* read_properties(ondemand::value value, int32_t column, Row* row);
  const char* read_deferred(Row* row);
  const char* read_inner(ondemand::object object, Row* row);
  const char* read_tables(ondemand::array tables);
  const char* read_table(ondemand::object table);
  const char* read_name(ondemand::object column, std::string* name);
  const char* read_table_rows(ondemand::array rows, const std::vector<int32_t>& columns);
  const char* set_value(size_t column, ondemand::value value, std::string_view token);
  const char* set_token(size_t column, std::string_view token);
  const char* set_string(size_t column, std::string_view token);
  const char* read_string(std::string_view token, std::string_view* text);
  static bool is_inner_only(const Row& row);
  void close_row(const Row& row, int depth);
  void fill_time(const Row& row);
  bool is_other_table(const Row& row) const;
  // Of what stands at an offset of the text; a repaired text's offsets are not the file's.
  uint64_t position_at(uint64_t offset) const { return position_ + (repaired_ ? row_index_ : offset); }
  void begin_row(uint64_t offset);
  void end_row();
  void check_value(size_t column, bool fits, std::string_view token);
  void settle_seen(bool good);

  Worker& worker_;
  RowBuilder& rows_;
  KeyTable outer_;
  KeyTable inner_;
  RowWalk walk_;
  FlatRow flat_;
  std::unordered_map<std::string, int32_t> columns_;
  ondemand::parser parser_;
  ondemand::parser properties_parser_;
  int32_t time_generated_ = -1;
  std::vector<int32_t> pending_;  // columns whose keys stood in the text or record that is being read

  const File* file_ = nullptr;
  ondemand::document* document_ = nullptr;
  std::string_view text_;
  uint64_t position_ = 0;      // of text_
  uint64_t row_position_ = 0;  // of the row being read
  uint64_t row_index_ = 0;     // rows begun in text_
  bool row_waits_ = false;     // a row that counts once the text's end has been seen
  bool repaired_ = false;      // text_ is repaired_text_, longer than what stands in the file
  std::string repaired_text_;
};

JsonRows::Implementation::Implementation(Worker& worker)
    : seen_(worker.request.columns.size()),
      worker_(worker),
      rows_(worker.rows),
      walk_(worker.request.columns.size(), outer_, inner_) {
  for (const char* name : kRowsKeys) outer_.add_special(name, Special::Rows);
  outer_.add_special("tables", Special::Tables);
  outer_.add_special(kPropertiesKey, Special::Properties);
  outer_.add_special(kCategoryKey, Special::Category);
  outer_.add_special("time", Special::Time);
  outer_.add_special("Type", Special::Type);
  inner_.add_special("Timestamp", Special::Timestamp);
  for (size_t i = 0; i < worker.request.columns.size(); ++i) {
    const std::string& name = worker.request.columns[i].name;
    outer_.add_column(name, static_cast<int32_t>(i));
    inner_.add_column(name, static_cast<int32_t>(i));
    columns_[name] = static_cast<int32_t>(i);
    if (name == "TimeGenerated") time_generated_ = static_cast<int32_t>(i);
  }
}

void JsonRows::Implementation::add(const File& file, std::string_view text, uint64_t position) {
  std::string_view body = trim_end(trim_start(skip_byte_order_mark(text)));
  if (body.empty()) return;
  begin_text(file, body, position + (body.data() - text.data()));
  end_text(add_document(body));
  if (repaired_) worker_.flush();
}

void JsonRows::Implementation::begin_text(const File& file, std::string_view text, uint64_t position) {
  file_ = &file;
  text_ = text;
  position_ = position;
  row_index_ = 0;
  pending_.clear();
  repaired_ = row_waits_ = false;
  ++worker_.report.lines;
}

void JsonRows::Implementation::end_text(const char* problem) {
  if (problem) {
    rows_.drop_row();
    count_bad_line(&worker_.report, position_ + (row_index_ ? row_index_ - 1 : 0), problem);
  } else if (row_waits_) {
    end_row();
  }
  settle_seen(!problem);
}

// What is bad has no columns: how far it was read depends on the way it was read.
void JsonRows::Implementation::settle_seen(bool good) {
  for (int32_t column : pending_)
    if (good) seen_[static_cast<size_t>(column)] = true;
  pending_.clear();
}

void JsonRows::Implementation::add_line(const File& file, simd::Quotes quotes, std::string_view text,
                                        uint32_t flags, uint64_t position) {
  std::string_view body = trim_end(trim_start(text));
  bool plain = !worker_.request.strict && !(flags & (simd::kLineControl | simd::kLineNotUtf8));
  if (!plain || !walk_.walk(quotes, body, &flat_)) return add(file, text, position);
  begin_text(file, body, position + (body.data() - text.data()));
  end_text(add_flat_row());
}

const char* JsonRows::Implementation::add_flat_row() {
  begin_row(0);
  Row row;
  row.inner_done = flat_.is_envelope;
  for (auto [token, text] : {std::pair(flat_.category, &row.category), std::pair(flat_.time, &row.time),
                             std::pair(flat_.timestamp, &row.timestamp), std::pair(flat_.type, &row.type)}) {
    if (token.empty()) continue;
    if (const char* problem = read_string(token, text)) return problem;
  }
  for (size_t i = 0; i < flat_.values.size(); ++i) {
    auto column = static_cast<size_t>(flat_.values[i].column);
    pending_.push_back(flat_.values[i].column);
    if (is_inner_only(row) && (i < flat_.inner_begin || i >= flat_.inner_end)) continue;
    if (const char* problem = set_token(column, flat_.values[i].token)) return problem;
  }
  close_row(row, 0);
  return nullptr;
}

// Whether nothing but `properties` is the row: what stands around it in Defender's envelope is about the
// export.
bool JsonRows::Implementation::is_inner_only(const Row& row) {
  return row.inner_done && row.category.starts_with(kAdvancedHunting);
}

// Keeps or drops the row that has been read. One that is the whole text waits for the text's end: a line that
// is no JSON gives no row.
void JsonRows::Implementation::close_row(const Row& row, int depth) {
  if (is_other_table(row)) {
    rows_.drop_row();
    ++worker_.report.other_tables;
    return;
  }
  fill_time(row);
  if (depth == 0)
    row_waits_ = true;
  else
    end_row();
}

const char* JsonRows::Implementation::add_document(std::string_view text) {
  text_ = text;
  ondemand::document document;
  document_ = &document;
  auto error = parser_.iterate(text.data(), text.size(), text.size() + kPadding).get(document);
  if (error == simdjson::UTF8_ERROR) {
    ++worker_.report.repaired_lines;
    // The rows of a repaired text are handed on before the next text overwrites it.
    worker_.flush();
    repaired_ = true;
    repaired_text_ = simd::repair_utf8(text);
    size_t size = repaired_text_.size();
    repaired_text_.append(kPadding, '\0');
    text_ = std::string_view(repaired_text_).substr(0, size);
    error = parser_.iterate(text_.data(), text_.size(), text_.size() + kPadding).get(document);
  }
  if (error) return message_of(error);
  const char* problem = worker_.request.strict ? problem_of_json(text_) : nullptr;
  if (problem) return problem;
  if (text_.front() == '{') {
    ondemand::object object;
    if ((error = document.get_object().get(object))) return message_of(error);
    problem = add_object(object, 0, 0);
  } else if (text_.front() == '[') {
    ondemand::array array;
    if ((error = document.get_array().get(array))) return message_of(error);
    problem = add_array(array, 0);
  } else {
    return "neither an object nor an array";
  }
  if (problem) return problem;
  bool at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  return at_end || worker_.stopped ? nullptr : "text after the end of the JSON value";
}

const char* JsonRows::Implementation::add_value(ondemand::value value, int depth) {
  std::string_view token = value.raw_json_token();
  const auto offset = static_cast<uint64_t>(token.data() - text_.data());
  row_position_ = position_at(offset);
  if (token.front() != '{') return "a record is no object";
  ondemand::object object;
  if (auto error = value.get_object().get(object)) return message_of(error);
  return add_object(object, offset, depth);
}

const char* JsonRows::Implementation::add_array(ondemand::array array, int depth) {
  for (auto element : array) {
    ondemand::value value;
    if (auto error = std::move(element).get(value)) return message_of(error);
    const char* problem = add_value(value, depth + 1);
    settle_seen(!problem);
    if (problem) {
      // The records after a bad one can be read as long as the structure holds.
      if (!document_->is_alive()) return problem;
      rows_.drop_row();
      ++worker_.report.lines;
      count_bad_line(&worker_.report, row_position_, problem);
    }
    if (worker_.stopped) break;
  }
  return nullptr;
}

void JsonRows::Implementation::begin_row(uint64_t offset) {
  row_position_ = position_at(offset);
  ++row_index_;
  rows_.begin_row(row_position_);
}

void JsonRows::Implementation::end_row() {
  rows_.end_row();
  if (rows_.full()) worker_.flush();
}

const char* JsonRows::Implementation::add_object(ondemand::object object, uint64_t offset, int depth) {
  begin_row(offset);
  Row row;
  row.text = text_.substr(offset);
  KeyTable::Key* last = outer_.front();
  for (auto item : object) {
    ondemand::field field;
    if (auto error = std::move(item).get(field)) return message_of(error);
    if (const char* problem = read_field(field, &last, &row, depth)) return problem;
  }
  if (!row.is_row) return nullptr;
  if (!row.properties.empty()) {
    if (const char* problem = read_deferred(&row)) return problem;
  }
  close_row(row, depth);
  return nullptr;
}

const char* JsonRows::Implementation::read_field(ondemand::field& field, KeyTable::Key** last, Row* row,
                                                 int depth) {
  const char* end = text_.data() + text_.size();
  Action action = outer_.find(field.key().raw(), end, last);
  if ((action.column < 0 && action.special == Special::None) || !row->is_row) return nullptr;
  ondemand::value value = field.value();
  std::string_view token = trim_end(value.raw_json_token());
  if (action.column >= 0) pending_.push_back(action.column);
  // What makes an object an envelope or an answer does so whether or not a column has its name.
  if (action.special == Special::Properties && token.front() == '{')
    return read_properties(value, action.column, row);
  if (is_wrapper(action.special, token, *row, depth)) return read_rows(action.special, value, row, depth);
  if (action.column >= 0 && !is_inner_only(*row) && !(row->inner_done && rows_.is_set(action.column))) {
    if (const char* problem = set_value(action.column, value, token)) return problem;
    // A nested value has been read to its end.
    if (token.front() == '{' || token.front() == '[') return nullptr;
  }
  return action.special == Special::None ? nullptr : read_special(action.special, token, row);
}

const char* JsonRows::Implementation::read_special(Special special, std::string_view token, Row* row) {
  switch (special) {
    case Special::Category:
      return read_string(token, &row->category);
    case Special::Time:
      return read_string(token, &row->time);
    case Special::Type:
      return read_string(token, &row->type);
    default:
      return nullptr;
  }
}

// Whether an array holds the rows of an answer: it has objects or nothing, and all keys beside it are those
// of answers. Anything else is a row that has a column of that name.
bool JsonRows::Implementation::is_wrapper(Special special, std::string_view token, const Row& row,
                                          int depth) const {
  if ((special != Special::Rows && special != Special::Tables) || token.front() != '[') return false;
  std::string_view rest = trim_start({token.data() + 1, static_cast<size_t>(text_.end() - token.data() - 1)});
  return depth < kMaxWrappers && (rest.starts_with('{') || rest.starts_with(']')) && is_json_answer(row.text);
}

const char* JsonRows::Implementation::read_rows(Special special, ondemand::value value, Row* row, int depth) {
  ondemand::array array;
  if (auto error = value.get_array().get(array)) return message_of(error);
  rows_.drop_row();
  row->is_row = false;
  return special == Special::Tables ? read_tables(array) : add_array(array, depth);
}

const char* JsonRows::Implementation::read_properties(ondemand::value value, int32_t column, Row* row) {
  ondemand::object object;
  if (auto error = value.get_object().get(object)) return message_of(error);
  if (!row->category.empty()) return read_inner(object, row);
  row->properties_column = column;
  auto error = object.raw_json().get(row->properties);
  return error ? message_of(error) : nullptr;
}

// Sets the columns of a `properties` that stood before `category`; without `category` it is a value like
// others.
const char* JsonRows::Implementation::read_deferred(Row* row) {
  if (row->category.empty())
    return row->properties_column < 0 ? nullptr
                                      : set_token(row->properties_column, trim_end(row->properties));
  ondemand::document document;
  std::string_view text = row->properties;
  auto error = properties_parser_.iterate(text.data(), text.size(), text.size() + kPadding).get(document);
  if (error) return message_of(error);
  ondemand::object object;
  if ((error = document.get_object().get(object))) return message_of(error);
  return read_inner(object, row);
}

const char* JsonRows::Implementation::read_inner(ondemand::object object, Row* row) {
  const char* end = text_.data() + text_.size();
  KeyTable::Key* last = inner_.front();
  row->inner_done = true;
  if (is_inner_only(*row)) rows_.drop_row();  // what the envelope has set so far
  for (auto item : object) {
    ondemand::field field;
    if (auto error = std::move(item).get(field)) return message_of(error);
    Action action = inner_.find(field.key().raw(), end, &last);
    if (action.column < 0 && action.special == Special::None) continue;
    ondemand::value value = field.value();
    std::string_view token = trim_end(value.raw_json_token());
    if (action.special == Special::Timestamp) {
      if (const char* problem = read_string(token, &row->timestamp)) return problem;
    }
    if (action.column < 0) continue;
    pending_.push_back(action.column);
    if (const char* problem = set_value(action.column, value, token)) return problem;
  }
  return nullptr;
}

const char* JsonRows::Implementation::read_tables(ondemand::array tables) {
  for (auto element : tables) {
    ondemand::object table;
    if (auto error = element.get_object().get(table)) return message_of(error);
    if (const char* problem = read_table(table)) return problem;
  }
  return nullptr;
}

const char* JsonRows::Implementation::read_table(ondemand::object table) {
  std::vector<int32_t> columns;
  for (auto item : table) {
    ondemand::field field;
    if (auto error = std::move(item).get(field)) return message_of(error);
    std::string_view key;
    if (auto error = field.unescaped_key().get(key)) return message_of(error);
    const bool is_columns = key == "columns";
    if (!is_columns && key != "rows") continue;
    ondemand::array array;
    if (auto error = field.value().get_array().get(array)) return message_of(error);
    if (!is_columns) {
      if (const char* problem = read_table_rows(array, columns)) return problem;
      continue;
    }
    for (auto element : array) {
      ondemand::object column;
      std::string name;
      if (auto error = element.get_object().get(column)) return message_of(error);
      if (const char* problem = read_name(column, &name)) return problem;
      auto found = columns_.find(name);
      columns.push_back(found == columns_.end() ? -1 : found->second);
      if (columns.back() >= 0) pending_.push_back(columns.back());
    }
  }
  return nullptr;
}

// Of a column of a table; a key may be written with escapes.
const char* JsonRows::Implementation::read_name(ondemand::object column, std::string* name) {
  bool has_name = false;
  for (auto item : column) {
    ondemand::field field;
    if (auto error = std::move(item).get(field)) return message_of(error);
    std::string_view key;
    if (auto error = field.unescaped_key().get(key)) return message_of(error);
    if (has_name || key != "name") continue;
    has_name = true;
    std::string_view text;
    if (auto error = field.value().get_string().get(text)) return message_of(error);
    name->assign(text);
  }
  return has_name ? nullptr : message_of(simdjson::NO_SUCH_FIELD);
}

const char* JsonRows::Implementation::read_table_rows(ondemand::array rows,
                                                      const std::vector<int32_t>& columns) {
  if (columns.empty()) return "a table whose `rows` come before its `columns`";
  for (auto element : rows) {
    ondemand::value row;
    if (auto error = std::move(element).get(row)) return message_of(error);
    begin_row(row.raw_json_token().data() - text_.data());
    ondemand::array cells;
    if (auto error = row.get_array().get(cells)) return message_of(error);
    size_t place = 0;
    for (auto cell : cells) {
      ondemand::value value;
      if (auto error = std::move(cell).get(value)) return message_of(error);
      int32_t column = place < columns.size() ? columns[place] : -1;
      ++place;
      if (column < 0) continue;
      if (const char* problem = set_value(column, value, trim_end(value.raw_json_token()))) return problem;
    }
    end_row();
    if (worker_.stopped) break;
  }
  return nullptr;
}

const char* JsonRows::Implementation::set_value(size_t column, ondemand::value value,
                                                std::string_view token) {
  if (token.front() == '{' || token.front() == '[') {
    if (auto error = raw_json(value, token.front(), &token)) return message_of(error);
    token = trim_end(token);
  }
  return set_token(column, token);
}

// The same for all of a value's text.
const char* JsonRows::Implementation::set_token(size_t column, std::string_view token) {
  bool fits = true;
  switch (token.front()) {
    case '"':
      return set_string(column, token);
    case '{':
    case '[':
      // The parser has looked at its brackets, the walk at its grammar, nobody at its words.
      if (const char* problem = problem_of_json(token)) return problem;
      fits = rows_.set_json(column, token);
      break;
    case 'n':
      if (token != "null") return "an unquoted word";
      rows_.set_null(column);
      break;
    case 't':
    case 'f':
      if (token != "true" && token != "false") return "an unquoted word";
      fits = rows_.set_bool(column, token == "true", token);
      break;
    default:
      if (!is_json_number(token)) return "an unquoted word that is no number";
      fits = rows_.set_number(column, token);
  }
  check_value(column, fits, token);
  return nullptr;
}

// The characters of a string, its escapes resolved in the rows' arena; of any other value none.
const char* JsonRows::Implementation::read_string(std::string_view token, std::string_view* text) {
  *text = {};
  if (token.front() != '"') return nullptr;
  if (token.size() < 2 || token.back() != '"') return "a string without end";
  *text = token.substr(1, token.size() - 2);
  if (!std::memchr(text->data(), '\\', text->size())) return nullptr;
  auto* out = static_cast<char*>(rows_.arena().allocate(text->size()));
  int64_t size = unescape_json(*text, out);
  if (size < 0) return "an escape that JSON does not know";
  *text = {out, static_cast<size_t>(size)};
  return nullptr;
}

// A dynamic column takes a string that holds an object or an array as that, which is how exports write
// AdditionalFields; any other string stays a string.
const char* JsonRows::Implementation::set_string(size_t column, std::string_view token) {
  std::string_view text;
  if (const char* problem = read_string(token, &text)) return problem;
  if (worker_.request.columns[column].type == Type::Dynamic) {
    std::string_view inside = trim_start(text);
    bool nested = inside.starts_with('{') || inside.starts_with('[');
    text = nested || text.empty() ? text : token;
  }
  check_value(column, rows_.set_text(column, text), token);
  return nullptr;
}

void JsonRows::Implementation::check_value(size_t column, bool fits, std::string_view token) {
  if (fits) return;
  const ColumnRequest& request = worker_.request.columns[column];
  count_problem(&worker_.report, request.name, row_position_, token, request.type);
}

// Defender's envelope has no TimeGenerated; the connector to Sentinel fills it with Timestamp.
void JsonRows::Implementation::fill_time(const Row& row) {
  if (time_generated_ < 0 || !row.inner_done || rows_.is_set(time_generated_)) return;
  std::string_view text = row.timestamp.empty() ? row.time : row.timestamp;
  pending_.push_back(time_generated_);
  check_value(time_generated_, rows_.set_text(time_generated_, text), text);
}

bool JsonRows::Implementation::is_other_table(const Row& row) const {
  const std::string& wanted = worker_.request.table;
  if (wanted.empty()) return false;
  std::string_view named = table_of_category(row.category);
  if (named.empty() && file_->rows_name_tables) named = row.type;
  return !named.empty() && !reading::equals_caseless(named, wanted);
}

JsonRows::JsonRows(Worker& worker) : implementation_(std::make_unique<Implementation>(worker)) {}
JsonRows::~JsonRows() = default;
void JsonRows::add(const File& file, std::string_view text, uint64_t position) {
  implementation_->add(file, text, position);
}
void JsonRows::add_line(const File& file, simd::Quotes quotes, std::string_view text, uint32_t flags,
                        uint64_t position) {
  implementation_->add_line(file, quotes, text, flags, position);
}
const std::vector<bool>& JsonRows::seen() const { return implementation_->seen_; }

}  // namespace kqlc::archive
