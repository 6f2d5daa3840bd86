// SPDX-License-Identifier: Apache-2.0
//
// CSV archives: fields, headers of portals, long rows, quotes without an end.
#include "tests/unit/archive_fixture.h"

namespace kqlc::archive {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ArchiveCsvTest : public ArchiveTest {};

TEST_F(ArchiveCsvTest, Csv) {
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
TEST_F(ArchiveCsvTest, CsvWithLongRows) {
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

// A quote without an end takes what follows for its value, so it is as if the file broke off there.
TEST_F(ArchiveCsvTest, CsvWithAQuoteWithoutEnd) {
  request_.columns = {{"A", Type::String}, {"B", Type::String}};
  const std::vector<std::string> row = {"1|x"};
  for (const char* rest :
       {"2,\"y\n3,z\n4,w\n", "2,\"y\"\"\n3,z\n", "\"2,y\n3,z\n", "2,\"", "2,\"y\"\"\"\"\n"}) {
    for (int threads : {1, 3}) {
      EXPECT_EQ(scan({write("a.csv", std::string("A,B\n1,x\n") + rest)}, threads), row) << rest;
      ASSERT_EQ(report_.errors.size(), 1u) << rest;
      EXPECT_THAT(report_.errors[0].message, HasSubstr("line 3: a quote without an end"));
      EXPECT_TRUE(report_.unread.empty());
    }
  }
  EXPECT_TRUE(scan({write("a.csv", "A,B\n1,\"x\n2,y\n")}).empty());
  EXPECT_EQ(report_.unread.size(), 1u);
  // Quotes that are closed, doubled, or inside a field that does not begin with one.
  EXPECT_THAT(scan({write("a.csv", "A,B\n1,x\"\n\"2\n\",\"\"\"y\"")}), ElementsAre("1|x\"", "2\n|\"y"));
  EXPECT_TRUE(report_.errors.empty());
}

// The portals name the zone of their clock behind each time, and print times as their language does.
TEST_F(ArchiveCsvTest, CsvOfAPortal) {
  request_.table = "T";
  request_.table_columns = {"TimeGenerated", "A"};
  request_.columns = {{"TimeGenerated", Type::DateTime}, {"A", Type::String}};
  auto path = write(
      "a.csv",
      "\xEF\xBB\xBF\"TimeGenerated [UTC]\",A\n"
      "\"11/28/2026, 10:15:30.123 AM\",a\n\"1/2/2026, 12:00:00.000 AM\",b\n\"1/2/2026, 12:30:00 PM\",c\n"
      "2026-11-28T10:15:30.1234567Z,d\n,e\n"
      "\"05/07/2026, 15:02:03\",f\n\"5/7/2026, 3:02:03 pm\",g\n\"7.5.2026, 15:02:03\",h\n");
  EXPECT_THAT(scan({path}), ElementsAre("2026-11-28T10:15:30.1230000Z|a", "2026-01-02T00:00:00.0000000Z|b",
                                        "2026-01-02T12:30:00.0000000Z|c", "2026-11-28T10:15:30.1234567Z|d",
                                        "null|e", "null|f", "null|g", "null|h"));
  EXPECT_EQ(report_.problems["TimeGenerated"].failures, 3u);
  EXPECT_THAT(report_.problems["TimeGenerated"].first.message,
              HasSubstr("'05/07/2026, 15:02:03' is no datetime"));
  EXPECT_EQ(report_.missing_columns.size(), 0u);
  // A text stays as it is; a table that nobody knows gets a time.
  request_.columns[0].type = Type::String;
  EXPECT_EQ(scan({path})[0], "11/28/2026, 10:15:30.123 AM|a");
  EXPECT_EQ(read_columns(detect_file(path, {}).value()).value()[0].type, Type::DateTime);
}

// Hours off in silence would be the worst; who asks for no time loses nothing.
TEST_F(ArchiveCsvTest, CsvOfAPortalThatShowsLocalTime) {
  request_.columns = {{"TimeGenerated", Type::DateTime}, {"A", Type::String}};
  for (const char* zone : {"Local Time", "Local", "UTC+01:00", "utc"}) {
    auto path =
        write("a.csv", "TimeGenerated [" + std::string(zone) + "],A\n\"11/28/2026, 10:15:30.123 AM\",a\n");
    EXPECT_TRUE(scan({path}).empty());
    ASSERT_EQ(report_.errors.size(), 1u);
    EXPECT_THAT(report_.errors[0].message, HasSubstr("is not in UTC"));
    EXPECT_EQ(report_.unread.size(), 1u);
  }
  request_.columns = {{"A", Type::String}};
  EXPECT_THAT(scan({folder_ + "/a.csv"}), ElementsAre("a"));
}

TEST_F(ArchiveCsvTest, CsvThatNamesAColumnTwiceIsRefusedWhereItIsAsked) {
  auto path = write("a.csv", "A,A,B\n1,2,3\n");
  request_.columns = {{"B", Type::String}};
  EXPECT_EQ(scan({path}), std::vector<std::string>{"3"});
  request_.columns = {{"A", Type::String}};
  EXPECT_TRUE(scan({path}).empty());
  EXPECT_EQ(report_.missing_columns.size(), 0u);
}

}  // namespace
}  // namespace kqlc::archive
