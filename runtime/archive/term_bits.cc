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

// Folds a bitmap of 2^log2 bits in half while it stays sparse. Returns log2 of its new size.
uint8_t fold_bits(std::vector<uint64_t>& bits, uint8_t log2, double most_set) {
  for (; log2 > kLeastLog2; --log2) {
    const size_t half = (size_t{1} << (log2 - 1)) / 64;
    if (static_cast<double>(count_set(bits, half, half)) > most_set * static_cast<double>(half * 64)) break;
    for (size_t i = 0; i < half; ++i) bits[i] |= bits[i + half];
  }
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
  auto has_term = [&](uint64_t hash) { return has<kTermForm.bits_each>(bits.terms, bits.terms_log2, hash); };
  auto has_gram = [&](uint64_t gram) {
    return has<kGramForm.bits_each>(bits.grams, bits.grams_log2, hash_gram(gram));
  };
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

template <BitmapForm kForm>
void BitCollector<kForm>::set(uint64_t hash, uint8_t log2) {
  words_[word_of(hash, log2)] |= bits_of<kForm.bits_each>(hash);
}

template <BitmapForm kForm>
void BitCollector<kForm>::spill(uint8_t log2) {
  words_.assign((size_t{1} << log2) / 64, 0);
  for (uint64_t hash : listed_) set(hash, log2);
  listed_.clear();
}

template <BitmapForm kForm>
void BitCollector<kForm>::add(uint64_t hash) {
  if (!is_listed_) return set(hash, kForm.most_log2);
  listed_.push_back(hash);
  if (listed_.size() < kForm.most_listed) return;
  spill(kForm.most_log2);
  is_listed_ = false;
}

template <BitmapForm kForm>
uint8_t BitCollector<kForm>::finish(std::string& out) {
  uint8_t log2 = kForm.most_log2;
  if (is_listed_) {
    // Larger bitmaps would be folded to this size, whatever the hashes are.
    const double most_bits = static_cast<double>(listed_.size()) * kForm.bits_each;
    while (log2 > kLeastLog2 && most_bits <= kForm.most_set * static_cast<double>(size_t{1} << (log2 - 1)))
      --log2;
    spill(log2);
  }
  log2 = fold_bits(words_, log2, kForm.most_set);
  out.append(reinterpret_cast<const char*>(words_.data()), (size_t{1} << log2) / 8);
  is_listed_ = true;
  return log2;
}

void TermCollector::add(std::string_view text) {
  fold(text, folded_);
  const std::string_view folded = folded_;
  visit_terms(folded, [&](size_t begin, size_t end) {
    terms_.add(hash_term(folded.substr(begin, end - begin)));
    return true;
  });
  if (!is_term(folded)) terms_.add(hash_text(folded));
  visit_grams(folded, [&](uint64_t gram) {
    grams_.add(hash_gram(gram));
    return true;
  });
}

TermBits TermCollector::finish(std::string& out) {
  TermBits bits;
  bits.terms_log2 = terms_.finish(out);
  bits.grams_log2 = grams_.finish(out);
  return bits;
}

}  // namespace kqlc::archive
