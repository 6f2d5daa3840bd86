// SPDX-License-Identifier: Apache-2.0
//
// Late columns over files: the rows of a query whose columns are fetched after the scan are those of the
// reference executor, from every format that rows can be fetched from, and where a fetched line turns out to
// be bad. Which queries are split at all.
#include "cli/late_rows.h"

#include <gtest/gtest.h>

#include "cli/compile.h"
#include "cli/run.h"
#include "cli/session.h"
#include "runtime/base/check.h"
#include "tests/engines/files.h"
#include "tests/unit/json_table.h"

namespace kqlc::cli {
namespace {

using engines::Storage;

const plan::Schema kSchema = {
    {"Timestamp", Type::DateTime}, {"Device", Type::String}, {"Name", Type::String},
    {"Size", Type::Long},          {"Ok", Type::Bool},       {"More", Type::Dynamic}};

class LateRowsTest : public testing::Test {
 protected:
  Compiled bind(const std::string& query, plan::Schemas& schemas) {
    schemas.add("T", kSchema);
    Compiled compiled = compile({"query", query, query, {}}, schemas, 638'000'000'000'000'000);
    KQLC_CHECK(compiled.ok(), render(compiled));
    return compiled;
  }

  std::string run(const std::string& query, const std::string& data, const std::string& engine,
                  int threads = 1, bool strict = false) {
    Options options;
    options.data = {data};
    options.table = "T";
    options.engine = engine;
    options.threads = threads;
    options.strict = strict;
    plan::Schemas schemas;
    Compiled compiled = bind(query, schemas);
    auto tables = Tables::open(options, schemas);
    if (!tables.ok()) return tables.error().message;
    std::vector<Job> jobs = make_jobs(compiled.plan, TimeRange());
    run_jobs(jobs, tables.value(), options);
    if (jobs[0].error) return jobs[0].error->message;
    return json_table(jobs[0].rows);
  }

  void expect_same(const std::string& query, const std::string& data) {
    static int threads = 1;
    std::string expected = run(query, data, "reference");
    EXPECT_EQ(run(query, data, "jit", threads), expected) << query << " over " << data;
    threads = threads % 3 + 1;
  }

  bool is_split(const std::string& query) {
    plan::Schemas schemas;
    Compiled compiled = bind(query, schemas);
    ir::Ir ir = ir::build(compiled.plan, compiled.plan.results[0]);
    ir::optimize(ir);
    return ir::split_late_columns(ir).has_value();
  }

  std::string write(const std::string& text) {
    auto file = engines::write_ndjson("T", text, folder_.path());
    EXPECT_TRUE(file.ok());
    return file.value().path;
  }

  engines::TemporaryFolder folder_;
};

const char* const kQueries[] = {
    "T | summarize arg_max(Timestamp, *) by Device",
    "T | summarize arg_min(Size, Name, Ok, More, Timestamp) by Device | where Name != 'n3' | sort by Device",
    "T | where Size % 3 != 1 | extend Both = strcat(Name, '/', Device) | summarize take_any(*) by Ok",
    "T | extend Size = Size * 2 | top 7 by Size desc, Timestamp asc | project-away Device",
    "T | top 3 by Timestamp nulls first | summarize count(), make_set(Name), min(Size), max(Device) by Ok",
    "T | where Name == 'nobody' | summarize arg_max(Timestamp, *) by Device",
    "let K = T | top 3 by Timestamp; K | union (K | extend N = 1)",
    "let K = T | top 5 by Size desc, Timestamp asc | extend Z = strcat(Name, 'z'); union K, (K | where Ok), "
    "K",
    "let K = T | summarize arg_max(Timestamp, *) by Device; K | union (K | summarize N = count() by Name)",
    "let K = T | summarize arg_max(Timestamp, *) by Device; union (K | top 2 by Size), (K | take 3) | sort "
    "by Device",
};

engines::TableData make_table(int64_t rows = 300, int64_t devices = 11) {
  engines::TableData table;
  table.name = "T";
  table.schema = kSchema;
  for (int64_t i = 0; i < rows; ++i) {
    auto text = [&](std::string value) { return make_cell(table.arena->copy(Str(value))); };
    engines::Row row;
    row.push_back(i % 17 == 3
                      ? null_cell(Type::DateTime)
                      : make_cell(DateTime{638'000'000'000'000'000 + (i * 7919 % rows) * 10'000'000}));
    row.push_back(text("device" + std::to_string(i % devices)));
    row.push_back(text("n" + std::to_string(i % 5) + std::string(static_cast<size_t>(i % 3), '\n')));
    row.push_back(i % 13 ? make_cell(i % 29) : null_cell(Type::Long));
    row.push_back(i % 4 ? make_cell(i % 2 == 0) : null_cell(Type::Bool));
    row.push_back(
        dynamic::lazy_cell(table.arena->copy(Str("{\"i\":" + std::to_string(i) + "}")), *table.arena));
    table.rows.push_back(std::move(row));
  }
  return table;
}

TEST_F(LateRowsTest, EveryFormatGivesTheRowsOfTheReference) {
  const engines::TableData table = make_table();
  for (Storage storage : engines::kAllStorage) {
    auto file = engines::write_file(table, storage, folder_.path());
    ASSERT_TRUE(file.ok()) << file.error().message;
    for (const char* query : kQueries) expect_same(query, file.value().path);
  }
}

// So many rows that each thread runs the second step over some of them.
TEST_F(LateRowsTest, ManyRowsOnSeveralThreads) {
  const engines::TableData table = make_table(9'000, 6'000);
  for (Storage storage : {Storage::Ndjson, Storage::Parquet}) {
    auto file = engines::write_file(table, storage, folder_.path());
    ASSERT_TRUE(file.ok()) << file.error().message;
    for (const char* query : {
             "T | summarize arg_max(Timestamp, *) by Device",
             "T | summarize arg_max(Timestamp, *) by Device | where Ok | top 20 by Size desc, Name asc, "
             "Device asc",
             "T | summarize arg_max(Timestamp, *) by Device | summarize make_list(Name), make_set(Size), "
             "sum(Size), "
             "arg_min(Device, *) by Ok",
             "let K = T | summarize arg_max(Timestamp, *) by Device; K | union (K | summarize N = count() by "
             "Name)",
         })
      EXPECT_EQ(run(query, file.value().path, "jit", 3), run(query, file.value().path, "reference"))
          << query << " over " << file.value().path;
  }
}

TEST_F(LateRowsTest, RowsOfOneLine) {
  std::string text = " {\"records\":[";
  for (int i = 0; i < 40; ++i)
    text += std::string(i ? "," : "") + "{\"Timestamp\":\"2024-01-01T00:00:" + std::to_string(10 + i) +
            "Z\",\"Device\":\"d" + std::to_string(i % 3) + "\",\"Name\":\"" + std::string(700, 'x') +
            std::to_string(i) + "\",\"Size\":" + std::to_string(i) + ",\"Ok\":true}";
  text += "]}\r\n";
  const std::string path = write(text + text + "{\"Timestamp\":\"2025-01-01T00:00:00Z\",\"Device\":\"d0\"}");
  for (const char* query : kQueries) expect_same(query, path);
}

TEST_F(LateRowsTest, LinesThatAreLong) {
  std::string text;
  for (int i = 0; i < 20; ++i)
    text += "{\"Name\":\"" + std::string(static_cast<size_t>(i) * 9'000, 'y') +
            "\",\"Size\":" + std::to_string(i) + ",\"More\":[" + std::to_string(i) + "],\"Device\":\"d" +
            std::to_string(i % 2) + "\",\"Timestamp\":\"2024-01-01T00:00:" + std::to_string(10 + i) +
            "Z\"}\n";
  const std::string path = write(text);
  for (const char* query : kQueries) expect_same(query, path);
}

// The last row of d0 is bad in a column that finding it does not look at: it is no row.
TEST_F(LateRowsTest, ABadLineThatWasFoundIsNoRow) {
  const std::string path = write(
      "{\"Timestamp\":\"2024-01-01T00:00:00Z\",\"Device\":\"d0\",\"Name\":\"good\",\"Size\":1}\n"
      "{\"Timestamp\":\"2024-01-02T00:00:00Z\",\"Device\":\"d0\",\"Name\":\"bad\",\"Size\":NaN}\n"
      "{\"Timestamp\":\"2024-01-02T00:00:00Z\",\"Device\":\"d1\",\"Name\":\"bad\",\"Size\":01}\n");
  for (const char* query : kQueries) expect_same(query, path);
  EXPECT_NE(run(kQueries[0], path, "jit").find("good"), std::string::npos);
  EXPECT_EQ(run(kQueries[0], path, "jit").find("bad"), std::string::npos);
  EXPECT_EQ(run(kQueries[0], path, "jit", 1, true), run(kQueries[0], path, "reference"));
}

// A line that is bad in such a column is no row, so it is not the first of its group either.
TEST_F(LateRowsTest, ABadLineDoesNotDecideTheOrder) {
  const std::string path = write(
      "{\"Timestamp\":\"2024-01-01T00:00:00Z\",\"Device\":\"b\",\"More\":{\"a\":}}\n"
      "{\"Timestamp\":\"2024-01-02T00:00:00Z\",\"Device\":\"a\",\"Name\":\"x\"}\n"
      "{\"Timestamp\":\"2024-01-03T00:00:00Z\",\"Device\":\"b\",\"Name\":\"y\"}\n");
  expect_same(kQueries[0], path);
  expect_same(std::string(kQueries[0]) + " | take 1 | project-away Size", path);
}

TEST_F(LateRowsTest, AFileThatChangedIsReadAgain) {
  const std::string path =
      write("{\"Timestamp\":\"2024-01-01T00:00:00Z\",\"Device\":\"d\",\"Name\":\"old\"}\n");
  auto file = archive::detect_file(path, {"T", {}});
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(archive::is_unchanged(file.value()));
  archive::ScanRequest request;
  request.columns = {{"Name", Type::String}};
  archive::ScanReport report;
  const uint64_t row = uint64_t{file.value().ordinal} << 40;
  auto fetch = [&] {
    return archive::FetchedRows::fetch({file.value()}, request, {}, {row}, {}, 0, &report).ok();
  };
  EXPECT_TRUE(fetch());
  write("{\"Timestamp\":\"2024-01-01T00:00:00Z\",\"Device\":\"d\",\"Name\":\"renewed\"}\n");
  EXPECT_FALSE(fetch());
}

// A bad value counts once for each time that its line is parsed.
TEST_F(LateRowsTest, ALineOfManyWantedRowsIsParsedOnce) {
  std::string line = "{\"records\":[";
  for (int i = 0; i < 200; ++i)
    line += std::string(i ? "," : "") + "{\"Name\":\"n" + std::to_string(i) +
            "\",\"Size\":" + (i == 150 ? "\"none\"" : std::to_string(i)) + "}";
  line += "]}\n";
  const std::string path = write("{\"Name\":\"first\"}\n" + line + line + "{\"Name\":\"last\"}\n");
  auto file = archive::detect_file(path, {"T", {}});
  ASSERT_TRUE(file.ok());
  archive::ScanRequest request;
  request.columns = {{"Name", Type::String}};
  std::vector<uint64_t> locators;
  const auto gather = [&](int, const Batch& batch) {
    locators.insert(locators.end(), batch.locators, batch.locators + batch.num_rows);
    return true;
  };
  archive::ScanReport scanned;
  ASSERT_TRUE(archive::scan_files({file.value()}, request, {}, gather, &scanned).ok());
  ASSERT_EQ(locators.size(), 402u);
  request.columns.push_back({"Size", Type::Long});
  for (int threads : {1, 3}) {
    archive::ScanControl control;
    control.threads = threads;
    archive::ScanReport report;
    auto fetched = archive::FetchedRows::fetch({file.value()}, request, control, locators, {}, 0, &report);
    ASSERT_TRUE(fetched.ok()) << fetched.error().message;
    EXPECT_EQ(report.problems["Size"].failures, 2u);
    const Column& name = fetched.value()->columns()[0];
    EXPECT_EQ(load_str(name, name.encoding, 150).view(), "n149");
    EXPECT_EQ(load_str(name, name.encoding, 401).view(), "last");
  }
}

TEST_F(LateRowsTest, TheMemoryLimitHolds) {
  const std::string path = write("{\"Name\":\"x\"}\n");
  auto file = archive::detect_file(path, {"T", {}});
  archive::ScanRequest request;
  request.columns = {{"Name", Type::String}};
  archive::ScanReport report;
  auto fetched = archive::FetchedRows::fetch({file.value()}, request, {}, {0}, {}, 10, &report);
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().code, ErrorCode::Limit);
}

TEST_F(LateRowsTest, DamagedTextIsRepairedTheSameWay) {
  const std::string path = write(
      "{\"Timestamp\":\"2024-01-01T00:00:00Z\",\"Device\":\"d0\",\"Name\":\"a\xFF\",\"Size\":1}\n"
      "{\"records\":[{\"Timestamp\":\"2024-01-02T00:00:00Z\",\"Device\":\"d0\xFE\",\"Name\":\"b\xFF\"},"
      "{\"Timestamp\":\"2024-01-03T00:00:00Z\",\"Device\":\"d0\xFE\",\"Name\":\"c\xFF\",\"Size\":3}]}\n");
  for (const char* query : kQueries) expect_same(query, path);
}

TEST_F(LateRowsTest, OnlyWholeRowsOfOneTableAreSplit) {
  for (const char* query : kQueries) EXPECT_TRUE(is_split(query)) << query;
  EXPECT_FALSE(is_split("T | summarize arg_max(Timestamp, *)"));  // one row of nulls where there is none
  EXPECT_FALSE(is_split("T | summarize arg_max(Timestamp, Name, Size) by Device"));  // two columns to fetch
  EXPECT_FALSE(is_split("T | summarize arg_max(Timestamp, *), count() by Device"));  // count sees bad lines
  EXPECT_FALSE(
      is_split("T | top 9 by Size | join kind=fullouter (print Device = 'd', Note = 'x') on Device"));
  EXPECT_FALSE(is_split("union T, T | summarize arg_max(Timestamp, *) by Device"));
  EXPECT_FALSE(is_split("T | summarize take_any(Name) by Device"));  // a value that is not empty
  EXPECT_FALSE(is_split("T | take 5"));
}

}  // namespace
}  // namespace kqlc::cli
