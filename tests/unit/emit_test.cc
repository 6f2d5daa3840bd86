// SPDX-License-Identifier: Apache-2.0
//
// The emitter's code, by counting its calls: what a row needs twice is computed once, what stands behind a
// branch only there, and code does not grow with every level of nesting.
#include <gtest/gtest.h>

#include "tests/unit/unit_fixture.h"

namespace kqlc {
namespace {

std::string emit(const std::string& text) { return codegen::print_code(*codegen::make_unit(text)); }

// How often `function` is called in a module at O0.
size_t count_calls(const std::string& module, std::string_view function) {
  size_t count = 0;
  for (size_t slot = 0; slot < function_table().size(); ++slot) {
    if (function != function_table()[slot].spec.name) continue;
    std::string call = "call void @" + codegen::slot_symbol(slot, false) + "(";
    for (size_t at = module.find(call); at != std::string::npos; at = module.find(call, at + 1)) ++count;
  }
  return count;
}

TEST(Emit, WhatIsNeededTwiceIsComputedOnce) {
  EXPECT_EQ(count_calls(emit("T | project A = strlen(Name) + 1, B = strlen(Name) * 2"), "strlen"), 1u);
  EXPECT_EQ(count_calls(emit("T | where strlen(Name) > Size | project strlen(Name), Size"), "strlen"), 1u);
  EXPECT_EQ(count_calls(
                emit("T | extend L = strlen(Name) | where L > Size or L < Size - 9 | summarize max(L) by L"),
                "strlen"),
            1u);
  EXPECT_EQ(count_calls(emit("T | where case(strlen(Name) > Size, strlen(Name) < 9, Size == 1)"), "strlen"),
            1u);
}

TEST(Emit, ABranchKnowsItsOwnValuesOnly) {
  EXPECT_EQ(count_calls(emit("T | where Size > 1 or strlen(Name) > 3 or strlen(Name) == 2"), "strlen"), 1u);
  EXPECT_EQ(count_calls(emit("T | project A = iff(Size > 1, strlen(Name), 0), B = strlen(Name)"), "strlen"),
            2u);
  EXPECT_EQ(count_calls(
                emit("T | project A = iff(Size > 1, strlen(Name), Size), B = iff(Size > 1, 0, strlen(Name))"),
                "strlen"),
            2u);
}

TEST(Emit, NestedBranchesDoNotMultiplyTheCode) {
  std::string query = "T | extend x0 = Size";
  for (int i = 1; i <= 60; ++i) {
    std::string before = "x" + std::to_string(i - 1);
    query += " | extend x" + std::to_string(i) + " = case(Size > " + std::to_string(i) + ", " + before +
             " + 1, Size < 0, " + before + " + 2, " + before + " + 3)";
  }
  EXPECT_LT(emit(query + " | where x60 > 0 | project x60").size(), 4'000'000u);
}

}  // namespace
}  // namespace kqlc
