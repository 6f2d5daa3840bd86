// SPDX-License-Identifier: Apache-2.0
//
// A row group or a batch that cannot be read costs its own rows and no others, whichever threads read the
// file.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/writer.h>
#include <parquet/arrow/writer.h>
#include <parquet/file_reader.h>

#include <cstring>

#include "tests/unit/archive_fixture.h"

namespace kqlc::archive {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kChunks = 6, kRows = 100;

class DamagedChunkTest : public ArchiveTest {
 protected:
  DamagedChunkTest() { request_.columns = {{"Text", Type::String}}; }

  static std::string text_of(int row) { return std::string(static_cast<size_t>(row / kRows + 5), 't') + "é"; }

  static std::shared_ptr<arrow::Table> make_table() {
    arrow::StringBuilder texts;
    for (int row = 0; row < kChunks * kRows; ++row) EXPECT_TRUE(texts.Append(text_of(row)).ok());
    return arrow::Table::Make(arrow::schema({arrow::field("Text", arrow::utf8())}), {*texts.Finish()});
  }

  // An Arrow file, with wrong offsets in some batches.
  std::string write_arrow(const std::vector<int>& damaged) {
    const std::string path = folder_ + "/a.arrow";
    auto out = *arrow::io::FileOutputStream::Open(path);
    auto table = make_table();
    auto writer = *arrow::ipc::MakeFileWriter(out, table->schema());
    EXPECT_TRUE(writer->WriteTable(*table, kRows).ok() && writer->Close().ok() && out->Close().ok());
    std::string bytes = read(path);
    for (int batch : damaged) {
      const auto size = static_cast<int32_t>(text_of(batch * kRows).size());
      const int32_t offsets[] = {0, size, 2 * size, 3 * size, 4 * size}, wrong = 1 << 30;
      const size_t place = bytes.find(std::string(reinterpret_cast<const char*>(offsets), sizeof offsets));
      EXPECT_NE(place, std::string::npos);
      std::memcpy(bytes.data() + place + 8, &wrong, sizeof wrong);
    }
    return write("a.arrow", bytes);
  }

  // A Parquet file, with wrong pages in some row groups.
  std::string write_parquet(const std::vector<int>& damaged) {
    const std::string path = folder_ + "/a.parquet";
    auto out = *arrow::io::FileOutputStream::Open(path);
    parquet::WriterProperties::Builder properties;
    properties.compression(parquet::Compression::ZSTD)->disable_dictionary();
    EXPECT_TRUE(parquet::arrow::WriteTable(*make_table(), arrow::default_memory_pool(), out, kRows,
                                           properties.build())
                    .ok());
    EXPECT_TRUE(out->Close().ok());
    auto metadata = parquet::ParquetFileReader::OpenFile(path)->metadata();
    std::string bytes = read(path);
    for (int group : damaged) {
      auto chunk = metadata->RowGroup(group)->ColumnChunk(0);
      std::memset(bytes.data() + chunk->data_page_offset(), 0xFF,
                  static_cast<size_t>(chunk->total_compressed_size()));
    }
    return write("a.parquet", bytes);
  }

  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // The rows of the chunks that are whole.
  static std::vector<std::string> rows_without(const std::vector<int>& damaged) {
    std::vector<std::string> rows;
    for (int row = 0; row < kChunks * kRows; ++row)
      if (std::ranges::find(damaged, row / kRows) == damaged.end()) rows.push_back(text_of(row));
    return rows;
  }
};

TEST_F(DamagedChunkTest, AllOtherRowsAreThere) {
  const std::vector<int> damaged = {0, 3};
  for (const std::string& path : {write_arrow(damaged), write_parquet(damaged)})
    for (auto mapping : {Mapping::None, Mapping::Archives})
      for (int threads : {1, 3}) {
        request_.mapping = mapping;
        EXPECT_EQ(scan({path}, threads), rows_without(damaged)) << path << ", " << threads << " threads";
        EXPECT_THAT(report_.errors, IsEmpty());
        EXPECT_THAT(report_.unread, IsEmpty());
        EXPECT_TRUE(report_.read_on && !report_.broke_off && report_.has_bad_data());
        ASSERT_EQ(report_.lost.size(), 2u);
        std::string messages = report_.lost[0].message + report_.lost[1].message;
        EXPECT_THAT(messages, HasSubstr(path.ends_with("arrow") ? "rows 301 to 400: " : "row group 3: "));
      }
}

TEST_F(DamagedChunkTest, OfManyTheFirstAreNamed) {
  const std::vector<int> all = {0, 1, 2, 3, 4, 5};
  for (const std::string& path : {write_arrow(all), write_parquet(all)}) {
    EXPECT_THAT(scan({path}, 2), IsEmpty());
    EXPECT_EQ(report_.lost.size(), kMaxSamples);
    EXPECT_THAT(report_.notes, testing::Contains(HasSubstr("1 further chunk cannot be read")));
    EXPECT_EQ(report_.unread.size(), 1u) << "nothing could be read of it";
    EXPECT_FALSE(report_.read_on);
  }
}

}  // namespace
}  // namespace kqlc::archive
