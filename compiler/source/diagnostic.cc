// SPDX-License-Identifier: Apache-2.0
//
// Collecting and rendering diagnostics.
#include "compiler/source/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/printable.h"
#include "runtime/value/dynamic.h"

namespace kqlc::source {

namespace {

constexpr CodeInfo kCodes[] = {
#define KQLC_DIAGNOSTIC(code, severity, summary, explanation) \
  {#code, Severity::severity, summary, explanation},
#include "compiler/source/diagnostics.def"
#undef KQLC_DIAGNOSTIC
};

struct Place {
  size_t line = 1;    // from 1
  size_t column = 1;  // in bytes, from 1
  std::string_view text;
};

Place place_of(const SourceFile& source, uint32_t query_offset) {
  std::string_view text = source.file_text;
  size_t offset = std::min<size_t>(source.file_offset(query_offset), text.size());
  size_t start = offset == 0 ? 0 : text.rfind('\n', offset - 1) + 1;
  if (offset > 0 && text.rfind('\n', offset - 1) == std::string_view::npos) start = 0;
  size_t end = text.find_first_of("\r\n", start);
  if (end == std::string_view::npos) end = text.size();
  Place place;
  place.line =
      1 + static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<long>(start), '\n'));
  place.column = offset - start + 1;
  place.text = text.substr(start, end - start);
  return place;
}

// A line of source: printable, with a blank for a tab.
std::string printable_line(std::string_view text) {
  std::string line(text);
  std::replace(line.begin(), line.end(), '\t', ' ');
  return printable(line);
}

std::string json_string(std::string_view text) {
  std::string out;
  dynamic::append_json_string(out, text);
  return out;
}

}  // namespace

const CodeInfo& code_info(Code code) { return kCodes[static_cast<size_t>(code)]; }

const CodeInfo* find_code(std::string_view name) {
  for (const CodeInfo& info : kCodes)
    if (info.name == name) return &info;
  return nullptr;
}

uint32_t SourceFile::file_offset(uint32_t query_offset) const {
  auto after = std::upper_bound(runs.begin(), runs.end(), std::pair(query_offset, UINT32_MAX));
  if (after == runs.begin()) return query_offset;
  --after;
  return after->second + (query_offset - after->first);
}

void Diagnostics::add(Diagnostic diagnostic) {
  const CodeInfo& info = code_info(diagnostic.code);
  if (info.severity == Severity::Error) {
    has_errors_ = true;
    has_mistakes_ |= !info.name.starts_with("K03");
  }
  if (all_.size() < kMost) all_.push_back(std::move(diagnostic));
}

void Diagnostics::add(Code code, Span span, std::string message, std::string hint, std::string label) {
  add({code, span, std::move(message), std::move(label), std::move(hint)});
}

std::string render(const Diagnostic& diagnostic, const SourceFile& source) {
  const CodeInfo& info = code_info(diagnostic.code);
  Place place = place_of(source, diagnostic.span.begin);
  Place end = place_of(source, diagnostic.span.end);
  size_t marked = diagnostic.span.end - diagnostic.span.begin;
  if (end.line != place.line) marked = place.text.size();
  size_t width = place.column > place.text.size()
                     ? 0
                     : display_width(printable_line(place.text.substr(place.column - 1, marked)));
  width = std::clamp<size_t>(width, 1, 200);
  std::string line_number = std::to_string(place.line), pad(line_number.size(), ' ');
  size_t skip = place.column > 160 ? place.column - 80 : 0;  // long lines are shown around the place
  std::string before = printable_line(place.text.substr(skip, place.column - 1 - skip));
  std::string out = fmt::format(
      "{}[{}]: {}\n{}--> {}:{}:{}\n{} |\n{} | {}\n{} | {}{}{}\n",
      info.severity == Severity::Error ? "error" : "warning", info.name, printable_line(diagnostic.message),
      pad, printable_line(source.path), place.line, place.column, pad, line_number,
      printable_line(place.text.substr(skip, 240)), pad, std::string(display_width(before), ' '),
      std::string(width, '^'), diagnostic.label.empty() ? "" : " " + printable_line(diagnostic.label));
  if (!diagnostic.hint.empty()) out += fmt::format("{} = hint: {}\n", pad, printable_line(diagnostic.hint));
  return out;
}

std::string render_json(const Diagnostic& diagnostic, const SourceFile& source) {
  const CodeInfo& info = code_info(diagnostic.code);
  Place begin = place_of(source, diagnostic.span.begin), end = place_of(source, diagnostic.span.end);
  return fmt::format(
      R"({{"code":"{}","severity":"{}","message":{},"hint":{},"file":{},"line":{},"column":{},"endLine":{},"endColumn":{}}})",
      info.name, info.severity == Severity::Error ? "error" : "warning", json_string(diagnostic.message),
      json_string(diagnostic.hint), json_string(source.path), begin.line, begin.column, end.line, end.column);
}

}  // namespace kqlc::source
