// SPDX-License-Identifier: Apache-2.0
//
// Mapped files: that columns are used where they lie in the file, and that a file which becomes shorter at
// the worst moment gives neither a crash nor a wrong row.
#include "runtime/archive/mapped_file.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/writer.h>
#include <arrow/util/future.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "runtime/archive/archive.h"
#include "runtime/archive/arrow_mapped.h"
#include "tests/engines/files.h"

namespace kqlc::archive {
namespace {

using ::testing::EndsWith;
using ::testing::IsEmpty;

constexpr int64_t kRows = 100'000;  // of a batch

class MappedFileTest : public ::testing::Test {
 protected:
  // A number, a text, a coded text and a view.
  static std::shared_ptr<arrow::Table> make_table() {
    arrow::Int64Builder numbers;
    arrow::StringBuilder texts;
    arrow::StringDictionary32Builder codes;
    arrow::StringViewBuilder views;
    for (int64_t row = 0; row < kRows; ++row) {
      std::string text = "the text of row number " + std::to_string(row);
      EXPECT_TRUE(numbers.Append(row + 1).ok() && texts.Append(text).ok() && views.Append(text).ok());
      EXPECT_TRUE(codes.Append("word " + std::to_string(row % 1000)).ok());
    }
    arrow::ArrayVector arrays = {*numbers.Finish(), *texts.Finish(), *codes.Finish(), *views.Finish()};
    arrow::FieldVector fields;
    const char* names[] = {"N", "T", "C", "V"};
    for (size_t i = 0; i < arrays.size(); ++i) fields.push_back(arrow::field(names[i], arrays[i]->type()));
    return arrow::Table::Make(arrow::schema(fields), arrays);
  }

  std::string write_arrow(int batches, arrow::ipc::IpcWriteOptions options = {}) {
    std::string path = folder_.path() + "/DeviceEvents.arrow";
    auto table = make_table();
    auto out = *arrow::io::FileOutputStream::Open(path);
    auto writer = *arrow::ipc::MakeFileWriter(out, table->schema(), options);
    for (int i = 0; i < batches; ++i) EXPECT_TRUE(writer->WriteTable(*table).ok());
    EXPECT_TRUE(writer->Close().ok() && out->Close().ok());
    return path;
  }

  // The number and the text, in row groups of a quarter of the rows.
  std::string write_parquet() {
    std::string path = folder_.path() + "/DeviceEvents.parquet";
    auto out = *arrow::io::FileOutputStream::Open(path);
    auto properties = parquet::WriterProperties::Builder().compression(parquet::Compression::ZSTD)->build();
    EXPECT_TRUE(parquet::arrow::WriteTable(**make_table()->SelectColumns({0, 1}),
                                           arrow::default_memory_pool(), out, kRows / 4, properties)
                    .ok());
    EXPECT_TRUE(out->Close().ok());
    return path;
  }

  std::string write_lines(int count) {
    std::string path = folder_.path() + "/DeviceEvents.ndjson";
    std::ofstream out(path);
    for (int i = 1; i <= count; ++i)
      out << "{\"N\":" << i << ",\"T\":\"the text of row number " << i << "\"}\n";
    return path;
  }

  // Scans one file; `look` sees each batch.
  Result<void> scan(const std::string& path, Mapping mapping, const std::function<void(const Batch&)>& look) {
    report_ = ScanReport();
    auto file = detect_file(path, {});
    if (!file.ok()) return file.error();
    request_.mapping = mapping;
    auto callback = [&](int, const Batch& batch) {
      look(batch);
      return true;
    };
    return scan_file(file.value(), request_, callback, &report_);
  }

  // Bytes of the text column that are used where the file is mapped. A private look at the process's own map
  // of its memory: only a mapping of the file has its name.
  static bool is_mapped(const void* place, const std::string& path) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      uintptr_t begin = 0, end = 0;
      std::sscanf(line.c_str(), "%lx-%lx", &begin, &end);
      auto address = reinterpret_cast<uintptr_t>(place);
      if (address >= begin && address < end) return line.ends_with(path);
    }
    return false;
  }

  // Follows every string of a column, as a kernel does; the sum keeps the reads.
  static uint64_t touch(const Column& column, int64_t rows) {
    uint64_t sum = 0;
    for (int64_t row = 0; row < rows; ++row) {
      Cell cell = load(column, column.type, column.encoding, row);
      if (column.type == Type::Long) sum += static_cast<uint64_t>(cell.l);
      if (column.type == Type::String)
        for (char c : cell.s.view()) sum += static_cast<unsigned char>(c);
    }
    return sum;
  }

  // Cuts a file at every tenth of its length while its first batch is in use.
  void expect_cut_fails(const std::function<std::string()>& write) {
    for (int tenth = 0; tenth < 10; ++tenth) {
      std::string path = write();
      auto size = std::filesystem::file_size(path);
      int batches = 0;
      auto look = [&](const Batch& batch) {
        if (batches++ == 0) std::filesystem::resize_file(path, size * tenth / 10 + 7);
        for (size_t i = 0; i < batch.num_columns; ++i) touch(batch.columns[i], batch.num_rows);
      };
      auto done = scan(path, Mapping::Archives, look);
      ASSERT_FALSE(done.ok()) << tenth;
      EXPECT_EQ(done.error().code, ErrorCode::Io);
      EXPECT_EQ(done.error().message, path + ": became shorter while it was read");
      EXPECT_EQ(batches, 1);
    }
  }

  engines::TemporaryFolder folder_;
  ScanRequest request_;
  ScanReport report_;
};

// Arrow's own way hands each range to a thread of its pool: there the callback runs, and a scan waits for it.
TEST_F(MappedFileTest, RangesAreReadByTheThreadThatAsks) {
  const std::string path = write_lines(3);
  const auto input = open_mapped_input(MappedFile::open(path));
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  std::thread::id reader;
  auto all = input->ReadAsync(arrow::io::default_io_context(), 0, bytes, false);
  all.AddCallback([&](const auto&) { reader = std::this_thread::get_id(); });
  EXPECT_TRUE(all.is_finished());
  EXPECT_EQ(reader, std::this_thread::get_id());
  ASSERT_TRUE(all.status().ok());
  EXPECT_EQ((*all.result())->size(), bytes);
  EXPECT_TRUE(input->ReadAsync(arrow::io::default_io_context(), 1, bytes, true).status().ok());
  EXPECT_TRUE(input->ReadAsync(arrow::io::default_io_context(), 1, bytes, false).status().IsIOError());
}

TEST_F(MappedFileTest, ColumnsAreUsedWhereTheyLieInTheFile) {
  std::string path = write_arrow(2);
  request_.columns = {{"T", Type::String}, {"N", Type::Long}};
  int batches = 0;
  auto look = [&](const Batch& batch) {
    ++batches;
    EXPECT_TRUE(is_mapped(batch.columns[0].data, path));
    EXPECT_TRUE(is_mapped(batch.columns[1].values, path));
    // What is followed is the reader's own.
    EXPECT_FALSE(is_mapped(batch.columns[0].values, path));
  };
  ASSERT_TRUE(scan(path, Mapping::Archives, look).ok());
  EXPECT_EQ(batches, 2);
  auto look_read = [&](const Batch& batch) {
    EXPECT_FALSE(is_mapped(batch.columns[0].data, path));
    EXPECT_FALSE(is_mapped(batch.columns[1].values, path));
  };
  ASSERT_TRUE(scan(path, Mapping::None, look_read).ok());
  EXPECT_FALSE(is_mapped(MappedFile::open(write_lines(3))->data(), path));
}

TEST_F(MappedFileTest, MappedAndReadGiveTheSameValues) {
  request_.columns = {{"N", Type::Long}, {"T", Type::String}, {"C", Type::String}, {"V", Type::String}};
  for (bool packed : {false, true}) {
    auto options = arrow::ipc::IpcWriteOptions::Defaults();
    if (packed) options.codec = *arrow::util::Codec::Create(arrow::Compression::ZSTD);
    std::string path = write_arrow(2, options);
    std::vector<uint64_t> sums[2];
    for (Mapping mapping : {Mapping::Archives, Mapping::None}) {
      auto look = [&](const Batch& batch) {
        for (size_t i = 0; i < batch.num_columns; ++i)
          sums[mapping == Mapping::None].push_back(touch(batch.columns[i], batch.num_rows));
      };
      ASSERT_TRUE(scan(path, mapping, look).ok());
      EXPECT_THAT(report_.errors, IsEmpty());
      EXPECT_EQ(report_.rows, 2u * kRows);
    }
    EXPECT_EQ(sums[0].size(), 8u);
    EXPECT_EQ(sums[0], sums[1]);
  }
}

// All of a batch that is in use can still be followed, and the scan says that what it gave may be wrong.
TEST_F(MappedFileTest, AnArrowFileCutUnderABatchFailsTheScan) {
  request_.columns = {{"N", Type::Long}, {"T", Type::String}, {"C", Type::String}, {"V", Type::String}};
  expect_cut_fails([&] { return write_arrow(2); });
}

// Between two batches nothing of the file is in use: what was handed on is right, and the file is an error.
TEST_F(MappedFileTest, AnArrowFileCutBeforeABatchIsTheFilesError) {
  request_.columns = {{"N", Type::Long}};
  std::string path = write_arrow(2);
  auto size = std::filesystem::file_size(path);
  auto file = detect_file(path, {});
  ASSERT_TRUE(file.ok());
  bool cut = false;
  ScanControl control;
  uint64_t rows = 0;
  control.cancelled = [&] {
    if (rows && !std::exchange(cut, true)) std::filesystem::resize_file(path, size / 3);
    return false;
  };
  auto look = [&](int, const Batch& batch) {
    rows += static_cast<uint64_t>(batch.num_rows);
    return true;
  };
  ASSERT_TRUE(scan_files({file.value()}, request_, control, look, &report_).ok());
  EXPECT_EQ(rows, static_cast<uint64_t>(kRows));
  ASSERT_EQ(report_.errors.size(), 1u);
  EXPECT_EQ(report_.errors[0].code, ErrorCode::Io);
  EXPECT_EQ(report_.errors[0].message, path + ": became shorter while it was read");
}

// Pages are unpacked from where they are mapped: of a file that was cut no row group can be told from
// another.
TEST_F(MappedFileTest, AParquetFileCutUnderABatchFailsTheScan) {
  request_.columns = {{"N", Type::Long}, {"T", Type::String}};
  expect_cut_fails([&] { return write_parquet(); });
}

TEST_F(MappedFileTest, MappedAndReadParquetGiveTheSameValues) {
  request_.columns = {{"N", Type::Long}, {"T", Type::String}};
  std::string path = write_parquet();
  uint64_t sums[2] = {};
  for (Mapping mapping : {Mapping::None, Mapping::Archives}) {
    uint64_t rows = 0;
    ASSERT_TRUE(scan(path, mapping, [&](const Batch& batch) {
                  rows += static_cast<uint64_t>(batch.num_rows);
                  for (size_t i = 0; i < batch.num_columns; ++i)
                    sums[mapping == Mapping::None] += touch(batch.columns[i], batch.num_rows);
                }).ok());
    EXPECT_EQ(rows, static_cast<uint64_t>(kRows));
  }
  EXPECT_EQ(sums[0], sums[1]);
}

// Rows of lines are copies, so a cut in the callback harms only what follows.
TEST_F(MappedFileTest, LinesCutUnderABatchAreTheFilesError) {
  request_.columns = {{"N", Type::Long}, {"T", Type::String}};
  for (bool filtered : {false, true}) {
    if (filtered) request_.prefilters = {{{{"number", simd::Case::Ignored}}}};
    std::string path = write_lines(100'000);
    uint64_t first = 0, numbers = 0, texts = 0;
    auto look = [&](const Batch& batch) {
      if (first++ == 0) std::filesystem::resize_file(path, 7);
      for (int64_t row = 0; row < batch.num_rows; ++row) {
        auto number = load(batch.columns[0], Type::Long, batch.columns[0].encoding, row);
        auto text = load(batch.columns[1], Type::String, batch.columns[1].encoding, row);
        EXPECT_THAT(std::string(text.s.view()), EndsWith(" " + std::to_string(number.l)));
        ++numbers;
        texts += text.s.size;
      }
    };
    ASSERT_TRUE(scan(path, Mapping::All, look).ok());
    EXPECT_GT(numbers, 1'000u);
    EXPECT_LT(numbers, 30'000u) << "the first chunk";
    EXPECT_GT(texts, 0u);
    ASSERT_EQ(report_.errors.size(), 1u);
    EXPECT_EQ(report_.errors[0].code, ErrorCode::Io);
    EXPECT_EQ(report_.errors[0].message, path + ": became shorter while it was read");
  }
}

TEST_F(MappedFileTest, WhatIsLostReadsAsZerosAndIsKnown) {
  std::string path = write_lines(10'000);
  auto mapped = MappedFile::open(path);
  ASSERT_NE(mapped, nullptr);
  EXPECT_FALSE(mapped->torn());
  EXPECT_EQ(mapped->data()[0], '{');
  EXPECT_EQ(mapped->data()[mapped->size()], '\0') << "behind the file there are zeros";
  std::filesystem::resize_file(path, 10);
  EXPECT_EQ(mapped->data()[mapped->size() - 1], '\0');
  EXPECT_EQ(mapped->data()[mapped->size() / 2], '\0');
  EXPECT_TRUE(mapped->torn());
  // It was touched while it was short: the bytes are lost even when the file is long again.
  std::filesystem::resize_file(path, mapped->size());
  EXPECT_TRUE(mapped->torn());
  EXPECT_THAT(mapped->loss().message, EndsWith("was written to while it was read"));
  EXPECT_FALSE(MappedFile::open(path)->torn()) << "its place in the table is clean";
}

TEST_F(MappedFileTest, WhatCannotBeMappedIsSaidSo) {
  EXPECT_EQ(MappedFile::open(write_lines(0)), nullptr);
  EXPECT_EQ(MappedFile::open(folder_.path() + "/nothing"), nullptr);
  EXPECT_EQ(MappedFile::open(folder_.path()), nullptr);
  std::string path = write_lines(1);
  std::vector<std::shared_ptr<const MappedFile>> many;
  while (auto mapped = MappedFile::open(path)) many.push_back(std::move(mapped));
  EXPECT_GE(many.size(), 500u) << "the table's places, or the system's descriptors";
  EXPECT_LE(many.size(), 4096u);
  uint64_t rows = 0;
  request_.columns = {{"N", Type::Long}};
  many.resize(many.size() - 8);  // descriptors for the reader
  ASSERT_TRUE(scan(path, Mapping::All, [&](const Batch& batch) { rows += batch.num_rows; }).ok());
  EXPECT_EQ(rows, 1u);
}

// A fault in memory that is not ours ends the process as it always did.
TEST_F(MappedFileTest, OtherFaultsGoTheirWay) {
  std::string path = write_lines(1000);
  auto mapped = MappedFile::open(path);
  std::string other = folder_.path() + "/other";
  std::ofstream(other) << std::string(100'000, 'x');
  int descriptor = open(other.c_str(), O_RDONLY);
  void* place = mmap(nullptr, 100'000, PROT_READ, MAP_SHARED, descriptor, 0);
  ASSERT_NE(place, MAP_FAILED);
  std::filesystem::resize_file(other, 0);
  EXPECT_DEATH(EXPECT_NE(static_cast<volatile char*>(place)[50'000], 'y'), "");
  munmap(place, 100'000);
  close(descriptor);
}

}  // namespace
}  // namespace kqlc::archive
