// SPDX-License-Identifier: Apache-2.0
//
// Measures the readers of rule files and the parser against real rules. In: corpus.jsonl with its rule files
// beside it (one query a line: its text or its place, and the verdict of Microsoft's parser). Out: how many
// queries read_rules finds exactly, each byte at its place, and on how many both parsers agree whether the
// syntax is right; and every exception. A verdict is a syntax error where its code is one of the parser's own
// (KS0xx), by the table of codes beside the corpus.
#include <fmt/format.h>
#include <simdjson.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "compiler/rule/rule.h"
#include "compiler/syntax/tree.h"

namespace {

using kqlc::rule::Rule;

struct Counts {
  size_t yaml = 0, yaml_equal = 0, text = 0, text_equal = 0, misplaced = 0;  // queries by format
  size_t all = 0, agree = 0;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Byte offset in `file` (byte order mark included) of a character of the decoded text.
size_t byte_offset(std::string_view file, uint64_t characters) {
  size_t at = kqlc::rule::mark_length(file);
  for (; at < file.size(); ++at)
    if ((file[at] & 0xC0) != 0x80 && characters-- == 0) break;
  return at;
}

// True where each byte of the query that is no blank stands at its place in the file, escapes aside.
bool placed(const kqlc::source::SourceFile& source) {
  for (size_t i = 0; i < source.query.size(); ++i) {
    size_t place = source.file_offset(static_cast<uint32_t>(i));
    char c = source.query[i];
    if (c == ' ' || c == '\n') continue;
    if (place >= source.file_text.size() || (source.file_text[place] != c && source.file_text[place] != '\\'))
      return false;
  }
  return true;
}

// Returns the corpus' own text of a row: given, or a span of the file. False where there is none.
bool query_of(const simdjson::dom::element& line, const std::string& file, std::string& query, bool& yaml) {
  std::string_view given;
  yaml = !line["query"].get(given);
  if (yaml) {
    query = given;
    return true;
  }
  uint64_t begin = 0, end = 0;
  simdjson::dom::array span;
  if (line["span"].get(span) || span.at(0).get(begin) || span.at(1).get(end) || end < begin) return false;
  size_t from = byte_offset(file, begin), to = byte_offset(file, end);
  query = file.substr(from, to - from);
  return true;
}

// Counts whether read_rules finds exactly this query in the file.
void check_reading(std::string_view id, const std::string& path, const std::string& file,
                   const std::string& query, bool yaml, Counts& counts) {
  kqlc::source::Diagnostics diagnostics;
  std::vector<Rule> rules = kqlc::rule::read_rules(path, file, diagnostics);
  const Rule* found = nullptr;
  for (const Rule& rule : rules)
    if (rule.source.query == query) found = &rule;
  ++(yaml ? counts.yaml : counts.text);
  if (!found) {
    fmt::print("{}: read otherwise\n", id);
    for (const auto& diagnostic : diagnostics.all())
      fmt::print("{}", kqlc::source::render(diagnostic, kqlc::rule::whole_file(path, file)));
    return;
  }
  ++(yaml ? counts.yaml_equal : counts.text_equal);
  if (!placed(found->source)) {
    ++counts.misplaced;
    fmt::print("{}: query is right, places are not\n", id);
  }
}

// Counts whether both parsers agree that the syntax is right.
void check_syntax(std::string_view id, const std::string& query, bool theirs, Counts& counts) {
  kqlc::source::Diagnostics diagnostics;
  kqlc::syntax::parse(query, diagnostics);
  ++counts.all;
  if (diagnostics.has_errors() == theirs) {
    ++counts.agree;
    return;
  }
  fmt::print("{}: {}\n", id, theirs ? "no error found" : "");
  if (!diagnostics.all().empty())
    fmt::print("{}", kqlc::source::render(diagnostics.all()[0], {std::string(id), query, query, {}}));
}

void check_line(const simdjson::dom::element& line, const std::string& folder, Counts& counts) {
  std::string_view id, path;
  simdjson::dom::array errors;
  if (line["id"].get(id) || line["file"].get(path)) return;
  std::string full_path = folder + std::string(path), file = read_file(full_path), query;
  bool yaml = false, theirs = false;
  if (!query_of(line, file, query, yaml)) return;
  if (!line["unified"].get(errors))
    for (simdjson::dom::element error : errors) {
      std::string_view code;
      if (!error.at(0).get(code)) theirs |= code.starts_with("KS0");
    }
  check_reading(id, full_path, file, query, yaml, counts);
  check_syntax(id, query, theirs, counts);
}

double percent(size_t part, size_t all) {
  return all ? 100.0 * static_cast<double>(part) / static_cast<double>(all) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: corpus_syntax CORPUS.jsonl\n");
    return 2;
  }
  std::string path = argv[1];
  std::ifstream file(path);
  if (!file) {
    fmt::print(stderr, "cannot read {}\n", path);
    return 2;
  }
  std::string folder = path.substr(0, path.find_last_of('/') + 1);
  simdjson::dom::parser parser;
  Counts counts;
  for (std::string text; std::getline(file, text);) {
    simdjson::dom::element line;
    if (auto error = parser.parse(text).get(line)) {
      fmt::print(stderr, "unreadable line: {}\n", simdjson::error_message(error));
      return 2;
    }
    check_line(line, folder, counts);
  }
  fmt::print("{} of {} YAML queries read exactly\n", counts.yaml_equal, counts.yaml);
  fmt::print("{} of {} Markdown and KQL queries read exactly\n", counts.text_equal, counts.text);
  fmt::print("{} of them with wrong places\n", counts.misplaced);
  fmt::print("{} of {} queries agree ({:.2f} %)\n", counts.agree, counts.all,
             percent(counts.agree, counts.all));
  bool good = counts.all > 0 && counts.yaml_equal == counts.yaml && counts.misplaced == 0 &&
              counts.text_equal * 1000 >= counts.text * 970 && counts.agree * 1000 >= counts.all * 995;
  return good ? 0 : 1;
}
