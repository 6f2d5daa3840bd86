// SPDX-License-Identifier: Apache-2.0
//
// PreparedNeedle: a constant operand of a string operator, made ready once. In: the operator (Match, Case)
// and the text. Out: whether a text fits (matches), which rows of a column fit (filter). The two rarest
// bytes, by a table counted on event text, are what the search compares first. A caseless needle that is not
// ASCII takes the exact but slower way, character by character, on those texts that contain its longest ASCII
// part. Immutable after construction; any number of threads may use one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/exec/column.h"
#include "runtime/simd/kernels.h"
#include "runtime/value/type.h"

namespace kqlc::simd {

// IgnoredInAscii: only ASCII letters fit in either case; no operator means that, but it is as quick as
// Sensitive for any needle.
enum class Case : uint8_t { Sensitive, Ignored, IgnoredInAscii };

class PreparedNeedle {
 public:
  PreparedNeedle(Match match, Case letter_case, std::string_view text);
  PreparedNeedle(PreparedNeedle&&) noexcept = default;
  PreparedNeedle& operator=(PreparedNeedle&&) noexcept = default;

  // Whether the text fits. Cheap enough for a row at a time; columns go through filter.
  bool matches(Str text) const noexcept;

  // Whether an occurrence of search() at `place` of the text [begin, end) makes the text fit; it may reach
  // beyond the end, and then does not.
  bool fits_at(const char* begin, const char* place, const char* end) const noexcept;

  // Set bit r of `bitmap` ((rows + 63) / 64 words, cleared by the caller) where row r fits; validity is not
  // looked at. `offsets` has rows + 1 entries, growing; `views` are Arrow string views of 16 bytes.
  void filter(const int32_t* offsets, const char* data, size_t rows, uint64_t* bitmap) const;
  void filter(const int64_t* offsets, const char* data, size_t rows, uint64_t* bitmap) const;
  void filter_views(const void* views, const char* const* buffers, size_t rows, uint64_t* bitmap) const;
  void filter(const Str* strs, size_t rows, uint64_t* bitmap) const;

  // The same for a column of any string encoding: a dictionary is searched once, a null row counts as "".
  void filter(const StringColumn& column, uint64_t* bitmap) const;

  // The needle as the kernels take it: the whole of it, or the longest ASCII part when by_character().
  const SearchNeedle& search() const { return search_; }
  // True for caseless needles that are not ASCII: the kernels alone cannot decide.
  bool by_character() const { return by_character_; }
  Match match() const { return match_; }
  std::string_view text() const { return text_; }

 private:
  template <class RunKernel, class StrAt>
  void filter_with(size_t rows, uint64_t* bitmap, RunKernel run_kernel, StrAt str_at) const;
  void filter_dictionary(const StringColumn& column, uint64_t* bitmap) const;
  void filter_valid(const StringColumn& column, uint64_t* bitmap) const;

  std::string text_;
  Match match_ = Match::Contains;
  bool by_character_ = false;
  bool term_before_ = false, term_after_ = false;
  std::unique_ptr<char[]> storage_;  // search_.bytes and search_.fold
  SearchNeedle search_{};
};

// Fills `needle` for `text`: `storage` (2 * size bytes) receives bytes and folds and must outlive it. ASCII
// letters fit in either case when `caseless`; all other bytes fit exactly.
void prepare_search(std::string_view text, bool caseless, Match match, char* storage, SearchNeedle* needle);

// How often a byte (in either case, when caseless) stands in event text: per 2^16 bytes, at least 1.
uint32_t byte_frequency(unsigned char byte, bool caseless) noexcept;

}  // namespace kqlc::simd
