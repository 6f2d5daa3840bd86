// SPDX-License-Identifier: Apache-2.0
//
// Texts that are kept where they lie: what an arena holds on to, kernels over batches whose memory is stable,
// mapped files that lose bytes after they were read.
#include "runtime/base/stable_memory.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>

#include "cli/compile.h"
#include "runtime/archive/mapped_file.h"
#include "runtime/base/arena.h"
#include "runtime/exec/kernel.h"
#include "runtime/value/dynamic.h"
#include "tests/engines/files.h"
#include "tests/engines/run.h"

namespace kqlc {
namespace {

// A text whose owner can lose it.
class Owned : public StableMemory {
 public:
  explicit Owned(std::shared_ptr<std::string> text, std::atomic<int>* alive = nullptr)
      : StableMemory(text->data(), text->data() + text->size()), text_(std::move(text)), alive_(alive) {
    if (alive_) ++*alive_;
  }
  ~Owned() override {
    std::ranges::fill(*text_, '#');
    if (alive_) --*alive_;
  }
  bool torn() const override { return is_torn; }
  Error loss() const override { return {ErrorCode::Io, "lost"}; }

  // What a file does that is written to.
  void overwrite(char with) { std::ranges::fill(*text_, with); }

  std::atomic<bool> is_torn = false;

 private:
  std::shared_ptr<std::string> text_;
  std::atomic<int>* alive_;
};

std::shared_ptr<Owned> own(const std::string& text, std::atomic<int>* alive = nullptr) {
  return std::make_shared<Owned>(std::make_shared<std::string>(text), alive);
}
Str part(const StableMemory& memory, size_t from, size_t size) { return {memory.begin() + from, size}; }

TEST(Arena, KeepsTextsOfHeldMemoryWhereTheyLie) {
  auto first = own("alpha beta"), second = own("gamma");
  Arena arena;
  EXPECT_NE(arena.keep(part(*first, 0, 5)).data, first->begin());
  arena.hold(first);
  EXPECT_EQ(arena.keep(part(*first, 6, 4)).data, first->begin() + 6);
  EXPECT_NE(arena.keep(part(*second, 0, 5)).data, second->begin());
  arena.hold(second);
  EXPECT_EQ(arena.keep(part(*second, 0, 5)).data, second->begin());
  EXPECT_NE(arena.keep(part(*first, 0, 5)).data, first->begin()) << "only the last one is looked at";
  EXPECT_TRUE(arena.is_others(part(*first, 6, 4)));
  EXPECT_TRUE(arena.is_others(part(*second, 0, 5)));
  EXPECT_FALSE(arena.is_others(arena.copy(part(*first, 0, 5))));
}

TEST(Arena, HoldsOnlyWhatItKeptTextsOf) {
  std::atomic<int> alive = 0;
  Arena arena, other;
  arena.hold(own("unused", &alive));
  auto memory = own("used", &alive);
  arena.hold(memory);
  EXPECT_EQ(alive, 1) << "the first one is gone";
  arena.keep(part(*memory, 0, 4));
  other.adopt(arena);
  EXPECT_TRUE(other.keeps_others());
  EXPECT_FALSE(arena.keeps_others());
  EXPECT_EQ(other.find_torn(), nullptr);
  memory->is_torn = true;
  EXPECT_EQ(other.find_torn(), memory.get());
  memory.reset();
  EXPECT_EQ(alive, 1);
  other.let_go();
  EXPECT_EQ(alive, 0);
}

// A table of words that lie in one piece of memory a batch.
class StableBatches : public testing::Test {
 protected:
  static constexpr int kBatches = 4, kRows = 50;

  StableBatches() {
    schemas_.add("T", {{"Word", Type::String}, {"N", Type::Long}});
    for (int batch = 0; batch < kBatches; ++batch) {
      std::string text;
      for (int row = 0; row < kRows; ++row) text += word(batch, row);
      memory_.push_back(own(text, &alive_));
    }
  }
  static std::string word(int batch, int row) {
    return "a word of a size that is worth its place " + std::to_string(100 + (batch * 7 + row) % 90);
  }

  // Runs the query on two states, and lets go of the batches' memory before it is asked for rows.
  codegen::KernelRows run(const std::string& query) {
    compiled_ = cli::compile({"query", query, query, {}}, schemas_, 0);
    EXPECT_TRUE(compiled_.ok()) << cli::render(compiled_);
    auto compiled =
        codegen::Kernel::compile(compiled_.plan, compiled_.plan.results[0], {codegen::Engine::O0});
    EXPECT_TRUE(compiled.ok());
    kernel_ = std::move(compiled).value();
    auto into = kernel_->create_state(), from = kernel_->create_state();
    for (int batch = 0; batch < kBatches; ++batch) consume(batch % 2 ? *from : *into, batch);
    if (torn_batch_ >= 0) memory_[static_cast<size_t>(torn_batch_)]->is_torn = true;
    for (const auto& memory : memory_)
      if (overwritten_) memory->overwrite('z');
    memory_.clear();
    if (alive_after_scan_ < 0) alive_after_scan_ = alive_;
    kernel_->merge(*into, *from);
    codegen::KernelRows rows = kernel_->finish(*into);
    EXPECT_EQ(alive_, 0) << "rows hold nothing of the batches";
    return rows;
  }

  void consume(codegen::KernelState& state, int batch) {
    const auto& memory = memory_[static_cast<size_t>(batch)];
    std::vector<Str> words;
    std::vector<int64_t> numbers;
    size_t place = 0;
    for (int row = 0; row < kRows; ++row) {
      words.push_back(part(*memory, place, word(batch, row).size()));
      place += words.back().size;
      numbers.push_back(batch * kRows + row);
    }
    std::vector<Column> columns;
    for (const plan::ColumnDef& wanted : kernel_->inputs()[0].columns) {
      Column& column = columns.emplace_back();
      column.type = wanted.type;
      column.encoding = wanted.type == Type::String ? Encoding::Strs : Encoding::Fixed64;
      column.values = wanted.type == Type::String ? static_cast<const void*>(words.data()) : numbers.data();
    }
    const std::shared_ptr<const StableMemory> stable = memory;
    Batch shown{kRows, static_cast<uint64_t>(batch) * kRows, columns.data(), columns.size()};
    shown.stable = &stable;
    kernel_->consume(state, 0, shown);
  }

  static void expect_lost(const codegen::KernelRows& rows) {
    ASSERT_TRUE(rows.error);
    EXPECT_EQ(rows.error->code, ErrorCode::Io);
    EXPECT_EQ(rows.error->message, "lost");
    EXPECT_TRUE(rows.rows.empty());
  }

  static std::string text(const Cell& cell) { return std::string(cell.s.view()); }

  std::atomic<int> alive_ = 0;
  int alive_after_scan_ = -1;
  int torn_batch_ = -1;
  bool overwritten_ = false;
  plan::Schemas schemas_;
  cli::Compiled compiled_;
  std::vector<std::shared_ptr<Owned>> memory_;
  std::unique_ptr<codegen::Kernel> kernel_;
};

TEST_F(StableBatches, GroupsAndRowsOutliveThem) {
  codegen::KernelRows rows = run("T | summarize n = count() by Word | top 1 by n desc, Word asc");
  ASSERT_FALSE(rows.error);
  ASSERT_EQ(rows.rows.size(), 1u);
  EXPECT_EQ(text(rows.rows[0][0]), word(0, 21));
  EXPECT_EQ(rows.rows[0][1].l, 4);
  EXPECT_EQ(alive_after_scan_, kBatches) << "nothing was copied";
}

TEST_F(StableBatches, AllGroups) {
  codegen::KernelRows rows = run("T | distinct Word");
  ASSERT_FALSE(rows.error);
  ASSERT_EQ(rows.rows.size(), 71u);
  for (int row = 0; row < kRows; ++row) EXPECT_EQ(text(rows.rows[static_cast<size_t>(row)][0]), word(0, row));
}

TEST_F(StableBatches, RowsAsTheyAre) {
  codegen::KernelRows rows = run("T | where N % 50 == 3");
  ASSERT_EQ(rows.rows.size(), static_cast<size_t>(kBatches));
  for (int batch = 0; batch < kBatches; ++batch)
    EXPECT_EQ(text(rows.rows[static_cast<size_t>(batch)][0]), word(batch, 3));
}

TEST_F(StableBatches, DynamicValuesMadeOfThem) {
  codegen::KernelRows rows = run(
      "T | where N < 2 | summarize s = make_set(Word), m = max(Word) by k = 1 | extend b = bag_pack('w', m)");
  ASSERT_EQ(rows.rows.size(), 1u);
  Arena arena;
  EXPECT_EQ(dynamic::print(rows.rows[0][1].node, arena).view(),
            "[\"" + word(0, 0) + "\",\"" + word(0, 1) + "\"]");
  EXPECT_EQ(dynamic::print(rows.rows[0][3].node, arena).view(), "{\"w\":\"" + word(0, 1) + "\"}");
}

TEST_F(StableBatches, NothingIsHeldOfWhichNothingIsKept) {
  codegen::KernelRows rows = run("T | summarize n = countif(Word endswith '3')");
  EXPECT_EQ(rows.rows[0][0].l, 20);
  EXPECT_LE(alive_after_scan_, 2) << "the last one of each state";
}

// A sort does not stand that what it compares changes meanwhile, and runs out of its range.
TEST_F(StableBatches, SortKeysAreCopied) {
  overwritten_ = true;
  codegen::KernelRows rows = run("T | sort by Word desc, N asc | project N");
  ASSERT_FALSE(rows.error);
  ASSERT_EQ(rows.rows.size(), static_cast<size_t>(kBatches * kRows));
  for (size_t row = 1; row < rows.rows.size(); ++row) {
    const auto before = static_cast<int>(rows.rows[row - 1][0].l),
               here = static_cast<int>(rows.rows[row][0].l);
    const std::string earlier = word(before / kRows, before % kRows),
                      later = word(here / kRows, here % kRows);
    ASSERT_TRUE(earlier > later || (earlier == later && before < here)) << row;
  }
}

TEST_F(StableBatches, BytesOfGroupsThatWereLostAreAnError) {
  torn_batch_ = 1;
  expect_lost(run("T | distinct Word"));
}

// Those of a kernel whose rows could be shown without the rest of its input.
TEST_F(StableBatches, BytesOfRowsThatWereLostAreAnError) {
  torn_batch_ = 3;
  expect_lost(run("T | where N >= 0"));
}

TEST_F(StableBatches, LostBytesOfWhichNothingIsKeptMatterToNobody) {
  torn_batch_ = 0;
  codegen::KernelRows rows = run("T | summarize n = countif(Word endswith '3')");
  ASSERT_FALSE(rows.error);
  EXPECT_EQ(rows.rows[0][0].l, 20);
}

// In one batch, and so large that its texts are not read but mapped.
void write_words(const std::string& path) {
  arrow::StringBuilder words;
  for (int row = 0; row < 9000; ++row)
    ASSERT_TRUE(words.Append("word of its own " + std::to_string(row)).ok());
  auto column = words.Finish().ValueOrDie();
  auto schema = arrow::schema({arrow::field("Word", column->type())});
  auto out = arrow::io::FileOutputStream::Open(path).ValueOrDie();
  auto writer = arrow::ipc::MakeFileWriter(out, schema).ValueOrDie();
  ASSERT_TRUE(writer->WriteRecordBatch(*arrow::RecordBatch::Make(schema, 9000, {column})).ok());
  ASSERT_TRUE(writer->Close().ok());
  ASSERT_TRUE(out->Close().ok());
}

void make_old(const std::string& path) {
  const auto now = std::filesystem::last_write_time(path);
  std::filesystem::last_write_time(path, now - std::chrono::minutes(1));
}

// A mapped file of which a kernel has kept texts is written to after it was read.
TEST(MappedTexts, AreAnErrorOnceTheFileIsWrittenTo) {
  engines::TemporaryFolder folder;
  write_words(folder.path() + "/T.arrow");
  make_old(folder.path() + "/T.arrow");
  auto file = archive::detect_file(folder.path() + "/T.arrow", {.table = "T", .known_tables = {}});
  ASSERT_TRUE(file.ok());
  plan::Schemas schemas;
  schemas.add("T", {{"Word", Type::String}});
  cli::Compiled compiled =
      cli::compile({"query", "T | distinct Word | take 2", "T | distinct Word | take 2", {}}, schemas, 0);
  ASSERT_TRUE(compiled.ok());
  auto kernel = codegen::Kernel::compile(compiled.plan, compiled.plan.results[0], {codegen::Engine::O0});
  ASSERT_TRUE(kernel.ok());
  const auto whole = std::filesystem::file_size(file.value().path);
  for (const char* what : {"", "became shorter", "was written to"}) {
    auto state = kernel.value()->create_state();
    archive::ScanRequest request;
    request.table = "T";
    request.columns = {{"Word", Type::String}};
    archive::ScanReport report;
    auto consume = [&](int, const Batch& batch) { return kernel.value()->consume(*state, 0, batch); };
    ASSERT_TRUE(archive::scan_file(file.value(), request, consume, &report).ok());
    EXPECT_EQ(report.rows, 9000u);
    if (*what) std::filesystem::resize_file(file.value().path, 1000);
    if (what == std::string("was written to")) std::filesystem::resize_file(file.value().path, whole);
    codegen::KernelRows rows = kernel.value()->finish(*state);
    ASSERT_EQ(rows.error.has_value(), *what != 0);
    if (*what) EXPECT_EQ(rows.error->message, file.value().path + ": " + what + " while it was read");
    if (!*what) EXPECT_EQ(rows.rows[1][0].s.view(), "word of its own 1");
    write_words(file.value().path);
    make_old(file.value().path);
  }
}

// Whether it is written to again could not be seen.
TEST(MappedTexts, AreNotKeptOfAFileThatWasJustWritten) {
  engines::TemporaryFolder folder;
  auto file = engines::write_ndjson("T", "{}\n", folder.path());
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(archive::MappedFile::share(archive::MappedFile::open(file.value().path)), nullptr);
}

// Each mapping keeps a file open.
TEST(MappedTexts, AreKeptOfAFewFilesAtATime) {
  engines::TemporaryFolder folder;
  auto file = engines::write_ndjson("T", "{}\n", folder.path());
  ASSERT_TRUE(file.ok());
  make_old(file.value().path);
  auto mapped = archive::MappedFile::open(file.value().path);
  std::vector<std::shared_ptr<const StableMemory>> shared;
  while (auto one = archive::MappedFile::share(mapped)) shared.push_back(std::move(one));
  EXPECT_EQ(shared.size(), 128u);
  shared.pop_back();
  EXPECT_NE(archive::MappedFile::share(mapped), nullptr);
}

}  // namespace
}  // namespace kqlc
