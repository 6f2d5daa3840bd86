// SPDX-License-Identifier: Apache-2.0
//
// Text for a terminal: what would move its cursor or change its colours comes out as escapes.
#include "runtime/base/printable.h"

#include <gtest/gtest.h>

namespace kqlc {
namespace {

TEST(Printable, ControlCharactersAreEscaped) {
  EXPECT_EQ(printable("a\x1b[31m\n\t\x7f"), "a\\x1b[31m\\x0a\\x09\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u009b31m");
  EXPECT_EQ(printable("\x9b"
                      "31m\xff"),
            "\\x9b31m\\xff");
  EXPECT_EQ(printable("Z\xc3\xbcrich \xe6\x97\xa5"), "Z\xc3\xbcrich \xe6\x97\xa5");
}

}  // namespace
}  // namespace kqlc
