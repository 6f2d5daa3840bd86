// SPDX-License-Identifier: Apache-2.0
//
// JSON archives: the shapes in which events are exported, and damaged ones. In: text. Out: the rows, and what
// is counted of the damage.
#include "tests/unit/archive_fixture.h"

namespace kqlc::archive {
namespace {

using ::testing::ElementsAre;

class ArchiveJsonTest : public ArchiveTest {};

TEST_F(ArchiveJsonTest, FlatRowsOfEveryType) {
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

TEST_F(ArchiveJsonTest, ValuesThatDoNotFitAreNullAndCounted) {
  request_.columns = {{"L", Type::Long}, {"I", Type::Int}, {"T", Type::DateTime}};
  auto path = write("a.ndjson",
                    "{\"L\":\"x\",\"I\":3000000000,\"T\":12}\n{\"L\":1.5}\n{\"L\":\"\",\"T\":\"soon\"}\n");
  EXPECT_THAT(scan({path}), ElementsAre("null|null|null", "null|null|null", "null|null|null"));
  EXPECT_EQ(report_.problems["L"].failures, 2u);
  EXPECT_EQ(report_.problems["I"].failures, 1u);
  EXPECT_EQ(report_.problems["T"].failures, 2u);
  EXPECT_EQ(report_.problems["L"].first.place, path + ":1");
}

TEST_F(ArchiveJsonTest, RepeatedAndEscapedKeys) {
  request_.columns = {{"A", Type::String}};
  auto path = write("a.ndjson", R"({"A":"1","A":"2"})"
                                "\n"
                                R"({"\u0041":"3"})"
                                "\n"
                                R"({"B":1,"A":"4","A":null})"
                                "\n");
  EXPECT_THAT(scan({path}), ElementsAre("2", "3", ""));
}

TEST_F(ArchiveJsonTest, EnvelopesInAnyOrderAndOtherTables) {
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
TEST_F(ArchiveJsonTest, EscapedEnvelopes) {
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
TEST_F(ArchiveJsonTest, EnvelopesOfRowsThatHaveAColumnProperties) {
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
TEST_F(ArchiveJsonTest, FieldsAroundPropertiesAreNoColumnsOfDefendersRows) {
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
TEST_F(ArchiveJsonTest, RowsWithArraysNamedAsThoseOfAnswers) {
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
TEST_F(ArchiveJsonTest, TextBehindTheObjectOfALine) {
  request_.columns = {{"A", Type::String}};
  const std::string tails[] = {"}",    "{}", "{\"A\":\"2\"}", ",\"a\":1}", "]", ",", " x",
                               "null", "{",  {"\0", 1},       "\f"};
  for (const std::string& tail : tails) {
    auto path = write("a.ndjson", "{\"A\":\"1\"}" + tail + "\n{\"A\":\"good\"}\n");
    EXPECT_THAT(scan({path}), ElementsAre("good")) << tail;
    EXPECT_EQ(report_.bad_lines, 1u) << tail;
  }
}

TEST_F(ArchiveJsonTest, ABadRecordOfAnAnswerIsLeftOutAlone) {
  request_.columns = {{"A", Type::Long}};
  auto path = write("a.ndjson", R"({"value":[{"A":1},{"A":NaN},{"A":3},{"A":{"x":tru}},{"A":4}]})");
  EXPECT_THAT(scan({path}), ElementsAre("1", "3", "4"));
  EXPECT_EQ(report_.bad_lines, 2u);
}

// Chunks inside of a line look at no more than themselves.
TEST_F(ArchiveJsonTest, ALineOfManyChunks) {
  request_.columns = {{"A", Type::String}};
  std::string line = "{\"A\":\"1\",\"B\":\"" + std::string(5 << 20, 'x') + "\"}\n";
  auto path = write("a.ndjson", "{\"A\":\"0\"}\n" + line + "{\"A\":\"2\"}\n" + line);
  EXPECT_THAT(scan({path}), ElementsAre("0", "1", "2", "1"));
  EXPECT_THAT(scan({path}, 3), ElementsAre("0", "1", "2", "1"));
}

TEST_F(ArchiveJsonTest, ApiResponses) {
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
TEST_F(ArchiveJsonTest, AnswersWithoutRowsAndRowsWithEmptyArrays) {
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
TEST_F(ArchiveJsonTest, MalformedNestedValuesMakeABadLine) {
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
TEST_F(ArchiveJsonTest, NestedDeeperThanADynamicHolds) {
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

TEST_F(ArchiveJsonTest, BadLinesAreCountedWithTheirPlace) {
  request_.columns = {{"A", Type::String}};
  auto path = write("a.ndjson", "{\"A\":\"1\"}\nnonsense\n{\"A\":\"2\"}\n{\"A\":\"\\q\"}\n{\"A\":\"half");
  EXPECT_THAT(scan({path}), ElementsAre("1", "2"));
  EXPECT_EQ(report_.bad_lines, 3u);
  ASSERT_EQ(report_.samples.size(), 3u);
  EXPECT_EQ(report_.samples[0].place, path + ":2");
  EXPECT_EQ(report_.samples[2].place, path + ":5");
}

TEST_F(ArchiveJsonTest, ARecordThatIsNoObjectHasThePlaceWhereItStands) {
  request_.columns = {{"A", Type::String}};
  auto path = write("a.ndjson", "{\"A\":\"1\"}\n[3]\n[{\"A\":\"2\"},4]\n");
  EXPECT_THAT(scan({path}), ElementsAre("1", "2"));
  ASSERT_EQ(report_.samples.size(), 2u);
  EXPECT_EQ(report_.samples[0].place, path + ":2");
  EXPECT_EQ(report_.samples[1].place, path + ":3");
}

TEST_F(ArchiveJsonTest, InvalidUtf8AndSingleSurrogatesAreReplaced) {
  request_.columns = {{"A", Type::String}};
  auto path = write("a.ndjson", "{\"A\":\"x\xFFy\"}\n{\"A\":\"\\ud800z\"}\n{\"A\":\"\\ud83d\\ude00\"}\n");
  EXPECT_THAT(scan({path}), ElementsAre("x\xEF\xBF\xBDy", "\xEF\xBF\xBDz", "\xF0\x9F\x98\x80"));
  EXPECT_EQ(report_.repaired_lines, 1u);
}

TEST_F(ArchiveJsonTest, StrictKnowsWhatIsValidJson) {
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

}  // namespace
}  // namespace kqlc::archive
