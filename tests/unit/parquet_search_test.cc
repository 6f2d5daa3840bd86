// SPDX-License-Identifier: Apache-2.0
//
// Rows of Parquet that are found by their texts, page by page, against the table they were written from.
#include <arrow/api.h>
#include <parquet/file_reader.h>

#include <fstream>
#include <random>

#include "tests/unit/parquet_fixture.h"

namespace kqlc::archive {
namespace {

class ParquetSearchTest : public ParquetTest {};

class ContainsFilter : public TextFilter {
 public:
  explicit ContainsFilter(std::string needle) : needle_(std::move(needle)) {}
  bool passes(std::string_view text) const { return text.find(needle_) != text.npos; }
  void filter(const StringColumn& texts, uint64_t* rows) const override {
    for (int64_t row = 0; row < texts.num_rows; ++row)
      if (passes(load_str(texts.column, texts.column.encoding, row).view()))
        rows[row / 64] |= uint64_t{1} << (row % 64);
  }

 private:
  std::string needle_;
};

// Asks a column for some of the rows that hold a needle, then for some others, then for all.
void expect_found(const Batch& batch, size_t column, const ContainsFilter& filter,
                  const std::vector<std::string>& texts, bool is_read_by_pages, std::mt19937& random) {
  const auto words = static_cast<size_t>(batch.num_rows + 63) / 64;
  const auto random_selection = [&](uint32_t one_of) {
    std::vector<uint64_t> selection(words);
    for (int64_t row = 0; row < batch.num_rows; ++row)
      if (random() % one_of == 0) selection[static_cast<size_t>(row) / 64] |= uint64_t{1} << (row % 64);
    return selection;
  };
  const auto has = [](const std::vector<uint64_t>& bits, int64_t row) {
    return bits.empty() || (bits[static_cast<size_t>(row) / 64] >> (row % 64) & 1);
  };
  const auto expect_texts = [&](const std::vector<uint64_t>& rows) {
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      const std::string text = print_cell(batch.columns[column], row);
      if (has(rows, row)) ASSERT_EQ(text, texts[static_cast<size_t>(row)]) << row;
    }
  };
  const std::vector<uint64_t> selection = random_selection(1 + random() % 2 * 40);
  std::vector<uint64_t> found(words);
  const bool was_found = batch.loader->find_rows(column, selection.data(), filter, found.data());
  EXPECT_EQ(was_found, is_read_by_pages);
  for (int64_t row = 0; was_found && row < batch.num_rows; ++row)
    ASSERT_EQ(has(found, row), has(selection, row) && filter.passes(texts[static_cast<size_t>(row)])) << row;
  if (was_found) expect_texts(found);
  std::vector<uint64_t> none(words);
  EXPECT_TRUE(!was_found || !batch.loader->find_rows(column, selection.data(), filter, none.data()));
  EXPECT_TRUE(batch.loader->load(column, found.data()));
  expect_texts(found);
  const std::vector<uint64_t> others = random_selection(100);
  EXPECT_TRUE(batch.loader->load(column, others.data()));
  expect_texts(others);
  if (was_found) expect_texts(found);
  EXPECT_TRUE(batch.loader->load(column, nullptr));
  expect_texts({});
}

TEST_F(ParquetSearchTest, RowsAreFoundByTheirTextsPageByPage) {
  using Properties = parquet::WriterProperties::Builder;
  const std::vector<std::function<void(Properties&)>> ways = {
      [](Properties& p) { p.disable_dictionary(); }, [](Properties& p) { p.dictionary_pagesize_limit(2000); },
      [](Properties& p) { p.data_page_version(parquet::ParquetDataPageVersion::V2); },
      [](Properties& p) { p.disable_dictionary()->encoding("Many", parquet::Encoding::DELTA_BYTE_ARRAY); }};
  request_.columns = {{"Few", Type::String}, {"Many", Type::String}};
  request_.late = true;
  std::mt19937 random(1);
  for (uint32_t seed = 1; seed <= 2; ++seed) {
    const Rows rows = random_rows(seed, 2500, seed == 2);
    std::vector<std::string> few, many;
    for (const std::string& row : rows.text) {
      const size_t end = row.find('|'), next = row.find('|', end + 1);
      few.push_back(row.substr(0, end));
      many.push_back(row.substr(end + 1, next - end - 1));
    }
    for (size_t way = 0; way < ways.size(); ++way)
      for (auto packing : {parquet::Compression::ZSTD, parquet::Compression::SNAPPY})
        for (const char* needle : {"7", "größe", "77", "word3", "", "none has it"}) {
          Properties properties;
          properties.compression(packing)->data_pagesize(1000)->write_batch_size(100);
          ways[way](properties);
          const std::string path = write_parquet(*rows.table, properties);
          auto look = [&](int, const Batch& batch) {
            const auto first = static_cast<size_t>(batch.position & (kPositionSpan - 1));
            const ContainsFilter filter(needle);
            for (size_t i = 0; i < 2; ++i) {
              const std::vector<std::string>& all = i ? many : few;
              const std::vector<std::string> texts(all.begin() + first, all.begin() + first + batch.num_rows);
              expect_found(batch, i, filter, texts, i == 0 || way < 3, random);
            }
            return true;
          };
          EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
          EXPECT_TRUE(report_.errors.empty());
        }
  }
}

// Of many texts of a dictionary few pass, and of many rows few: codes are compared where they are packed.
TEST_F(ParquetSearchTest, RowsAreFoundByTheirPackedCodes) {
  request_.columns = {{"Few", Type::String}};
  request_.late = true;
  std::mt19937 random(3);
  for (const int one_null_of : {0, 2, 50})
    for (const size_t num_words : {40u, 500u}) {
      arrow::StringBuilder builder;
      std::vector<std::string> texts;
      std::string last;
      for (int i = 0; i < 20'000; ++i) {
        const bool is_null = one_null_of > 0 && random() % static_cast<uint32_t>(one_null_of) == 0;
        if (random() % 4 == 0) last = "word " + std::to_string(random() % num_words) + ".";
        texts.push_back(is_null ? "" : last);
        append(builder, is_null, texts.back());
      }
      const auto table =
          arrow::Table::Make(arrow::schema({arrow::field("Few", arrow::utf8())}), {*builder.Finish()});
      for (const char* needle : {"word 7.", "word 39.", "1.", "word", "", "none has it"}) {
        SCOPED_TRACE(std::string(needle) + ", words " + std::to_string(num_words) + ", nulls " +
                     std::to_string(one_null_of));
        parquet::WriterProperties::Builder properties;
        properties.compression(parquet::Compression::ZSTD)->data_pagesize(3000)->write_batch_size(500);
        const std::string path = write_parquet(*table, properties, 20'000);
        auto look = [&](int, const Batch& batch) {
          expect_found(batch, 0, ContainsFilter(needle), texts, true, random);
          return true;
        };
        EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
        EXPECT_TRUE(report_.errors.empty());
      }
    }
}

// Pages without a value have no codes: the first ones, all, or those behind others.
TEST_F(ParquetSearchTest, RowsOfPagesWithoutAValueAreFoundByTheEmptyText) {
  request_.columns = {{"Few", Type::String}};
  request_.late = true;
  std::mt19937 random(2);
  for (const auto& [begin, end] : {std::pair{0, 0}, std::pair{0, 700}, std::pair{700, 2000}}) {
    arrow::StringBuilder builder;
    std::vector<std::string> texts;
    for (int i = 0; i < 2000; ++i) {
      const bool is_null = i < begin || i >= end;
      texts.push_back(is_null ? "" : "text " + std::to_string(i % 5));
      append(builder, is_null, texts.back());
    }
    const auto table =
        arrow::Table::Make(arrow::schema({arrow::field("Few", arrow::utf8())}), {*builder.Finish()});
    for (auto version : {parquet::ParquetDataPageVersion::V1, parquet::ParquetDataPageVersion::V2})
      for (const char* needle : {"3", "", "none has it"}) {
        SCOPED_TRACE(std::string(needle) + " " + std::to_string(begin));
        parquet::WriterProperties::Builder properties;
        properties.compression(parquet::Compression::ZSTD)
            ->data_page_version(version)
            ->data_pagesize(100)
            ->write_batch_size(100);
        const std::string path = write_parquet(*table, properties, 2000);
        auto look = [&](int, const Batch& batch) {
          expect_found(batch, 0, ContainsFilter(needle), texts, true, random);
          return true;
        };
        EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
        EXPECT_TRUE(report_.errors.empty());
      }
  }
}

// A writer may give codes that are none a width: a row group of nulls was taken for damaged.
TEST_F(ParquetSearchTest, PagesWithoutAValueMaySayAWidth) {
  arrow::StringBuilder builder;
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) {
    texts.push_back(i < 100 ? "" : "x");
    append(builder, i < 100, texts.back());
  }
  const auto table =
      arrow::Table::Make(arrow::schema({arrow::field("S", arrow::utf8())}), {*builder.Finish()});
  parquet::WriterProperties::Builder properties;
  properties.disable_statistics();
  const std::string path = write_parquet(*table, properties, 100);
  const auto chunk = parquet::ParquetFileReader::OpenFile(path)->metadata()->RowGroup(0)->ColumnChunk(0);
  const int64_t begin =
      chunk->has_dictionary_page() ? chunk->dictionary_page_offset() : chunk->data_page_offset();
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(begin + chunk->total_compressed_size() - 1);
  ASSERT_EQ(file.get(), 0) << "the width of the last page";
  file.seekp(begin + chunk->total_compressed_size() - 1);
  file.put(1);
  file.close();
  request_.columns = {{"S", Type::String}};
  request_.late = true;
  std::mt19937 random(4);
  auto look = [&](int, const Batch& batch) {
    const auto first = static_cast<std::ptrdiff_t>(batch.position & (kPositionSpan - 1));
    const std::vector<std::string> own(texts.begin() + first, texts.begin() + first + batch.num_rows);
    expect_found(batch, 0, ContainsFilter("x"), own, true, random);
    return true;
  };
  EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
  EXPECT_TRUE(report_.lost.empty());
  EXPECT_EQ(report_.rows, 200u);
}

// However often their page is looked at.
TEST_F(ParquetSearchTest, FoundTextsThatAreNoUtf8AreRepairedOnce) {
  for (const bool with_dictionary : {false, true}) {
    arrow::BinaryBuilder bytes;
    std::vector<std::string> expected;
    for (int row = 0; row < 600; ++row) {
      const std::string text = "row " + std::to_string(row);
      const bool is_wrong = row % 100 == 50;
      ASSERT_TRUE(bytes.Append(is_wrong ? text + "\xe9" : text).ok());
      expected.push_back(is_wrong ? text + "\xEF\xBF\xBD" : text);
    }
    auto data = (*bytes.Finish())->data()->Copy();
    data->type = arrow::utf8();
    auto table =
        arrow::Table::Make(arrow::schema({arrow::field("S", arrow::utf8())}), {arrow::MakeArray(data)});
    parquet::WriterProperties::Builder properties;
    properties.data_pagesize(1000)->write_batch_size(50)->compression(parquet::Compression::ZSTD);
    if (with_dictionary)
      properties.dictionary_pagesize_limit(2000);
    else
      properties.disable_dictionary();
    const std::string path = write_parquet(*table, properties);
    request_.columns = {{"S", Type::String}};
    request_.late = true;
    report_ = ScanReport();
    std::mt19937 random(1);
    auto look = [&](int, const Batch& batch) {
      expect_found(batch, 0, ContainsFilter("5"), expected, true, random);
      return true;
    };
    EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
    EXPECT_EQ(report_.repaired_lines, 6u);
  }
}

}  // namespace
}  // namespace kqlc::archive
