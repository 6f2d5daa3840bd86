// SPDX-License-Identifier: Apache-2.0
//
// From literals to byte strings that every matching line must hold, and the search for them. A character of a
// string value can stand in JSON as itself, behind a backslash, or as `\u` and four digits. The last form is
// searched as such (only escapes of characters that the literals have count). For the first two a literal is
// cut into pieces that have exactly one form; one piece, the rarest, is searched for each literal.
#include "runtime/simd/line_filter.h"

#include <algorithm>

#include "runtime/simd/targets.h"
#include "runtime/simd/unicode.h"

namespace kqlc::simd {

namespace {

constexpr uint32_t kReplacement = 0xfffd;  // what invalid bytes decode to

// Cuts a literal into pieces as JSON writes them. '/' may stand behind a backslash or not: a piece may begin
// with it, but not go over it. Control characters stand escaped, or raw in what sloppy writers make;
// characters that are not ASCII vary when case is ignored: they are in no piece.
std::vector<std::string> split_literal(const Literal& literal) {
  std::vector<std::string> pieces(1);
  const char* end = literal.text.data() + literal.text.size();
  for (const char* place = literal.text.data(); place != end;) {
    const Character character = decode_character(place, end);
    const bool varies = character.code < 0x20 || character.code == kReplacement ||
                        character.code >= kInvalidByte ||
                        (character.code >= 0x80 && literal.letter_case == Case::Ignored);
    if (varies || character.code == '/') pieces.emplace_back();
    if (!varies) {
      if (character.code == '"' || character.code == '\\') pieces.back().push_back('\\');
      pieces.back().append(place, character.size);
    }
    place += character.size;
  }
  return pieces;
}

// Returns the rarest piece; empty when the literal has none.
std::string choose_piece(const Literal& literal) {
  const bool caseless = literal.letter_case != Case::Sensitive;
  std::vector<std::string> pieces = split_literal(literal);
  return *std::min_element(pieces.begin(), pieces.end(), [&](const std::string& a, const std::string& b) {
    return expected_rate(a, caseless) < expected_rate(b, caseless);
  });
}

// Escapes of the characters of the literals, in either case when it is ignored.
EscapeFilter escapes_of(const std::vector<Literal>& group) {
  EscapeFilter filter{};
  filter.enabled = true;
  for (const Literal& literal : group) {
    for (char byte : literal.text) {
      const auto code = static_cast<unsigned char>(byte);
      if (code >= 128) {
        filter.non_ascii = true;
        continue;
      }
      filter.ascii[code] = 1;
      const bool letter = static_cast<unsigned char>((code | 0x20) - 'a') < 26;
      if (letter && literal.letter_case != Case::Sensitive) filter.ascii[code ^ 0x20] = 1;
    }
  }
  return filter;
}

// The pieces of one group and what they cost; no pieces: the group cannot be searched.
struct SearchPlan {
  std::vector<MultiSearch::Piece> pieces;
  double rate = 0;
};

SearchPlan plan_group(const std::vector<Literal>& group) {
  SearchPlan plan;
  for (const Literal& literal : group) {
    std::string piece = choose_piece(literal);
    if (piece.empty()) return {};
    const bool caseless = literal.letter_case != Case::Sensitive;
    plan.rate += expected_rate(piece, caseless);
    plan.pieces.push_back({std::move(piece), caseless});
  }
  return plan;
}

}  // namespace

LineFilter::LineFilter(const std::vector<std::vector<Literal>>& groups) {
  SearchPlan best;
  EscapeFilter escapes{};
  for (const std::vector<Literal>& group : groups) {
    if (group.empty()) {
      mode_ = Mode::None;
      return;
    }
    SearchPlan plan = plan_group(group);
    if (plan.pieces.empty() || (!best.pieces.empty() && plan.rate >= best.rate)) continue;
    best = std::move(plan);
    escapes = escapes_of(group);
  }
  if (best.pieces.empty()) return;
  mode_ = Mode::Search;
  for (const MultiSearch::Piece& piece : best.pieces) pieces_.push_back(piece.bytes);
  search_ = LearningSearch(std::move(best.pieces), escapes);
}

void LineFilter::learn(std::string_view text) {
  if (mode_ == Mode::Search) search_.learn(text);
}

Line LineFilter::next_candidate(const char* pos, const char* end) const {
  if (mode_ == Mode::None || pos == end) return {};
  if (mode_ == Mode::All) return {pos, line_end(pos, end)};
  size_t which = 0;
  const char* hit = search_.search().find(pos, end, &which);
  if (!hit) return {};
  const char* newline = kernels().find_last_byte(pos, hit, '\n');
  return {newline ? newline + 1 : pos, line_end(hit, end)};
}

const char* line_end(const char* begin, const char* end) noexcept {
  const char* newline = kernels().find_byte(begin, end, '\n');
  return newline ? newline : end;
}

size_t count_lines(const char* begin, const char* end) noexcept {
  return kernels().count_byte(begin, end, '\n');
}

}  // namespace kqlc::simd
