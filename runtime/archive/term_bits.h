// SPDX-License-Identifier: Apache-2.0
//
// What the texts of a column of a chunk may hold. In: texts. Out: bits, of which a condition on texts is
// asked; "no" is certain, "yes" is not. The one idea: each text gives its terms (runs of ASCII letters and
// digits), itself, and each run of kGramBytes characters, all without regard to the case of ASCII letters;
// whoever fits a condition holds such parts of its needles, whatever else it holds. Each sets some bits of a
// word of 64 (a blocked Bloom filter), terms and whole texts in one bitmap, grams in another; both are made
// as large as they may become and then folded in half as long as they stay sparse, so that nothing needs to
// be counted before. Few of them are kept in a list until it is known how large that is: a chunk of twenty
// rows does not fold megabytes.
//
// It stands on what simd's operators mean: a character that is not ASCII never fits an ASCII one, in whatever
// case, so what is no ASCII letter or digit in a needle is none where the needle fits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/simd/conditions.h"

namespace kqlc::archive {

// Bits of one column; a view. Sizes are powers of two.
struct TermBits {
  const char* terms = nullptr;
  const char* grams = nullptr;
  uint8_t terms_log2 = 0, grams_log2 = 0;  // of the number of bits

  // Bytes of both, which lie one behind the other.
  size_t size() const { return (size_t{1} << terms_log2) / 8 + (size_t{1} << grams_log2) / 8; }
  // Whether one of the texts may hold the condition. Requires: it is not negated.
  bool may_hold(const simd::Condition& condition) const;
};

// Bounds of the sizes: 64 bytes; 4 MiB of terms and 1 MiB of grams.
inline constexpr uint8_t kLeastLog2 = 9, kMostTermsLog2 = 25, kMostGramsLog2 = 23;

// What a bitmap takes of each hash, and when it is folded.
struct BitmapForm {
  int bits_each;       // that a hash sets in its word
  double most_set;     // the most bits, of all, that may be set after it was folded
  uint8_t most_log2;   // of the number of bits it begins with
  size_t most_listed;  // hashes that are kept in a list before there is a bitmap
};
// With them a term has 13 to 27 bits, a gram 7 to 14.
inline constexpr BitmapForm kTermForm{4, 0.26, kMostTermsLog2, size_t{1} << 17};
inline constexpr BitmapForm kGramForm{2, 0.25, kMostGramsLog2, size_t{1} << 15};

// The bits of hashes. The same hashes give the same bits, whether they were listed or not.
template <BitmapForm kForm>
class BitCollector {
 public:
  void add(uint64_t hash);
  // Appends the bits of the hashes since the last call to `out`. Returns log2 of their number.
  uint8_t finish(std::string& out);

 private:
  void set(uint64_t hash, uint8_t log2);
  // Sets the bits of what is listed in an empty bitmap of 2^log2 bits.
  void spill(uint8_t log2);

  std::vector<uint64_t> listed_, words_;
  bool is_listed_ = true;
};

// Collects the texts of one column after the other.
class TermCollector {
 public:
  void add(std::string_view text);
  // Appends the bits of the texts since the last call to `out`, terms first, and forgets them. The pointers
  // of the result are not set.
  TermBits finish(std::string& out);

 private:
  BitCollector<kTermForm> terms_;
  BitCollector<kGramForm> grams_;
  std::string folded_;
};

}  // namespace kqlc::archive
