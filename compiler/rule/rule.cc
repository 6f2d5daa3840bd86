// SPDX-License-Identifier: Apache-2.0
//
// Choosing the reader of a rule file, and reading plain KQL. In: path and bytes. Out: rules.
// A text file is one query; authors also keep several in one file with blank lines between them, as query
// editors run them, and such files are cut.
#include "compiler/rule/rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "compiler/syntax/tree.h"
#include "runtime/simd/unicode.h"

namespace kqlc::rule {

using source::Code;
using source::Span;

namespace {

enum class Format { Yaml, Markdown, Kql };

std::string extension_of(std::string_view path) {
  size_t slash = path.find_last_of('/'), dot = path.find_last_of('.');
  if (dot == std::string_view::npos || (slash != std::string_view::npos && dot < slash)) return "";
  std::string extension(path.substr(dot + 1));
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 32);
  return extension;
}

// True where a line begins with one of `marks`.
bool any_line_begins(std::string_view text, std::initializer_list<std::string_view> marks) {
  for (size_t begin = mark_length(text); begin < text.size();) {
    for (std::string_view mark : marks)
      if (text.substr(begin).starts_with(mark)) return true;
    size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) break;
    begin = end + 1;
  }
  return false;
}

Format format_of(const std::string& path, std::string_view text) {
  std::string extension = extension_of(path);
  if (extension == "yaml" || extension == "yml") return Format::Yaml;
  if (extension == "md" || extension == "markdown") return Format::Markdown;
  if (extension == "kql" || extension == "csl" || extension == "txt") return Format::Kql;
  if (any_line_begins(text, {"query:"})) return Format::Yaml;
  if (any_line_begins(text, {"```", "~~~"})) return Format::Markdown;
  return Format::Kql;
}

bool is_query(std::string_view text) {
  source::Diagnostics diagnostics;
  syntax::parse(text, diagnostics);
  return !diagnostics.has_errors();
}

// True where lines hold nothing but comments and white space.
bool only_comments(std::string_view text) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && !line.substr(first).starts_with("//")) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

// Maximal groups of lines that are not blank.
std::vector<Span> groups_of(std::string_view text, Span part) {
  std::vector<Span> groups;
  uint32_t start = part.begin;
  auto close = [&](uint32_t end) {
    if (end > start) groups.push_back({start, end});
  };
  for (uint32_t line = part.begin; line < part.end;) {
    size_t newline = text.find('\n', line);
    uint32_t next = newline >= part.end ? part.end : static_cast<uint32_t>(newline) + 1;
    if (text.substr(line, next - line).find_first_not_of(" \t\r\n") == std::string_view::npos) {
      close(line);
      start = next;
    }
    line = next;
  }
  close(part.end);
  return groups;
}

// Groups of lines as queries: a query takes the comments after it, and the first one also those right above
// it.
std::vector<Span> pieces_of(std::string_view text, Span part) {
  std::vector<Span> pieces;
  bool has_query = false;  // the last piece
  for (Span group : groups_of(text, part)) {
    bool comments = only_comments(text.substr(group.begin, group.end - group.begin));
    if (!pieces.empty() && comments == has_query) {
      pieces.back().end = group.end;
      has_query = true;
    } else {
      if (!pieces.empty() && !has_query) pieces.pop_back();
      pieces.push_back(group);
      has_query = !comments;
    }
  }
  return pieces;
}

// Returns the place of the first byte that is no UTF-8.
std::optional<uint32_t> find_invalid_utf8(std::string_view text) {
  const char* end = text.data() + text.size();
  for (const char* place = text.data(); place != end;) {
    simd::Character character = simd::decode_character(place, end);
    if (character.code >= simd::kInvalidByte) return static_cast<uint32_t>(place - text.data());
    place += character.size;
  }
  return std::nullopt;
}

}  // namespace

const Metadata* Metadata::find(std::string_view name) const {
  for (const Metadata& item : items)
    if (item.key == name) return &item;
  return nullptr;
}

uint32_t mark_length(std::string_view text) { return text.starts_with("\xEF\xBB\xBF") ? 3 : 0; }

std::string file_stem(std::string_view path) {
  path = path.substr(path.find_last_of('/') + 1);
  return std::string(path.substr(0, std::min(path.find_last_of('.'), path.size())));
}

source::SourceFile whole_file(const std::string& path, const std::string& text) {
  return {path, text, text, {}};
}

Rule plain_rule(const std::string& path, const std::string& text, Span part, size_t number) {
  Rule rule;
  rule.source = {path, text, text.substr(part.begin, part.end - part.begin), {{0, part.begin}}};
  rule.name = file_stem(path);
  rule.id = fmt::format("{}#{}", path, number);
  rule.metadata.kind = Metadata::Kind::Map;
  return rule;
}

std::vector<Span> cut_queries(std::string_view text, Span part) {
  std::string_view whole = text.substr(part.begin, part.end - part.begin);
  if (only_comments(whole)) return {};
  std::vector<Span> pieces = pieces_of(text, part);
  if (pieces.size() < 2 || is_query(whole)) return {part};
  size_t right = 0;
  for (Span piece : pieces) right += is_query(text.substr(piece.begin, piece.end - piece.begin)) ? 1 : 0;
  if (right * 2 < pieces.size()) return {part};
  return pieces;
}

std::vector<Rule> read_kql(const std::string& path, const std::string& text,
                           source::Diagnostics& diagnostics) {
  std::vector<Rule> rules;
  for (Span part : cut_queries(text, {mark_length(text), static_cast<uint32_t>(text.size())})) {
    if (rules.size() > kMostRules) break;
    rules.push_back(plain_rule(path, text, part, rules.size() + 1));
  }
  if (rules.empty())
    diagnostics.add(Code::K0002, {0, 0}, "the file holds no query, only comments or nothing");
  return rules;
}

std::vector<Rule> read_rules(const std::string& path, std::string text, source::Diagnostics& diagnostics) {
  if (text.size() > kMostFileBytes) {
    diagnostics.add(
        Code::K0001, {0, 0},
        fmt::format("the file has {} bytes; a rule file may have {}", text.size(), kMostFileBytes));
    return {};
  }
  if (size_t zero = text.find('\0'); zero != std::string::npos) {
    uint32_t place = static_cast<uint32_t>(zero);
    diagnostics.add(Code::K0001, {place, place + 1}, "the file has a zero byte, so it is no UTF-8 text",
                    "save the file as UTF-8");
    return {};
  }
  if (std::optional<uint32_t> place = find_invalid_utf8(text)) {
    diagnostics.add(Code::K0001, {*place, *place + 1}, "the file is no UTF-8 text", "save the file as UTF-8");
    return {};
  }
  std::vector<Rule> rules;
  switch (format_of(path, text)) {
    case Format::Yaml:
      return read_yaml(path, text, diagnostics);
    case Format::Markdown:
      rules = read_markdown(path, text, diagnostics);
      break;
    case Format::Kql:
      rules = read_kql(path, text, diagnostics);
      break;
  }
  // The only query of a file is known by the file's path.
  if (rules.size() == 1) rules[0].id.clear();
  if (rules.size() <= kMostRules) return rules;
  diagnostics.add(Code::K0001, {0, 0}, fmt::format("the file has more than {} queries", kMostRules),
                  "spread the queries over several files");
  return {};
}

}  // namespace kqlc::rule
