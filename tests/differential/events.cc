// SPDX-License-Identifier: Apache-2.0
//
// A string is put together word by word; each character is written raw or as one of its escapes, and what no
// text can hold (bytes that are no UTF-8, half a surrogate pair) is entered as the U+FFFD it reads as.
#include "tests/differential/events.h"

#include <cstdio>

#include "runtime/value/datetime.h"
#include "runtime/value/dynamic.h"
#include "runtime/value/type.h"

namespace kqlc::differential {

const std::vector<std::string> kEventWords = {"distant",
                                              "Desktop",
                                              "remote access",
                                              "C:\\Windows\\System32\\cmd.exe",
                                              "cmd.exe",
                                              "-enc",
                                              "a/b",
                                              "https://x.example/q?y=1",
                                              "\"q\"",
                                              "say \"hi\"",
                                              "\t",
                                              "x\ny",
                                              "\x01",
                                              "back\\slash",
                                              "\\",
                                              "/",
                                              "é",
                                              "Ünïcode",
                                              "ÜNÏCODE",
                                              "中文",
                                              "😀",
                                              "ſ",
                                              "\xE2\x84\xAA",
                                              "kelvin",
                                              "ß",
                                              "ⱥ",
                                              "Ⱥ",
                                              "e",
                                              "1e5",
                                              "12.50",
                                              "true",
                                              "null",
                                              "kernel",
                                              "sekurlsa::",
                                              "\xEF\xBF\xBD",
                                              "powershell",
                                              "A",
                                              "_",
                                              "u0041",
                                              "\x7f"};

namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";
// Bytes that read as a single U+FFFD each.
constexpr const char* kNoText[] = {"\xff", "\xe4\xb8", "\\ud800", "\xc0", "\xf0\x9f\x98"};
enum Columns : size_t { kId, kName, kPath, kText, kExtra, kTimestamp, kNumColumns };

// Reads the character at `at` of valid UTF-8 and steps over it.
char32_t take_character(const std::string& text, size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  int more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  char32_t code = more == 0 ? first : first & (0x3fu >> more);
  for (; more > 0; --more) code = code << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fu);
  return code;
}

std::string hex_escape(unsigned unit, bool upper) {
  char text[8];
  std::snprintf(text, sizeof text, upper ? "\\u%04X" : "\\u%04x", unit);
  return text;
}

// The escape of two characters that JSON has for some, or "".
std::string short_escape(char32_t code) {
  switch (code) {
    case '"':
    case '\\':
    case '/':
      return {'\\', static_cast<char>(code)};
    case '\t':
      return "\\t";
    case '\n':
      return "\\n";
    default:
      return "";
  }
}

}  // namespace

Events::Events(Random& random, size_t most_filler) : random_(random), most_filler_(most_filler) {
  table_.name = kEventTable;
  table_.schema = {{"Id", Type::Long},     {"Name", Type::String},   {"Path", Type::String},
                   {"Text", Type::String}, {"Extra", Type::Dynamic}, {"Timestamp", Type::DateTime}};
}

std::string Events::blank() {
  static constexpr const char* kBlanks[] = {" ", "  ", "\t", " \t "};
  return random_.chance(80) ? "" : random_.pick(kBlanks);
}

std::string Events::escaped(char32_t code) {
  const bool upper = random_.chance(50);
  if (code < 0x10000) return hex_escape(code, upper);
  return hex_escape(0xd7c0 + (code >> 10), upper) + hex_escape(0xdc00 + (code & 0x3ff), random_.chance(50));
}

std::string Events::plain_text() {
  static constexpr const char* kGlue[] = {" ", "", " ", "-", "_", "1"};
  std::string text;
  for (size_t left = random_.below(5); left; --left) text += random_.pick(kEventWords) + random_.pick(kGlue);
  return text;
}

// Returns what a string says and sets how JSON writes it.
std::string Events::text_value(std::string& json) {
  const std::string words = plain_text();
  const size_t percent = random_.chance(70) ? 0 : random_.chance(70) ? 8 : 100;  // of escapes by number
  std::string said;
  json = "\"";
  for (size_t at = 0; at < words.size();) {
    const size_t begin = at;
    const char32_t code = take_character(words, at);
    const std::string raw = words.substr(begin, at - begin), shortened = short_escape(code);
    const bool must = code < 0x20 || code == '"' || code == '\\';
    said += raw;
    if (!shortened.empty() && (must || random_.chance(30)) && !random_.chance(percent))
      json += shortened;
    else
      json += must || random_.chance(percent) ? escaped(code) : raw;
    if (!random_.chance(1) || !random_.chance(20)) continue;
    json += random_.pick(kNoText);
    said += kReplacement;
  }
  json += '"';
  return said;
}

Cell Events::text_cell(const std::string& text) {
  return make_cell(table_.arena->copy(Str(std::string_view(text))));
}

Cell Events::json_cell(const std::string& json) {
  return dynamic::lazy_cell(table_.arena->copy(Str(std::string_view(json))), *table_.arena);
}

// An object or array with blanks, and without them.
std::string Events::nested(std::string& compact, int depth) {
  const bool bag = random_.chance(60);
  std::string json = bag ? "{" : "[";
  compact = json;
  static constexpr const char* kKeys[] = {"\"cmd\":", "\"n\":", "\"Name\":", "\"list\":"};
  static constexpr const char* kScalars[] = {"1", "true", "null", "-2.5", "\"\""};
  const size_t first = random_.below(4), count = random_.below(4);
  for (size_t i = 0; i < count; ++i) {
    std::string value, part;
    if (depth > 0 && random_.chance(20)) {
      value = nested(part, depth - 1);
    } else if (random_.chance(30)) {
      part = value = random_.pick(kScalars);
    } else {
      dynamic::append_json_string(part, plain_text());
      value = part;
    }
    const std::string name = bag ? kKeys[(first + i) % 4] : "";
    json += (i ? "," : "") + blank() + name + blank() + value + blank();
    compact += (i ? "," : "") + name + part;
  }
  compact += bag ? "}" : "]";
  return json + (bag ? "}" : "]");
}

// A string column takes numbers, words and nested JSON as they are written.
Events::Value Events::string_value() {
  std::string json;
  if (random_.chance(85)) {
    const std::string said = text_value(json);
    return {json, text_cell(said)};
  }
  if (random_.chance(30)) return {"null", text_cell("")};
  static constexpr const char* kWords[] = {"true", "false", "12.50", "1e5", "-7", "12345678901234567890"};
  if (random_.chance(50)) {
    json = random_.pick(kWords);
    return {json, text_cell(json)};
  }
  std::string compact;
  json = nested(compact, 2);
  return {json, text_cell(json)};
}

Events::Value Events::id_value() {
  const std::string digits = std::to_string(next_id_);
  const Cell cell = make_cell(next_id_++);
  if (random_.chance(5)) return {"null", null_cell(Type::Long)};
  return {random_.chance(90) ? digits : random_.chance(50) ? "\"" + digits + "\"" : digits + ".0", cell};
}

Events::Value Events::time_value() {
  if (random_.chance(10)) return {random_.chance(50) ? "null" : "\"\"", null_cell(Type::DateTime)};
  char text[40];
  std::snprintf(text, sizeof text, "2026-03-%02zuT%02zu:%02zu:00.1234567Z", 1 + random_.below(9),
                random_.below(24), random_.below(60));
  return {'"' + std::string(text) + '"', make_cell(*datetime::read_datetime(text))};
}

// A string that holds an object or an array is that; any other stays a string.
Events::Value Events::dynamic_value() {
  std::string json, compact;
  if (random_.chance(15)) return {"null", null_cell(Type::Dynamic)};
  if (random_.chance(15)) return {"7", json_cell("7")};
  if (random_.chance(25)) {
    dynamic::append_json_string(json, "x " + plain_text());
    return {json, json_cell(json)};
  }
  json = nested(compact, 2);
  const Cell cell = json_cell(compact);
  if (random_.chance(60)) return {json, cell};
  std::string twice;
  dynamic::append_json_string(twice, json);
  return {twice, cell};
}

Events::Value Events::column_value(size_t column) {
  switch (column) {
    case kId:
      return id_value();
    case kExtra:
      return dynamic_value();
    case kTimestamp:
      return time_value();
    default:
      return string_value();
  }
}

// A key of a column, at times with a letter escaped.
std::string Events::key(const std::string& name) {
  std::string json = "\"";
  const size_t place = random_.chance(3) ? random_.below(name.size()) : name.size();
  for (size_t i = 0; i < name.size(); ++i)
    json += i == place ? escaped(static_cast<unsigned char>(name[i])) : std::string(1, name[i]);
  return json + '"' + blank() + ':' + blank();
}

// A field that no rule reads, in which what a rule looks for may stand all the same.
std::string Events::decoy() {
  static constexpr const char* kNames[] = {
      "Other", "name", "Names", "Nam", "", "Text ", "a long name of a key, é"};
  return key(std::string("x") + random_.pick(kNames)) + string_value().json;
}

// One row as an object: its columns in any order, some twice (the last counts), some left out.
std::string Events::object(engines::Row& row) {
  std::vector<std::string> fields;
  row.clear();
  for (size_t i = 0; i < kNumColumns; ++i) {
    if (i != kId && random_.chance(8)) {
      row.push_back(table_.schema[i].type == Type::String ? text_cell("") : null_cell(table_.schema[i].type));
      continue;
    }
    const Value value = column_value(i);
    row.push_back(value.cell);
    std::string field = key(table_.schema[i].name) + value.json;
    // Whatever stands between the two, the first comes first.
    if (i != kId && random_.chance(4))
      field =
          key(table_.schema[i].name) + column_value(i).json + blank() + "," + decoy() + blank() + "," + field;
    fields.insert(fields.begin() + static_cast<long>(random_.chance(20) ? random_.below(fields.size() + 1)
                                                                        : fields.size()),
                  field);
    if (random_.chance(15)) fields.push_back(decoy());
  }
  if (most_filler_)
    fields.push_back(key("Filler") + '"' + std::string(random_.below(most_filler_), '#') + '"');
  std::string json = "{" + blank();
  for (size_t i = 0; i < fields.size(); ++i) json += (i ? "," + blank() : "") + fields[i] + blank();
  return json + "}";
}

// Defender's envelope: what stands around `properties` is no row.
std::string Events::envelope(engines::Row& row, bool other_table) {
  const std::string table = other_table ? "DeviceOther" : kEventTable;
  std::vector<std::string> fields = {
      key("category") + (random_.chance(90) ? "\"AdvancedHunting-" : "\"AdvancedHunting\\u002d") + table +
          '"',
      key("properties") + object(row), key("time") + time_value().json};
  if (random_.chance(30)) fields.push_back(key("Name") + string_value().json);
  if (random_.chance(30)) fields.push_back(decoy());
  std::string json = "{" + blank();
  for (size_t shift = random_.below(fields.size()), i = 0; i < fields.size(); ++i)
    json += (i ? "," : "") + blank() + fields[(i + shift) % fields.size()] + blank();
  return json + "}";
}

std::string Events::answer(std::vector<engines::Row>& rows) {
  std::string json = random_.chance(50) ? "{\"records\":" + blank() + "[" : "[";
  const bool wrapped = json[0] == '{';
  for (size_t i = 0, count = 1 + random_.below(3); i < count; ++i)
    json += (i ? "," : "") + blank() + object(rows.emplace_back()) + blank();
  return json + (wrapped ? "]}" : "]");
}

// An answer of the Log Analytics query API: the columns' names, and rows without them.
std::string Events::tables(std::vector<engines::Row>& rows) {
  std::string names, values;
  for (const auto& field : table_.schema)
    names += (names.empty() ? "" : ",") + blank() + "{" + key("name") + '"' + field.name + "\"}";
  for (size_t i = 0, count = 1 + random_.below(3); i < count; ++i) {
    engines::Row& row = rows.emplace_back();
    std::string list;
    for (size_t column = 0; column < kNumColumns; ++column) {
      const Value value = column_value(column);
      row.push_back(value.cell);
      list += (column ? "," : "") + blank() + value.json + blank();
    }
    values += (i ? ",[" : "[") + list + "]";
  }
  return "{" + key("tables") + "[{" + key("columns") + "[" + names + "]," + key("rows") + "[" + values +
         "]}]}";
}

// A line that was cut off, or that goes on behind its end.
std::string Events::broken() {
  engines::Row none;
  std::string json = object(none);
  if (random_.chance(50)) return json + "x";
  json.resize(1 + random_.below(json.size() - 1));
  return json;
}

void Events::add_line() {
  std::vector<engines::Row> rows;
  std::string line;
  const size_t kind = random_.below(100);
  if (kind < 60) {
    line = object(rows.emplace_back());
  } else if (kind < 82) {
    line = envelope(rows.emplace_back(), kind >= 78);
    if (kind >= 78) rows.clear();
  } else if (kind < 92) {
    line = kind < 89 ? answer(rows) : tables(rows);
  } else if (kind < 97) {
    line = broken();
  }
  text_ += blank() + line + blank() + (random_.chance(5) ? "\r\n" : "\n");
  for (engines::Row& row : rows) table_.rows.push_back(std::move(row));
}

}  // namespace kqlc::differential
