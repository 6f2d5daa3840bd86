// SPDX-License-Identifier: Apache-2.0
//
// LineFilter: which lines of NDJSON can hold a row that a rule wants, without parsing them. In: literals that
// string values of a matching row must contain: groups, each any-of, all groups required. Out: candidate
// lines. Sound: a line whose decoded string values contain a literal of every group is never left out,
// however JSON writes it
// (`\u0044istant`, `\/`, `\"`). Of the groups only the rarest is searched, for all readers in one pass; where
// it occurs the others are looked for in that line. Where all literals that are searched stand in values of
// few keys, only these values are searched, if that is found to be quicker. Candidates still have to be
// parsed.
//
// What the caller must grant: the literal occurs inside one string value of the line (a key does as well),
// after JSON decoding and before anything else is done to it, or in what stands there in place of a string;
// lines end with \n; bytes are UTF-8, invalid ones decode to U+FFFD. Literals derived from numbers or from
// re-written nested JSON do not qualify.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/simd/keyed_search.h"
#include "runtime/simd/multi_search.h"

namespace kqlc::simd {

struct Literal {
  std::string text;
  Case letter_case = Case::Ignored;
  // The keys whose values may hold it, at any depth, or the names of columns of tables (objects that hold
  // names and rows apart); none: any value or key may.
  std::set<std::string> keys = {};
};

// What a line must hold to be of use to one reader: of each group a literal.
using LiteralGroups = std::vector<std::vector<Literal>>;

struct Line {
  const char* begin;
  const char* end;  // the \n, or the end of the buffer; a \r before it belongs to the line
};

// The candidates of a buffer, and memory that is used again for the next one.
class Candidates {
 public:
  // In the order of the text.
  const std::vector<Line>& lines() const { return lines_; }

 private:
  friend class LineFilter;
  std::vector<Line> lines_;
  KeyedFields found_;
  // By piece: where the line begins that it is known to be of no use in.
  std::vector<const char*> refused_;
};

class LineFilter {
 public:
  // Passes every line.
  LineFilter();
  LineFilter(LineFilter&&) noexcept;
  LineFilter& operator=(LineFilter&&) noexcept;
  ~LineFilter();
  // Passes lines for one reader. An empty group can never match, so no line passes; a group with an empty
  // literal says nothing.
  explicit LineFilter(const LiteralGroups& groups);
  // Passes lines that may be of use to any of several readers; all where one has no groups, or there is none.
  static LineFilter for_any(const std::vector<LiteralGroups>& readers);

  // Finds the candidates of a buffer that begins with a line; the last line may lack its \n. Lines without a
  // byte pass only when passes_all(). May be called from any thread.
  void find_candidates(const char* begin, const char* end, Candidates* candidates) const;

  // Shows the filter text of the kind it will search, once: it becomes quicker for it, and passes the same
  // lines or fewer. A second call, and little text, do nothing. May be called from any thread.
  void learn(std::string_view text) const;

  // Whether the filter could make nothing of the literals: each line is a candidate.
  bool passes_all() const { return mode_ == Mode::All; }
  bool passes_none() const { return mode_ == Mode::None; }

  // Whether the values of keys are searched, not every byte.
  bool searches_by_keys() const;

  // The byte strings that are searched; pieces of the literals of the groups chosen.
  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  enum class Mode { All, None, Search };
  // Of a reader: the groups that are looked for where a literal of the one chosen was found.
  using Checks = std::vector<std::vector<PreparedNeedle>>;

  // By bytes, and whether they are caseless.
  using Numbers = std::map<std::pair<std::string, bool>, size_t>;

  struct Keyed;

  void add_reader(const LiteralGroups& groups, Numbers& numbers);
  void add_piece(const MultiSearch::Piece& piece, Numbers& numbers);
  void find_by_pieces(const char* begin, const char* end, Candidates* candidates) const;
  void find_by_keys(const KeyedSearch& keyed, const char* begin, const char* end,
                    Candidates* candidates) const;
  void mark_fields(const char* begin, const char* end, Candidates* candidates) const;
  bool is_quicker_by_keys(const KeyedFields& found, size_t size) const;
  bool learn_by_keys(std::string_view text) const;
  bool is_of_use(size_t piece, std::string_view line, Candidates* candidates) const;
  bool serves(size_t piece, std::string_view line) const;
  bool holds_use(const char* from, std::string_view line, Candidates* candidates) const;

  Mode mode_ = Mode::All;
  std::vector<std::string> pieces_;
  std::vector<std::vector<uint32_t>> readers_;  // by piece
  std::vector<Checks> checks_;                  // by reader
  EscapeFilter escapes_{};
  size_t longest_ = 0;  // of the pieces
  LearningSearch search_;
  std::set<std::string> keys_;  // of the values that hold the pieces
  bool any_key_ = false;        // a piece may stand elsewhere
  std::unique_ptr<Keyed> keyed_;
};

// Returns the first newline in [begin, end), or `end`.
const char* line_end(const char* begin, const char* end) noexcept;
// The number of \n.
size_t count_lines(const char* begin, const char* end) noexcept;

}  // namespace kqlc::simd
