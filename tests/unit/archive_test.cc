// SPDX-License-Identifier: Apache-2.0
//
// Archives: files are written to a temporary folder, scanned, and the rows compared as text. In: the shapes
// in which events are exported, and damaged ones. Out: the same rows whatever the format, compression, number
// of threads or prefilter; damage is counted and named.
#include "runtime/archive/archive.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <utility>

#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/guid.h"

namespace kqlc::archive {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string print_cell(const Column& column, int64_t row) {
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

std::string gzip(const std::string& text) {
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

std::string zstd(const std::string& text) {
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

TEST_F(ArchiveTest, FlatRowsOfEveryType) {
  request_.columns = {{"S", Type::String},  {"L", Type::Long},     {"I", Type::Int},      {"R", Type::Real},
                      {"B", Type::Bool},    {"T", Type::DateTime}, {"P", Type::TimeSpan}, {"G", Type::Guid},
                      {"M", Type::Decimal}, {"D", Type::Dynamic}};
  auto path = write(
      "a.ndjson",
      R"({"S":"a\u0041\n","L":9007199254740993,"I":"7","R":1.5,"B":true,"T":"2024-02-29T12:00:00.1234567Z",)"
      R"("P":"1.02:03:04","G":"74be27de-1e4e-49d9-b579-fe0b331d3642","M":"1.25","D":{"a":[1,2]}})"
      "\r\n"
      R"({"S":null,"L":null})"
      "\n\n"
      R"({"L":5.0,"S":{"k":1},"D":"{\"x\":1}","B":"False"})");
  EXPECT_THAT(scan({path}),
              ElementsAre("aA\n|9007199254740993|7|1.500000|true|2024-02-29T12:00:00.1234567Z|1.02:03:04|"
                          "74be27de-1e4e-49d9-b579-fe0b331d3642|1.25|{\"a\":[1,2]}",
                          "|null|null|null|null|null|null|null|null|",
                          "{\"k\":1}|5|null|null|false|null|null|null|null|{\"x\":1}"));
  EXPECT_EQ(report_.bad_lines, 0u);
  EXPECT_EQ(report_.rows, 3u);
  EXPECT_TRUE(report_.problems.empty());
}

TEST_F(ArchiveTest, ValuesThatDoNotFitAreNullAndCounted) {
  request_.columns = {{"L", Type::Long}, {"I", Type::Int}, {"T", Type::DateTime}};
  auto path = write("a.ndjson",
                    "{\"L\":\"x\",\"I\":3000000000,\"T\":12}\n{\"L\":1.5}\n{\"L\":\"\",\"T\":\"soon\"}\n");
  EXPECT_THAT(scan({path}), ElementsAre("null|null|null", "null|null|null", "null|null|null"));
  EXPECT_EQ(report_.problems["L"].failures, 2u);
  EXPECT_EQ(report_.problems["I"].failures, 1u);
  EXPECT_EQ(report_.problems["T"].failures, 2u);
  EXPECT_EQ(report_.problems["L"].first.place, path + ":1");
}

TEST_F(ArchiveTest, RepeatedAndEscapedKeys) {
  request_.columns = {{"A", Type::String}};
  auto path = write("a.ndjson", R"({"A":"1","A":"2"})"
                                "\n"
                                R"({"\u0041":"3"})"
                                "\n"
                                R"({"B":1,"A":"4","A":null})"
                                "\n");
  EXPECT_THAT(scan({path}), ElementsAre("2", "3", ""));
}

TEST_F(ArchiveTest, EnvelopesInAnyOrderAndOtherTables) {
  request_.table = "DeviceEvents";
  request_.columns = {{"A", Type::String}, {"TimeGenerated", Type::DateTime}};
  auto path = write(
      "a.ndjson",
      R"({"time":"2020-01-01T00:00:00Z","category":"AdvancedHunting-DeviceEvents","properties":{"A":"1"}})"
      "\n"
      R"({"properties":{"A":"2","Timestamp":"2021-01-01T00:00:00Z"},"category":"AdvancedHunting-DeviceEvents"})"
      "\n"
      R"({"category":"AdvancedHunting-DeviceInfo","properties":{"A":"3"}})"
      "\n"
      R"({"records":[{"category":"AdvancedHunting-DeviceEvents","properties":{"A":"4"}},)"
      R"({"category":"AdvancedHunting-DeviceEvents","properties":{"A":"5"}}]})"
      "\n");
  EXPECT_THAT(scan({path}), ElementsAre("1|2020-01-01T00:00:00.0000000Z", "2|2021-01-01T00:00:00.0000000Z",
                                        "4|null", "5|null"));
  EXPECT_EQ(report_.other_tables, 1u);
}

// An escape changes nothing of what a key or a value says.
TEST_F(ArchiveTest, EscapedEnvelopes) {
  request_.table = "DeviceEvents";
  request_.columns = {{"A", Type::String}, {"TimeGenerated", Type::DateTime}};
  auto path = write(
      "a.ndjson",
      R"({"category":"AdvancedHunting\u002dDeviceEvents","time":"2020-01-01T00\u003a00:00Z","properties":{"A":"1"}})"
      "\n"
      R"({"properties":{"A":"2"},"c\u0061tegory":"AdvancedHunting-Device\u0045vents"})"
      "\n"
      R"({"category":"AdvancedHunting\u002dDeviceInfo","properties":{"A":"3"}})"
      "\n"
      R"({"pr\u006fperties":{"A":"4"},"\u0063ategory":"\u0041dvancedHunting-DeviceInfo"})"
      "\n"
      R"({"category":"\q","properties":{"A":"5"}})"
      "\n");
  EXPECT_THAT(scan({path}), ElementsAre("1|2020-01-01T00:00:00.0000000Z", "2|null"));
  EXPECT_EQ(report_.other_tables, 2u);
  EXPECT_EQ(report_.bad_lines, 1u);
  auto file = detect_file(path, {});
  ASSERT_TRUE(file.ok());
  auto named = find_named_tables(file.value(), {"DeviceEvents", "DeviceInfo", "DeviceNetworkEvents"});
  ASSERT_TRUE(named.ok());
  EXPECT_THAT(named.value(), ElementsAre("DeviceEvents", "DeviceInfo"));
  auto typed = write("b.ndjson", R"({"A":"6","T\u0079pe":"Device\u0045vents"})"
                                 "\n"
                                 R"({"A":"7","Type":"Device\u0049nfo"})"
                                 "\n");
  options_.known_tables = {"DeviceEvents", "DeviceInfo"};
  EXPECT_THAT(scan({typed}), ElementsAre("6|null"));
}

// A category beside an object `properties` makes an envelope whatever columns are read, also one of that
// name.
TEST_F(ArchiveTest, EnvelopesOfRowsThatHaveAColumnProperties) {
  request_.columns = {{"A", Type::String}, {"properties", Type::Dynamic}};
  auto path = write(
      "a.ndjson", R"({"category":"AdvancedHunting-DeviceEvents","properties":{"A":"1"}})"
                  "\n"
                  R"({"category":"AdvancedHunting-DeviceEvents","properties":{"A":"2","properties":{"x":1}}})"
                  "\n"
                  R"({"properties":{"A":"3","properties":{"x":1}},"category":"AdvancedHunting-DeviceEvents"})"
                  "\n"
                  R"({"A":"4","properties":{"x":2}})"
                  "\n");
  EXPECT_THAT(scan({path}), ElementsAre("1|", "2|{\"x\":1}", "3|{\"x\":1}", "4|{\"x\":2}"));
}

// What stands around `properties` is about the export, in Azure's own envelopes also about the event.
TEST_F(ArchiveTest, FieldsAroundPropertiesAreNoColumnsOfDefendersRows) {
  request_.columns = {{"A", Type::String}, {"B", Type::String}};
  auto path = write("a.ndjson",
                    R"({"A":"x","category":"AdvancedHunting-DeviceEvents","properties":{"B":"1"},"B":"y"})"
                    "\n"
                    R"({"A":"x","properties":{"B":"2"},"B":"y","category":"AdvancedHunting-DeviceEvents"})"
                    "\n"
                    R"({"A":"x","category":"SignInLogs","properties":{"B":"3"},"B":"y"})"
                    "\n"
                    R"({"A":"x","properties":{"B":"4"},"B":"y","category":"SignInLogs"})"
                    "\n");
  EXPECT_THAT(scan({path}), ElementsAre("|1", "|2", "x|3", "x|4"));
}

// An array of objects makes an answer only beside keys that answers have.
TEST_F(ArchiveTest, RowsWithArraysNamedAsThoseOfAnswers) {
  for (std::string name : {"value", "results", "Results", "records", "tables"}) {
    for (bool asked : {false, true}) {
      request_.columns = {{"A", Type::String}};
      if (asked) request_.columns.push_back({name, Type::Dynamic});
      auto path =
          write("a.ndjson", "{\"A\":\"1\",\"" + name + "\":[{\"A\":\"2\"}]}\n{\"" + name +
                                "\":[{\"A\":\"3\"}],\"A\":\"4\"}\n{\"A\":\"5\",\"" + name + "\":[]}\n");
      std::string array = asked ? "|[{\"A\":\"2\"}]" : "", other = asked ? "|[{\"A\":\"3\"}]" : "";
      EXPECT_THAT(scan({path}), ElementsAre("1" + array, "4" + other, asked ? "5|[]" : "5")) << name;
      EXPECT_EQ(report_.bad_lines, 0u);
    }
  }
  request_.columns = {{"A", Type::String}, {"value", Type::Dynamic}};
  auto answer = write(
      "b.ndjson", "{\"@odata.context\":\"c\",\"value\":[{\"A\":\"1\"},{\"A\":\"2\"}],\"$skipToken\":null}\n");
  EXPECT_THAT(scan({answer}), ElementsAre("1|", "2|"));
}

// A line that is no JSON value gives no row, wherever the damage is.
TEST_F(ArchiveTest, TextBehindTheObjectOfALine) {
  request_.columns = {{"A", Type::String}};
  const std::string tails[] = {"}",    "{}", "{\"A\":\"2\"}", ",\"a\":1}", "]", ",", " x",
                               "null", "{",  {"\0", 1},       "\f"};
  for (const std::string& tail : tails) {
    auto path = write("a.ndjson", "{\"A\":\"1\"}" + tail + "\n{\"A\":\"good\"}\n");
    EXPECT_THAT(scan({path}), ElementsAre("good")) << tail;
    EXPECT_EQ(report_.bad_lines, 1u) << tail;
  }
}

TEST_F(ArchiveTest, ABadRecordOfAnAnswerIsLeftOutAlone) {
  request_.columns = {{"A", Type::Long}};
  auto path = write("a.ndjson", R"({"value":[{"A":1},{"A":NaN},{"A":3},{"A":{"x":tru}},{"A":4}]})");
  EXPECT_THAT(scan({path}), ElementsAre("1", "3", "4"));
  EXPECT_EQ(report_.bad_lines, 2u);
}

// Chunks inside of a line look at no more than themselves.
TEST_F(ArchiveTest, ALineOfManyChunks) {
  request_.columns = {{"A", Type::String}};
  std::string line = "{\"A\":\"1\",\"B\":\"" + std::string(5 << 20, 'x') + "\"}\n";
  auto path = write("a.ndjson", "{\"A\":\"0\"}\n" + line + "{\"A\":\"2\"}\n" + line);
  EXPECT_THAT(scan({path}), ElementsAre("0", "1", "2", "1"));
  EXPECT_THAT(scan({path}, 3), ElementsAre("0", "1", "2", "1"));
}

TEST_F(ArchiveTest, ApiResponses) {
  request_.columns = {{"A", Type::String}, {"N", Type::Long}};
  std::string hunting =
      "{\n \"Schema\":[{\"Name\":\"A\",\"Type\":\"String\"}],\n "
      "\"Results\":[\n{\"A\":\"1\",\"N\":1},\n{\"A\":\"2\",\"N\":2}]\n}\n";
  std::string analytics =
      "{\n\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[{\"name\":\"N\",\"type\":\"long\"},"
      "{\"name\":\"A\",\"type\":\"string\"}],\"rows\":[[3,\"3\"],[4,null]]}]}\n";
  std::string array = "[\n{\"A\":\"5\"},\n{\"A\":\"6\"}\n]";
  EXPECT_THAT(scan({write("a.json", hunting), write("b.json", analytics), write("c.json", array)}),
              ElementsAre("1|1", "2|2", "3|3", "|4", "5|null", "6|null"));
  EXPECT_EQ(report_.bad_lines, 0u);
}

// Whether a line is a row may not depend on the columns that are read.
TEST_F(ArchiveTest, AnswersWithoutRowsAndRowsWithEmptyArrays) {
  std::string text =
      "{\"x\":\"y\",\"Results\":[]}\n{\"Schema\":[],\"Results\":[]}\n{\"@odata.context\":\"c\",\"value\":[]}"
      "\n";
  auto path = write("a.ndjson", text);
  request_.columns = {{"x", Type::String}};
  EXPECT_THAT(scan({path}), ElementsAre("y"));
  request_.columns = {{"A", Type::String}};
  EXPECT_THAT(scan({path}), ElementsAre(""));
}

// A value that was asked for is looked at to its end; one that was not is passed over, unless --strict asks.
TEST_F(ArchiveTest, MalformedNestedValuesMakeABadLine) {
  const std::vector<std::string> malformed = {"[1 2]",     "[1,]",         "[,]",         "[01]",
                                              "[1:2]",     "[\"a\"\"b\"]", "[{}{}]",      "[nul]",
                                              "[\"\\q\"]", "[\"\\u12\"]",  "{\"x\":NaN}", "{\"x\"}",
                                              "{\"x\" 1}", "{\"\\q\":1}",  "{\"x\":1,}",  "{1:2}"};
  std::string asked;
  for (const std::string& value : malformed) asked += "{\"A\":" + value + "}\n";
  auto lines = write("a.ndjson", asked + "{\"A\":[1]}\n");
  auto answer = write("b.json", "{\"records\":[\n{\"A\":[1 2]},\n{\"A\":{\"x\":NaN}},\n{\"A\":[1]}]}");
  for (Type type : {Type::String, Type::Dynamic, Type::Long}) {
    request_.columns = {{"A", type}};
    const std::string kept = type == Type::Long ? "null" : "[1]";
    EXPECT_THAT(scan({lines}), ElementsAre(kept));
    EXPECT_EQ(report_.bad_lines, malformed.size());
    ASSERT_FALSE(report_.samples.empty());
    EXPECT_EQ(report_.samples[0].place, lines + ":1");
    EXPECT_THAT(scan({answer}), ElementsAre(kept));
    EXPECT_EQ(report_.bad_lines, 2u);
  }
  request_.columns = {{"B", Type::String}};
  EXPECT_EQ(scan({lines}).size(), malformed.size() + 1);
  request_.strict = true;
  EXPECT_EQ(scan({lines}).size(), 1u);
  EXPECT_EQ(report_.bad_lines, malformed.size());
}

// More brackets inside each other than a dynamic holds: valid JSON, so a text keeps it; a dynamic would
// be a string, so it is null and counted.
TEST_F(ArchiveTest, NestedDeeperThanADynamicHolds) {
  const auto nested = [](int depth) { return std::string(depth, '[') + "\"[\"" + std::string(depth, ']'); };
  std::string escaped = nested(129);
  for (size_t i = escaped.find('"'); i != escaped.npos; i = escaped.find('"', i + 2))
    escaped.insert(i, 1, '\\');
  auto lines = write("a.ndjson", "{\"A\":" + nested(128) + "}\n{\"A\":" + nested(129) + "}\n{\"A\":\"" +
                                     escaped + "\"}\n{\"A\":\"" + std::string(300, '[') + "\"}\n");
  request_.columns = {{"A", Type::String}};
  EXPECT_EQ(scan({lines})[1], nested(129));
  request_.columns = {{"A", Type::Dynamic}};
  EXPECT_THAT(scan({lines}), ElementsAre(nested(128), "", "", std::string(300, '[')));
  EXPECT_EQ(report_.problems["A"].failures, 2u);
  EXPECT_EQ(report_.bad_lines, 0u);
  EXPECT_THAT(scan({write("a.csv", "A\n" + std::string(129, '[') + std::string(129, ']') + "\n[]\n")}),
              ElementsAre("", "[]"));
  EXPECT_EQ(report_.problems["A"].failures, 1u);
}

TEST_F(ArchiveTest, BadLinesAreCountedWithTheirPlace) {
  request_.columns = {{"A", Type::String}};
  auto path = write("a.ndjson", "{\"A\":\"1\"}\nnonsense\n{\"A\":\"2\"}\n{\"A\":\"\\q\"}\n{\"A\":\"half");
  EXPECT_THAT(scan({path}), ElementsAre("1", "2"));
  EXPECT_EQ(report_.bad_lines, 3u);
  ASSERT_EQ(report_.samples.size(), 3u);
  EXPECT_EQ(report_.samples[0].place, path + ":2");
  EXPECT_EQ(report_.samples[2].place, path + ":5");
}

TEST_F(ArchiveTest, InvalidUtf8AndSingleSurrogatesAreReplaced) {
  request_.columns = {{"A", Type::String}};
  auto path = write("a.ndjson", "{\"A\":\"x\xFFy\"}\n{\"A\":\"\\ud800z\"}\n{\"A\":\"\\ud83d\\ude00\"}\n");
  EXPECT_THAT(scan({path}), ElementsAre("x\xEF\xBF\xBDy", "\xEF\xBF\xBDz", "\xF0\x9F\x98\x80"));
  EXPECT_EQ(report_.repaired_lines, 1u);
}

// Lines of all lengths, some longer than a chunk.
std::string many_lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    size_t filler = i == count / 2 ? size_t{3} << 20 : static_cast<size_t>(i * 37 % 900);
    text += "{\"N\":" + std::to_string(i) + ",\"F\":\"" + std::string(filler, 'x') + "\",\"A\":\"" +
            (i % 100 == 7 ? "needle" : "hay") + "\"}\n";
  }
  return text;
}

TEST_F(ArchiveTest, ThreadsMappingAndCompressionChangeNothing) {
  request_.columns = {{"N", Type::Long}, {"A", Type::String}};
  std::string text = many_lines(20'000);
  auto plain = write("plain.ndjson", text);
  auto expected = scan({plain});
  ASSERT_EQ(expected.size(), 20'000u);
  EXPECT_EQ(expected[19'999], "19999|hay");
  EXPECT_EQ(scan({plain}, 4), expected);
  EXPECT_EQ(scan({write("a.ndjson.gz", gzip(text))}, 3), expected);
  EXPECT_EQ(scan({write("a.ndjson.zst", zstd(text))}, 3), expected);
  request_.mapping = Mapping::All;
  EXPECT_EQ(scan({plain}, 2), expected);
}

TEST_F(ArchiveTest, PrefilterKeepsEveryWantedRow) {
  request_.columns = {{"N", Type::Long}, {"A", Type::String}};
  auto plain = write("plain.ndjson", many_lines(5'000) + "{\"A\":\"n\\u0065edle\",\"N\":-1}\n");
  request_.prefilter = {{{"needle", simd::Case::Ignored}}};
  auto rows = scan({plain}, 2);
  auto wanted = std::count_if(rows.begin(), rows.end(), [](auto& row) { return row.ends_with("needle"); });
  EXPECT_EQ(wanted, 51);
  EXPECT_LT(rows.size(), 100u);
}

// A needle, and the ends of its line, at every place around the border of a chunk.
TEST_F(ArchiveTest, NeedlesCrossTheBordersOfChunks) {
  constexpr size_t kBorder = size_t{1} << 20;
  request_.columns = {{"A", Type::String}};
  request_.prefilter = {{{"needle", simd::Case::Ignored}}};
  const std::string line = "{\"A\":\"needle\"}\n";
  const std::string frame = "{\"F\":\"\"}\n";
  for (size_t before = 0; before <= line.size() + 2; ++before) {
    // The line begins `before` bytes in front of the border.
    std::string text = "{\"F\":\"" + std::string(kBorder - before - frame.size(), 'x') + "\"}\n" + line +
                       "{\"A\":\"hay\"}\n" + line;
    auto path = write("a.ndjson", text);
    for (Mapping mapping : {Mapping::All, Mapping::None}) {
      request_.mapping = mapping;
      EXPECT_THAT(scan({path}, 2), ElementsAre("needle", "needle")) << before;
    }
    EXPECT_THAT(scan({write("b.ndjson.zst", zstd(text))}, 2), ElementsAre("needle", "needle")) << before;
    // Without a line's end at the end of the file.
    text.pop_back();
    EXPECT_THAT(scan({write("c.ndjson", text)}), ElementsAre("needle", "needle")) << before;
  }
}

// Whether or not a prefilter passes over the lines; an empty file has no bad line, and one good line is
// enough.
TEST_F(ArchiveTest, FilesOfBadLinesOnly) {
  request_.columns = {{"A", Type::String}};
  auto bad = write("bad.ndjson", "{\"A\":\"x\"\nno JSON\n");
  auto good = write("good.ndjson", "no JSON, x\n{\"A\":\"y\"}\n");
  auto empty = write("empty.ndjson", "");
  auto table = write("bad.csv", "A,B\n1\n2\n");
  for (const char* literal : {"", "x", "nowhere"}) {
    request_.prefilter.clear();
    if (*literal) request_.prefilter = {{{literal, simd::Case::Ignored}}};
    scan({bad, good, empty, table});
    EXPECT_EQ(report_.only_bad_lines, (std::set<uint32_t>{0, 1})) << literal;
  }
}

TEST_F(ArchiveTest, CutFilesKeepTheRowsBefore) {
  request_.columns = {{"N", Type::Long}};
  std::string packed = gzip(many_lines(20'000));
  auto rows = scan({write("a.ndjson.gz", packed.substr(0, packed.size() / 2))}, 2);
  EXPECT_GT(rows.size(), 100u);
  ASSERT_EQ(report_.errors.size(), 1u);
  EXPECT_THAT(report_.errors[0].message, HasSubstr("ends in the middle"));
}

std::shared_ptr<arrow::Table> sample_table() {
  arrow::StringBuilder text;
  arrow::TimestampBuilder time(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"), arrow::default_memory_pool());
  arrow::UInt64Builder number;
  arrow::Int8Builder codes;
  EXPECT_TRUE(text.AppendValues({"a", "bc"}).ok() && text.AppendNull().ok());
  EXPECT_TRUE(time.AppendValues({1'709'208'000'123'456'789, -1}).ok() && time.AppendNull().ok());
  EXPECT_TRUE(number.AppendValues({1, UINT64_MAX, 3}).ok());
  EXPECT_TRUE(codes.AppendValues({1, 0}).ok() && codes.AppendNull().ok());
  auto words = arrow::json::ArrayFromJSONString(arrow::utf8(), R"(["x","y"])");
  auto items = arrow::json::ArrayFromJSONString(arrow::list(arrow::int32()), "[[1,2],[],null]");
  auto dictionary = arrow::DictionaryArray::FromArrays(*codes.Finish(), *words);
  return arrow::Table::Make(
      arrow::schema({arrow::field("A", arrow::utf8()), arrow::field("T", time.type()),
                     arrow::field("N", arrow::uint64()), arrow::field("W", (*dictionary)->type()),
                     arrow::field("D", arrow::list(arrow::int32()))}),
      {*text.Finish(), *time.Finish(), *number.Finish(), *dictionary, *items});
}

const std::vector<std::string> kSampleRows = {"a|2024-02-29T12:00:00.1234567Z|1|y|[1,2]|",
                                              "bc|1969-12-31T23:59:59.9999999Z|null|x|[]|", "|null|3|||"};

TEST_F(ArchiveTest, ArrowFilesAndStreams) {
  request_.columns = {{"A", Type::String}, {"T", Type::DateTime}, {"N", Type::Long},
                      {"W", Type::String}, {"D", Type::Dynamic},  {"Z", Type::String}};
  auto table = sample_table();
  for (bool stream : {false, true}) {
    std::string path = folder_ + (stream ? "/a.arrows" : "/a.arrow");
    auto out = *arrow::io::FileOutputStream::Open(path);
    auto writer = stream ? *arrow::ipc::MakeStreamWriter(out, table->schema())
                         : *arrow::ipc::MakeFileWriter(out, table->schema());
    ASSERT_TRUE(writer->WriteTable(*table).ok() && writer->Close().ok() && out->Close().ok());
    for (Mapping mapping : {Mapping::Archives, Mapping::None}) {
      request_.mapping = mapping;
      EXPECT_EQ(scan({path}), kSampleRows);
      EXPECT_EQ(report_.missing_columns["Z"], 1u);
      EXPECT_EQ(report_.problems["N"].failures, 1u);
    }
  }
}

TEST_F(ArchiveTest, Parquet) {
  request_.columns = {{"A", Type::String}, {"T", Type::DateTime}, {"N", Type::Long},
                      {"W", Type::String}, {"D", Type::Dynamic},  {"Z", Type::String}};
  std::string path = folder_ + "/a.parquet";
  auto out = *arrow::io::FileOutputStream::Open(path);
  ASSERT_TRUE(parquet::arrow::WriteTable(*sample_table(), arrow::default_memory_pool(), out, 2).ok());
  ASSERT_TRUE(out->Close().ok());
  EXPECT_EQ(scan({path}, 2), kSampleRows);
  auto damaged = write("b.parquet", "PAR1 and nothing else");
  EXPECT_THAT(scan({damaged}), IsEmpty());
  EXPECT_EQ(report_.errors.size(), 1u);
}

// A file of one record batch for each copy of sample_table().
void write_arrow(const std::string& path, const arrow::Table& table, int batches, bool stream = false) {
  auto out = *arrow::io::FileOutputStream::Open(path);
  auto writer = stream ? *arrow::ipc::MakeStreamWriter(out, table.schema())
                       : *arrow::ipc::MakeFileWriter(out, table.schema());
  for (int i = 0; i < batches; ++i) ASSERT_TRUE(writer->WriteTable(table).ok());
  ASSERT_TRUE(writer->Close().ok() && out->Close().ok());
}

TEST_F(ArchiveTest, FilesThatShrinkAreTheirOwnError) {
  request_.columns = {{"A", Type::String}};
  request_.mapping = Mapping::None;
  std::string path = folder_ + "/a.arrow";
  write_arrow(path, *sample_table(), 100);
  auto lines = write("b.ndjson", many_lines(20'000));
  auto last = write("c.ndjson", "{\"A\":\"last\"}\n");
  on_first_batch_ = [&] { std::filesystem::resize_file(path, 100); };
  EXPECT_THAT(scan({path, last}), ElementsAre("a", "bc", "", "last"));
  ASSERT_EQ(report_.errors.size(), 1u);
  EXPECT_EQ(report_.errors[0].code, ErrorCode::Io);
  EXPECT_EQ(report_.errors[0].message, path + ": became shorter while it was read");

  on_first_batch_ = [&] { std::filesystem::resize_file(lines, size_t{5} << 20); };
  auto rows = scan({lines, last});
  EXPECT_GT(rows.size(), 1'000u);
  EXPECT_LT(rows.size(), 20'001u);
  EXPECT_EQ(rows.back(), "last");
  ASSERT_EQ(report_.errors.size(), 1u);
  EXPECT_EQ(report_.errors[0].code, ErrorCode::Io);
  EXPECT_EQ(report_.errors[0].message, lines + ": became shorter while it was read");
}

TEST_F(ArchiveTest, FilesThatGrowOrGoAreReadAsTheyWereOpened) {
  request_.columns = {{"N", Type::Long}};
  std::string text = many_lines(5'000);
  auto path = write("a.ndjson", text);
  on_first_batch_ = [&] { std::ofstream(path, std::ios::app) << "{\"N\":-1}\n"; };
  EXPECT_EQ(scan({path}).size(), 5'000u);
  EXPECT_EQ(scan({path}).size(), 5'001u);
  on_first_batch_ = [&] { std::filesystem::remove(path); };
  EXPECT_EQ(scan({path}).size(), 5'001u);
  write("a.ndjson", text);
  on_first_batch_ = [&] { std::filesystem::rename(write("new", "{\"N\":-1}\n"), path); };
  EXPECT_EQ(scan({path}).size(), 5'000u);
  // What goes before it is opened is an error of its own.
  auto second = write("b.ndjson", "{\"N\":-2}\n");
  on_first_batch_ = [&] { std::filesystem::remove(second); };
  EXPECT_THAT(scan({path, second}), ElementsAre("-1"));
  ASSERT_EQ(report_.errors.size(), 1u);
  EXPECT_THAT(report_.errors[0].message, HasSubstr("b.ndjson: No such file"));
}

TEST_F(ArchiveTest, AColumnThatStandsTwiceIsRefusedWhereItIsAsked) {
  auto words = arrow::json::ArrayFromJSONString(arrow::utf8(), R"(["x"])");
  auto field = arrow::field("A", arrow::utf8());
  auto table = arrow::Table::Make(arrow::schema({field, field, arrow::field("B", arrow::utf8())}),
                                  {*words, *words, *words});
  std::vector<std::string> paths = {folder_ + "/a.arrow", folder_ + "/a.arrows", folder_ + "/a.parquet"};
  write_arrow(paths[0], *table, 1);
  write_arrow(paths[1], *table, 1, true);
  auto out = *arrow::io::FileOutputStream::Open(paths[2]);
  ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 2).ok());
  ASSERT_TRUE(out->Close().ok());
  for (const std::string& path : paths) {
    request_.columns = {{"B", Type::String}};
    EXPECT_THAT(scan({path}), ElementsAre("x"));
    request_.columns = {{"A", Type::String}};
    EXPECT_THAT(scan({path}), IsEmpty());
    ASSERT_EQ(report_.errors.size(), 1u);
    EXPECT_EQ(report_.errors[0].message, path + ": two columns A");
    EXPECT_TRUE(report_.missing_columns.empty());
  }
}

TEST_F(ArchiveTest, RowsAreCountedWithoutAColumn) {
  std::string path = folder_ + "/a.arrow";
  write_arrow(path, *sample_table(), 2);
  scan({path});
  EXPECT_EQ(report_.rows, 6u);
  EXPECT_TRUE(report_.errors.empty());
}

TEST_F(ArchiveTest, ThreadsShareAParquetFile) {
  request_.columns = {{"A", Type::String}, {"N", Type::Long}};
  std::vector<std::shared_ptr<arrow::Table>> parts(100, sample_table());
  auto table = *arrow::ConcatenateTables(parts);
  std::string path = folder_ + "/a.parquet";
  auto out = *arrow::io::FileOutputStream::Open(path);
  ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 2).ok());
  ASSERT_TRUE(out->Close().ok());
  std::vector<std::string> expected = scan({path}, 1);
  EXPECT_EQ(expected.size(), 300u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(scan({path}, 4), expected);
}

TEST_F(ArchiveTest, Csv) {
  request_.columns = {{"N", Type::Long}, {"A", Type::String}, {"T", Type::DateTime}};
  std::string text = "A,N,T\n\"x, \"\"y\"\"\nz\",5,2024-01-01T00:00:00Z\n,,\nonly one\nb,no,\n";
  std::vector<std::string> expected = {"5|x, \"y\"\nz|2024-01-01T00:00:00.0000000Z", "null||null",
                                       "null|b|null"};
  EXPECT_EQ(scan({write("a.csv", text)}), expected);
  EXPECT_EQ(report_.bad_lines, 1u);
  EXPECT_EQ(report_.problems["N"].failures, 1u);
  EXPECT_EQ(scan({write("a.csv.gz", gzip(text))}), expected);
}

// Rows longer than the blocks in which the file is read, one in the first block and one behind others.
TEST_F(ArchiveTest, CsvWithLongRows) {
  request_.columns = {{"A", Type::String}, {"N", Type::Long}};
  std::string text = "N,A\n";
  std::vector<std::string> expected;
  auto add = [&](const std::string& value) {
    text += std::to_string(expected.size()) + ",\"" + value + "\"\n";
    expected.push_back(value + "|" + std::to_string(expected.size()));
  };
  for (int i = 0; i < 100'000; ++i) add("some text");
  add(std::string(size_t{5} << 20, 'x') + "\n,");
  text += "one field\n";
  for (int i = 0; i < 1000; ++i) add("more text");
  EXPECT_EQ(scan({write("a.csv", text)}, 2), expected);
  EXPECT_EQ(report_.bad_lines, 1u);
  EXPECT_EQ(report_.lines, expected.size() + 1);
  expected.clear();
  text = "N,A\nbad\n";
  add(std::string(size_t{2} << 20, 'x'));
  EXPECT_EQ(scan({write("a.csv.gz", gzip(text))}), expected);
  EXPECT_EQ(report_.bad_lines, 1u);
  // A quote without an end takes the rest of the file for its value.
  std::string endless = "N,A\n0,x\n1,\"" + std::string(size_t{140} << 20, '\n');
  EXPECT_EQ(scan({write("a.csv.zst", zstd(endless))}).size(), 1u);
  ASSERT_EQ(report_.errors.size(), 1u);
  EXPECT_THAT(report_.errors[0].message, HasSubstr("behind row 1: a row of more than 64 MiB"));
}

TEST_F(ArchiveTest, CsvThatNamesAColumnTwiceIsRefusedWhereItIsAsked) {
  auto path = write("a.csv", "A,A,B\n1,2,3\n");
  request_.columns = {{"B", Type::String}};
  EXPECT_EQ(scan({path}), std::vector<std::string>{"3"});
  request_.columns = {{"A", Type::String}};
  EXPECT_TRUE(scan({path}).empty());
  EXPECT_EQ(report_.missing_columns.size(), 0u);
}

TEST_F(ArchiveTest, StrictKnowsWhatIsValidJson) {
  request_.columns = {{"A", Type::String}};
  request_.strict = true;
  // Numbers beyond any type and half a surrogate pair are valid; what is wrong may stand where nobody
  // asks.
  auto path = write("a.ndjson",
                    "{\"A\":1e400,\"B\":[12345678901234567890123,{\"C\":\"\\ud800\"}]}\n"
                    "{\"A\":\"x\",\"B\":\"\\q\"}\n"
                    "{\"A\":\"x\",\"B\":[01]}\n"
                    "{\"A\":\"x\",\"\\u12\":1}\n"
                    "{\"A\":\"x\",\"B\":{\"C\":tru}}\n");
  EXPECT_EQ(scan({path}), std::vector<std::string>{"1e400"});
  EXPECT_EQ(report_.bad_lines, 4u);
}

TEST_F(ArchiveTest, PatternsLeaveOutWhatCannotBeRead) {
  write("p/a.ndjson", "{\"A\":1}\n");
  std::filesystem::create_symlink("nothing", folder_ + "/p/dead.ndjson");
  std::vector<std::string> notes;
  auto files = list_files({folder_ + "/p/*.ndjson"}, options_, &notes);
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files.value().size(), 1u);
  EXPECT_EQ(notes.size(), 1u);
  EXPECT_FALSE(list_files({folder_ + "/p/dead.ndjson"}, options_, nullptr).ok());
}

// In a folder they are left out; who names them, or a pattern that matches them, wants them.
TEST_F(ArchiveTest, HiddenFilesAreReadWhereTheyAreNamed) {
  std::vector<std::string> hidden;
  for (const char* name : {"h/_a.json", "h/.b.json", "h/.c", "h/d.tmp"})
    hidden.push_back(write(name, "{\"A\":1}\n"));
  write("h/e.json", "{\"A\":1}\n");
  EXPECT_EQ(list_files({folder_ + "/h"}, options_, nullptr).value().size(), 1u);
  EXPECT_EQ(list_files(hidden, options_, nullptr).value().size(), hidden.size());
  EXPECT_EQ(list_files({folder_ + "/h/_*"}, options_, nullptr).value().size(), 1u);
}

TEST_F(ArchiveTest, WhatCannotBeReadTwiceOrAsUtf8IsRefused) {
  std::string pipe = folder_ + "/pipe.ndjson";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  auto text = write("a.csv", std::string("\xFF\xFE"
                                         "A\0\n\0",
                                         6));
  EXPECT_THAT(list_files({pipe}, options_, nullptr).error().message,
              HasSubstr("a device or a pipe, no file"));
  EXPECT_THAT(list_files({text}, options_, nullptr).error().message, HasSubstr("UTF-16"));
}

TEST_F(ArchiveTest, TablesAreFoundInPaths) {
  options_.known_tables = {"DeviceEvents", "SecurityEvent"};
  write("in/SecurityEvent/2024/a.ndjson", "{\"A\":1}\n");
  write("in/insights-logs-advancedhunting-deviceevents/b.json", "{\"A\":1}\n");
  write("in/c.ndjson", "{\"Type\":\"SecurityEvent\"}\n");
  write("in/readme.txt", "hello\n");
  write("in/.hidden", "{}\n");
  std::vector<std::string> notes;
  auto files = list_files({folder_ + "/in"}, options_, &notes);
  ASSERT_TRUE(files.ok());
  ASSERT_EQ(files.value().size(), 3u);
  EXPECT_EQ(files.value()[0].table, "SecurityEvent");
  EXPECT_EQ(files.value()[2].table, "DeviceEvents");
  EXPECT_EQ(files.value()[1].table, "");
  EXPECT_TRUE(files.value()[1].rows_name_tables);
  EXPECT_EQ(notes.size(), 1u);
  EXPECT_FALSE(list_files({folder_ + "/none*"}, options_, nullptr).ok());
  EXPECT_FALSE(list_files({folder_ + "/in/readme.txt"}, options_, nullptr).ok());
}

TEST_F(ArchiveTest, IngestKeepsEveryRowAndGoesOn) {
  request_.columns = {{"N", Type::Long}, {"A", Type::String}, {"T", Type::DateTime}, {"D", Type::Dynamic}};
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += "{\"N\":" + std::to_string(i) + ",\"A\":\"" + (i % 2 ? "even" : "odd") + "\",\"T\":\"" +
            (i < 500 ? "2024" : "9024") + "-01-01T00:00:00.1234567Z\",\"D\":[1]}\n";
  }
  auto source = write("in/a.ndjson", text);
  auto expected = scan({source});
  auto files = list_files({source}, {}, nullptr);
  ASSERT_TRUE(files.ok());
  IngestRequest ingest;
  ingest.folder = folder_ + "/out";
  ingest.table = "Events";
  ingest.rows_per_chunk = 400;
  ScanReport report;
  ASSERT_TRUE(ingest_files(files.value(), ingest, &report).ok());
  EXPECT_EQ(report.rows, 1000u);
  EXPECT_EQ(scan({folder_ + "/out"}), expected);
  ScanReport again;
  ASSERT_TRUE(ingest_files(files.value(), ingest, &again).ok());
  EXPECT_EQ(again.rows, 0u);
}

TEST_F(ArchiveTest, OwnColumns) {
  auto file = detect_file(
      write("a.ndjson", "{\"A\":\"x\",\"N\":1,\"T\":\"2024-01-01T00:00:00Z\"}\n{\"N\":1.5,\"D\":[1]}\n"), {});
  ASSERT_TRUE(file.ok());
  auto columns = read_columns(file.value());
  ASSERT_TRUE(columns.ok());
  std::string text;
  for (auto& column : columns.value()) text += column.name + ":" + std::string(type_name(column.type)) + " ";
  EXPECT_EQ(text, "A:string N:real T:datetime D:dynamic ");
}

}  // namespace
}  // namespace kqlc::archive
