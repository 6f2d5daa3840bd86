// SPDX-License-Identifier: Apache-2.0
//
// Parquet by pages: files of every encoding, page version and packing that Arrow writes against the table
// they were written from, read whole and as a kernel asks for them. Random tests print their seed.
#include <arrow/api.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <cmath>
#include <random>
#include <set>

#include "tests/unit/parquet_fixture.h"

namespace kqlc::archive {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ParquetTest, EveryEncodingGivesTheRowsThatWereWritten) {
  request_.columns = kColumns;
  using Properties = parquet::WriterProperties::Builder;
  const std::vector<std::pair<const char*, std::function<void(Properties&)>>> ways = {
      {"plain", [](Properties& p) { p.disable_dictionary(); }},
      {"small dictionaries", [](Properties& p) { p.dictionary_pagesize_limit(2000); }},
      {"version 2", [](Properties& p) { p.data_page_version(parquet::ParquetDataPageVersion::V2); }},
      {"delta", [](Properties& p) {
         p.disable_dictionary()->encoding("L", parquet::Encoding::DELTA_BINARY_PACKED);
         p.encoding("Many", parquet::Encoding::DELTA_BYTE_ARRAY)
             ->encoding("R", parquet::Encoding::BYTE_STREAM_SPLIT);
       }}};
  const std::vector<parquet::Compression::type> packings = {
      parquet::Compression::UNCOMPRESSED, parquet::Compression::ZSTD, parquet::Compression::SNAPPY};
  for (uint32_t seed = 1; seed <= 2; ++seed) {
    const Rows rows = random_rows(seed, 2500, seed == 2);
    for (auto& [name, change] : ways)
      for (auto packing : packings) {
        Properties properties;
        properties.compression(packing)->data_pagesize(1000)->write_batch_size(100);
        change(properties);
        const std::string path = write_parquet(*rows.table, properties);
        SCOPED_TRACE(std::string(name) + ", packing " + std::to_string(packing) + ", seed " +
                     std::to_string(seed));
        EXPECT_EQ(scan({path}), rows.text);
        EXPECT_EQ(scan_late(path, seed), rows.text);
        EXPECT_TRUE(report_.problems.empty());
        EXPECT_TRUE(report_.errors.empty()) << (report_.errors.empty() ? "" : report_.errors[0].message);
      }
  }
}

// Numbers that hardly repeat: small and large ones, of both signs, and times in order.
Rows large_rows(uint32_t seed, int64_t count, bool nulls) {
  std::mt19937_64 random(seed);
  arrow::Int64Builder small, any;
  arrow::Int32Builder ints;
  arrow::DoubleBuilder reals;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"), arrow::default_memory_pool());
  Rows rows;
  for (int64_t i = 0; i < count; ++i) {
    const bool no_number = nulls && random() % 7 == 0;
    const auto number = static_cast<int64_t>(random() % 4'000'000), all = static_cast<int64_t>(random());
    const int64_t nanos =
        1'700'000'000'000'000'000 + i * 90'000'000 + static_cast<int64_t>(random() % 900'000) * 100;
    append(small, no_number, number);
    append(any, no_number, all);
    append(ints, no_number, static_cast<int32_t>(all));
    append(reals, no_number, static_cast<double>(all) / 1024);
    append(times, false, nanos);
    Arena arena;
    const DateTime time{nanos / 100 + datetime::kUnixEpochTicks};
    auto put = [&](const std::string& text) { return (no_number ? "null" : text) + "|"; };
    rows.text.push_back(put(std::to_string(number)) + put(std::to_string(all)) +
                        put(std::to_string(static_cast<int32_t>(all))) +
                        put(std::to_string(static_cast<double>(all) / 1024)) +
                        std::string(datetime::print_datetime(time, arena).view()));
  }
  rows.table = arrow::Table::Make(
      arrow::schema({arrow::field("Small", arrow::int64(), nulls), arrow::field("Any", arrow::int64(), nulls),
                     arrow::field("Int", arrow::int32(), nulls),
                     arrow::field("Real", arrow::float64(), nulls), arrow::field("Time", times.type())}),
      {*small.Finish(), *any.Finish(), *ints.Finish(), *reals.Finish(), *times.Finish()});
  return rows;
}

// Few values of large pages, which are unpacked alone.
TEST_F(ParquetTest, FewValuesOfLargePagesAreThoseThatWereWritten) {
  request_.columns = {{"Small", Type::Long},
                      {"Any", Type::Long},
                      {"Int", Type::Int},
                      {"Real", Type::Real},
                      {"Time", Type::DateTime}};
  for (bool nulls : {false, true}) {
    const Rows rows = large_rows(21, 60'000, nulls);
    for (int way = 0; way < 8; ++way) {
      parquet::WriterProperties::Builder properties;
      properties.compression(way & 1 ? parquet::Compression::SNAPPY : parquet::Compression::ZSTD)
          ->data_page_version(way & 2 ? parquet::ParquetDataPageVersion::V2
                                      : parquet::ParquetDataPageVersion::V1);
      if (way & 4) properties.disable_dictionary();
      const std::string path = write_parquet(*rows.table, properties, 40'000);
      SCOPED_TRACE("way " + std::to_string(way) + (nulls ? ", nulls" : ""));
      EXPECT_EQ(scan_late(path, 22, 9000), rows.text);
      EXPECT_TRUE(report_.errors.empty()) << (report_.errors.empty() ? "" : report_.errors[0].message);
    }
  }
}

// A group of more rows than are held is read in parts; its missing columns were counted twice.
TEST_F(ParquetTest, VeryManyRowsAreReadInParts) {
  constexpr int64_t kRows = (int64_t{1} << 22) + 100'000;
  arrow::BooleanBuilder bools;
  ASSERT_TRUE(bools.Reserve(kRows).ok());
  for (int64_t i = 0; i < kRows; ++i) bools.UnsafeAppend(i % 1'000'000 == 7);
  const auto table =
      arrow::Table::Make(arrow::schema({arrow::field("B", arrow::boolean())}), {*bools.Finish()});
  parquet::WriterProperties::Builder properties;
  properties.max_row_group_length(kRows);
  const std::string path = write_parquet(*table, properties, kRows);
  for (const bool late : {false, true}) {
    request_.columns = {{"B", Type::Bool}, {"None", Type::String}};
    request_.late = late;
    report_ = ScanReport();
    int64_t rows = 0, set = 0;
    size_t batches = 0;
    auto look = [&](int, const Batch& batch) {
      ++batches;
      rows += batch.num_rows;
      const auto first = static_cast<int64_t>(batch.position & (kPositionSpan - 1));
      for (int64_t row = 0; row < batch.num_rows; ++row)
        if ((first + row) % 1'000'000 < 9) set += print_cell(batch.columns[0], row) == "true";
      return true;
    };
    EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
    EXPECT_EQ(rows, kRows);
    EXPECT_EQ(set, 5);
    EXPECT_GT(batches, 1u);
    EXPECT_EQ(report_.missing_columns["None"], 1u);
  }
}

// Values that are none according to the file make it read whole pages: they are what was written.
TEST_F(ParquetTest, WrongStatisticsGiveNoOtherValues) {
  constexpr int64_t kRows = 50'000, kFirst = 1'700'000'000'123'456'700;
  arrow::Int64Builder longs;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::NANO), arrow::default_memory_pool());
  std::vector<std::string> expected;
  for (int64_t i = 0; i < kRows; ++i) {
    const int64_t value = kFirst + i * 1'000'003'700;
    append(longs, false, value);
    append(times, false, value);
    Arena arena;
    const DateTime time{value / 100 + datetime::kUnixEpochTicks};
    expected.push_back(std::to_string(value) + "|" +
                       std::string(datetime::print_datetime(time, arena).view()));
  }
  const auto table =
      arrow::Table::Make(arrow::schema({arrow::field("L", arrow::int64()), arrow::field("T", times.type())}),
                         {*longs.Finish(), *times.Finish()});
  request_.columns = {{"L", Type::Long}, {"T", Type::DateTime}};
  const auto bytes_of = [](int64_t value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (const bool with_dictionary : {true, false})
    for (const int64_t least_wrong : {int64_t{1}, kRows / 2}) {
      parquet::WriterProperties::Builder properties;
      properties.compression(parquet::Compression::ZSTD);
      if (!with_dictionary) properties.disable_dictionary();
      const std::string path = write_parquet(*table, properties, kRows);
      std::ifstream in(path, std::ios::binary);
      std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
      const std::string greatest = bytes_of(kFirst + (kRows - 1) * 1'000'003'700);
      const std::string wrong = bytes_of(kFirst + least_wrong * 1'000'003'700);
      size_t changed = 0;
      for (size_t place = 0; (place = bytes.find(greatest, place)) != bytes.npos; place += 8, ++changed)
        bytes.replace(place, 8, wrong);
      ASSERT_GE(changed, 2u);
      std::ofstream(path, std::ios::binary) << bytes;
      EXPECT_EQ(scan_late(path, 23, 9000), expected);
      EXPECT_TRUE(report_.errors.empty());
      // A value outside makes its whole page: another row, which nobody asked for, is there then.
      const auto is_other_made = [&](int64_t row, int64_t other) {
        bool is_made = false;
        auto look = [&](int, const Batch& batch) {
          std::vector<uint64_t> selection(static_cast<size_t>(batch.num_rows + 63) / 64);
          selection[static_cast<size_t>(row) / 64] |= uint64_t{1} << (row % 64);
          EXPECT_TRUE(batch.loader->load(0, selection.data()));
          is_made = print_cell(batch.columns[0], other) == std::to_string(kFirst + other * 1'000'003'700);
          return true;
        };
        ScanRequest request = request_;
        request.late = true;
        EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request, look, &report_).ok());
        return is_made;
      };
      EXPECT_TRUE(is_other_made(kRows - 1, kRows - 20));
      EXPECT_FALSE(is_other_made(0, 20)) << "a value inside does not";
    }
}

TEST_F(ParquetTest, TextsBeyondTheDictionaryFollowOthersThatWereLoaded) {
  request_.columns = {{"Many", Type::String}};
  const Rows rows = random_rows(3, 2000, false);
  parquet::WriterProperties::Builder properties;
  properties.dictionary_pagesize_limit(8000)->data_pagesize(500)->write_batch_size(50);
  const std::string path = write_parquet(*rows.table, properties, 2000);
  auto file = detect_file(path, {});
  request_.late = true;
  auto look = [&](int, const Batch& batch) {
    std::vector<uint64_t> first(static_cast<size_t>(batch.num_rows + 63) / 64);
    first[0] = 1;
    EXPECT_TRUE(batch.loader->load(0, first.data()));
    EXPECT_EQ(batch.columns[0].encoding, Encoding::Dictionary);
    const int64_t before = batch.columns[0].dictionary_size;
    EXPECT_TRUE(batch.loader->load(0, nullptr));
    EXPECT_GT(batch.columns[0].dictionary_size, before);
    for (int64_t row = 0; row < batch.num_rows; ++row)
      EXPECT_EQ(print_cell(batch.columns[0], row),
                std::string(rows.table->GetColumnByName("Many")->GetScalar(row).ValueOrDie()->ToString()));
    return true;
  };
  EXPECT_TRUE(scan_file(file.value(), request_, look, &report_).ok());
}

// What a dictionary alone tells, and only where all rows have their values from it.
TEST_F(ParquetTest, ValuesAreKnownWithoutTheRows) {
  request_.columns = {{"Few", Type::String}, {"Many", Type::String}, {"L", Type::Long}};
  request_.late = true;
  for (auto packing : {parquet::Compression::ZSTD, parquet::Compression::SNAPPY}) {
    const Rows rows = random_rows(5, 2000, true);
    parquet::WriterProperties::Builder properties;
    properties.compression(packing)->dictionary_pagesize_limit(8000)->data_pagesize(500)->write_batch_size(
        50);
    const std::string path = write_parquet(*rows.table, properties, 2000);
    auto look = [&](int, const Batch& batch) {
      Column values;
      int64_t size = 0;
      EXPECT_FALSE(batch.loader->find_values(1, &values, &size)) << "some texts are not in the dictionary";
      EXPECT_FALSE(batch.loader->find_values(2, &values, &size)) << "no text";
      EXPECT_TRUE(batch.loader->find_values(0, &values, &size));
      std::set<std::string> known;
      for (int64_t i = 0; i < size; ++i) known.emplace(load_str(values, values.encoding, i).view());
      EXPECT_TRUE(batch.loader->load(0, nullptr));
      std::set<std::string> found;
      for (int64_t row = 0; row < batch.num_rows; ++row)
        if (!batch.columns[0].validity || bit_at(batch.columns[0].validity, row))
          found.emplace(load_str(batch.columns[0], batch.columns[0].encoding, row).view());
      EXPECT_EQ(known, found);
      for (int64_t row = 0; row < batch.num_rows; ++row)
        EXPECT_EQ(print_cell(batch.columns[0], row), rows.text[static_cast<size_t>(row)].substr(
                                                         0, rows.text[static_cast<size_t>(row)].find('|')));
      return true;
    };
    EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
  }
}

// Whatever encoding holds them: Arrow's reader refuses a column for one such text.
TEST_F(ParquetTest, TextsThatAreNoUtf8AreRepaired) {
  arrow::BinaryBuilder texts;
  for (const char* text : {"good", "caf\xe9 x", "cut \xe6\x97"}) ASSERT_TRUE(texts.Append(text).ok());
  auto bytes = *texts.Finish();
  auto data = bytes->data()->Copy();
  data->type = arrow::utf8();
  auto table =
      arrow::Table::Make(arrow::schema({arrow::field("S", arrow::utf8())}), {arrow::MakeArray(data)});
  request_.columns = {{"S", Type::String}};
  for (auto encoding : {parquet::Encoding::PLAIN, parquet::Encoding::DELTA_BYTE_ARRAY,
                        parquet::Encoding::DELTA_LENGTH_BYTE_ARRAY}) {
    parquet::WriterProperties::Builder properties;
    properties.disable_dictionary()->encoding("S", encoding);
    const std::string path = write_parquet(*table, properties);
    report_ = ScanReport();
    EXPECT_THAT(scan({path}), ElementsAre("good", "caf\xEF\xBF\xBD x", "cut \xEF\xBF\xBD"));
    EXPECT_EQ(report_.repaired_lines, 2u);
    EXPECT_THAT(report_.errors, IsEmpty());
  }
}

// A dictionary that is asked for its values before the rows are.
TEST_F(ParquetTest, ADamagedDictionaryFailsItsColumn) {
  arrow::StringBuilder texts;
  for (int row = 0; row < 64; ++row) ASSERT_TRUE(texts.Append(row % 2 ? "bbbb" : "aaaa").ok());
  auto table = arrow::Table::Make(arrow::schema({arrow::field("S", arrow::utf8())}), {*texts.Finish()});
  parquet::WriterProperties::Builder properties;
  const std::string path = write_parquet(*table, properties);
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const size_t place = bytes.find(std::string("\4\0\0\0bbbb", 8));
  ASSERT_NE(place, bytes.npos);
  bytes[place] = 5;
  std::ofstream(path, std::ios::binary) << bytes;
  request_.columns = {{"S", Type::String}};
  request_.late = true;
  bool was_shown = false;
  auto look = [&](int, const Batch& batch) {
    Column values;
    int64_t size = 0;
    was_shown = true;
    EXPECT_FALSE(batch.loader->find_values(0, &values, &size));
    EXPECT_FALSE(batch.loader->find_values(0, &values, &size));
    EXPECT_FALSE(batch.loader->load(0, nullptr));
    return true;
  };
  EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
  EXPECT_TRUE(was_shown);
  ASSERT_EQ(report_.lost.size(), 1u);
  EXPECT_THAT(report_.lost[0].message, HasSubstr("a page ends in a text"));
  EXPECT_EQ(report_.unread.size(), 1u) << "nothing could be read of it";
}

TEST_F(ParquetTest, DamageOfOneColumnLeavesTheOthers) {
  request_.columns = {{"Few", Type::String}, {"L", Type::Long}};
  const Rows rows = random_rows(4, 500, false);
  parquet::WriterProperties::Builder properties;
  properties.compression(parquet::Compression::ZSTD)->disable_dictionary();
  const std::string path = write_parquet(*rows.table, properties);
  auto chunk = parquet::ParquetFileReader::OpenFile(path)->metadata()->RowGroup(0)->ColumnChunk(2);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(chunk->data_page_offset());
  file << std::string(static_cast<size_t>(chunk->total_compressed_size()), '\xFF');
  file.close();
  EXPECT_THAT(scan({path}), IsEmpty());
  ASSERT_EQ(report_.lost.size(), 1u);
  EXPECT_THAT(report_.lost[0].message, HasSubstr("row group 0: "));
  request_.late = true;
  report_ = ScanReport();
  int64_t seen = 0;
  auto look = [&](int, const Batch& batch) {
    EXPECT_FALSE(batch.loader->load(1, nullptr));
    EXPECT_FALSE(batch.loader->load(1, nullptr));
    EXPECT_TRUE(batch.loader->load(0, nullptr));
    seen += batch.num_rows;
    return true;
  };
  EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
  EXPECT_EQ(seen, 500);
  EXPECT_EQ(report_.lost.size(), 1u);
}

// Another rule of the scan asks for a column again.
TEST_F(ParquetTest, AColumnWhoseDictionaryIsDamagedFailsEachTime) {
  request_.columns = {{"Few", Type::String}};
  request_.late = true;
  const Rows rows = random_rows(6, 100, false);
  parquet::WriterProperties::Builder properties;
  const std::string path = write_parquet(*rows.table, properties);
  auto chunk = parquet::ParquetFileReader::OpenFile(path)->metadata()->RowGroup(0)->ColumnChunk(
      rows.table->schema()->GetFieldIndex("Few"));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes(static_cast<size_t>(chunk->data_page_offset() - chunk->dictionary_page_offset()), 0);
  file.seekg(chunk->dictionary_page_offset());
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  for (size_t i = bytes.size() - 1; i > 2; --i)
    if (bytes[i] == 0 && bytes[i - 1] == 0 && bytes[i - 2] == 0) {
      bytes[i - 1] = 1;  // a length
      break;
    }
  file.seekp(chunk->dictionary_page_offset());
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  auto look = [&](int, const Batch& batch) {
    EXPECT_FALSE(batch.loader->load(0, nullptr));
    EXPECT_FALSE(batch.loader->load(0, nullptr));
    return true;
  };
  EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
  ASSERT_EQ(report_.lost.size(), 1u);
  EXPECT_THAT(report_.lost[0].message, HasSubstr("a page ends in a text"));
}

TEST_F(ParquetTest, AnyDamageIsAnErrorOrOtherRows) {
  request_.columns = kColumns;
  const Rows rows = random_rows(5, 300, true);
  std::mt19937 random(5);
  for (bool packed : {false, true}) {
    parquet::WriterProperties::Builder properties;
    if (packed) properties.compression(parquet::Compression::ZSTD);
    properties.data_pagesize(400)->write_batch_size(50);
    const std::string path = write_parquet(*rows.table, properties, 150);
    std::ifstream in(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    for (int round = 0; round < 300; ++round) {
      std::string damaged = bytes;
      for (int i = 0; i < 3; ++i) damaged[4 + random() % (damaged.size() - 12)] = static_cast<char>(random());
      std::ofstream(path, std::ios::binary) << damaged;
      const size_t count = scan({path}).size();
      EXPECT_TRUE(count <= 300 || !report_.errors.empty() || !report_.lost.empty())
          << "seed 5, round " << round;
    }
  }
}

TEST_F(ParquetTest, RowGroupsOutsideTheWantedTimesArePassedOver) {
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::NANO), arrow::default_memory_pool());
  for (int64_t hour = 0; hour < 40; ++hour) ASSERT_TRUE(times.Append(hour * 3'600'000'000'000).ok());
  auto table = arrow::Table::Make(arrow::schema({arrow::field("T", times.type())}), {*times.Finish()});
  parquet::WriterProperties::Builder properties;
  const std::string path = write_parquet(*table, properties, 10);
  request_.columns = {{"T", Type::DateTime}};
  const int64_t hour = datetime::kTicksPerHour, epoch = datetime::kUnixEpochTicks;
  request_.needs = need_range({"T"}, Type::DateTime, epoch + 15 * hour, epoch + 16 * hour);
  EXPECT_EQ(scan({path}, 2).size(), 10u);
  EXPECT_EQ(report_.skipped_groups, 3u);
  EXPECT_EQ(report_.skipped_times.at("T"), std::make_pair(epoch, epoch + 39 * hour));
  request_.strict = true;
  EXPECT_EQ(scan({path}).size(), 40u);
}

// Four row groups of ten rows with the numbers from 0 on.
std::shared_ptr<arrow::Table> numbers_of_every_type() {
  arrow::Int64Builder longs, late;
  arrow::Int32Builder ints;
  arrow::UInt32Builder unsigned_ints;
  arrow::FloatBuilder floats;
  arrow::DoubleBuilder reals;
  arrow::BooleanBuilder bools;
  arrow::StringBuilder texts;
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(longs.Append(i).ok() && ints.Append(i - 20).ok() && floats.Append(i).ok());
    EXPECT_TRUE(unsigned_ints.Append(i < 10 ? 0xffffffff : i).ok() && bools.Append(i >= 20).ok());
    EXPECT_TRUE(reals.Append(i == 3 ? std::nan("") : i == 10 ? -0.0 : i).ok());
    EXPECT_TRUE((i < 20 ? late.AppendNull() : late.Append(i)).ok());
    EXPECT_TRUE((i < 30 ? texts.AppendNull() : texts.Append("x")).ok());
  }
  const std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>> columns = {
      {"L", *longs.Finish()}, {"I", *ints.Finish()},  {"U", *unsigned_ints.Finish()}, {"F", *floats.Finish()},
      {"R", *reals.Finish()}, {"B", *bools.Finish()}, {"Late", *late.Finish()},       {"S", *texts.Finish()}};
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& [name, array] : columns) {
    fields.push_back(arrow::field(name, array->type()));
    arrays.push_back(array);
  }
  return arrow::Table::Make(arrow::schema(fields), arrays);
}

TEST_F(ParquetTest, RowGroupsWithoutTheNumbersArePassedOver) {
  parquet::WriterProperties::Builder properties;
  const std::string path = write_parquet(*numbers_of_every_type(), properties, 10);
  request_.columns = {{"L", Type::Long}, {"I", Type::Int},  {"U", Type::Long},    {"F", Type::Real},
                      {"R", Type::Real}, {"B", Type::Bool}, {"Late", Type::Long}, {"S", Type::String}};
  auto groups = [&](const Need& need) {
    request_.needs = need;
    const size_t rows = scan({path}).size();
    EXPECT_EQ(rows, 40 - 10 * report_.skipped_groups);
    return rows / 10;
  };
  constexpr int64_t kLeast = INT64_MIN, kMost = INT64_MAX;
  EXPECT_EQ(groups(need_range({"L"}, Type::Long, 9, 10)), 2u);
  EXPECT_EQ(groups(need_range({"L"}, Type::Long, 40, kMost)), 0u);
  EXPECT_EQ(groups(need_range({"I"}, Type::Int, kLeast, -20)), 1u);
  EXPECT_EQ(groups(need_range({"U"}, Type::Long, 1000, kMost)), 4u) << "unsigned";
  EXPECT_EQ(groups(need_range({"F"}, Type::Real, real_order(100), kMost)), 4u)
      << "another type than asked for";
  EXPECT_EQ(groups(need_range({"R"}, Type::Real, real_order(20.5), real_order(21.5))), 1u);
  EXPECT_EQ(groups(need_range({"R"}, Type::Real, real_order(0), real_order(0))), 2u);
  EXPECT_EQ(groups(need_range({"B"}, Type::Bool, 1, 1)), 2u);
  EXPECT_EQ(groups(need_range({"Late"}, Type::Long, kLeast, kMost)), 2u);
  EXPECT_EQ(groups(need_range({"S"}, Type::String, kLeast, kMost)), 1u);
  Need text;
  text.kind = Need::Kind::Text;
  text.columns = {"S"};
  text.condition = {{{simd::Match::Contains, simd::Case::Ignored, "abc"}}};
  EXPECT_EQ(groups(text), 1u);
  text.condition.patterns[0].text = "";
  EXPECT_EQ(groups(text), 4u);
  request_.strict = true;
  EXPECT_EQ(groups(need_range({"L"}, Type::Long, 40, kMost)), 4u);
}

// A row group whose times nobody looked at may have any.
TEST_F(ParquetTest, TimesOfARowGroupThatIsPassedOverByOtherColumns) {
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::NANO), arrow::default_memory_pool());
  arrow::Int64Builder numbers;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(times.Append(i).ok() && numbers.Append(i).ok());
  auto table =
      arrow::Table::Make(arrow::schema({arrow::field("T", times.type()), arrow::field("N", arrow::int64())}),
                         {*times.Finish(), *numbers.Finish()});
  parquet::WriterProperties::Builder properties;
  properties.disable_statistics("T");
  const std::string path = write_parquet(*table, properties);
  request_.columns = {{"T", Type::DateTime}, {"N", Type::Long}};
  request_.needs = need_range({"N"}, Type::Long, 100, 200);
  EXPECT_TRUE(scan({path}).empty());
  EXPECT_EQ(report_.skipped_times.at("T"), std::make_pair(INT64_MIN, INT64_MAX));
}

TEST_F(ParquetTest, TimesThatNoDatetimeIsAreNullAndCounted) {
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MILLI), arrow::default_memory_pool());
  ASSERT_TRUE(times.Append(0).ok() && times.Append(INT64_MAX).ok() &&
              times.Append(-1'000'000'000'000'000).ok());
  auto table = arrow::Table::Make(arrow::schema({arrow::field("T", times.type(), false)}), {*times.Finish()});
  parquet::WriterProperties::Builder properties;
  const std::string path = write_parquet(*table, properties);
  request_.columns = {{"T", Type::DateTime}};
  EXPECT_THAT(scan({path}), ElementsAre("1970-01-01T00:00:00.0000000Z", "null", "null"));
  EXPECT_EQ(report_.problems.at("T").failures, 2u);
}

// A page of which one row was asked for alone is made whole where that row has no time.
TEST_F(ParquetTest, TimesThatNoDatetimeIsAreCountedOnceHoweverTheyAreLoaded) {
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MILLI), arrow::default_memory_pool());
  for (int row = 0; row < 100; ++row) ASSERT_TRUE(times.Append(row == 7 || row == 50 ? INT64_MAX : row).ok());
  auto table = arrow::Table::Make(arrow::schema({arrow::field("T", times.type())}), {*times.Finish()});
  parquet::WriterProperties::Builder properties;
  const std::string path = write_parquet(*table, properties);
  request_.columns = {{"T", Type::DateTime}};
  request_.late = true;
  for (int64_t first : {3, 7}) {
    report_ = ScanReport();
    auto look = [&](int, const Batch& batch) {
      const std::vector<uint64_t> alone = {uint64_t{1} << first, 0};
      EXPECT_TRUE(batch.loader->load(0, alone.data()));
      EXPECT_EQ(print_cell(batch.columns[0], first), first == 7 ? "null" : "1970-01-01T00:00:00.0030000Z");
      EXPECT_TRUE(batch.loader->load(0, nullptr));
      EXPECT_EQ(print_cell(batch.columns[0], 50), "null");
      EXPECT_EQ(print_cell(batch.columns[0], 51), "1970-01-01T00:00:00.0510000Z");
      return true;
    };
    EXPECT_TRUE(scan_file(detect_file(path, {}).value(), request_, look, &report_).ok());
    EXPECT_EQ(report_.problems.at("T").failures, 2u);
  }
}

}  // namespace
}  // namespace kqlc::archive
