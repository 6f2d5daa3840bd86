// SPDX-License-Identifier: Apache-2.0
//
// Literals of regular expressions: what is found of known patterns, and that no match is lost: random
// patterns against random texts, as the engine itself decides. The random test prints its seed.
#include "compiler/ir/regex_literals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "runtime/functions/match.h"
#include "runtime/simd/needle.h"

namespace kqlc::ir {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> of(std::string_view pattern) { return required_literals(pattern, 3); }

TEST(RegexLiterals, OfCommonPatterns) {
  EXPECT_THAT(of("powershell"), UnorderedElementsAre("powershell"));
  EXPECT_THAT(of("(?:cmd|PowerShell)\\.exe"), UnorderedElementsAre("cmd.exe", "powershell.exe"));
  EXPECT_THAT(of("^C:\\\\Users\\\\[^\\\\]+\\\\AppData\\\\"), UnorderedElementsAre("c:\\users\\"));
  EXPECT_THAT(of("a.*bcde.*fg"), UnorderedElementsAre("bcde"));
  EXPECT_THAT(of("ab[0-3]d"), UnorderedElementsAre("ab0d", "ab1d", "ab2d", "ab3d"));
  EXPECT_THAT(of("(?i)task"),
              UnorderedElementsAre("task", "ta\xC5\xBFk", "tas\xE2\x84\xAA", "ta\xC5\xBF\xE2\x84\xAA"));
  EXPECT_THAT(of("x{3}"), UnorderedElementsAre("xxx"));
  EXPECT_THAT(of("(ab){2,5}c"), UnorderedElementsAre("abab"));
  EXPECT_THAT(of("(?P<tool>mimi)(?<what>katz)?"), UnorderedElementsAre("mimi"));
  EXPECT_THAT(of("\\bnet\\x20user\\b"), UnorderedElementsAre("net user"));
  EXPECT_THAT(of("gr\xC3\xB6\xC3\x9F"
                 "e"),
              UnorderedElementsAre("gr\xC3\xB6\xC3\x9F"
                                   "e"));
  const auto encoded = of("(?i)-e(nc|ncodedcommand)?\\s+[A-Za-z0-9+/=]{40,}");
  EXPECT_THAT(encoded, Contains("-enc"));
  EXPECT_THAT(encoded, Contains("-e "));
  EXPECT_EQ(encoded.size(), 26u);
}

TEST(RegexLiterals, NothingIsSaidOfWhatIsNotKnown) {
  for (const char* pattern : {"",
                              ".*",
                              "ab",
                              "a|bcd",
                              "(abc)?",
                              "(abc)*",
                              "[a-z]+",
                              "\\d+\\w+",
                              "(?x) a b c",
                              "(?-u)abc",
                              "[[:alpha:]]bcd",
                              "[a&&b]cde",
                              "\\pLbc|x",
                              "abc{",
                              "(abc",
                              "[abc",
                              "abc)",
                              "*abc",
                              "\\Qabc",
                              "(?=abc)",
                              "abc|",
                              "(?i)\xC3\xA4\xC3\xB6\xC3\xBC"})
    EXPECT_THAT(of(pattern), IsEmpty()) << pattern;
}

std::string random_pattern(std::mt19937& random, int depth) {
  const std::vector<std::string> atoms = {"a",        "b",     "K",      "s",    "[ab]", "[^a]", ".",
                                          "\\s",      "\\w",   "\\.",    "^",    "$",    "\\b",  "[a-c]",
                                          "\xC3\xA4", "\\x61", "[\\s-]", "[]a]", "[a-]", "abc",  "ab k",
                                          "\\x{73}",  "(?:)",  "[k-s]",  "\\d",  "bca"};
  std::string out;
  for (int i = 0, count = 1 + static_cast<int>(random() % 4); i < count; ++i) {
    std::string atom = atoms[random() % atoms.size()];
    if (depth > 0 && random() % 3 == 0) {
      const char* opens[] = {"(", "(?:", "(?i:", "(?P<n", "(?s-m:"};
      const size_t open = random() % 5;
      static int names = 0;
      atom = opens[open] + (open == 3 ? std::to_string(++names) + ">" : std::string()) +
             random_pattern(random, depth - 1) +
             (random() % 2 ? "|" + random_pattern(random, depth - 1) : "") + ")";
    }
    const std::vector<std::string> repeats = {"*",     "+",    "?",  "{2}", "{1,3}",
                                              "{0,2}", "{2,}", "+?", "*?",  "{0}"};
    if (random() % 3 == 0) atom += repeats[random() % repeats.size()];
    out += atom;
  }
  return out;
}

TEST(RegexLiterals, NoMatchIsLost) {
  std::mt19937 random(7);
  const std::vector<std::string> letters = {
      "a", "b", "c", "A",        "K",        "k", "s",  "\xC5\xBF", "\xE2\x84\xAA", " ",    "\t",
      ".", "-", "]", "\xC3\xA4", "\xC3\x84", "1", "\n", "\xC2\xA0", "abc",          "ab k", "bca"};
  int compiled = 0, said = 0, matched = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string pattern = random_pattern(random, 2);
    if (random() % 3 == 0) pattern = "(?i)" + pattern;
    Arena arena;
    const char* error = nullptr;
    std::unique_ptr<functions::Regex> regex(
        functions::Regex::compile(Str(std::string_view(pattern)), arena, &error));
    if (!regex) continue;
    ++compiled;
    for (size_t least : {1, 3}) {
      const std::vector<std::string> literals = required_literals(pattern, least);
      said += !literals.empty();
      for (int i = 0; !literals.empty() && i < 40; ++i) {
        std::string text;
        for (size_t count = random() % 14; count--;) text += letters[random() % letters.size()];
        if (!regex->matches(Str(std::string_view(text)))) continue;
        ++matched;
        EXPECT_TRUE(std::ranges::any_of(literals,
                                        [&](const std::string& literal) {
                                          return simd::PreparedNeedle(simd::Match::Contains,
                                                                      simd::Case::IgnoredInAscii, literal)
                                              .matches(Str(std::string_view(text)));
                                        }))
            << "seed 7: " << pattern << " matches '" << text << "'";
      }
    }
  }
  EXPECT_GT(compiled, 3000);
  EXPECT_GT(said, 1000);
  EXPECT_GT(matched, 2000);
}

}  // namespace
}  // namespace kqlc::ir
