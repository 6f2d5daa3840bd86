// SPDX-License-Identifier: Apache-2.0
//
// The record batches of a mapped Arrow file, made where they lie. In: the mapping, and the file's first batch
// as Arrow's reader made it. Out: any other batch, without a read or a thread. Arrow's reader gathers the
// ranges of each field with tasks of its pool, which for a batch costs more than what a hunt does with it.
// Source: Apache Arrow, "Columnar format", IPC file format; the footer is a table of FlatBuffers.
#pragma once

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace kqlc::archive {

// Where a message stands.
struct MessageBlock {
  int64_t offset = 0;
  int32_t metadata_bytes = 0;
  int64_t body_bytes = 0;
};

// The record batches that a footer (the bytes before its length and the closing magic) lists. Errors: it
// contradicts itself.
arrow::Result<std::vector<MessageBlock>> read_blocks(const uint8_t* footer, size_t size);

class MappedBatches {
 public:
  // `schema` is the file's, `first` its first batch with the fields of `options`, whose dictionaries all
  // batches share. Returns nullptr where only Arrow's reader can make its batches: dictionaries within nested
  // fields, extension types, the other byte order, or another number of batches than `count`.
  static std::unique_ptr<MappedBatches> open(std::shared_ptr<arrow::io::RandomAccessFile> input,
                                             std::shared_ptr<arrow::Schema> schema,
                                             const arrow::ipc::IpcReadOptions& options,
                                             const arrow::RecordBatch& first, int count);
  // May be called from any thread.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> read(int number) const;

 private:
  MappedBatches() = default;
  std::shared_ptr<arrow::io::RandomAccessFile> input_;
  std::shared_ptr<arrow::Schema> schema_;
  arrow::ipc::IpcReadOptions options_;
  arrow::ipc::DictionaryMemo dictionaries_;
  std::vector<MessageBlock> blocks_;
};

}  // namespace kqlc::archive
