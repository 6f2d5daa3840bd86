// SPDX-License-Identifier: Apache-2.0
//
// What the tests of archives share: a temporary folder, files in it, and a scan whose rows come back as text.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/archive/archive.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/guid.h"

namespace kqlc::archive {

inline std::string print_cell(const Column& column, int64_t row) {
  if (column.type == Type::String || column.type == Type::Dynamic) {
    return std::string(load_str(column, column.encoding, row).view());
  }
  Cell cell = load(column, column.type, column.encoding, row);
  if (!cell.valid) return "null";
  Arena arena;
  switch (column.type) {
    case Type::Bool:
      return cell.b ? "true" : "false";
    case Type::Int:
      return std::to_string(cell.i);
    case Type::Long:
      return std::to_string(cell.l);
    case Type::Real:
      return std::to_string(cell.d);
    case Type::DateTime:
      return std::string(datetime::print_datetime(DateTime{cell.l}, arena).view());
    case Type::TimeSpan:
      return std::string(datetime::print_timespan(TimeSpan{cell.l}, arena).view());
    case Type::Guid:
      return std::string(guid::print(cell.g, arena).view());
    default:
      return std::string(decimal::print(cell.m, arena).view());
  }
}

inline std::string gzip(const std::string& text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

class ArchiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "kqlc_archive_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    std::string path = folder_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  // The rows in input order, cells joined by '|'.
  std::vector<std::string> scan(const std::vector<std::string>& inputs, int threads = 1) {
    report_ = ScanReport();
    auto files = list_files(inputs, options_, nullptr);
    EXPECT_TRUE(files.ok()) << (files.ok() ? "" : files.error().message);
    if (!files.ok()) return {};
    std::mutex mutex;
    std::map<uint64_t, std::string> rows;
    ScanControl control;
    control.threads = threads;
    auto callback = [&](int, const Batch& batch) {
      std::lock_guard lock(mutex);
      if (on_first_batch_) std::exchange(on_first_batch_, nullptr)();
      for (int64_t row = 0; row < batch.num_rows; ++row) {
        std::string text;
        for (size_t i = 0; i < batch.num_columns; ++i)
          text += (i ? "|" : "") + print_cell(batch.columns[i], row);
        EXPECT_TRUE(rows.emplace(batch.position + row, text).second) << "two rows at one position";
      }
      return true;
    };
    auto done = scan_files(files.value(), request_, control, callback, &report_);
    failure_ = done.ok() ? "" : done.error().message;
    EXPECT_EQ(done.ok(), !expect_failure_) << failure_;
    std::vector<std::string> result;
    for (auto& [position, text] : rows) result.push_back(text);
    return result;
  }

  std::string folder_;
  ListOptions options_;
  ScanRequest request_;
  ScanReport report_;
  std::function<void()> on_first_batch_;  // what happens to the files while they are read
  bool expect_failure_ = false;
  std::string failure_;
};

}  // namespace kqlc::archive
