// SPDX-License-Identifier: Apache-2.0
//
// Archives: files are written to a temporary folder, scanned, and the rows compared as text. The same rows
// whatever the format, compression, number of threads or prefilter; damage is counted and named; which files
// there are.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/api.h>
#include <arrow/json/from_string.h>
#include <parquet/arrow/writer.h>
#include <sys/stat.h>

#include <algorithm>

#include "tests/unit/archive_fixture.h"

namespace kqlc::archive {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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
  request_.prefilters = {{{{"needle", simd::Case::Ignored}}}};
  auto rows = scan({plain}, 2);
  auto wanted = std::count_if(rows.begin(), rows.end(), [](auto& row) { return row.ends_with("needle"); });
  EXPECT_EQ(wanted, 51);
  EXPECT_LT(rows.size(), 100u);
}

// A needle, and the ends of its line, at every place around the border of a chunk.
TEST_F(ArchiveTest, NeedlesCrossTheBordersOfChunks) {
  constexpr size_t kBorder = size_t{1} << 20;
  request_.columns = {{"A", Type::String}};
  request_.prefilters = {{{{"needle", simd::Case::Ignored}}}};
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
    request_.prefilters.clear();
    if (*literal) request_.prefilters = {{{{literal, simd::Case::Ignored}}}};
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

// Texts as no builder would let them pass, in each type that holds texts.
TEST_F(ArchiveTest, ArrowTextsThatAreNoUtf8AreRepaired) {
  const auto texts = [](const std::shared_ptr<arrow::DataType>& bytes,
                        const std::shared_ptr<arrow::DataType>& type) {
    auto builder = *arrow::MakeBuilder(bytes);
    for (const char* text : {"good", "caf\xe9", "cut \xe6\x97"})
      EXPECT_TRUE(builder->AppendScalar(**arrow::MakeScalar(bytes, arrow::Buffer::FromString(text))).ok());
    auto data = (*builder->Finish())->data()->Copy();
    data->type = type;
    return arrow::MakeArray(data);
  };
  const auto make = [](const std::shared_ptr<arrow::DataType>& type, const char* json) {
    return *arrow::json::ArrayFromJSONString(type, json);
  };
  const auto codes = make(arrow::int32(), "[0,1,2]"), ids = make(arrow::int8(), "[0,0,0]");
  auto plain = texts(arrow::binary(), arrow::utf8()),
       large = texts(arrow::large_binary(), arrow::large_utf8());
  std::vector<std::shared_ptr<arrow::Array>> columns = {
      plain,
      large,
      texts(arrow::binary_view(), arrow::utf8_view()),
      std::make_shared<arrow::DictionaryArray>(arrow::dictionary(arrow::int32(), arrow::large_utf8()), codes,
                                               large),
      *arrow::StructArray::Make({plain}, std::vector<std::string>{"s"}),
      *arrow::RunEndEncodedArray::Make(3, make(arrow::int32(), "[1,2,3]"), plain),
      *arrow::DenseUnionArray::Make(*ids, *codes, {plain}, {"u"}),
      *arrow::SparseUnionArray::Make(*ids, {plain}, {"u"}),
      *arrow::ListViewArray::FromArrays(*codes, *make(arrow::int32(), "[1,1,1]"), *plain),
      *arrow::LargeListViewArray::FromArrays(*make(arrow::int64(), "[0,1,2]"),
                                             *make(arrow::int64(), "[1,1,1]"), *plain)};
  request_.columns.clear();
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string name(1, static_cast<char>('A' + i));
    fields.push_back(arrow::field(name, columns[i]->type()));
    request_.columns.push_back({name, Type::String});
  }
  auto table = arrow::Table::Make(arrow::schema(fields), columns);
  const std::string path = folder_ + "/damaged.arrow";
  auto out = *arrow::io::FileOutputStream::Open(path);
  auto writer = *arrow::ipc::MakeFileWriter(out, table->schema());
  ASSERT_TRUE(writer->WriteTable(*table).ok() && writer->Close().ok() && out->Close().ok());
  std::vector<std::string> expected;
  for (const std::string text : {"good", "caf\xEF\xBF\xBD", "cut \xEF\xBF\xBD"})
    expected.push_back(text + "|" + text + "|" + text + "|" + text + "|{\"s\":\"" + text + "\"}|" + text +
                       "|" + text + "|" + text + "|[\"" + text + "\"]|[\"" + text + "\"]");
  for (Mapping mapping : {Mapping::Archives, Mapping::None}) {
    request_.mapping = mapping;
    EXPECT_EQ(scan({path}), expected);
    EXPECT_THAT(report_.errors, testing::IsEmpty());
  }
}

// Its length says other than its runs do: an error of the file, with and without texts to be repaired.
TEST_F(ArchiveTest, ArrowRunsThatContradictThemselves) {
  const auto make = [](const std::shared_ptr<arrow::DataType>& type, const char* json) {
    return *arrow::json::ArrayFromJSONString(type, json);
  };
  for (const auto& type : {arrow::utf8(), arrow::int64()}) {
    const auto values = make(type, type->id() == arrow::Type::STRING ? R"(["a","b"])" : "[1,2]");
    auto runs = (*arrow::RunEndEncodedArray::Make(4, make(arrow::int32(), "[2,4]"), values))->data()->Copy();
    runs->child_data[0] = make(arrow::int32(), "[2,0]")->data();
    const auto schema = arrow::schema({arrow::field("A", runs->type)});
    const std::string path = folder_ + "/runs.arrow";
    auto out = *arrow::io::FileOutputStream::Open(path);
    auto writer = *arrow::ipc::MakeFileWriter(out, schema);
    ASSERT_TRUE(
        writer->WriteRecordBatch(*arrow::RecordBatch::Make(schema, 4, {arrow::MakeArray(runs)})).ok());
    ASSERT_TRUE(writer->Close().ok() && out->Close().ok());
    request_.columns = {{"A", Type::String}};
    for (Mapping mapping : {Mapping::Archives, Mapping::None}) {
      request_.mapping = mapping;
      EXPECT_THAT(scan({path}), testing::IsEmpty());
      EXPECT_EQ(report_.lost.size() + report_.errors.size(), 1u);
    }
  }
}

// A first line that is no UTF-8 names columns all the same.
TEST_F(ArchiveTest, ColumnsOfRepairedLines) {
  for (const char* text : {"{\"I\":1,\"S\":\"caf\xe9\"}\n", "[\n{\"I\":1,\"S\":\"caf\xe9\"}\n]\n"}) {
    auto file = detect_file(write("a.json", text), {});
    ASSERT_TRUE(file.ok());
    auto columns = read_columns(file.value());
    ASSERT_TRUE(columns.ok());
    EXPECT_EQ(columns.value().size(), 2u) << text;
  }
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

// Types that few writers use have the values of those that many do, also where an array is a part of one.
TEST_F(ArchiveTest, RareArrowTypesHaveTheirValues) {
  const auto make = [](const std::shared_ptr<arrow::DataType>& type, const char* json) {
    return *arrow::json::ArrayFromJSONString(type, json);
  };
  const auto runs = make(arrow::int16(), "[1,3,4]");
  const auto fields = {arrow::field("n", arrow::int64()), arrow::field("s", arrow::utf8())};
  const std::vector<std::pair<Type, std::shared_ptr<arrow::Array>>> columns = {
      {Type::String, *arrow::RunEndEncodedArray::Make(4, runs, make(arrow::utf8(), R"(["p",null,"q"])"))},
      {Type::Long, *arrow::RunEndEncodedArray::Make(4, runs, make(arrow::int64(), "[7,null,-9]"))},
      {Type::Real, make(arrow::float16(), "[0.5,null,-2,1.5]")},
      {Type::Decimal, make(arrow::decimal32(5, 2), R"(["1.25",null,"-3.50","0.00"])")},
      {Type::Decimal, make(arrow::decimal64(12, 1), R"(["1.5",null,"-3.5","0.0"])")},
      {Type::Dynamic, make(arrow::list_view(arrow::int32()), "[[1,2],null,[],[3]]")},
      {Type::Dynamic, make(arrow::large_list_view(arrow::float16()), "[[0.5],null,[],[3]]")},
      {Type::Dynamic, make(arrow::dense_union(fields), R"([[0,1],[1,"a"],[0,null],[1,"b"]])")},
      {Type::Dynamic, make(arrow::sparse_union(fields), R"([[0,1],[1,"a"],[0,null],[1,"b"]])")}};
  std::vector<std::shared_ptr<arrow::Field>> schema;
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  request_.columns.clear();
  for (const auto& [type, array] : columns) {
    const std::string name(1, static_cast<char>('A' + schema.size()));
    schema.push_back(arrow::field(name, array->type()));
    arrays.push_back(array);
    request_.columns.push_back({name, type});
  }
  const std::vector<std::string> expected = {
      "p|7|0.500000|1.25|1.5|[1,2]|[0.5]|1|1", R"(|null|null|null|null|||"a"|"a")",
      "|null|-2.000000|-3.50|-3.5|[]|[]||", R"(q|-9|1.500000|0.00|0.0|[3]|[3.0]|"b"|"b")"};
  auto table = arrow::Table::Make(arrow::schema(schema), arrays);
  write_arrow(folder_ + "/a.arrow", *table, 1);
  write_arrow(folder_ + "/b.arrow", *table->Slice(1, 2), 1);
  const auto own = read_columns(detect_file(folder_ + "/a.arrow", {}).value());
  ASSERT_TRUE(own.ok());
  for (size_t i = 0; i < columns.size(); ++i) EXPECT_EQ(own.value()[i].type, columns[i].first) << i;
  for (Mapping mapping : {Mapping::Archives, Mapping::None}) {
    request_.mapping = mapping;
    EXPECT_EQ(scan({folder_ + "/a.arrow"}), expected);
    EXPECT_THAT(scan({folder_ + "/b.arrow"}), ElementsAre(expected[1], expected[2]));
    EXPECT_THAT(report_.errors, IsEmpty());
  }
}

// One function repairs text for all readers: a cut character is one U+FFFD whatever file it stands in.
TEST_F(ArchiveTest, DamagedTextIsRepairedAlike) {
  request_.columns = {{"A", Type::String}};
  const std::string damaged = "x\xF0\x9F\x98y\xE2\x82", repaired = "x\xEF\xBF\xBDy\xEF\xBF\xBD";
  arrow::BinaryBuilder bytes;
  ASSERT_TRUE(bytes.Append(damaged).ok());
  auto table = arrow::Table::Make(arrow::schema({arrow::field("A", arrow::binary())}), {*bytes.Finish()});
  write_arrow(folder_ + "/a.arrow", *table, 1);
  auto out = *arrow::io::FileOutputStream::Open(folder_ + "/a.parquet");
  ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 1).ok());
  ASSERT_TRUE(out->Close().ok());
  write("a.ndjson", "{\"A\":\"" + damaged + "\"}\n");
  write("b.json", "[\n{\"A\":\"" + damaged + "\"}]\n");
  write("a.csv", "A\n" + damaged + "\n");
  for (const char* name : {"/a.arrow", "/a.parquet", "/a.ndjson", "/b.json", "/a.csv"}) {
    EXPECT_THAT(scan({folder_ + name}), ElementsAre(repaired)) << name;
    EXPECT_EQ(report_.repaired_lines, 1u) << name;
  }
}

// Texts are looked at some at a time; a character that one text begins and the next one ends is none.
TEST_F(ArchiveTest, CharactersDoNotReachFromTextToText) {
  request_.columns = {{"A", Type::String}};
  constexpr size_t kRows = 2'500, kBytes = 32;  // 1,024 texts are looked at together
  for (size_t cut : {size_t{1}, size_t{500}, size_t{1'023}, size_t{1'024}, size_t{1'025}, size_t{2'499}}) {
    std::vector<std::string> texts(kRows, std::string(kBytes - 2, 'a') + "\xC3\xBC"), expected = texts;
    texts[cut - 1].replace(kBytes - 1, 1, "");
    texts[cut].insert(0, "\xBC");
    expected[cut - 1].replace(kBytes - 2, 2, "\xEF\xBF\xBD");
    expected[cut].insert(0, "\xEF\xBF\xBD");
    arrow::BinaryBuilder bytes;
    ASSERT_TRUE(bytes.AppendValues(texts).ok());
    auto data = (*bytes.Finish())->data()->Copy();
    data->type = arrow::utf8();
    auto array = arrow::MakeArray(data);
    const auto schema = arrow::schema({arrow::field("A", arrow::utf8())});
    write_arrow(folder_ + "/a.arrow", *arrow::Table::Make(schema, {array}), 1);
    EXPECT_EQ(scan({folder_ + "/a.arrow"}), expected) << cut;
    EXPECT_EQ(report_.repaired_lines, 2u) << cut;
  }
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
