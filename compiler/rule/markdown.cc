// SPDX-License-Identifier: Apache-2.0
//
// Rules in Markdown. In: a page with fenced code blocks. Out: one rule a KQL query, named by the heading
// above it. A fence is KQL where its info string says so or is empty; `C#` counts too, since pages use it for
// want of a KQL highlighter. Fences follow CommonMark
// (https://spec.commonmark.org/0.31.2/#fenced-code-blocks).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "compiler/rule/rule.h"

namespace kqlc::rule {

using source::Code;
using source::Span;

namespace {

struct Fence {
  char mark = 0;  // ` or ~; 0: the line opens no fence
  size_t length = 0;
  std::string_view info;
};

std::string_view trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

Fence fence_of(std::string_view line) {
  size_t indent = std::min(line.find_first_not_of(' '), line.size());
  if (indent > 3 || indent == line.size() || (line[indent] != '`' && line[indent] != '~')) return {};
  char mark = line[indent];
  size_t end = std::min(line.find_first_not_of(mark, indent), line.size());
  std::string_view info = trim(line.substr(end));
  if (end - indent < 3 || (mark == '`' && info.find('`') != std::string_view::npos)) return {};
  return {mark, end - indent, info};
}

bool is_kql(std::string_view info) {
  std::string word(info.substr(0, std::min(info.find_first_of(" \t{,"), info.size())));
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 32);
  static constexpr std::array<std::string_view, 6> kWords = {
      "", "kql", "kusto", "csl", "kusto-query-language", "c#"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

// Returns the text of an ATX heading, or "".
std::string_view heading_of(std::string_view line) {
  size_t level = std::min(line.find_first_not_of('#'), line.size());
  if (level == 0 || level > 6 || level == line.size() || (line[level] != ' ' && line[level] != '\t'))
    return {};
  return trim(line.substr(level));
}

// Walks the lines of a page and gathers its queries.
class Page {
 public:
  Page(const std::string& path, const std::string& text) : path_(path), text_(text) {}

  std::vector<Rule> read() {
    for (uint32_t begin = mark_length(text_); begin < text_.size();) {
      size_t newline = text_.find('\n', begin);
      uint32_t next = static_cast<uint32_t>(newline == std::string::npos ? text_.size() : newline + 1);
      take_line(std::string_view(text_).substr(begin, next - begin), begin, next);
      begin = next;
    }
    if (open_.mark) close(static_cast<uint32_t>(text_.size()));  // CommonMark: the page's end closes a fence
    return std::move(rules_);
  }

 private:
  void take_line(std::string_view line, uint32_t begin, uint32_t next) {
    Fence fence = fence_of(line);
    if (open_.mark) {
      if (fence.mark == open_.mark && fence.length >= open_.length && fence.info.empty()) close(begin);
    } else if (fence.mark) {
      open_ = fence;
      body_ = next;
    } else if (std::string_view heading = heading_of(line); !heading.empty()) {
      heading_ = heading;
    }
  }

  void close(uint32_t end) {
    if (is_kql(open_.info) && end > body_)
      for (Span part : cut_queries(text_, {body_, end})) {
        if (rules_.size() > kMostRules) break;  // read_rules refuses the page
        rules_.push_back(plain_rule(path_, text_, part, rules_.size() + 1));
        if (!heading_.empty()) rules_.back().name = heading_;
      }
    open_ = {};
  }

  const std::string& path_;
  const std::string& text_;
  Fence open_;
  uint32_t body_ = 0;
  std::string_view heading_;
  std::vector<Rule> rules_;
};

}  // namespace

std::vector<Rule> read_markdown(const std::string& path, const std::string& text,
                                source::Diagnostics& diagnostics) {
  std::vector<Rule> rules = Page(path, text).read();
  if (rules.empty())
    diagnostics.add(Code::K0002, {0, 0}, "the page holds no KQL query",
                    "put the query into a fence: ```kql ... ```");
  return rules;
}

}  // namespace kqlc::rule
