// SPDX-License-Identifier: Apache-2.0
//
// JsonIndex: what a walk over NDJSON asks for at every step, found for a whole buffer at once. In: lines of
// JSON. Out: where they end, and where the quotes stand that begin or end a string, one after the other. What
// lies between two keys of a row has as many quotes in line after line, so a walk knows which place in the
// list is the next key's before it has seen the value: no step waits for the one before.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "runtime/simd/kernels.h"

namespace kqlc::simd {

// The quotes of an indexed text from some place on: a view that moves forwards.
class Quotes {
 public:
  Quotes() = default;
  Quotes(const char* begin, const uint32_t* next) : begin_(begin), next_(next) {}

  // Returns the quote that is `ahead` behind the next one, at most kQuotesAhead; the text's end where there
  // is none.
  const char* ahead(size_t ahead) const { return begin_ + next_[ahead]; }
  // Moves on. Requires: so many quotes are there.
  void pass(size_t quotes) { next_ += quotes; }

 private:
  const char* begin_ = nullptr;
  const uint32_t* next_ = nullptr;
};

inline constexpr size_t kQuotesAhead = 3;

class JsonIndex {
 public:
  // Indexes [begin, end), which must stay where it is; end - begin < 2^32.
  void build(const char* begin, const char* end);

  // The lines; the last entry is what follows the last \n, maybe nothing.
  std::span<const JsonLine> lines() const { return {lines_.get(), counts_.lines}; }
  // The quotes from the line's first on. Valid until the next build().
  Quotes quotes(const JsonLine& line) const { return {begin_, quotes_.get() + line.first_quote}; }

 private:
  const char* begin_ = nullptr;
  size_t capacity_ = 0;
  JsonCounts counts_{};
  std::unique_ptr<uint32_t[]> quotes_;
  std::unique_ptr<JsonLine[]> lines_;
};

}  // namespace kqlc::simd
