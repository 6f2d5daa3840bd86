// SPDX-License-Identifier: Apache-2.0
//
// Arrow IPC files and streams. In: a file. Out: its record batches, one a chunk. Of a file only the columns
// that were asked for are read; each batch is validated in full before anything uses it, because offsets and
// codes come from outside. They are copies: nobody can change them between the check and the use. A stream is
// read from first to last and may be compressed.
#include <arrow/ipc/api.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>

#include "runtime/archive/arrow_columns.h"

namespace kqlc::archive {
namespace {

arrow::ipc::IpcReadOptions read_options(const arrow::Schema* schema, const ScanRequest& request) {
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  if (schema) options.included_fields = requested_fields(*schema, request);
  // Arrow takes an empty list for all fields; one of them is enough to count rows.
  if (schema && options.included_fields.empty() && schema->num_fields()) options.included_fields = {0};
  return options;
}

using BatchPtr = std::shared_ptr<arrow::RecordBatch>;

// Takes batches one by one under a lock; a null batch is the end.
class ArrowSource : public Source {
 public:
  explicit ArrowSource(const File& file) : file_(file) {}

  Result<Taken> read_chunk(Worker& worker, bool wait) override {
    BatchPtr batch;
    uint64_t row;
    {
      std::lock_guard lock(mutex_);
      if (ended_) return Taken::End;
      auto next = next_batch();
      ended_ = !next.ok() || !*next;
      if (!next.ok()) return error_of(next.status(), file_);
      if (ended_) return Taken::End;
      batch = *next;
      row = rows_;
      rows_ += batch->num_rows();
    }
    arrow::Status valid = batch->ValidateFull();
    if (!valid.ok()) return error_of(valid, file_);
    emit_record_batch(file_, *batch, row, worker);
    return Taken::Chunk;
  }

 protected:
  virtual arrow::Result<BatchPtr> next_batch() = 0;

  File file_;

 private:
  std::mutex mutex_;
  bool ended_ = false;
  uint64_t rows_ = 0;
};

class ArrowFileSource : public ArrowSource {
 public:
  ArrowFileSource(const File& file, std::shared_ptr<arrow::ipc::RecordBatchFileReader> reader)
      : ArrowSource(file), reader_(std::move(reader)) {}

  uint64_t bytes_done() const override {
    int batches = reader_->num_record_batches();
    return batches ? file_.bytes * static_cast<uint64_t>(next_.load()) / batches : file_.bytes;
  }

 protected:
  arrow::Result<BatchPtr> next_batch() override {
    if (next_ == reader_->num_record_batches()) return BatchPtr();
    auto batch = reader_->ReadRecordBatch(next_++);
    if (batch.ok()) return batch;
    std::error_code error;
    bool shrunk = std::filesystem::file_size(file_.path, error) < file_.bytes && !error;
    return shrunk ? arrow::Status::IOError("became shorter while it was read") : batch.status();
  }

 private:
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> reader_;
  std::atomic<int> next_{0};
};

class ArrowStreamSource : public ArrowSource {
 public:
  ArrowStreamSource(const File& file, std::shared_ptr<arrow::ipc::RecordBatchStreamReader> reader)
      : ArrowSource(file), reader_(std::move(reader)) {}
  uint64_t bytes_done() const override { return ended_ ? file_.bytes : 0; }

 protected:
  arrow::Result<BatchPtr> next_batch() override {
    auto next = reader_->Next();
    ended_ = !next.ok() || !*next;
    return next;
  }

 private:
  std::shared_ptr<arrow::ipc::RecordBatchStreamReader> reader_;
  std::atomic<bool> ended_{false};
};

arrow::Result<SourcePtr> open_arrow_file(const File& file, const ScanRequest& request) {
  ARROW_ASSIGN_OR_RAISE(auto input, arrow::io::ReadableFile::Open(file.path));
  ARROW_ASSIGN_OR_RAISE(auto whole,
                        arrow::ipc::RecordBatchFileReader::Open(input, read_options(nullptr, request)));
  ARROW_RETURN_NOT_OK(refuse_repeated(columns_of_schema(*whole->schema()), request));
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchFileReader::Open(
                                         input, read_options(whole->schema().get(), request)));
  return SourcePtr(std::make_unique<ArrowFileSource>(file, std::move(reader)));
}

}  // namespace

Result<SourcePtr> open_arrow(const File& file, const ScanRequest& request) {
  if (file.format == Format::ArrowFile) {
    auto opened = open_arrow_file(file, request);
    if (!opened.ok()) return error_of(opened.status(), file);
    return std::move(opened).ValueUnsafe();
  }
  std::shared_ptr<arrow::io::InputStream> input;
  KQLC_TRY_ASSIGN(input, open_input(file));
  auto reader = arrow::ipc::RecordBatchStreamReader::Open(input, read_options(nullptr, request));
  if (!reader.ok()) return error_of(reader.status(), file);
  arrow::Status names = refuse_repeated(columns_of_schema(*(*reader)->schema()), request);
  if (!names.ok()) return error_of(names, file);
  return SourcePtr(std::make_unique<ArrowStreamSource>(file, std::move(reader).ValueUnsafe()));
}

}  // namespace kqlc::archive
