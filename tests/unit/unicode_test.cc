// SPDX-License-Identifier: Apache-2.0
//
// Repair of text that is no UTF-8 (the cases are tables 3-8 to 3-11 of the Unicode Standard, 3.9), and which
// characters are letters and digits.
#include "runtime/simd/unicode.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <random>

#include "runtime/simd/targets.h"

namespace kqlc::simd {
namespace {

// Marks each U+FFFD by `?`.
std::string repaired(std::string_view text) {
  std::string out = repair_utf8(text);
  for (size_t i = out.find("\xEF\xBF\xBD"); i != out.npos; i = out.find("\xEF\xBF\xBD", i))
    out.replace(i, 3, "?");
  return out;
}

TEST(Unicode, OneReplacementForAMaximalSubpart) {
  EXPECT_EQ(repaired("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), "????????A");
  EXPECT_EQ(repaired("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), "????????A");
  EXPECT_EQ(repaired("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), "?????A??B");
  EXPECT_EQ(repaired("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "????A");
  // Cut at the end of the text, and followed by a character.
  EXPECT_EQ(repaired("\xF0\x9F\x98"), "?");
  EXPECT_EQ(repaired("\xC3"), "?");
  EXPECT_EQ(repaired("\xE2\x82\xC3\xA9"), "?\xC3\xA9");
  EXPECT_EQ(repaired("a\xC3\xA9\xF0\x9F\x98\x80"), "a\xC3\xA9\xF0\x9F\x98\x80");
}

TEST(Unicode, LettersAndDigitsAreThoseOfUtf8proc) {
  for (int round = 0; round < 2; ++round) {  // the second time from the bits kept
    for (uint32_t code = 0; code < kInvalidByte; ++code) {
      const char* category = utf8proc_category_string(static_cast<utf8proc_int32_t>(code));
      ASSERT_EQ(is_alphanumeric(code), category[0] == 'L' || category[0] == 'N') << code;
    }
  }
  EXPECT_FALSE(is_alphanumeric(kInvalidByte));
  EXPECT_FALSE(is_alphanumeric(kInvalidByte + 0xff));
}

// Character by character.
bool decodes(std::string_view text) {
  const char* end = text.data() + text.size();
  for (const char* place = text.data(); place != end;) {
    const Character character = decode_character(place, end);
    if (character.code >= kInvalidByte) return false;
    place += character.size;
  }
  return true;
}

// `text` among ASCII, so that it lies across each border of blocks, and at the begin and the end.
void expect_same_on_all_targets(const std::string& text) {
  const bool expected = decodes(text);
  for (const Kernels* target : available_targets())
    for (size_t before : {0, 1, 5, 7, 13, 31, 60, 61, 62, 63, 64, 127, 253, 254, 255, 256, 511})
      for (size_t behind : {0, 1, 3, 40, 300}) {
        const std::string all = std::string(before, 'a') + text + std::string(behind, 'b');
        ASSERT_EQ(target->is_utf8(all.data(), all.data() + all.size()), expected)
            << target->name << ", " << before << " bytes before: " << testing::PrintToString(text);
      }
}

TEST(Unicode, EachTargetKnowsUtf8) {
  // Every pair of bytes, and those of three and four bytes at the borders of what is allowed.
  for (int first = 0x7f; first < 0x100; ++first)
    for (int second : {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xff})
      for (const char* more : {"", "\x80", "\x80\xbf", "\xbf\x80\x80"})
        expect_same_on_all_targets(std::string{static_cast<char>(first), static_cast<char>(second)} + more);
}

TEST(Unicode, EachTargetKnowsUtf8OfRandomTexts) {
  const unsigned seed = 20261129;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {"a",
                                           "plain text of some length ",
                                           "\xC3\xA9",
                                           "\xE6\xA0\xAA",
                                           "\xF0\x9F\x98\x80",
                                           std::string(150, 'x')};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (int left = static_cast<int>(random() % 40); left > 0; --left)
      text += pieces[random() % pieces.size()];
    if (!text.empty() && random() % 2) text[random() % text.size()] = static_cast<char>(random());
    if (random() % 3 == 0) text.resize(text.size() - std::min<size_t>(text.size(), random() % 4));
    const bool expected = decodes(text);
    for (const Kernels* target : available_targets())
      ASSERT_EQ(target->is_utf8(text.data(), text.data() + text.size()), expected)
          << target->name << ": " << testing::PrintToString(text);
    ASSERT_EQ(is_utf8(text), expected);
  }
}

}  // namespace
}  // namespace kqlc::simd
