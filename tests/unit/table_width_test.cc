// SPDX-License-Identifier: Apache-2.0
//
// Tables on a terminal: what gives way when a row is wider than it.
#include "cli/table_width.h"

#include <gtest/gtest.h>

#include "runtime/base/printable.h"

namespace kqlc::cli {
namespace {

using Widths = std::vector<size_t>;

TEST(TableWidth, TheWidestColumnsGive) {
  Widths widths = {10, 4, 300, 60};
  EXPECT_TRUE(fit_widths(widths, 80));
  EXPECT_EQ(widths, (Widths{10, 4, 30, 30}));
  EXPECT_FALSE(fit_widths(widths, 80));
  EXPECT_EQ(widths, (Widths{10, 4, 30, 30}));
}

TEST(TableWidth, WhatHasNoRoomIsTakenAway) {
  Widths widths(20, 100);
  EXPECT_TRUE(fit_widths(widths, 80));
  EXPECT_EQ(widths, Widths(8, 8));
  Widths one = {100};
  EXPECT_TRUE(fit_widths(one, 5));
  EXPECT_EQ(one, Widths{5});
  Widths none;
  EXPECT_FALSE(fit_widths(none, 80));
}

TEST(TableWidth, CutTextsEndWithAnEllipsis) {
  EXPECT_EQ(cut_text("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_text("abcdef", 5), "abcd\u2026");
  // Wide characters take two columns, and no character is cut in two.
  EXPECT_EQ(cut_text("\u4e2d\u6587\u5b57", 4), "\u4e2d\u2026");
  EXPECT_EQ(display_width(cut_text("\u4e2d\u6587\u5b57", 5)), 5u);
}

}  // namespace
}  // namespace kqlc::cli
