// SPDX-License-Identifier: Apache-2.0
//
// Diagnostics: the error channel for rule authors. In: a code of diagnostics.def, a span of the source and a
// message. Out: text with the line, carets and a hint, or JSON. Spans are byte offsets into the query;
// SourceFile maps them to lines of the file the author edits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kqlc::source {

// Byte offsets [begin, end).
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;
};

enum class Code {
#define KQLC_DIAGNOSTIC(code, severity, summary, explanation) code,
#include "compiler/source/diagnostics.def"
#undef KQLC_DIAGNOSTIC
};

enum class Severity { Error, Warning };

struct CodeInfo {
  std::string_view name;
  Severity severity;
  std::string_view summary;
  std::string_view explanation;
};
// Returns the row of diagnostics.def.
const CodeInfo& code_info(Code code);
// Returns the row named `name` ("K0203"), or nullptr.
const CodeInfo* find_code(std::string_view name);

struct Diagnostic {
  Code code;
  Span span;
  std::string message;  // small start, no final period, code in backticks
  std::string label;    // under the carets; may be empty
  std::string hint;     // the way out; may be empty
};

// A query and the place in its file that each of its bytes comes from.
struct SourceFile {
  std::string path;
  std::string file_text;
  std::string query;
  // (offset in query, offset in file) where a new run begins; sorted. Empty: query is the file.
  std::vector<std::pair<uint32_t, uint32_t>> runs;

  // Returns the offset in file_text of a byte of the query.
  uint32_t file_offset(uint32_t query_offset) const;
};

class Diagnostics {
 public:
  void add(Diagnostic diagnostic);
  void add(Code code, Span span, std::string message, std::string hint = "", std::string label = "");

  bool has_errors() const { return has_errors_; }
  // True where every error is a K03xx: the rule is right, we are not there yet.
  bool only_unsupported() const { return has_errors_ && !has_mistakes_; }
  const std::vector<Diagnostic>& all() const { return all_; }

 private:
  static constexpr size_t kMost = 100;
  std::vector<Diagnostic> all_;
  bool has_errors_ = false;
  bool has_mistakes_ = false;
};

// Renders for a person: `error[K0203]: ...`, place, line, carets, hint. Control characters are shown escaped.
std::string render(const Diagnostic& diagnostic, const SourceFile& source);
// One JSON object: code, severity, message, hint, file, line, column, endLine, endColumn.
std::string render_json(const Diagnostic& diagnostic, const SourceFile& source);

}  // namespace kqlc::source
