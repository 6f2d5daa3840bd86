// SPDX-License-Identifier: Apache-2.0
//
// Footers that are kept: once for a file as it is, never for what it was.
#include "runtime/archive/parquet_footer.h"

#include <arrow/api.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/engines/files.h"

namespace kqlc::archive {
namespace {

void write_file(const std::string& path, const char* first, const char* second) {
  arrow::Int64Builder low, high;
  for (int64_t row = 0; row < 100; ++row) ASSERT_TRUE(low.Append(row).ok() && high.Append(9000 + row).ok());
  arrow::ArrayVector columns{*low.Finish(), *high.Finish()};
  if (*first > *second) std::swap(columns[0], columns[1]);
  auto schema = arrow::schema({arrow::field(first, arrow::int64()), arrow::field(second, arrow::int64())});
  auto out = *arrow::io::FileOutputStream::Open(path);
  auto table = arrow::Table::Make(schema, columns);
  ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 1000).ok());
  ASSERT_TRUE(out->Close().ok());
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::shared_ptr<parquet::FileMetaData> footer_of(const File& file) {
  auto opened = open_parquet_file(file);
  EXPECT_TRUE(opened.ok()) << opened.status().ToString();
  return opened->reader->parquet_reader()->metadata();
}

File listed(const std::string& path) { return detect_file(path, {}).value(); }

TEST(ParquetFooter, IsKeptForAFileAsItIsAndForNoOther) {
  engines::TemporaryFolder folder;
  const std::string path = folder.path() + "/T_CL.parquet", other = folder.path() + "/other.parquet";
  write_file(path, "a", "b");
  write_file(other, "b", "a");
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  const File file = listed(path);
  const auto footer = footer_of(file);
  EXPECT_EQ(footer_of(file), footer);
  EXPECT_EQ(footer_of(listed(path)), footer);

  // Written over in place, with its old size and time of the last write.
  struct stat before;
  ASSERT_EQ(stat(path.c_str(), &before), 0);
  const std::string bytes = read_file(other);
  ASSERT_EQ(bytes.size(), static_cast<size_t>(before.st_size));
  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out) << bytes;
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  for (const File& now : {file, listed(path)}) {
    const auto again = footer_of(now);
    EXPECT_NE(again, footer);
    EXPECT_EQ(again->schema()->Column(0)->name(), "b");
  }
}

}  // namespace
}  // namespace kqlc::archive
