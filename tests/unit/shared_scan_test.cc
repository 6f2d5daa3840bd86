// SPDX-License-Identifier: Apache-2.0
//
// Many rules in one pass: times that rules bound, progress text.
#include "cli/shared_scan.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/compile.h"
#include "cli/progress.h"
#include "runtime/value/datetime.h"
#include "tests/engines/files.h"

namespace kqlc::cli {
namespace {

class ScanTimesTest : public testing::Test {
 protected:
  std::vector<ScanTimes> find(const std::string& query) {
    plan::Schemas schemas;
    schemas.add("T", {{"Timestamp", Type::DateTime}, {"Name", Type::String}});
    int64_t now = datetime::read_datetime("2024-01-10T00:00:00Z")->ticks;
    compiled_ = compile({"query", query, query, {}}, schemas, now);
    EXPECT_TRUE(compiled_.ok()) << render(compiled_);
    return find_scan_times(compiled_.plan, compiled_.plan.results[0]);
  }
  std::string range(const std::string& query) {
    auto times = find(query);
    if (times.size() != 1 || times[0].conditions.size() != 1) return "none";
    return times[0].conditions[0].column + " " + print_range(times[0].conditions[0].range);
  }
  Compiled compiled_;
};

TEST_F(ScanTimesTest, ComparisonsWithConstants) {
  EXPECT_EQ(range("T | where Timestamp >= ago(1d)"), "Timestamp 2024-01-09T00:00:00.0000000Z to the end");
  EXPECT_EQ(range("T | where ago(1d) < Timestamp"), "Timestamp 2024-01-09T00:00:00.0000001Z to the end");
  EXPECT_EQ(range("T | where Name has 'x' | where Timestamp between (ago(5d)..now())"),
            "Timestamp 2024-01-05T00:00:00.0000000Z to 2024-01-10T00:00:00.0000000Z");
  EXPECT_EQ(range("let s = now(-5d); T | where Timestamp < s and Timestamp > s - 1d"),
            "Timestamp 2024-01-04T00:00:00.0000001Z to 2024-01-04T23:59:59.9999999Z");
}

TEST_F(ScanTimesTest, OtherFormsBoundNothing) {
  EXPECT_EQ(range("T | where Timestamp > ago(1d) or Name == 'x'"), "none");
  EXPECT_EQ(range("T | extend Timestamp = Timestamp + 1d | where Timestamp > ago(1d)"), "none");
  EXPECT_EQ(find("union T, (T | where Timestamp > ago(1d))").size(), 2u);
}

TEST(Job, PartialInputOfABlockingOperatorGivesNoRows) {
  plan::Schemas schemas;
  schemas.add("T", {{"Timestamp", Type::DateTime}, {"Name", Type::String}});
  auto streams = [&](const std::string& query) {
    Compiled compiled = compile({"query", query, query, {}}, schemas, 0);
    EXPECT_TRUE(compiled.ok()) << render(compiled);
    return is_streaming(compiled.plan, compiled.plan.results[0]);
  };
  EXPECT_TRUE(streams("T | where Name has 'x' | extend y = 1 | project y"));
  EXPECT_FALSE(streams("T | summarize count() | where count_ > 1"));
  EXPECT_FALSE(streams("union T, (T | take 3)"));
}

// A join reads its sides in two passes; of a file that was replaced in between it would have parts of both.
TEST(Tables, KnowWhichFilesWereReplaced) {
  engines::TemporaryFolder folder;
  ASSERT_TRUE(engines::write_ndjson("A_CL", "{\"x\":1}\n", folder.path()).ok());
  ASSERT_TRUE(engines::write_ndjson("B_CL", "{\"x\":2}\n", folder.path()).ok());
  Options options;
  options.data = {folder.path()};
  plan::Schemas schemas;
  auto tables = Tables::open(options, schemas);
  ASSERT_TRUE(tables.ok());
  const auto before = tables.value().find_inodes();
  ASSERT_EQ(before.size(), 2u);
  std::ofstream(folder.path() + "/A_CL.ndjson", std::ios::app) << "{\"x\":3}\n";
  EXPECT_EQ(tables.value().find_inodes(), before) << "one that grows is the same";
  std::filesystem::copy_file(folder.path() + "/A_CL.ndjson", folder.path() + "/new");
  std::filesystem::rename(folder.path() + "/new", folder.path() + "/A_CL.ndjson");
  EXPECT_NE(tables.value().find_inodes(), before);
}

TEST(Progress, TheLineSaysHowFarAndHowLong) {
  EXPECT_EQ(print_progress(500'000'000, 2'000'000'000, 2),
            "[=======>                      ]  25%  500 MB of 2.0 GB, 250 MB/s  6 s left");
  EXPECT_EQ(print_progress(3, 0, 0), "[==============================] 100%  0 B of 0 B, 0 B/s  ");
}

}  // namespace
}  // namespace kqlc::cli
