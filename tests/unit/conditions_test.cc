// SPDX-License-Identifier: Apache-2.0
//
// Conditions decided together against the plain meaning of each pattern, text by text: random patterns and
// texts with neighbours that are not ASCII, every encoding of a column, nulls, dictionaries smaller and
// larger than the batch, few patterns and many, every target.
#include "runtime/simd/conditions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/unit/simd_oracle.h"

namespace kqlc::simd {
namespace {

using oracle::for_each_target;
using oracle::Random;

std::vector<Condition> random_conditions(Random& random, size_t most) {
  std::vector<Condition> conditions(1 + random.below(most));
  for (Condition& condition : conditions) {
    condition.all = random.below(4) == 0;
    condition.negated = random.below(4) == 0;
    for (size_t left = random.below(5); left; --left)
      condition.patterns.push_back({oracle::kMatches[random.below(std::size(oracle::kMatches))],
                                    oracle::kCases[random.below(3)], random.text(random.below(3) ? 4 : 12)});
  }
  return conditions;
}

// Texts in which the patterns occur, whole or nearly.
std::string random_value(Random& random, const std::vector<Condition>& conditions) {
  std::string value = random.text(6);
  const Condition& condition = conditions[random.below(conditions.size())];
  if (!condition.patterns.empty() && random.below(2))
    value += condition.patterns[random.below(condition.patterns.size())].text;
  return random.below(2) ? value : value + random.text(8);
}

bool plainly_holds(const Condition& condition, std::string_view text) {
  auto fits = [&](const Pattern& pattern) {
    return oracle::holds(pattern.match, pattern.letter_case, text, pattern.text);
  };
  const bool holds = condition.all ? std::ranges::all_of(condition.patterns, fits)
                                   : std::ranges::any_of(condition.patterns, fits);
  return holds != condition.negated;
}

// One set of texts in every encoding of a column.
struct Texts {
  std::vector<std::string> values;
  std::vector<Str> strs;
  std::vector<int32_t> offsets{0}, codes, hidden_codes;  // hidden: where nulls are stands no code
  std::vector<int64_t> large{0};
  std::vector<int32_t> views;
  std::string data;
  std::vector<uint8_t> validity;
  const char* buffers[1];
  Column dictionary;

  // Row r has the text number `rows[r]`; the nulls of the columns that have them hide what lies beneath.
  Texts(std::vector<std::string> distinct, const std::vector<size_t>& rows, Random& random) {
    distinct_ = std::move(distinct);
    for (size_t row : rows) {
      values.push_back(distinct_[row]);
      data += distinct_[row];
      offsets.push_back(static_cast<int32_t>(data.size()));
      large.push_back(static_cast<int64_t>(data.size()));
      codes.push_back(static_cast<int32_t>(row));
      validity.resize(values.size() / 8 + 1, 0);
      if (random.below(5)) validity[(values.size() - 1) / 8] |= 1 << ((values.size() - 1) % 8);
      hidden_codes.push_back(bit_at(validity.data(), static_cast<int64_t>(values.size()) - 1)
                                 ? codes.back()
                                 : std::numeric_limits<int32_t>::min());
    }
    for (const std::string& value : distinct_) distinct_strs_.emplace_back(value.data(), value.size());
    for (size_t row : rows) strs.push_back(distinct_strs_[row]);
    buffers[0] = data.data();
    for (size_t row = 0; row < values.size(); ++row) add_view(row);
    dictionary.encoding = Encoding::Strs;
    dictionary.values = distinct_strs_.data();
  }

  Column column(Encoding encoding, bool with_nulls) const {
    Column out;
    out.encoding = encoding;
    out.validity = with_nulls ? validity.data() : nullptr;
    out.data = data.data();
    out.buffers = buffers;
    out.dictionary = &dictionary;
    out.dictionary_size = static_cast<int64_t>(distinct_strs_.size());
    out.values = encoding == Encoding::Utf8        ? static_cast<const void*>(offsets.data())
                 : encoding == Encoding::LargeUtf8 ? static_cast<const void*>(large.data())
                 : encoding == Encoding::Utf8View  ? static_cast<const void*>(views.data())
                 : encoding == Encoding::Strs      ? static_cast<const void*>(strs.data())
                 : with_nulls                      ? static_cast<const void*>(hidden_codes.data())
                                                   : static_cast<const void*>(codes.data());
    return out;
  }

  std::string_view seen(Encoding encoding, bool with_nulls, size_t row) const {
    const bool null = with_nulls && !bit_at(validity.data(), static_cast<int64_t>(row));
    return null || encoding == Encoding::Missing ? std::string_view() : values[row];
  }

 private:
  void add_view(size_t row) {
    int32_t view[4] = {static_cast<int32_t>(values[row].size()), 0, 0, 0};
    if (values[row].size() <= 12) {
      std::memcpy(view + 1, values[row].data(), values[row].size());
    } else {
      std::memcpy(view + 1, values[row].data(), 4);
      view[3] = offsets[row];
    }
    views.insert(views.end(), view, view + 4);
  }
  std::vector<std::string> distinct_;
  std::vector<Str> distinct_strs_;
};

void expect_decided(const ConditionSet& set, const Texts& texts, Encoding encoding, bool with_nulls,
                    size_t first, size_t rows, Decisions& decisions) {
  Column column = texts.column(encoding, with_nulls);
  column.offset = static_cast<int64_t>(first);
  set.decide(StringColumn{column, static_cast<int64_t>(rows)}, decisions);
  for (size_t i = 0; i < set.conditions().size(); ++i) {
    const uint64_t* holds = set.rows(i, decisions);
    for (size_t row = 0; row < rows; ++row) {
      const std::string_view text = texts.seen(encoding, with_nulls, first + row);
      ASSERT_EQ(holds && (holds[row / 64] >> (row % 64) & 1), plainly_holds(set.conditions()[i], text))
          << "condition " << i << " of " << set.conditions().size() << ", encoding "
          << static_cast<int>(encoding) << ", text `" << text << "`";
    }
    if (holds && rows % 64) ASSERT_EQ(holds[rows / 64] >> (rows % 64), 0u) << "bits behind the last row";
  }
}

TEST(ConditionSet, DecidesAsEachPatternAlone) {
  Random random;
  for_each_target([&](const Kernels&) {
    Decisions decisions;  // the same for all, as a thread has it
    for (int round = 0; round < 25; ++round) {
      const ConditionSet set(random_conditions(random, round % 3 ? 6 : 120));
      std::vector<std::string> distinct(1 + random.below(round % 2 ? 12 : 90));
      for (std::string& value : distinct) value = random_value(random, set.conditions());
      std::vector<size_t> rows(random.below(200) + 1);
      for (size_t& row : rows) row = random.below(distinct.size());
      const Texts texts(distinct, rows, random);
      for (Encoding encoding : {Encoding::Utf8, Encoding::LargeUtf8, Encoding::Utf8View, Encoding::Strs,
                                Encoding::Dictionary, Encoding::Missing}) {
        const size_t first = random.below(rows.size());
        expect_decided(set, texts, encoding, random.below(2), first, rows.size() - first, decisions);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(ConditionSet, ValuesThatFitNothingDecideAllRows) {
  Random random;
  size_t decided = 0;
  for (int round = 0; round < 300; ++round) {
    const ConditionSet set(random_conditions(random, 4));
    std::vector<std::string> distinct(1 + random.below(3));
    for (std::string& value : distinct)
      value = random.below(2) ? random_value(random, set.conditions()) : random.text(3);
    std::vector<size_t> rows(random.below(100) + 1);
    for (size_t& row : rows) row = random.below(distinct.size());
    const Texts texts(distinct, rows, random);
    Column values;
    values.encoding = Encoding::Strs;
    std::vector<Str> strs(distinct.begin(), distinct.end());
    values.values = strs.data();
    Decisions decisions;
    const auto num_rows = static_cast<int64_t>(rows.size());
    if (!set.decide_by_values(StringColumn{values, static_cast<int64_t>(strs.size())}, num_rows, decisions))
      continue;
    ++decided;
    for (size_t i = 0; i < set.conditions().size(); ++i) {
      const uint64_t* holds = set.rows(i, decisions);
      for (size_t row = 0; row < rows.size(); ++row) {
        const bool expected = plainly_holds(set.conditions()[i], distinct[rows[row]]);
        ASSERT_EQ(holds && (holds[row / 64] >> (row % 64) & 1), expected) << distinct[rows[row]];
        ASSERT_EQ(plainly_holds(set.conditions()[i], ""), expected) << "a row without a value";
      }
    }
  }
  EXPECT_GT(decided, 20u);
}

TEST(ConditionSet, OneValueAsAColumn) {
  Random random;
  for (int round = 0; round < 200; ++round) {
    Condition condition = random_conditions(random, 1)[0];
    for (size_t left = random.below(40); left; --left)
      condition.patterns.push_back({oracle::kMatches[random.below(std::size(oracle::kMatches))],
                                    oracle::kCases[random.below(3)], random.text(10)});
    const ConditionSet set({condition});
    for (int i = 0; i < 20; ++i) {
      const std::string text = random_value(random, {condition});
      ASSERT_EQ(set.matches(Str(std::string_view(text))), plainly_holds(condition, text)) << text;
    }
  }
}

TEST(ConditionSet, ManyRowsInSeveralParts) {
  std::vector<std::string> distinct;
  for (int i = 0; i < 40; ++i)
    distinct.push_back("command number " + std::to_string(i) + std::string(200, '-'));
  std::vector<Condition> conditions;
  for (int i = 0; i < 40; i += 3)
    conditions.push_back({{{Match::Has, Case::Ignored, "NUMBER " + std::to_string(i)}}});
  const ConditionSet set(conditions);
  std::vector<size_t> rows;
  for (size_t row = 0; row < 9000; ++row) rows.push_back(row % 40);
  Random random;
  const Texts texts(distinct, rows, random);
  Decisions decisions;
  expect_decided(set, texts, Encoding::Strs, true, 0, rows.size(), decisions);
  expect_decided(set, texts, Encoding::Utf8, false, 0, rows.size(), decisions);
}

}  // namespace
}  // namespace kqlc::simd
