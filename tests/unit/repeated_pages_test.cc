// SPDX-License-Identifier: Apache-2.0
//
// Pages of codes that are the same in several row groups, and which of them are kept.
#include "runtime/archive/repeated_pages.h"

#include <parquet/exception.h>
#include <zstd.h>

#include <random>

#include "tests/unit/parquet_fixture.h"

namespace kqlc::archive {
namespace {

using Content = std::vector<uint8_t>;

Content some_bytes(uint32_t seed, size_t size) {
  std::mt19937 random(seed);
  Content content(size);
  for (uint8_t& byte : content) byte = static_cast<uint8_t>(random() % 100);
  return content;
}

Content packed(const Content& content) {
  Content out(ZSTD_compressBound(content.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 1));
  return out;
}

bool is_found(RepeatedPages& pages, RepeatedPages::Place place, const Content& page, const Content& content) {
  const auto found = pages.find(place, page, nullptr, content.size());
  if (found) EXPECT_TRUE(std::ranges::equal(*found, content));
  return found.has_value();
}

TEST(RepeatedPages, WhatWasAtTheSamePlaceBeforeIsKnown) {
  RepeatedPages pages;
  const Content one = some_bytes(1, 5000), other = some_bytes(2, 5000);
  const Content page = packed(one), again = page, changed = packed(other);
  EXPECT_FALSE(is_found(pages, {3, 0}, page, one));
  EXPECT_TRUE(is_found(pages, {3, 0}, again, one));
  EXPECT_TRUE(is_found(pages, {3, 0}, page, one));
  EXPECT_FALSE(is_found(pages, {3, 1}, page, one)) << "another page";
  EXPECT_FALSE(is_found(pages, {4, 0}, page, one)) << "another column";
  EXPECT_FALSE(is_found(pages, {3, 0}, changed, other));
  EXPECT_FALSE(is_found(pages, {3, 0}, page, one)) << "only the last one counts";
  EXPECT_TRUE(is_found(pages, {3, 0}, page, one));
}

TEST(RepeatedPages, ThoseOfAnotherFileAreForgotten) {
  RepeatedPages pages;
  const Content content = some_bytes(1, 500), page = packed(content);
  auto file = std::make_shared<int>(1);
  pages.enter(file);
  EXPECT_FALSE(is_found(pages, {0, 0}, page, content));
  pages.enter(file);
  EXPECT_TRUE(is_found(pages, {0, 0}, page, content));
  const auto other = std::make_shared<int>(2);
  pages.enter(other);
  EXPECT_FALSE(is_found(pages, {0, 0}, page, content));
  file.reset();
  pages.enter(std::make_shared<int>(3));
  EXPECT_FALSE(is_found(pages, {0, 0}, page, content));
}

TEST(RepeatedPages, DamageAndOtherSizesAreErrors) {
  RepeatedPages pages;
  const Content content = some_bytes(1, 500);
  Content page = packed(content);
  EXPECT_FALSE(pages.find({0, 0}, page, nullptr, 501).has_value());
  EXPECT_THROW(pages.find({0, 0}, page, nullptr, 501), parquet::ParquetException);
  EXPECT_TRUE(is_found(pages, {0, 0}, page, content));
  EXPECT_FALSE(pages.find({0, 0}, page, nullptr, 501).has_value()) << "the same page that says another size";
  EXPECT_TRUE(is_found(pages, {1, 0}, {}, {})) << "nothing becomes nothing";
  page.resize(page.size() / 2);
  EXPECT_FALSE(pages.find({2, 0}, page, nullptr, 500).has_value());
  EXPECT_THROW(pages.find({2, 0}, page, nullptr, 500), parquet::ParquetException);
}

TEST(RepeatedPages, MemoryIsBounded) {
  RepeatedPages pages;
  const Content content = some_bytes(1, RepeatedPages::kMostBytes / 2 + 1), page = packed(content);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(is_found(pages, {0, 0}, page, content), round > 0);
    EXPECT_FALSE(is_found(pages, {0, 1}, page, content)) << "no room for a second one";
  }
  const Content small = some_bytes(2, 10), small_page = packed(small);
  EXPECT_FALSE(is_found(pages, {0, 0}, small_page, small));
  EXPECT_TRUE(is_found(pages, {0, 1}, page, content)) << "there is room again";
  for (size_t number = 2; number < RepeatedPages::kMostPlaces; ++number)
    EXPECT_FALSE(is_found(pages, {0, number}, small_page, small));
  EXPECT_FALSE(is_found(pages, {1, 0}, small_page, small));
  EXPECT_FALSE(is_found(pages, {1, 0}, small_page, small)) << "no place is left";
  EXPECT_TRUE(is_found(pages, {0, 2}, small_page, small));
}

// What was read is kept as long as it is compared with.
TEST(RepeatedPages, WhatThePageLiesInIsKept) {
  RepeatedPages pages;
  const Content content = some_bytes(1, 500), page = packed(content);
  const auto read = [&] { return arrow::Buffer::FromString(std::string(page.begin(), page.end())); };
  std::weak_ptr<const arrow::Buffer> first;
  for (int round = 0; round < 3; ++round) {
    const std::shared_ptr<const arrow::Buffer> owner = read();
    if (round == 0) first = owner;
    const auto found = pages.find({0, 0}, {owner->data(), page.size()}, owner, content.size());
    EXPECT_EQ(found.has_value(), round > 0);
    EXPECT_FALSE(first.expired());
  }
  pages.enter(std::make_shared<int>(1));
  EXPECT_TRUE(first.expired());
}

// Each row has a value of its own, so codes count up in each row group, as far as there are no nulls.
class RepeatedCodesTest : public ParquetTest {
 protected:
  Rows counted_rows(int64_t group_rows, bool has_nulls) {
    arrow::Int64Builder numbers;
    arrow::StringBuilder texts;
    Rows rows;
    for (int64_t i = 0; i < 9 * group_rows; ++i) {
      const bool is_null = has_nulls && i % group_rows == i / (3 * group_rows);
      append(numbers, is_null, i * 37);
      append(texts, is_null, "text " + std::to_string(i));
      rows.text.push_back(is_null ? "null|" : std::to_string(i * 37) + "|text " + std::to_string(i));
    }
    rows.table = arrow::Table::Make(
        arrow::schema({arrow::field("N", arrow::int64()), arrow::field("S", arrow::utf8())}),
        {*numbers.Finish(), *texts.Finish()});
    return rows;
  }
};

TEST_F(RepeatedCodesTest, RowsAreThoseThatWereWritten) {
  request_.columns = {{"N", Type::Long}, {"S", Type::String}};
  using Version = parquet::ParquetDataPageVersion;
  // Chunks of small row groups are copied when they are read, others are mapped.
  for (const auto& [group_rows, page_bytes] : {std::pair{1000, 1000}, std::pair{16'000, 12'000}})
    for (const bool has_nulls : {false, true}) {
      const Rows rows = counted_rows(group_rows, has_nulls);
      for (const Version version : {Version::V1, Version::V2})
        for (const Mapping mapping : {Mapping::Archives, Mapping::None})
          for (const uint32_t one_row_of : {1u, 30u, 5000u}) {
            parquet::WriterProperties::Builder properties;
            properties.compression(parquet::Compression::ZSTD)->data_page_version(version);
            properties.data_pagesize(page_bytes)->write_batch_size(500);
            const std::string path = write_parquet(*rows.table, properties, group_rows);
            request_.mapping = mapping;
            const std::vector<std::string> read = scan_late(path, 5, one_row_of);
            ASSERT_EQ(read.size(), rows.text.size());
            for (size_t row = 0; row < read.size(); ++row) ASSERT_EQ(read[row], rows.text[row]) << row;
            EXPECT_TRUE(report_.errors.empty());
          }
    }
}

}  // namespace
}  // namespace kqlc::archive
