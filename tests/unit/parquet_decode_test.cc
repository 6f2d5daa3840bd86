// SPDX-License-Identifier: Apache-2.0
//
// The decoders of Parquet's pages against values that were packed bit by bit. Random tests print their seed.
#include "runtime/archive/parquet_decode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "runtime/exec/column.h"
#include "tests/unit/simd_oracle.h"

namespace kqlc::archive {
namespace {

class HybridWriter {
 public:
  explicit HybridWriter(int width) : width_(static_cast<size_t>(width)) {}

  void repeat(uint32_t value, size_t count) {
    head(count << 1);
    for (size_t byte = 0; byte < (width_ + 7) / 8; ++byte)
      bytes.push_back(static_cast<uint8_t>(value >> 8 * byte));
  }
  // Groups of eight; what is missing of the last one is 0.
  void pack(const std::vector<uint32_t>& values) {
    const size_t groups = (values.size() + 7) / 8;
    head(groups << 1 | 1);
    std::vector<uint8_t> out(groups * width_);
    for (size_t i = 0; i < values.size(); ++i)
      for (size_t bit = 0; bit < width_; ++bit)
        if (values[i] >> bit & 1)
          out[(i * width_ + bit) / 8] |= static_cast<uint8_t>(1u << ((i * width_ + bit) % 8));
    bytes.insert(bytes.end(), out.begin(), out.end());
  }

  std::vector<uint8_t> bytes;

 private:
  void head(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<uint8_t>(value | 0x80));
    bytes.push_back(static_cast<uint8_t>(value));
  }
  size_t width_;
};

TEST(ParquetDecode, HybridOfEveryWidth) {
  std::mt19937 random(1);
  for (int width = 0; width <= 32; ++width) {
    HybridWriter writer(width);
    std::vector<uint32_t> expected;
    const uint64_t mask = (uint64_t{1} << width) - 1;
    for (int run = 0; run < 20; ++run) {
      const size_t count = 1 + random() % 200;
      if (run % 3 == 0) {
        const auto value = static_cast<uint32_t>(random() & mask);
        writer.repeat(value, count);
        expected.insert(expected.end(), count, value);
      } else {
        std::vector<uint32_t> values(run == 19 ? count : (count + 7) / 8 * 8);
        for (uint32_t& value : values) value = static_cast<uint32_t>(random() & mask);
        writer.pack(values);
        expected.insert(expected.end(), values.begin(), values.end());
      }
    }
    std::vector<uint32_t> out(expected.size());
    ASSERT_TRUE(decode_hybrid(writer.bytes, width, out.size(), out.data())) << "seed 1, width " << width;
    EXPECT_EQ(out, expected) << "seed 1, width " << width;
    out.resize(expected.size() + 8);
    EXPECT_FALSE(decode_hybrid(writer.bytes, width, out.size(), out.data())) << width;
  }
}

TEST(ParquetDecode, ContradictionsAreSeen) {
  uint32_t out[64] = {};
  EXPECT_FALSE(decode_hybrid({}, 3, 1, out));
  EXPECT_TRUE(decode_hybrid({}, 3, 0, out));
  const std::vector<uint8_t> repeated = {16, 9}, endless(12, 0xFF), none = {0, 1}, cut = {3};
  EXPECT_FALSE(decode_hybrid(repeated, 3, 8, out));  // 9 is wider than 3 bits
  EXPECT_TRUE(decode_hybrid(repeated, 4, 8, out));
  EXPECT_FALSE(decode_hybrid(repeated, 33, 8, out));
  EXPECT_FALSE(decode_hybrid(repeated, -1, 8, out));
  EXPECT_FALSE(decode_hybrid(endless, 3, 8, out));
  EXPECT_FALSE(decode_hybrid(none, 3, 8, out));
  EXPECT_FALSE(decode_hybrid(cut, 3, 1, out));
  std::vector<uint8_t> texts = {1, 0, 0, 0, 'a', 200, 0, 0, 0};
  Str found[2];
  EXPECT_TRUE(split_texts(texts, 1, found));
  EXPECT_EQ(found[0].view(), "a");
  texts[0] = 1;
  EXPECT_FALSE(split_texts(texts, 2, found));
}

TEST(ParquetDecode, PickedValuesAreThoseOfTheWhole) {
  const unsigned seed = 29;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int width = 0; width <= 32; ++width) {
    HybridWriter writer(width);
    const auto value = [&] { return width ? static_cast<uint32_t>(random()) >> (32 - width) : 0; };
    size_t count = 0;
    for (int run = 0; run < 6; ++run) {
      std::vector<uint32_t> values(8 * (1 + random() % 9));
      for (uint32_t& each : values) each = value();
      if (run % 2) writer.repeat(value(), 1 + random() % 30);
      writer.pack(values);
    }
    const std::vector<uint8_t>& bytes = writer.bytes;
    std::vector<uint32_t> all(2000);
    while (count < all.size() && decode_hybrid(bytes, width, count + 1, all.data())) ++count;
    std::vector<uint32_t> numbers;
    for (uint32_t i = 0; i < count; ++i)
      if (random() % 5 == 0 || i + 1 == count) numbers.push_back(i);
    std::vector<uint8_t> readable(bytes.size(), 0xEE);
    const auto need = [&](size_t first) {
      std::copy_n(bytes.begin(), std::min(first, bytes.size()), readable.begin());
    };
    std::vector<uint32_t> picked(numbers.size());
    ASSERT_TRUE(pick_hybrid(readable, width, numbers, picked.data(), need)) << width;
    for (size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(picked[i], all[numbers[i]]) << width;
    numbers.push_back(static_cast<uint32_t>(count));
    picked.resize(numbers.size());
    EXPECT_FALSE(pick_hybrid(readable, width, numbers, picked.data(), need)) << width;
  }
  uint32_t out[1];
  const auto all_there = [](size_t) {};
  EXPECT_FALSE(pick_hybrid({}, 33, std::vector<uint32_t>{0}, out, all_there));
  EXPECT_TRUE(pick_hybrid({}, 3, {}, out, all_there));
}

TEST(ParquetDecode, SearchedValuesAreThoseOfTheWhole) {
  const unsigned seed = 31;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  simd::oracle::for_each_target([&](const simd::Kernels&) {
    for (int width = 1; width <= 24; ++width)
      for (size_t num_wanted = 0; num_wanted <= 9; num_wanted += 3) {
        HybridWriter writer(width);
        std::vector<uint32_t> wanted, values;
        const auto value = [&] { return static_cast<uint32_t>(random()) >> (32 - width); };
        for (size_t i = 0; i < num_wanted; ++i) wanted.push_back(value());
        for (int run = 0; run < 8; ++run) {
          std::vector<uint32_t> packed(8 * (1 + random() % 300));
          for (uint32_t& each : packed)
            each = num_wanted > 0 && random() % 40 == 0 ? wanted[random() % num_wanted] : value();
          writer.pack(packed);
          values.insert(values.end(), packed.begin(), packed.end());
          const size_t count = random() % 20;
          if (count == 0) continue;
          const uint32_t repeated = run == 3 && num_wanted > 0 ? wanted[0] : value();
          writer.repeat(repeated, count);
          values.insert(values.end(), count, repeated);
        }
        values.resize(values.size() - random() % 7);  // the last group is not full
        HybridHits expected;
        for (uint32_t i = 0; i < values.size(); ++i) {
          expected.greatest = std::max(expected.greatest, values[i]);
          if (std::ranges::find(wanted, values[i]) == wanted.end()) continue;
          expected.numbers.push_back(i);
          expected.values.push_back(values[i]);
        }
        const simd::oracle::GuardedBytes guarded(
            {reinterpret_cast<const char*>(writer.bytes.data()), writer.bytes.size()});
        const PageBytes bytes(reinterpret_cast<const uint8_t*>(guarded.begin()), writer.bytes.size());
        HybridHits hits;
        const auto found = search_hybrid(bytes, width, values.size(), wanted, &hits);
        if (expected.numbers.size() > values.size() / kValuesOfHit) {
          EXPECT_FALSE(found.has_value());
          continue;
        }
        ASSERT_TRUE(found.has_value() && *found);
        ASSERT_EQ(hits.numbers, expected.numbers) << "width " << width;
        ASSERT_EQ(hits.values, expected.values) << "width " << width;
        ASSERT_EQ(hits.greatest, expected.greatest) << "width " << width;
        const auto beyond = search_hybrid(bytes, width, values.size() + 100'000, wanted, &hits);
        EXPECT_TRUE(beyond.has_value() && !*beyond);
      }
  });
}

TEST(ParquetDecode, WhatIsSearchedNoQuickerIsNotSearched) {
  HybridHits hits;
  HybridWriter wide(25), same(3);
  wide.pack({1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_FALSE(search_hybrid(wide.bytes, 25, 8, std::vector<uint32_t>{3}, &hits).has_value());
  EXPECT_FALSE(search_hybrid({}, 0, 8, std::vector<uint32_t>{0}, &hits).has_value());
  same.repeat(5, 1'000'000'000);
  EXPECT_FALSE(search_hybrid(same.bytes, 3, 1'000'000'000, std::vector<uint32_t>{5}, &hits).has_value());
  EXPECT_TRUE(search_hybrid(same.bytes, 3, 1'000'000'000, std::vector<uint32_t>{4}, &hits).value());
}

TEST(ParquetDecode, BitsStartAnywhere) {
  std::mt19937 random(2);
  for (size_t begin = 0; begin < 20; ++begin) {
    HybridWriter writer(1);
    std::vector<uint32_t> values(53);
    for (uint32_t& value : values) value = random() & 1;
    writer.repeat(1, 30);
    writer.pack(values);
    values.insert(values.begin(), 30, 1);
    std::vector<uint8_t> bitmap(16);
    int64_t expected = 0;
    for (uint32_t value : values) expected += value;
    ASSERT_EQ(decode_bits(writer.bytes, values.size(), bitmap.data(), begin), expected) << "seed 2";
    for (size_t i = 0; i < bitmap.size() * 8; ++i)
      ASSERT_EQ(bit_at(bitmap.data(), static_cast<int64_t>(i)),
                i >= begin && i < begin + values.size() && values[i - begin])
          << "seed 2, bit " << i << " from " << begin;
  }
  std::vector<uint8_t> old = {0b10100000, 0b01000000}, bitmap(2);
  EXPECT_EQ(decode_old_bits(old, 10, bitmap.data(), 1), 3);
  EXPECT_EQ(bitmap[0], 0b00001010);
  EXPECT_EQ(bitmap[1], 0b00000100);
}

}  // namespace
}  // namespace kqlc::archive
