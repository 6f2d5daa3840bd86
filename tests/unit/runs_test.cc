// SPDX-License-Identifier: Apache-2.0
//
// Sorted runs and the parts of their common order; vectors in chunks.
#include "runtime/exec/runs.h"

#include <gtest/gtest.h>

#include <numeric>

#include "runtime/base/chunked_vector.h"
#include "tests/differential/generate.h"

namespace kqlc::exec {
namespace {

constexpr auto kLess = [](int a, int b) { return a < b; };

std::vector<int> visit_all(const Runs<int>& runs) {
  std::vector<int> out;
  visit_in_order(runs, kLess, [&](int value) { out.push_back(value); });
  return out;
}

// Checks that the parts are the sorted values one after the other. Returns the size of the largest.
size_t check_parts(const std::vector<std::vector<int>>& values, size_t parts) {
  Runs<int> runs(values.begin(), values.end());
  std::vector<int> expected, got;
  for (const auto& run : values) expected.insert(expected.end(), run.begin(), run.end());
  std::ranges::sort(expected);
  EXPECT_EQ(count_entries(runs), expected.size());
  EXPECT_EQ(visit_all(runs), expected);
  const auto cut = divide(runs, parts, kLess);
  EXPECT_EQ(cut.size(), parts);
  size_t largest = 0;
  for (const auto& part : cut) {
    largest = std::max(largest, count_entries(part));
    for (int value : visit_all(part)) got.push_back(value);
  }
  EXPECT_EQ(got, expected);
  return largest;
}

TEST(Runs, SmallOnes) {
  for (size_t parts : {1, 2, 7}) {
    check_parts({}, parts);
    check_parts({{}, {}}, parts);
    check_parts({{5}}, parts);
    check_parts({{1, 4, 9}, {}, {2, 3, 10}}, parts);
    check_parts({{1, 1, 1}, {1, 1}, {0, 1}}, parts);
  }
}

TEST(Runs, OfAllShapes) {
  constexpr uint64_t kSeed = 11;
  differential::Random random(kSeed);
  for (int turn = 0; turn < 60; ++turn) {
    std::vector<std::vector<int>> runs(1 + random.below(20));
    for (auto& run : runs) {
      const size_t size = random.below(2) ? random.below(300) : random.below(5);
      const int range = 1 + static_cast<int>(random.below(1000));
      for (size_t i = 0; i < size; ++i) run.push_back(static_cast<int>(random.below(1000)) % range);
      std::ranges::sort(run);
    }
    check_parts(runs, 1 + random.below(30));
    ASSERT_FALSE(HasFailure()) << "seed " << kSeed << " turn " << turn;
  }
}

// As chunks of a table in the order of its rows are: a cut by one of them would leave the others whole.
TEST(Runs, ThatFollowEachOtherAreCutEvenly) {
  std::vector<std::vector<int>> runs(16, std::vector<int>(1000));
  for (size_t run = 0; run < runs.size(); ++run)
    std::iota(runs[run].begin(), runs[run].end(), static_cast<int>(run * 1000));
  EXPECT_LE(check_parts(runs, 8), 2500u);
}

TEST(ChunkedVector, GrowsAndShrinksAcrossChunks) {
  using Numbers = ChunkedVector<uint64_t>;
  Numbers numbers;
  const size_t sizes[] = {0,
                          3,
                          Numbers::kChunk - 1,
                          Numbers::kChunk,
                          Numbers::kChunk + 1,
                          3 * Numbers::kChunk,
                          2 * Numbers::kChunk,
                          2 * Numbers::kChunk + 5,
                          7,
                          0};
  for (size_t size : sizes) {
    const size_t before = numbers.size();
    numbers.resize(size);
    for (size_t i = before; i < size; ++i) numbers[i] = i;
    ASSERT_EQ(numbers.size(), size);
    size_t seen = 0;
    for (size_t chunk = 0; chunk < numbers.num_chunks(); ++chunk)
      for (uint64_t number : numbers.chunk(chunk)) ASSERT_EQ(number, seen++);
    ASSERT_EQ(seen, size);
    numbers.push_back(size);
    ASSERT_EQ(numbers[size], size);
    ASSERT_EQ(numbers.size(), size + 1);
  }
  EXPECT_EQ(Numbers().bytes(), 0u);
}

}  // namespace
}  // namespace kqlc::exec
