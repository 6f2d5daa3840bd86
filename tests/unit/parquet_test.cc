// SPDX-License-Identifier: Apache-2.0
//
// Parquet by pages: files of every encoding, page version and packing that Arrow writes against the table
// they were written from, read whole and as a kernel asks for them. Random tests print their seed.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/writer.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <cmath>
#include <random>
#include <set>

#include "tests/unit/archive_fixture.h"

namespace kqlc::archive {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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
Rows random_rows(uint32_t seed, int64_t count, bool nulls) {
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

const std::vector<ColumnRequest> kColumns = {{"Few", Type::String}, {"Many", Type::String}, {"L", Type::Long},
                                             {"I", Type::Int},      {"R", Type::Real},      {"B", Type::Bool},
                                             {"T", Type::DateTime}, {"M", Type::DateTime}};

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

TEST_F(ParquetTest, RowsAreFoundByTheirTextsPageByPage) {
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

// Pages without a value have no codes: the first ones, all, or those behind others.
TEST_F(ParquetTest, RowsOfPagesWithoutAValueAreFoundByTheEmptyText) {
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

// However often their page is looked at.
TEST_F(ParquetTest, FoundTextsThatAreNoUtf8AreRepairedOnce) {
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
