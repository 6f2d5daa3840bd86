// SPDX-License-Identifier: Apache-2.0
//
// A golden file: data, cases, sections. In: the text of a `.test` file. Out: its cases, and the same text
// again with some sections replaced (`--update`). The format is described in tests/README.md.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace kqlc::golden {

struct Section {
  std::string kind;       // "query", "result", ...
  std::string arguments;  // what stands after the kind
  std::string text;  // lines without comments and without blank lines at the end; each ends with a newline
  size_t first_line = 0;  // of the file's lines, [first_line, end_line): the body
  size_t end_line = 0;
};

struct Case {
  std::string name;
  size_t line = 0;  // of `===`, from 1
  std::vector<Section> sections;
};

struct CaseFile {
  std::vector<std::string> lines;
  std::vector<Section> data;  // before the first case: for all of them
  std::vector<Case> cases;
};

// Errors: Format, with the line.
Result<CaseFile> parse_file(const std::string& text);

// Returns the text with the body of a section replaced; comments inside it are lost.
std::string replace_section(const CaseFile& file, const Section& section, const std::string& text);

}  // namespace kqlc::golden
