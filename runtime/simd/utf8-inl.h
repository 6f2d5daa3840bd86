// SPDX-License-Identifier: Apache-2.0
//
// Whether bytes are UTF-8, over any vector. In: bytes. Out: yes or no. Runs of ASCII are passed over; other
// blocks are looked at as a whole: each byte together with the one before it is one of few mistakes by three
// table look-ups (their high and low nibbles), and the third and fourth bytes of characters are those that
// the bytes two and three before them ask for. Source: Keiser, Lemire, "Validating UTF-8 In Less Than One
// Instruction Per Byte", 2021. Departure: the bytes before are loaded, not shifted in, and which of them ask
// for a third or fourth byte is looked up as well.
#pragma once

#include "runtime/simd/search-inl.h"

namespace kqlc::simd {
namespace {

// What two bytes that follow each other may be; a mistake where all three look-ups agree.
enum Utf8Pair : uint8_t {
  kTooShort = 1,            // a lead byte or ASCII where a character goes on
  kTooLong = 2,             // ASCII, then a continuation
  kOverlong3 = 4,           // E0 and less than A0
  kTooLarge = 8,            // F4 and more than 8F, or a larger lead byte
  kSurrogate = 16,          // ED and more than 9F
  kOverlong2 = 32,          // C0, C1
  kOutOfPlanes = 64,        // F5 or more and 8x; F0 and less than 90
  kTwoContinuations = 128,  // right only where a third or fourth byte is asked for
};
constexpr uint8_t kAnyLow = kTooShort | kTooLong | kTwoContinuations;
constexpr uint8_t kHighLow = kAnyLow | kTooLarge | kOutOfPlanes;
constexpr uint8_t kContinues = kTooLong | kOverlong2 | kTwoContinuations;

struct Utf8Tables {
  uint8_t first_high[16] = {kTooLong,
                            kTooLong,
                            kTooLong,
                            kTooLong,
                            kTooLong,
                            kTooLong,
                            kTooLong,
                            kTooLong,
                            kTwoContinuations,
                            kTwoContinuations,
                            kTwoContinuations,
                            kTwoContinuations,
                            kTooShort | kOverlong2,
                            kTooShort,
                            kTooShort | kOverlong3 | kSurrogate,
                            kTooShort | kTooLarge | kOutOfPlanes};
  uint8_t first_low[16] = {kAnyLow | kOverlong3 | kOverlong2 | kOutOfPlanes,
                           kAnyLow | kOverlong2,
                           kAnyLow,
                           kAnyLow,
                           kAnyLow | kTooLarge,
                           kHighLow,
                           kHighLow,
                           kHighLow,
                           kHighLow,
                           kHighLow,
                           kHighLow,
                           kHighLow,
                           kHighLow,
                           kHighLow | kSurrogate,
                           kHighLow,
                           kHighLow};
  uint8_t second_high[16] = {kTooShort,
                             kTooShort,
                             kTooShort,
                             kTooShort,
                             kTooShort,
                             kTooShort,
                             kTooShort,
                             kTooShort,
                             kContinues | kOverlong3 | kOutOfPlanes,
                             kContinues | kOverlong3 | kTooLarge,
                             kContinues | kSurrogate | kTooLarge,
                             kContinues | kSurrogate | kTooLarge,
                             kTooShort,
                             kTooShort,
                             kTooShort,
                             kTooShort};
  uint8_t asks_third[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, kTwoContinuations, kTwoContinuations};
  uint8_t asks_fourth[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, kTwoContinuations};
};
constexpr Utf8Tables kUtf8Tables;

constexpr size_t kUtf8Before = 3;  // bytes before a block that say what is asked for in it

template <class V>
struct Utf8Check {
  typename V::Table first_high = V::load_table(kUtf8Tables.first_high);
  typename V::Table first_low = V::load_table(kUtf8Tables.first_low);
  typename V::Table second_high = V::load_table(kUtf8Tables.second_high);
  typename V::Table asks_third = V::load_table(kUtf8Tables.asks_third);
  typename V::Table asks_fourth = V::load_table(kUtf8Tables.asks_fourth);

  // Whether the block at p has no mistake, but maybe a character that goes on behind it. Requires: the three
  // bytes before it can be read.
  bool operator()(const char* p) const {
    constexpr uint64_t kAll = V::kBytes == 64 ? ~uint64_t{0} : (uint64_t{1} << (V::kBytes % 64)) - 1;
    const V before = V::load(p - 1);
    const V mistakes = V::meet(V::meet(V::look_up(first_high, before, 1), V::look_up(first_low, before, 0)),
                               V::look_up(second_high, V::load(p), 1));
    const V asked =
        V::either(V::look_up(asks_third, V::load(p - 2), 1), V::look_up(asks_fourth, V::load(p - 3), 1));
    return V::mask(V::equal(mistakes, asked)) == kAll;
  }
};

template <class V>
bool has_high_bit(V v) {
  return !V::none(V::nonzero(V::meet(v, V::splat(0x80))));
}

// Whether one of the three bytes before p is none of ASCII, so that a character may go on at p.
inline bool may_go_on(const char* p) {
  return (static_cast<uint8_t>(p[-1]) | static_cast<uint8_t>(p[-2]) | static_cast<uint8_t>(p[-3])) >= 0x80;
}

// Up to kBytes bytes at p, with zeros before the text's begin and behind its end.
template <class V>
bool check_copied(const Utf8Check<V>& check, const char* begin, const char* p, const char* end) {
  char bytes[kUtf8Before + V::kBytes] = {};
  const size_t before =
      static_cast<size_t>(p - begin) < kUtf8Before ? static_cast<size_t>(p - begin) : kUtf8Before;
  const size_t left = static_cast<size_t>(end - p) < V::kBytes ? static_cast<size_t>(end - p) : V::kBytes;
  memcpy(bytes + kUtf8Before - before, p - before, before + left);
  return check(bytes + kUtf8Before);
}

template <class V>
bool is_utf8(const char* begin, const char* end) {
  constexpr size_t kStep = 4;
  const Utf8Check<V> check;
  if (begin != end && !check_copied(check, begin, begin, end)) return false;
  if (static_cast<size_t>(end - begin) < V::kBytes) return true;
  const char* p = begin + V::kBytes;
  while (static_cast<size_t>(end - p) >= V::kBytes) {
    const bool wide = static_cast<size_t>(end - p) >= kStep * V::kBytes;
    V any = V::load(p);
    for (size_t i = 1; wide && i < kStep; ++i) any = V::either(any, V::load(p + i * V::kBytes));
    if (has_high_bit(any) || may_go_on(p)) {
      if (!check(p)) return false;
      p += V::kBytes;
    } else {
      p += wide ? kStep * V::kBytes : V::kBytes;
    }
  }
  // A zero behind the end shows a character that is cut there.
  return check_copied(check, begin, p, end);
}

}  // namespace
}  // namespace kqlc::simd
