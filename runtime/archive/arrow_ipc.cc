// SPDX-License-Identifier: Apache-2.0
//
// Arrow IPC files and streams. In: a file. Out: its record batches, one a chunk. A file is mapped, and of it
// only the columns and rows that are asked for are touched; what comes from outside is validated before
// anything follows it (arrow_batch.h; arrow_mapped.h says why it is still valid then). A file that became
// shorter breaks off before its next batch; if that happened while a batch was in use, what came of it cannot
// be told, and the scan as a whole fails. A stream is read from first to last and may be compressed.
#include <arrow/ipc/api.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <utility>

#include "runtime/archive/arrow_batch.h"
#include "runtime/archive/arrow_blocks.h"
#include "runtime/archive/arrow_columns.h"
#include "runtime/archive/arrow_mapped.h"
#include "runtime/archive/fetch.h"
#include "runtime/archive/kept_mappings.h"
#include "runtime/base/spinning_mutex.h"

namespace kqlc::archive {
namespace {

arrow::ipc::IpcReadOptions read_options(const arrow::Schema* schema, const ScanRequest& request) {
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;
  if (schema) options.included_fields = requested_fields(*schema, request);
  // Arrow takes an empty list for all fields; one of them is enough to count rows.
  if (schema && options.included_fields.empty() && schema->num_fields()) options.included_fields = {0};
  return options;
}

using BatchPtr = std::shared_ptr<arrow::RecordBatch>;

// Takes batches one by one under a lock; a null batch is the end.
class ArrowSource : public Source {
 public:
  ArrowSource(const File& file, const ScanRequest& request)
      : file_(file),
        wanted_rows_(request.wanted_rows),
        late_(request.late && !request.strict),
        num_columns_(request.columns.size()) {}

  Result<Taken> read_chunk(Worker& worker, bool /*wait*/) override {
    Part part;
    Taken taken;
    KQLC_TRY_ASSIGN(taken, take_part(part));
    if (taken == Taken::End || !part.batch) return taken;
    BatchColumns columns(file_, *part.batch, part.row, part.first_column, part.num_columns, copier(),
                         dictionaries_, worker);
    if (!late_) columns.load_all(part.selection ? part.selection->data() : nullptr);
    if (torn()) return end_with(loss());
    if (!columns.failure()) columns.emit(late_, stable());
    if (torn()) worker.failure = loss();
    if (!columns.failure()) return Taken::Chunk;
    const arrow::Status why = columns.failure()->WithMessage(
        "rows ", part.row + 1, " to ", part.row + static_cast<uint64_t>(part.batch->num_rows()), ": ",
        columns.failure()->message());
    Error error = error_of(why, file_);
    if (torn() || error.code == ErrorCode::Io) return end_with(std::move(error));
    worker.lost = std::move(error);
    return Taken::Lost;
  }

 protected:
  virtual arrow::Result<BatchPtr> next_batch() = 0;
  // Where batches lie in a mapping.
  virtual PlaceCopier* copier() { return nullptr; }
  // As Batch::stable.
  virtual const std::shared_ptr<const StableMemory>* stable() const { return nullptr; }
  // Whether a mapping lost bytes; what is read is the reader's own.
  virtual bool torn() const { return false; }
  virtual Error loss() const { return Error{ErrorCode::Internal, file_.path + ": is not mapped"}; }

  File file_;

 private:
  // What one thread makes of a batch: all requested columns, or of wanted rows one.
  struct Part {
    BatchPtr batch;
    uint64_t row = 0;
    size_t first_column = 0, num_columns = 0;
    std::shared_ptr<const std::vector<uint64_t>> selection;  // the wanted rows, of all parts of a batch
  };

  // Takes the next part; without a batch where the next one has no wanted row.
  Result<Taken> take_part(Part& part) {
    std::lock_guard lock(mutex_);
    if (ended_) return Taken::End;
    if (!open_.batch) {
      auto next = next_batch();
      failed_ = !next.ok();
      ended_ = failed_ || !*next;
      if (failed_) return torn() ? loss() : error_of(next.status(), file_);
      if (ended_) return Taken::End;
      open_ = {*next, rows_, 0, wanted_rows_ ? std::min<size_t>(1, num_columns_) : num_columns_, {}};
      rows_ += open_.batch->num_rows();
      if (wanted_rows_) {
        open_.selection = select_wanted(open_.row, open_.batch->num_rows());
        if (!open_.selection) open_ = {};
      }
    }
    part = open_;
    open_.first_column += open_.num_columns;
    if (open_.first_column >= num_columns_) open_ = {};
    return Taken::Chunk;
  }

  // A bit a row of a batch, set for those that are wanted; nullptr where none is.
  std::shared_ptr<const std::vector<uint64_t>> select_wanted(uint64_t row, int64_t rows) const {
    const uint64_t first = position_of(file_, row);
    WantedRange range = wanted_between(*wanted_rows_, first, first + static_cast<uint64_t>(rows));
    if (range.begin == range.end) return nullptr;
    auto selection = std::make_shared<std::vector<uint64_t>>(static_cast<size_t>(rows + 63) / 64);
    for (size_t i = range.begin; i < range.end; ++i) {
      const uint64_t wanted = (*wanted_rows_)[i] - first;
      (*selection)[wanted / 64] |= uint64_t{1} << (wanted % 64);
    }
    return selection;
  }

  // Of several threads the first says what is wrong.
  Result<Taken> end_with(Error error) {
    std::lock_guard lock(mutex_);
    if (std::exchange(failed_, true)) return Taken::End;
    ended_ = true;
    return error;
  }

  const std::vector<uint64_t>* wanted_rows_;
  bool late_;
  size_t num_columns_;
  TextDictionaries dictionaries_;
  SpinningMutex mutex_;
  Part open_;  // what is left of the batch at hand
  bool failed_ = false;
  bool ended_ = false;
  uint64_t rows_ = 0;
};

// A reader that failed may have threads of Arrow still looking at it; there is one a broken file.
void keep_for_ever(std::shared_ptr<arrow::ipc::RecordBatchFileReader> reader) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::shared_ptr<arrow::ipc::RecordBatchFileReader>>;
  std::lock_guard lock(mutex);
  kept.push_back(std::move(reader));
}

class ArrowFileSource : public ArrowSource {
 public:
  ArrowFileSource(const File& file, const ScanRequest& request,
                  std::shared_ptr<arrow::ipc::RecordBatchFileReader> reader)
      : ArrowSource(file, request), reader_(std::move(reader)) {}

  uint64_t bytes_done() const override {
    int batches = reader_->num_record_batches();
    return batches ? file_.bytes * static_cast<uint64_t>(next_.load()) / batches : file_.bytes;
  }

 protected:
  arrow::Result<BatchPtr> next_batch() override {
    if (next_ == reader_->num_record_batches()) return BatchPtr();
    arrow::Result<BatchPtr> batch = read_batch(*reader_, next_++);
    if (batch.ok()) return batch;
    keep_for_ever(reader_);
    std::error_code error;
    bool shrunk = std::filesystem::file_size(file_.path, error) < file_.bytes && !error;
    return shrunk ? arrow::Status::IOError("became shorter while it was read") : batch.status();
  }

  virtual arrow::Result<BatchPtr> read_batch(arrow::ipc::RecordBatchFileReader& reader, int number) {
    return reader.ReadRecordBatch(number);
  }

 private:
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> reader_;
  std::atomic<int> next_{0};
};

class MappedArrowSource : public ArrowFileSource {
 public:
  // `schema`: of the file, of which `options` may leave out fields.
  MappedArrowSource(const File& file, const ScanRequest& request, std::shared_ptr<const MappedFile> mapped,
                    std::shared_ptr<arrow::ipc::RecordBatchFileReader> reader,
                    std::shared_ptr<arrow::Schema> schema, arrow::ipc::IpcReadOptions options)
      : ArrowFileSource(file, request, std::move(reader)),
        mapped_(std::move(mapped)),
        shared_(MappedFile::share(mapped_)),
        copier_(mapped_),
        schema_(std::move(schema)),
        options_(std::move(options)) {}

 protected:
  // The first batch comes from Arrow's reader, which also reads the dictionaries; of a batch whose metadata
  // is known, Arrow takes the ranges of the fields one by one. Without it, it reads them into a buffer for
  // the whole batch.
  arrow::Result<BatchPtr> read_batch(arrow::ipc::RecordBatchFileReader& reader, int number) override {
    if (batches_) return batches_->read(number);
    ARROW_RETURN_NOT_OK(reader.PreBufferMetadata({number}));
    ARROW_ASSIGN_OR_RAISE(BatchPtr batch, reader.ReadRecordBatch(number));
    if (number == 0)
      batches_ = MappedBatches::open(open_mapped_input(mapped_), schema_, options_, *batch,
                                     reader.num_record_batches());
    return batch;
  }
  PlaceCopier* copier() override { return &copier_; }
  const std::shared_ptr<const StableMemory>* stable() const override { return shared_ ? &shared_ : nullptr; }
  bool torn() const override { return mapped_->torn(); }
  Error loss() const override { return mapped_->loss(); }

 private:
  std::shared_ptr<const MappedFile> mapped_;
  std::shared_ptr<const StableMemory> shared_;
  PlaceCopier copier_;
  std::shared_ptr<arrow::Schema> schema_;
  arrow::ipc::IpcReadOptions options_;
  std::unique_ptr<MappedBatches>
      batches_;  // from the second batch on, where they can be made without the reader
};

class ArrowStreamSource : public ArrowSource {
 public:
  ArrowStreamSource(const File& file, const ScanRequest& request,
                    std::shared_ptr<arrow::ipc::RecordBatchStreamReader> reader)
      : ArrowSource(file, request), reader_(std::move(reader)) {}
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

arrow::Result<SourcePtr> open_arrow_file(const File& file, const ScanRequest& request,
                                         const std::shared_ptr<const MappedFile>& mapped) {
  std::shared_ptr<arrow::io::RandomAccessFile> input;
  if (mapped) {
    input = open_mapped_input(mapped);
  } else {
    ARROW_ASSIGN_OR_RAISE(input, arrow::io::ReadableFile::Open(file.path));
  }
  ARROW_ASSIGN_OR_RAISE(auto whole,
                        arrow::ipc::RecordBatchFileReader::Open(input, read_options(nullptr, request)));
  ARROW_RETURN_NOT_OK(refuse_repeated(columns_of_schema(*whole->schema()), request));
  auto options = read_options(whole->schema().get(), request);
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchFileReader::Open(input, options));
  if (!mapped) return SourcePtr(std::make_unique<ArrowFileSource>(file, request, std::move(reader)));
  return SourcePtr(std::make_unique<MappedArrowSource>(file, request, mapped, std::move(reader),
                                                       whole->schema(), std::move(options)));
}

}  // namespace

Result<SourcePtr> open_arrow(const File& file, const ScanRequest& request) {
  if (file.format == Format::ArrowFile) {
    std::shared_ptr<const MappedFile> mapped;
    if (request.mapping != Mapping::None) mapped = map_file(file);
    auto opened = open_arrow_file(file, request, mapped);
    if (mapped && mapped->torn()) return mapped->loss();
    if (!opened.ok()) return error_of(opened.status(), file);
    return std::move(opened).ValueUnsafe();
  }
  std::shared_ptr<arrow::io::InputStream> input;
  KQLC_TRY_ASSIGN(input, open_input(file));
  auto reader = arrow::ipc::RecordBatchStreamReader::Open(input, read_options(nullptr, request));
  if (!reader.ok()) return error_of(reader.status(), file);
  arrow::Status names = refuse_repeated(columns_of_schema(*(*reader)->schema()), request);
  if (!names.ok()) return error_of(names, file);
  return SourcePtr(std::make_unique<ArrowStreamSource>(file, request, std::move(reader).ValueUnsafe()));
}

}  // namespace kqlc::archive
