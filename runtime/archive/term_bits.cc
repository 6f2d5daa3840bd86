// SPDX-License-Identifier: Apache-2.0
//
// What a text gives and what a needle asks for are found by the same two walks, over terms and over grams.
#include "runtime/archive/term_bits.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "runtime/simd/unicode.h"

namespace kqlc::archive {
namespace {

// Characters of a gram: README.md says what others would give.
constexpr size_t kGramBytes = 4;
constexpr uint64_t kGramMask = (uint64_t{1} << (8 * kGramBytes)) - 1;
// Bits that each sets in its word, and the most bits that may be set when a bitmap is folded: with them a
// term has 13 to 27 bits, a gram 7 to 14.
constexpr int kTermBits = 4, kGramBits = 2;
constexpr double kMostTerms = 0.26, kMostGrams = 0.25;
constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;
constexpr uint64_t kWholeText = 1;  // seed: a text is not the term that looks like it

enum : uint8_t { kOther, kTermByte, kNotAscii };

constexpr std::array<uint8_t, 256> kKinds = [] {
  std::array<uint8_t, 256> kinds{};
  for (int c = 0; c < 256; ++c) {
    const bool is_term = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    kinds[static_cast<size_t>(c)] = c >= 0x80 ? kNotAscii : is_term ? kTermByte : kOther;
  }
  return kinds;
}();

uint8_t kind_of(char c) { return kKinds[static_cast<uint8_t>(c)]; }

void fold(std::string_view text, std::string& out) {
  out.resize(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    out[i] = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  }
}

// Calls `visit` with begin and end of each run of ASCII letters and digits until it returns false; returns
// whether it never did.
template <class Visit>
bool visit_terms(std::string_view text, Visit visit) {
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && kind_of(text[end]) == kTermByte) ++end;
    if (end > begin && !visit(begin, end)) return false;
    begin = end + 1;
  }
  return true;
}

// The same with a number for each run of kGramBytes ASCII characters.
template <class Visit>
bool visit_grams(std::string_view text, Visit visit) {
  uint64_t gram = 0;
  size_t length = 0;
  for (char c : text) {
    gram = (gram << 8 | static_cast<uint8_t>(c)) & kGramMask;
    length = kind_of(c) == kNotAscii ? 0 : length + 1;
    if (length >= kGramBytes && !visit(gram)) return false;
  }
  return true;
}

uint64_t hash_term(std::string_view folded) { return XXH3_64bits(folded.data(), folded.size()); }
uint64_t hash_text(std::string_view folded) {
  return XXH3_64bits_withSeed(folded.data(), folded.size(), kWholeText);
}
uint64_t hash_gram(uint64_t gram) {
  const uint64_t mixed = gram * kMultiplier;
  return mixed ^ mixed >> 32;
}

// The word of a hash in a bitmap of 2^log2 bits, and its bits there.
size_t word_of(uint64_t hash, uint8_t log2) { return hash >> 32 & ((uint64_t{1} << log2) / 64 - 1); }
template <int kBits>
uint64_t bits_of(uint64_t hash) {
  uint64_t bits = 0;
  for (int i = 0; i < kBits; ++i) bits |= uint64_t{1} << (hash >> (6 * i) & 63);
  return bits;
}

template <int kBits>
void set(std::vector<uint64_t>& words, uint8_t log2, uint64_t hash) {
  uint64_t& word = words[word_of(hash, log2)];
  const uint64_t bits = bits_of<kBits>(hash);
  word |= bits;
}

template <int kBits>
bool has(const char* words, uint8_t log2, uint64_t hash) {
  uint64_t word;
  std::memcpy(&word, words + 8 * word_of(hash, log2), sizeof word);
  const uint64_t bits = bits_of<kBits>(hash);
  return (word & bits) == bits;
}

size_t count_set(const std::vector<uint64_t>& bits, size_t words, size_t half) {
  size_t count = 0;
  for (size_t i = 0; i < words; ++i) count += static_cast<size_t>(std::popcount(bits[i] | bits[i + half]));
  return count;
}

// Folds a bitmap of 2^log2 bits in half while it stays sparse, appends it and clears it. Returns its size.
uint8_t append_folded(std::vector<uint64_t>& bits, uint8_t log2, double most, std::string& out) {
  while (log2 > kLeastLog2) {
    const size_t half = (size_t{1} << (log2 - 1)) / 64;
    if (static_cast<double>(count_set(bits, half, half)) > most * static_cast<double>(half * 64)) break;
    for (size_t i = 0; i < half; ++i) bits[i] |= bits[i + half];
    --log2;
  }
  out.append(reinterpret_cast<const char*>(bits.data()), (size_t{1} << log2) / 8);
  std::ranges::fill(bits, 0);
  return log2;
}

// Whether no letter or digit can stand directly before (after) a needle where it fits, if it begins (ends)
// with one.
bool is_closed_before(simd::Match match) {
  return match != simd::Match::Contains && match != simd::Match::HasSuffix && match != simd::Match::EndsWith;
}
bool is_closed_after(simd::Match match) {
  return match != simd::Match::Contains && match != simd::Match::HasPrefix &&
         match != simd::Match::StartsWith;
}

bool is_term(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return kind_of(c) == kTermByte; });
}

bool pattern_may_hold(const TermBits& bits, const simd::Pattern& pattern) {
  std::string text;
  fold(pattern.text, text);
  const std::string_view needle = text;
  const bool before = is_closed_before(pattern.match), after = is_closed_after(pattern.match);
  auto has_term = [&](uint64_t hash) { return has<kTermBits>(bits.terms, bits.terms_log2, hash); };
  auto has_gram = [&](uint64_t gram) { return has<kGramBits>(bits.grams, bits.grams_log2, hash_gram(gram)); };
  const bool has_terms = visit_terms(needle, [&](size_t begin, size_t end) {
    const bool is_whole = (begin > 0 || before) && (end < needle.size() || after);
    return !is_whole || has_term(hash_term(needle.substr(begin, end - begin)));
  });
  if (!has_terms || !visit_grams(needle, has_gram)) return false;
  // Characters that are not ASCII have other cases, which no bit knows.
  const bool is_exact = pattern.letter_case != simd::Case::Ignored || simd::is_ascii(needle);
  if (pattern.match != simd::Match::Equals || !is_exact || is_term(needle)) return true;
  return has_term(hash_text(needle));
}

}  // namespace

bool TermBits::may_hold(const simd::Condition& condition) const {
  auto holds = [&](const simd::Pattern& pattern) { return pattern_may_hold(*this, pattern); };
  return condition.all ? std::ranges::all_of(condition.patterns, holds)
                       : std::ranges::any_of(condition.patterns, holds);
}

TermCollector::TermCollector()
    : terms_((size_t{1} << kMostTermsLog2) / 64), grams_((size_t{1} << kMostGramsLog2) / 64) {}

void TermCollector::add(std::string_view text) {
  fold(text, folded_);
  const std::string_view folded = folded_;
  auto add_term = [&](uint64_t hash) { set<kTermBits>(terms_, kMostTermsLog2, hash); };
  visit_terms(folded, [&](size_t begin, size_t end) {
    add_term(hash_term(folded.substr(begin, end - begin)));
    return true;
  });
  if (!is_term(folded)) add_term(hash_text(folded));
  visit_grams(folded, [&](uint64_t gram) {
    set<kGramBits>(grams_, kMostGramsLog2, hash_gram(gram));
    return true;
  });
}

TermBits TermCollector::finish(std::string& out) {
  TermBits bits;
  bits.terms_log2 = append_folded(terms_, kMostTermsLog2, kMostTerms, out);
  bits.grams_log2 = append_folded(grams_, kMostGramsLog2, kMostGrams, out);
  return bits;
}

}  // namespace kqlc::archive
