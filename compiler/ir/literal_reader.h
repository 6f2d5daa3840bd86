// SPDX-License-Identifier: Apache-2.0
//
// LiteralReader: the words and literals of the textual Ir. In: any bytes. Out: words, numbers, texts, typed
// literals; the first problem stops it, after that every call fails.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/arena.h"
#include "runtime/value/dynamic.h"
#include "runtime/value/type.h"

namespace kqlc::ir {

class LiteralReader {
 public:
  // Literals live in `arena`. `text` must outlive the reader.
  LiteralReader(std::string_view text, Arena& arena) : text_(text), arena_(&arena) {}

  bool ok() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }
  size_t line() const;
  // Remembers the first problem. Returns false.
  bool fail(const std::string& problem);

  // The next run of bytes that are no blanks and no marks ( ) [ ] { } , : " ~; empty before a mark or at the
  // end.
  std::string_view word();
  std::string_view peek_word();
  bool take_word(std::string_view wanted);
  bool expect(std::string_view wanted);
  bool peek(char mark);
  bool take(char mark);
  bool expect_mark(char mark);
  // Whether nothing but blanks stands before the next line break.
  bool line_ends();
  bool at_end();

  bool read_long(int64_t& out);
  static bool read_unsigned(std::string_view digits, uint64_t& out);
  bool read_type(Type& type);
  bool read_quoted(std::string& out);
  bool starts_literal();
  bool read_literal(Cell& cell, Type& type);

 private:
  void skip_blanks();
  std::string_view inside_brackets();
  bool read_scalar(std::string_view type, std::string_view text, Cell& cell, Type& out);
  bool read_null(std::string_view text, Cell& cell, Type& type);
  bool read_node(dynamic::Node& node, int depth);
  bool read_array(dynamic::Node& node, int depth);
  bool read_bag(dynamic::Node& node, int depth);
  bool read_node_word(dynamic::Node& node);

  std::string_view text_;
  size_t at_ = 0;
  std::string problem_;
  Arena* arena_;
};

}  // namespace kqlc::ir
