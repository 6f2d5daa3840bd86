// SPDX-License-Identifier: Apache-2.0
//
// Batches of Arrow files without Arrow's file reader: they are the same, and of a footer that contradicts
// itself nothing is followed.
#include "runtime/archive/arrow_blocks.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace kqlc::archive {
namespace {

using BatchPtr = std::shared_ptr<arrow::RecordBatch>;

std::shared_ptr<arrow::Array> make_texts(int count, int different) {
  arrow::StringBuilder builder;
  for (int i = 0; i < count; ++i)
    EXPECT_TRUE(
        (i % 7 == 3 ? builder.AppendNull() : builder.Append("text " + std::to_string(i % different))).ok());
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> make_longs(int count, int64_t first) {
  arrow::Int64Builder builder;
  for (int i = 0; i < count; ++i) EXPECT_TRUE(builder.Append(first + i).ok());
  return builder.Finish().ValueOrDie();
}

// Codes of one dictionary of ten texts.
std::shared_ptr<arrow::Array> make_codes(int count) {
  static const auto dictionary = make_texts(10, 10);
  arrow::Int32Builder builder;
  for (int i = 0; i < count; ++i) EXPECT_TRUE(builder.Append(i * i % 10).ok());
  return arrow::DictionaryArray::FromArrays(builder.Finish().ValueOrDie(), dictionary).ValueOrDie();
}

std::shared_ptr<arrow::Array> make_offsets() {
  arrow::Int32Builder builder;
  for (int offset : {0, 2, 6}) EXPECT_TRUE(builder.Append(offset).ok());
  return builder.Finish().ValueOrDie();
}

std::vector<BatchPtr> make_batches() {
  std::vector<BatchPtr> batches;
  for (int rows : {5, 0, 40, 1}) {
    arrow::FieldVector fields;
    arrow::ArrayVector columns{make_longs(rows, 100 * rows), make_codes(rows), make_texts(rows, 3)};
    for (size_t i = 0; i < columns.size(); ++i)
      fields.push_back(arrow::field("c" + std::to_string(i), columns[i]->type()));
    batches.push_back(arrow::RecordBatch::Make(arrow::schema(fields), rows, columns));
  }
  return batches;
}

std::shared_ptr<arrow::Buffer> write_file(const std::vector<BatchPtr>& batches) {
  auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
  auto writer = arrow::ipc::MakeFileWriter(out, batches[0]->schema()).ValueOrDie();
  for (const BatchPtr& batch : batches) EXPECT_TRUE(writer->WriteRecordBatch(*batch).ok());
  EXPECT_TRUE(writer->Close().ok());
  return out->Finish().ValueOrDie();
}

std::vector<uint8_t> footer_of(const arrow::Buffer& file) {
  int32_t bytes = 0;
  const uint8_t* length = file.data() + file.size() - 6 - sizeof bytes;
  std::memcpy(&bytes, length, sizeof bytes);
  return {length - bytes, length};
}

// What MappedBatches makes of a file; nothing where it leaves that to Arrow.
std::vector<BatchPtr> read_all(const std::shared_ptr<arrow::Buffer>& file, std::vector<int> fields) {
  auto input = std::make_shared<arrow::io::BufferReader>(file);
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.included_fields = std::move(fields);
  auto reader = arrow::ipc::RecordBatchFileReader::Open(input, options).ValueOrDie();
  auto whole = arrow::ipc::RecordBatchFileReader::Open(input).ValueOrDie();
  auto first = reader->ReadRecordBatch(0).ValueOrDie();
  auto batches = MappedBatches::open(input, whole->schema(), options, *first, reader->num_record_batches());
  std::vector<BatchPtr> out;
  for (int i = 0; batches && i < reader->num_record_batches(); ++i) {
    auto batch = batches->read(i);
    EXPECT_TRUE(batch.ok()) << batch.status().ToString();
    if (!batch.ok()) return {};
    EXPECT_TRUE((*batch)->Equals(*reader->ReadRecordBatch(i).ValueOrDie())) << i;
    out.push_back(*batch);
  }
  return out;
}

TEST(ArrowBlocks, BatchesAreThoseOfTheReader) {
  const auto batches = make_batches();
  const auto file = write_file(batches);
  const auto all = read_all(file, {0, 1, 2});
  ASSERT_EQ(all.size(), batches.size());
  for (size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(all[i]->Equals(*batches[i])) << i;
  for (std::vector<int> fields : {std::vector<int>{1}, {0, 2}, {2}}) {
    const auto some = read_all(file, fields);
    ASSERT_EQ(some.size(), batches.size());
    EXPECT_EQ(some[2]->num_columns(), static_cast<int>(fields.size()));
    EXPECT_TRUE(some[2]->column(0)->Equals(batches[2]->column(fields[0])));
  }
}

TEST(ArrowBlocks, BatchesShareTheirDictionary) {
  const auto all = read_all(write_file(make_batches()), {1});
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0]->column_data(0)->dictionary, all[2]->column_data(0)->dictionary);
}

TEST(ArrowBlocks, DictionariesWithinFieldsAreLeftToTheReader) {
  auto codes = make_codes(6);
  auto list = arrow::ListArray::FromArrays(*make_offsets(), *codes).ValueOrDie();
  auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("c0", list->type())}), 2, {list});
  EXPECT_TRUE(read_all(write_file({batch, batch}), {0}).empty());
}

TEST(ArrowBlocks, ADamagedFooterIsRefusedOrHasOtherBlocks) {
  const std::vector<uint8_t> footer = footer_of(*write_file(make_batches()));
  auto good = read_blocks(footer.data(), footer.size());
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->size(), 4u);
  for (size_t cut = 0; cut < footer.size(); ++cut) {
    const std::vector<uint8_t> part(footer.begin(), footer.begin() + static_cast<std::ptrdiff_t>(cut));
    auto blocks = read_blocks(part.data(), part.size());
    if (blocks.ok()) EXPECT_LE(blocks->size(), 4u);
  }
  std::mt19937 random(3);
  for (size_t place = 0; place < footer.size(); ++place)
    for (int change = 0; change < 8; ++change) {
      std::vector<uint8_t> bad = footer;
      bad[place] = static_cast<uint8_t>(random());
      auto blocks = read_blocks(bad.data(), bad.size());
      if (!blocks.ok()) continue;
      EXPECT_LE(blocks->size(), bad.size() / 24);
      for (const MessageBlock& block : *blocks) EXPECT_TRUE(block.offset >= 0 && block.metadata_bytes >= 0);
    }
}

TEST(ArrowBlocks, MessagesStandOnMultiplesOfEight) {
  const std::vector<uint8_t> footer = footer_of(*write_file(make_batches()));
  const MessageBlock block = read_blocks(footer.data(), footer.size()).ValueOrDie().back();
  const int64_t numbers[] = {block.offset, block.metadata_bytes, block.body_bytes};
  for (size_t number = 0; number < 3; ++number) {
    std::vector<uint8_t> bad = footer;
    for (size_t place = 0; place + 24 <= bad.size(); ++place)
      if (std::memcmp(bad.data() + place, &block.offset, 8) == 0 &&
          std::memcmp(bad.data() + place + 16, &block.body_bytes, 8) == 0)
        bad[place + 8 * number] = static_cast<uint8_t>(numbers[number] + 4);
    EXPECT_FALSE(read_blocks(bad.data(), bad.size()).ok()) << number;
  }
}

}  // namespace
}  // namespace kqlc::archive
