// SPDX-License-Identifier: Apache-2.0
//
// What the SIMD tests share: the plain meaning of the string operators (character by character, written apart
// from the runtime's own), memory that faults on the first byte outside of it, random texts with a printed
// seed, and a walk over all targets of this CPU.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utf8proc.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/simd/needle.h"
#include "runtime/simd/targets.h"

namespace kqlc::simd::oracle {

// Bytes that end directly before a page that cannot be read and, when `flush_begin`, begin directly after
// one.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::string_view text, bool flush_begin = false) {
    page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t inner = (text.size() + page_ - 1) / page_ * page_ + page_;
    total_ = inner + 2 * page_;
    base_ = static_cast<char*>(mmap(nullptr, total_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(base_, MAP_FAILED);
    EXPECT_EQ(mprotect(base_ + page_, inner, PROT_READ | PROT_WRITE), 0);
    begin_ = flush_begin ? base_ + page_ : base_ + page_ + inner - text.size();
    std::memcpy(begin_, text.data(), text.size());
    size_ = text.size();
  }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes() { munmap(base_, total_); }

  char* begin() const { return begin_; }
  char* end() const { return begin_ + size_; }

 private:
  char* base_;
  char* begin_;
  size_t page_, total_, size_;
};

// Valid UTF-8 to code points.
inline std::u32string decode(std::string_view text) {
  std::u32string result;
  auto* p = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    utf8proc_int32_t code = 0;
    i += static_cast<size_t>(utf8proc_iterate(p + i, static_cast<utf8proc_ssize_t>(text.size() - i), &code));
    result.push_back(static_cast<char32_t>(code));
  }
  return result;
}

inline std::u32string fold_ascii(std::u32string text) {
  for (char32_t& code : text)
    if (code >= 'a' && code <= 'z') code -= 'a' - 'A';
  return text;
}

inline std::u32string fold(std::u32string text) {
  for (char32_t& code : text) {
    const auto upper = static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code)));
    if ((code < 0x80 || upper >= 0x80) && code != 0xdf) code = upper;
  }
  return text;
}

inline bool alphanumeric(char32_t code) {
  const char* category = utf8proc_category_string(static_cast<utf8proc_int32_t>(code));
  return category[0] == 'L' || category[0] == 'N';
}

// Whether `match` holds for two valid texts: every place is tried.
inline bool holds(Match match, Case letter_case, std::string_view text_bytes, std::string_view needle_bytes) {
  std::u32string text = decode(text_bytes), needle = decode(needle_bytes);
  const std::u32string raw = text, raw_needle = needle;
  if (letter_case == Case::Ignored) text = fold(text), needle = fold(needle);
  if (letter_case == Case::IgnoredInAscii) text = fold_ascii(text), needle = fold_ascii(needle);
  for (size_t at = 0; at + needle.size() <= text.size(); ++at) {
    if (text.compare(at, needle.size(), needle) != 0) continue;
    const size_t stop = at + needle.size();
    const bool starts = at == 0, ends = stop == text.size();
    const bool term_start =
        needle.empty() || starts || !alphanumeric(raw_needle[0]) || !alphanumeric(raw[at - 1]);
    const bool term_end =
        needle.empty() || ends || !alphanumeric(raw_needle.back()) || !alphanumeric(raw[stop]);
    if (match == Match::Contains || (match == Match::Equals && starts && ends) ||
        (match == Match::StartsWith && starts) || (match == Match::EndsWith && ends) ||
        (match == Match::Has && term_start && term_end) || (match == Match::HasPrefix && term_start) ||
        (match == Match::HasSuffix && term_end))
      return true;
  }
  return false;
}

inline constexpr Match kMatches[] = {Match::Equals, Match::Contains,  Match::StartsWith, Match::EndsWith,
                                     Match::Has,    Match::HasPrefix, Match::HasSuffix};
inline constexpr Case kCases[] = {Case::Sensitive, Case::Ignored, Case::IgnoredInAscii};

// A random number generator whose seed is printed with every failure of the test that holds it. KQLC_SEED
// sets another one.
class Random {
 public:
  Random()
      : seed_(std::getenv("KQLC_SEED") ? std::strtoul(std::getenv("KQLC_SEED"), nullptr, 10) : 20261129),
        trace_(__FILE__, __LINE__, "seed " + std::to_string(seed_)),
        bits_(seed_) {}

  size_t below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(bits_); }

  // A text of up to `length` characters, few of them different, so that near misses are many.
  std::string text(size_t length) {
    static constexpr const char* kCharacters[] = {"a", "b", "B",  "A",  "-", " ", "1",  "_",  ".", "é",
                                                  "É", "ſ", "s",  "S",  "K", "k", "İ",  "ı",  "i", "ß",
                                                  "ⱥ", "Ⱥ", "中", "😀", "²", "́",  "\\", "\"", "/"};
    const size_t kinds = below(3) == 0 ? 9 : std::size(kCharacters);
    std::string result;
    for (size_t left = below(length + 1); left; --left) result += kCharacters[below(kinds)];
    return result;
  }

 private:
  uint64_t seed_;
  testing::ScopedTrace trace_;
  std::mt19937_64 bits_;
};

// Runs `body` once with each target of this CPU active, and leaves the best one active.
template <class Body>
void for_each_target(Body body) {
  for (const Kernels* target : available_targets()) {
    ASSERT_TRUE(force_target(target->name));
    SCOPED_TRACE(std::string("target ") + target->name);
    body(*target);
  }
  ASSERT_TRUE(force_target(available_targets().back()->name));
}

}  // namespace kqlc::simd::oracle
