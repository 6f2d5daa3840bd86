// SPDX-License-Identifier: Apache-2.0
//
// Repair of text that is no UTF-8 (the cases are tables 3-8 to 3-11 of the Unicode Standard, 3.9), and which
// characters are letters and digits.
#include "runtime/simd/unicode.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

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

}  // namespace
}  // namespace kqlc::simd
