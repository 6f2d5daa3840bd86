// SPDX-License-Identifier: Apache-2.0
//
// Tables as text and as Parquet. In: a seed. Out: rows, and files of them in the encodings, page versions and
// packings that a test asks for; scans as kernels make them.
#pragma once

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/writer.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/archive_fixture.h"

namespace kqlc::archive {

// Rows as text, and the table they are in.
struct Rows {
  std::shared_ptr<arrow::Table> table;
  std::vector<std::string> text;
};

template <class Builder, class Value>
void append(Builder& builder, bool is_null, const Value& value) {
  ASSERT_TRUE((is_null ? builder.AppendNull() : builder.Append(value)).ok());
}

// Few texts, so that they come in a dictionary; many, so that the dictionary is given up; texts of other
// letters; and the types that kernels read as they are.
inline Rows random_rows(uint32_t seed, int64_t count, bool nulls) {
  std::mt19937 random(seed);
  arrow::StringBuilder few, many;
  arrow::Int64Builder longs;
  arrow::Int32Builder ints;
  arrow::DoubleBuilder reals;
  arrow::BooleanBuilder bools;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"), arrow::default_memory_pool());
  arrow::TimestampBuilder micros(arrow::timestamp(arrow::TimeUnit::MICRO), arrow::default_memory_pool());
  Rows rows;
  for (int64_t i = 0; i < count; ++i) {
    auto null = [&] { return nulls && random() % 5 == 0; };
    std::string row;
    auto put = [&](const std::string& text) { row += "|" + text; };
    const bool no_few = null(), no_many = null(), no_long = null(), no_time = null();
    const std::string word = "word" + std::to_string(random() % 9);
    const std::string text = (random() % 7 ? "command " : "größe ") + std::to_string(random());
    const auto number = static_cast<int64_t>(random() % 1000);
    append(few, no_few, word);
    put(no_few ? "" : word);
    append(many, no_many, text);
    put(no_many ? "" : text);
    append(longs, no_long, number);
    put(no_long ? "null" : std::to_string(number));
    append(ints, no_long, static_cast<int32_t>(-number));
    put(no_long ? "null" : std::to_string(-number));
    append(reals, no_time, static_cast<double>(number) / 4);
    put(no_time ? "null" : std::to_string(static_cast<double>(number) / 4));
    append(bools, no_few, number % 3 == 0);
    put(no_few ? "null" : number % 3 ? "false" : "true");
    const int64_t nanos = 1'700'000'000'000'000'000 + number * 100;
    append(times, no_time, nanos);
    append(micros, no_long, nanos / 1000);
    Arena arena;
    const DateTime time{nanos / 100 + datetime::kUnixEpochTicks},
        micro{nanos / 1000 * 10 + datetime::kUnixEpochTicks};
    put(no_time ? "null" : std::string(datetime::print_datetime(time, arena).view()));
    put(no_long ? "null" : std::string(datetime::print_datetime(micro, arena).view()));
    rows.text.push_back(row.substr(1));
  }
  auto field = [&](const char* name, const std::shared_ptr<arrow::DataType>& type) {
    return arrow::field(name, type, nulls);
  };
  rows.table = arrow::Table::Make(
      arrow::schema({field("Few", arrow::utf8()), field("Many", arrow::utf8()), field("L", arrow::int64()),
                     field("I", arrow::int32()), field("R", arrow::float64()), field("B", arrow::boolean()),
                     field("T", times.type()), field("M", micros.type())}),
      {*few.Finish(), *many.Finish(), *longs.Finish(), *ints.Finish(), *reals.Finish(), *bools.Finish(),
       *times.Finish(), *micros.Finish()});
  return rows;
}

inline const std::vector<ColumnRequest> kColumns = {
    {"Few", Type::String}, {"Many", Type::String}, {"L", Type::Long},     {"I", Type::Int},
    {"R", Type::Real},     {"B", Type::Bool},      {"T", Type::DateTime}, {"M", Type::DateTime}};

class ParquetTest : public ArchiveTest {
 protected:
  std::string write_parquet(const arrow::Table& table, parquet::WriterProperties::Builder& properties,
                            int64_t group_rows = 1000) {
    std::string path = folder_ + "/a.parquet";
    auto out = *arrow::io::FileOutputStream::Open(path);
    EXPECT_TRUE(
        parquet::arrow::WriteTable(table, arrow::default_memory_pool(), out, group_rows, properties.build())
            .ok());
    EXPECT_TRUE(out->Close().ok());
    return path;
  }

  // Asks for the columns one by one, first for some rows and then for all, as kernels do.
  std::vector<std::string> scan_late(const std::string& path, uint32_t seed, uint32_t one_row_of = 300) {
    ScanRequest request = request_;
    request.late = true;
    auto file = detect_file(path, {});
    std::vector<std::string> rows;
    std::mt19937 random(seed);
    auto look = [&](const Batch& batch) {
      EXPECT_NE(batch.loader, nullptr);
      for (int round = 0; round < 3; ++round) {
        std::vector<uint64_t> selection(static_cast<size_t>(batch.num_rows + 63) / 64);
        std::vector<int64_t> chosen;
        for (int64_t row = 0; row < batch.num_rows; ++row)
          if (round == 2 || random() % one_row_of == 0) chosen.push_back(row);
        for (int64_t row : chosen) selection[static_cast<size_t>(row) / 64] |= uint64_t{1} << (row % 64);
        for (size_t i = 0; i < batch.num_columns; ++i)
          EXPECT_TRUE(batch.loader->load(i, round == 2 ? nullptr : selection.data()));
        for (int64_t row : chosen) {
          std::string text;
          for (size_t i = 0; i < batch.num_columns; ++i)
            text += (i ? "|" : "") + print_cell(batch.columns[i], row);
          const auto place =
              static_cast<size_t>(batch.position & (kPositionSpan - 1)) + static_cast<size_t>(row);
          if (rows.size() <= place) rows.resize(place + 1);
          if (round < 2) EXPECT_TRUE(rows[place].empty() || rows[place] == text);
          rows[place] = text;
        }
        // The others can be read as well.
        for (int64_t row = 0; row < batch.num_rows; ++row)
          for (size_t i = 0; i < batch.num_columns; ++i) print_cell(batch.columns[i], row);
      }
      return true;
    };
    EXPECT_TRUE(scan_file(
                    file.value(), request, [&](int, const Batch& batch) { return look(batch); }, &report_)
                    .ok());
    return rows;
  }

  static constexpr uint64_t kPositionSpan = uint64_t{1} << 40;
};

}  // namespace kqlc::archive
