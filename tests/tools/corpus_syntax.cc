// SPDX-License-Identifier: Apache-2.0
//
// Measures the parser against real rules. In: corpus.jsonl (query and the verdict of Microsoft's parser on each).
// Out: the share of queries on which both agree whether the syntax is right, and every exception. A verdict is a
// syntax error where its code is one of the parser's own (KS0xx), by the table of codes beside the corpus.
#include <fmt/format.h>
#include <simdjson.h>

#include <fstream>
#include <string>

#include "compiler/syntax/tree.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: corpus_syntax CORPUS.jsonl\n");
    return 2;
  }
  std::ifstream file(argv[1]);
  if (!file) {
    fmt::print(stderr, "cannot read {}\n", argv[1]);
    return 2;
  }
  simdjson::dom::parser parser;
  size_t agree = 0, all = 0;
  for (std::string text; std::getline(file, text);) {
    simdjson::dom::element line;
    if (auto error = parser.parse(text).get(line)) {
      fmt::print(stderr, "unreadable line: {}\n", simdjson::error_message(error));
      continue;
    }
    std::string_view id, query;
    simdjson::dom::array errors;
    if (line["id"].get(id) || line["query"].get(query)) continue;
    bool theirs = false;
    if (!line["unified"].get(errors))
      for (simdjson::dom::element error : errors) {
        std::string_view code;
        if (!error.at(0).get(code)) theirs |= code.starts_with("KS0");
      }
    kqlc::source::Diagnostics diagnostics;
    kqlc::syntax::parse(query, diagnostics);
    ++all;
    if (diagnostics.has_errors() == theirs) {
      ++agree;
      continue;
    }
    fmt::print("{}: {}\n", id, theirs ? "no error found" : "");
    kqlc::source::SourceFile source{std::string(id), std::string(query), std::string(query), {}};
    for (size_t i = 0; i < std::min<size_t>(1, diagnostics.all().size()); ++i)
      fmt::print("{}", kqlc::source::render(diagnostics.all()[i], source));
  }
  fmt::print("{} of {} queries agree ({:.2f} %)\n", agree, all, 100.0 * static_cast<double>(agree) / static_cast<double>(all));
  return agree * 1000 >= all * 995 ? 0 : 1;
}
