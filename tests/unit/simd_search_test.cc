// SPDX-License-Identifier: Apache-2.0
//
// The SIMD routines for one needle against the oracle: every target, every alignment of the text, every
// length of the tail, memory that faults outside of the text; columns in each physical form; the meaning of
// terms and of case.
#include <array>

#include "runtime/simd/conditions.h"
#include "runtime/simd/predicates.h"
#include "runtime/simd/unicode.h"
#include "tests/unit/simd_oracle.h"

namespace kqlc::simd {
namespace {

using oracle::for_each_target;
using oracle::GuardedBytes;
using oracle::Random;

TEST(SimdTargets, ForcedByNameOrRefused) {
  EXPECT_TRUE(force_target("scalar"));
  EXPECT_STREQ(kernels().name, "scalar");
  EXPECT_FALSE(force_target("mmx"));
  EXPECT_FALSE(force_target(""));
  EXPECT_STREQ(kernels().name, "scalar");
  for (std::string_view name : target_names()) {
    bool available = false;
    for (const Kernels* target : available_targets()) available |= target->name == name;
    EXPECT_EQ(force_target(name), available) << name;
  }
  EXPECT_TRUE(force_target(available_targets().back()->name));
}

// One needle at every place of texts of every length, at both ends of readable memory: found where it stands,
// and nowhere else.
TEST(SimdFind, EveryLengthAndPlace) {
  for_each_target([](const Kernels& target) {
    for (std::string_view needle_text : {"x", "xy", "xyz", "xyzw7890", "Xylophone-xylophone"}) {
      const PreparedNeedle needle(Match::Contains, Case::Ignored, needle_text);
      for (size_t length = 0; length <= 300; length += length < 140 ? 1 : 13) {
        const std::string blank(length, '.');
        const GuardedBytes none(blank), none_low(blank, true);
        ASSERT_EQ(target.find(needle.search(), none.begin(), none.end()), nullptr) << length;
        ASSERT_EQ(target.find(needle.search(), none_low.begin(), none_low.end()), nullptr) << length;
        const GuardedBytes text(blank);
        for (size_t at = 0; at + needle_text.size() <= length; ++at) {
          std::memcpy(text.begin() + at, needle_text.data(), needle_text.size());
          const char* found = target.find(needle.search(), text.begin(), text.end());
          ASSERT_EQ(found, text.begin() + at) << needle_text << " in " << length << " bytes";
          ASSERT_EQ(target.find_text(needle_text.data(), needle_text.size(), true, text.begin(), text.end()),
                    found);
          if (needle_text.size() > 1) {
            ASSERT_EQ(target.find(needle.search(), text.begin(), text.begin() + at + needle_text.size() - 1),
                      nullptr);
          }
          std::memset(text.begin() + at, '.', needle_text.size());
        }
      }
    }
  });
}

TEST(SimdFind, EveryAlignment) {
  const std::string padding(64, '#');
  for_each_target([&](const Kernels& target) {
    const PreparedNeedle needle(Match::Contains, Case::Sensitive, "needle");
    for (size_t before = 0; before < 64; ++before) {
      for (size_t length : {6, 7, 20, 37, 38, 69, 70, 133, 263}) {
        const std::string text =
            padding.substr(0, before) + std::string(length - 6, '#') + "needle" + padding;
        const char* begin = text.data() + before;
        ASSERT_EQ(target.find(needle.search(), begin, begin + length), begin + length - 6);
        ASSERT_EQ(target.find(needle.search(), begin, begin + length - 1), nullptr);
      }
    }
  });
}

void expect_agreement(Match match, Case letter_case, const std::string& text,
                      const std::string& needle_text) {
  const GuardedBytes bytes(text);
  const PreparedNeedle needle(match, letter_case, needle_text);
  const bool expected = oracle::holds(match, letter_case, text, needle_text);
  ASSERT_EQ(needle.matches({bytes.begin(), text.size()}), expected)
      << "match " << static_cast<int>(match) << " case " << static_cast<int>(letter_case) << " text '" << text
      << "' needle '" << needle_text << "'";
  if (letter_case == Case::IgnoredInAscii) return;  // no predicate has it
  using Predicate = bool (*)(Str, Str) noexcept;
  static constexpr Predicate kPredicates[][2] = {
      {equals_cs, equals}, {contains_cs, contains},   {startswith_cs, startswith}, {endswith_cs, endswith},
      {has_cs, has},       {hasprefix_cs, hasprefix}, {hassuffix_cs, hassuffix}};
  const Predicate predicate = kPredicates[static_cast<int>(match)][letter_case == Case::Ignored];
  const GuardedBytes needle_bytes(needle_text);
  ASSERT_EQ(predicate({bytes.begin(), text.size()}, {needle_bytes.begin(), needle_text.size()}), expected)
      << "unprepared, match " << static_cast<int>(match) << " text '" << text << "' needle '" << needle_text
      << "'";
}

TEST(SimdPredicates, RandomTextsAgreeWithTheOracle) {
  Random random;
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 1500; ++round) {
      const std::string needle = random.text(round % 3 == 0 ? 9 : 3);
      std::string text = random.text(40);
      if (random.below(2)) text += needle + random.text(round % 2 ? 80 : 2);
      for (Match match : oracle::kMatches)
        for (Case letter_case : oracle::kCases)
          ASSERT_NO_FATAL_FAILURE(expect_agreement(match, letter_case, text, needle));
    }
  });
}

// Source: KQL "String operators", what is a term; decisions "Case" and "Terms" in runtime/simd/README.md.
TEST(SimdPredicates, Meaning) {
  const std::string_view terms = "Kusto: ad67d136-c1db-4f9f-88ef-d94f3b6b0b5a;KustoExplorerQueryRun";
  for_each_target([&](const Kernels&) {
    EXPECT_TRUE(has(terms, std::string_view("4F9F")));
    EXPECT_FALSE(has_cs(terms, std::string_view("4F9F")));
    EXPECT_TRUE(has(terms, std::string_view("kusto")));
    EXPECT_FALSE(has(terms, std::string_view("Explorer")));
    EXPECT_TRUE(contains(terms, std::string_view("explorer")));
    EXPECT_TRUE(hasprefix(terms, std::string_view("kustoe")));
    EXPECT_TRUE(hassuffix(terms, std::string_view("queryrun")));
    EXPECT_FALSE(hassuffix_cs(terms, std::string_view("queryrun")));
    EXPECT_TRUE(has(terms, std::string_view("c1db-4f9f")));
    EXPECT_TRUE(has(std::string_view("a.exe -enc x"), std::string_view("-enc")));
    EXPECT_TRUE(has(std::string_view("x-enc"), std::string_view("-enc")));
    EXPECT_FALSE(has(std::string_view("x-encoded"), std::string_view("-enc")));
    EXPECT_TRUE(has(std::string_view("my_tool"), std::string_view("tool"))) << "an underscore ends a term";
    EXPECT_FALSE(has(std::string_view("éDistant Software"), std::string_view("Distant Software")));
    EXPECT_FALSE(has(std::string_view("Distant中"), std::string_view("distant")));
    EXPECT_TRUE(has(std::string_view("“Distant”"), std::string_view("distant")));
    EXPECT_TRUE(has(std::string_view("Distant\xff"), std::string_view("distant")))
        << "no character, no letter";
    EXPECT_TRUE(has(std::string_view("abc"), std::string_view("")));
    EXPECT_TRUE(equals(std::string_view("ÉCOLE"), std::string_view("école")));
    EXPECT_FALSE(equals(std::string_view("ſ"), std::string_view("s")));
    EXPECT_FALSE(equals(std::string_view("\xe2\x84\xaa"), std::string_view("k"))) << "Kelvin sign";
    EXPECT_FALSE(contains(std::string_view("STRASSE"), std::string_view("straße")));
    EXPECT_FALSE(equals(std::string_view("ẞ"), std::string_view("ß"))) << "no simple mapping";
    EXPECT_TRUE(contains(std::string_view("xȺy"), std::string_view("ⱥ"))) << "two bytes fold to three";
    EXPECT_FALSE(equals(std::string_view("[`@"), std::string_view("{@`"))) << "only letters have case";
    EXPECT_EQ(compare_caseless(std::string_view("É"), std::string_view("é")), 0);
    EXPECT_LT(compare_caseless(std::string_view("ab"), std::string_view("ABC")), 0);
  });
}

// A column in each physical form, with rows that are empty, and the same bits from all of them.
struct Forms {
  std::vector<std::string> rows;
  std::string data;
  std::vector<int32_t> offsets{0};
  std::vector<int64_t> large{0};
  std::vector<Str> strs;
  std::vector<std::array<int32_t, 4>> views;

  explicit Forms(std::vector<std::string> values) : rows(std::move(values)) {
    for (const std::string& row : rows) {
      std::array<int32_t, 4> view{static_cast<int32_t>(row.size()), 0, 0, 0};
      if (row.size() <= 12) {
        std::memcpy(&view[1], row.data(), row.size());
      } else {
        std::memcpy(&view[1], row.data(), 4);
        view[3] = static_cast<int32_t>(data.size());
      }
      views.push_back(view);
      data += row;
      offsets.push_back(static_cast<int32_t>(data.size()));
      large.push_back(static_cast<int64_t>(data.size()));
      strs.emplace_back(row);
    }
  }
};

std::vector<uint64_t> bits_of(const PreparedNeedle& needle, const Column& column, size_t rows) {
  std::vector<uint64_t> bits((rows + 63) / 64);
  needle.filter(StringColumn{column, static_cast<int64_t>(rows)}, bits.data());
  return bits;
}

void expect_column(const Forms& forms, Match match, Case letter_case, const std::string& needle_text,
                   size_t skip) {
  const PreparedNeedle needle(match, letter_case, needle_text);
  const size_t rows = forms.rows.size() - skip;
  std::vector<uint64_t> expected((rows + 63) / 64), with_nulls(expected);
  std::vector<uint8_t> validity(forms.rows.size() / 8 + 1, 0xb5);
  const bool empty = oracle::holds(match, letter_case, "", needle_text);
  for (size_t row = 0; row < rows; ++row) {
    const bool holds = oracle::holds(match, letter_case, forms.rows[row + skip], needle_text);
    const bool valid = bit_at(validity.data(), static_cast<int64_t>(row + skip));
    expected[row / 64] |= uint64_t{holds} << row % 64;
    with_nulls[row / 64] |= uint64_t{valid ? holds : empty} << row % 64;
  }
  const GuardedBytes data(forms.data);
  const char* buffers[] = {data.begin()};
  Column column;
  column.data = data.begin();
  column.buffers = buffers;
  column.offset = static_cast<int64_t>(skip);
  const std::pair<Encoding, const void*> encodings[] = {{Encoding::Utf8, forms.offsets.data()},
                                                        {Encoding::LargeUtf8, forms.large.data()},
                                                        {Encoding::Utf8View, forms.views.data()},
                                                        {Encoding::Strs, forms.strs.data()}};
  for (const auto& [encoding, values] : encodings) {
    SCOPED_TRACE("encoding " + std::to_string(static_cast<int>(encoding)) + " needle '" + needle_text +
                 "' match " + std::to_string(static_cast<int>(match)));
    column.encoding = encoding;
    column.values = values;
    column.validity = nullptr;
    ASSERT_EQ(bits_of(needle, column, rows), expected);
    column.validity = validity.data();
    ASSERT_EQ(bits_of(needle, column, rows), with_nulls);
  }
}

TEST(SimdColumns, EveryFormAgreesWithTheOracle) {
  Random random;
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 60; ++round) {
      const std::string needle = random.text(4);
      std::vector<std::string> rows;
      for (size_t left = random.below(200); left; --left)
        rows.push_back(random.below(4) ? random.text(random.below(2) ? 4 : 30)
                                       : random.text(3) + needle + random.text(3));
      const Forms forms(std::move(rows));
      const size_t skip = forms.rows.empty() ? 0 : random.below(forms.rows.size());
      for (Match match : oracle::kMatches)
        for (Case letter_case : oracle::kCases)
          ASSERT_NO_FATAL_FAILURE(expect_column(forms, match, letter_case, needle, skip));
    }
  });
}

TEST(SimdColumns, HitsDoNotCrossRows) {
  const Forms forms({"dist", "ant", "", "distant", "xdistant", "distan", "t distant"});
  for_each_target([&](const Kernels&) {
    std::vector<uint64_t> bits(1);
    PreparedNeedle(Match::Contains, Case::Ignored, "Distant")
        .filter(forms.offsets.data(), forms.data.data(), 7, bits.data());
    EXPECT_EQ(bits[0], 0b1011000u);
    bits[0] = 0;
    PreparedNeedle(Match::Has, Case::Ignored, "Distant")
        .filter(forms.offsets.data(), forms.data.data(), 7, bits.data());
    EXPECT_EQ(bits[0], 0b1001000u);
  });
}

// Strings that follow each other are searched as one text, with what lies between them; others are not.
TEST(SimdColumns, StringsBehindTheirLengths) {
  Random random;
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 60; ++round) {
      const std::string needle = random.text(3);
      const size_t gap = random.below(7);
      std::string data;
      std::vector<std::pair<size_t, size_t>> places;
      std::vector<std::string> texts;
      for (size_t left = 1 + random.below(150); left; --left) {
        std::string text = random.below(3) ? random.text(9) : random.text(2) + needle + random.text(2);
        if (random.below(9) == 0) text.clear();
        data.append(texts.empty() ? 0 : gap, random.below(2) ? '\0' : 'a');
        places.emplace_back(data.size(), text.size());
        data += text;
        texts.push_back(text);
      }
      const GuardedBytes guarded(data);
      std::vector<Str> strs;
      for (const auto& [begin, size] : places) strs.emplace_back(guarded.begin() + begin, size);
      if (random.below(2)) {
        std::swap(strs.front(), strs.back());
        std::swap(texts.front(), texts.back());
      }
      Column column;
      column.encoding = Encoding::Strs;
      column.values = strs.data();
      for (Match match : oracle::kMatches)
        for (Case letter_case : oracle::kCases) {
          std::vector<uint64_t> expected((texts.size() + 63) / 64);
          for (size_t row = 0; row < texts.size(); ++row)
            expected[row / 64] |= uint64_t{oracle::holds(match, letter_case, texts[row], needle)} << row % 64;
          ASSERT_EQ(bits_of(PreparedNeedle(match, letter_case, needle), column, texts.size()), expected)
              << "needle '" << needle << "' match " << static_cast<int>(match) << " gap " << gap;
        }
    }
  });
}

TEST(SimdColumns, DictionaryAndMissing) {
  const Forms values({"powershell.exe", "cmd.exe", ""});
  const int32_t codes[] = {0, 1, 2, 0, 7, 1, 1, 0};  // code 7 stands at a null row
  const uint8_t validity[] = {0b11101111};
  Column dictionary;
  dictionary.encoding = Encoding::Utf8;
  dictionary.values = values.offsets.data();
  dictionary.data = values.data.data();
  Column column;
  column.encoding = Encoding::Dictionary;
  column.values = codes;
  column.validity = validity;
  column.dictionary = &dictionary;
  column.dictionary_size = 3;
  Column missing;
  for_each_target([&](const Kernels&) {
    const PreparedNeedle cmd(Match::StartsWith, Case::Ignored, "CMD");
    const PreparedNeedle empty(Match::Equals, Case::Sensitive, "");
    EXPECT_EQ(bits_of(cmd, column, 8)[0], 0b01100010u);
    EXPECT_EQ(bits_of(empty, column, 8)[0], 0b00010100u);
    EXPECT_EQ(bits_of(cmd, column, 2)[0], 0b10u) << "the dictionary is larger than the batch";
    EXPECT_EQ(bits_of(empty, missing, 70)[1], 0b111111u);
    EXPECT_EQ(bits_of(cmd, missing, 70)[1], 0u);
    const ConditionSet set({Condition{
        {{Match::Equals, Case::Sensitive, "cmd.exe"}, {Match::Equals, Case::Sensitive, ""}}, false, false}});
    uint64_t bits = 0;
    set.filter(StringColumn{column, 8}, &bits);
    EXPECT_EQ(bits, 0b01110110u);
  });
}

TEST(SimdUnicode, InvalidBytesAreCharactersOfTheirOwn) {
  for (std::string_view bad :
       {"\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe4\xb8", "\xff"}) {
    const GuardedBytes bytes(bad);
    const Character character = decode_character(bytes.begin(), bytes.end());
    EXPECT_EQ(character.size, 1u);
    EXPECT_EQ(character.code, kInvalidByte + static_cast<unsigned char>(bad[0]));
    EXPECT_FALSE(alphanumeric_after(bytes.begin(), bytes.end()));
    EXPECT_FALSE(alphanumeric_before(bytes.begin(), bytes.end()));
  }
}

TEST(SimdUnicode, RandomBytesNeverReadOutside) {
  Random random;
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 3000; ++round) {
      std::string text(random.below(70), '\0');
      for (char& byte : text)
        byte = static_cast<char>(random.below(4) ? 0x80 + random.below(0x80) : random.below(0x80));
      const GuardedBytes bytes(text, random.below(2) != 0);
      const std::string part = text.substr(text.size() / 3, 3);
      for (Match match : oracle::kMatches) {
        const PreparedNeedle needle(match, Case::Ignored, part);
        const bool found = needle.matches({bytes.begin(), text.size()});
        if (match == Match::Contains && is_ascii(part)) {
          EXPECT_TRUE(found);
        }
      }
    }
  });
}

}  // namespace
}  // namespace kqlc::simd
