// SPDX-License-Identifier: Apache-2.0
//
// The bodies of the functions that parse paths, CSV and versions. In: text of any kind, hostile too. Out:
// values whose text points into the argument or lives in the batch's arena.
#include "runtime/functions/parse.h"

#include <string>

#include "runtime/value/decimal.h"

namespace kqlc::functions {

Dynamic ParsePath::call(Context& context, Str path) {
  std::string_view rest = path.view(), scheme, root, stream;
  if (size_t at = rest.find("://"); at != std::string_view::npos) {
    scheme = rest.substr(0, at);
    rest.remove_prefix(at + 3);
  }
  constexpr std::string_view separators = "\\/";
  bool drive = rest.size() >= 3 && rest[1] == ':' && separators.find(rest[2]) != std::string_view::npos &&
               (rest[0] | 32) >= 'a' && (rest[0] | 32) <= 'z';
  if (drive) root = rest.substr(0, 3);
  size_t last = rest.find_last_of(separators);
  std::string_view directory = last == std::string_view::npos ? std::string_view() : rest.substr(0, last);
  std::string_view file = last == std::string_view::npos ? rest : rest.substr(last + 1);
  if (size_t colon = file.find(':'); colon != std::string_view::npos) {
    stream = file.substr(colon + 1);
    file = file.substr(0, colon);
  }
  size_t parent = directory.find_last_of(separators), dot = file.rfind('.');
  std::vector<dynamic::Entry> parts;
  auto add = [&](std::string_view key, std::string_view value) {
    parts.push_back({Str(key), string_node(value)});
  };
  add("Scheme", scheme);
  add("RootPath", root);
  add("DirectoryPath", directory);
  add("DirectoryName", parent == std::string_view::npos ? directory : directory.substr(parent + 1));
  add("Filename", file);
  add("Extension", dot == std::string_view::npos ? std::string_view() : file.substr(dot + 1));
  add("AlternateDataStreamName", stream);
  return bag_value(parts, *context.arena);
}

namespace {

// Reads one field from `at` on and stops at what ends it: a comma, a line end or the end of the text.
std::string read_csv_field(std::string_view text, size_t& at) {
  std::string field;
  bool quoted = at < text.size() && text[at] == '"';
  if (quoted) {
    for (++at; at < text.size(); ++at) {
      if (text[at] != '"') {
        field += text[at];
      } else if (at + 1 < text.size() && text[at + 1] == '"') {
        field += text[at++];
      } else {
        ++at;
        break;
      }
    }
  }
  size_t end = std::min(text.find_first_of(",\r\n", at), text.size());
  field.append(text.substr(at, end - at));
  at = end;
  return field;
}

}  // namespace

Dynamic ParseCsv::call(Context& context, Str text) {
  std::vector<dynamic::Node> fields;
  std::string_view view = text.view();
  for (size_t at = 0;; ++at) {
    std::string field = read_csv_field(view, at);
    fields.push_back(string_node(context.arena->copy(std::string_view(field)).view()));
    if (at >= view.size() || view[at] != ',') break;
  }
  return array_value(fields, *context.arena);
}

Nullable<kqlc::Decimal> ParseVersion::call(Context&, Str text) {
  constexpr size_t kParts = 4, kWidth = 8;
  std::string digits;
  std::string_view rest = text.view();
  for (size_t part = 0; part < kParts; ++part) {
    size_t dot = std::min(rest.find('.'), rest.size());
    std::string_view number = rest.substr(0, dot);
    bool whole = !number.empty() && number.size() <= kWidth &&
                 number.find_first_not_of("0123456789") == std::string_view::npos;
    if (!whole) return {};
    digits.append(kWidth - number.size(), '0').append(number);
    bool more = dot < rest.size();
    rest.remove_prefix(more ? dot + 1 : dot);
    if (!more) break;
    if (part + 1 == kParts) return {};
  }
  digits.append(kParts * kWidth - digits.size(), '0');
  auto value = decimal::read(digits);
  return value ? Nullable<kqlc::Decimal>(*value) : Nullable<kqlc::Decimal>();
}

}  // namespace kqlc::functions
