// SPDX-License-Identifier: Apache-2.0
//
// Lines that start with `# ` (or are `#`) are comments, `=== ` starts a case, `--- ` a section.
#include "tests/golden/case_file.h"

#include <algorithm>

namespace kqlc::golden {

namespace {

constexpr std::string_view kKinds[] = {"data", "query", "rule",   "tokens", "syntax",
                                       "plan", "ir",    "result", "eval",   "errors"};

void end_section(CaseFile& file, std::vector<Section>& sections, size_t line) {
  if (sections.empty() || sections.back().end_line != 0) return;
  Section& section = sections.back();
  while (line > section.first_line && (file.lines[line - 1].empty() || file.lines[line - 1].starts_with("#")))
    --line;
  section.end_line = std::max(line, section.first_line);
  for (size_t i = section.first_line; i < section.end_line; ++i)
    if (!file.lines[i].starts_with("# ") && file.lines[i] != "#") section.text += file.lines[i] + "\n";
  if (section.end_line == 0) section.end_line = section.first_line;
}

}  // namespace

Result<CaseFile> parse_file(const std::string& text) {
  CaseFile file;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size());
    file.lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  auto fail = [](size_t line, const std::string& what) {
    return Error{ErrorCode::Format, "line " + std::to_string(line + 1) + ": " + what};
  };
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    std::vector<Section>& sections = file.cases.empty() ? file.data : file.cases.back().sections;
    if (line.starts_with("=== ")) {
      end_section(file, sections, i);
      file.cases.push_back({line.substr(4), i + 1, {}});
    } else if (line.starts_with("--- ")) {
      end_section(file, sections, i);
      size_t space = std::min(line.find(' ', 4), line.size());
      Section section{line.substr(4, space - 4), space < line.size() ? line.substr(space + 1) : "", "", i + 1,
                      0};
      if (std::find(std::begin(kKinds), std::end(kKinds), section.kind) == std::end(kKinds))
        return fail(i, "no section is called `" + section.kind + "`");
      if (file.cases.empty() && section.kind != "data") return fail(i, "a section before the first case");
      sections.push_back(section);
    } else if (!line.empty() && !line.starts_with("#") &&
               (sections.empty() || sections.back().end_line != 0)) {
      return fail(i, "text outside of a section");
    }
  }
  end_section(file, file.cases.empty() ? file.data : file.cases.back().sections, file.lines.size());
  return file;
}

std::string replace_section(const CaseFile& file, const Section& section, const std::string& text) {
  std::string out;
  for (size_t i = 0; i < section.first_line; ++i) out += file.lines[i] + "\n";
  out += text;
  for (size_t i = section.end_line; i < file.lines.size(); ++i) out += file.lines[i] + "\n";
  return out;
}

}  // namespace kqlc::golden
