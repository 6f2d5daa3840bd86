// SPDX-License-Identifier: Apache-2.0
//
// Parquet. In: a file. Out: its row groups, one a chunk and a batch, whose columns are made when they are
// asked for. Threads read row groups side by side. Row groups whose statistics exclude what is needed are
// passed over. The library throws; nothing of that passes this file.
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>

#include "runtime/archive/arrow_columns.h"
#include "runtime/archive/fetch.h"
#include "runtime/archive/manifest.h"
#include "runtime/archive/arrow_validate.h"
#include "runtime/archive/parquet_group.h"

namespace kqlc::archive {
namespace {

class ParquetSource : public Source {
 public:
  ParquetSource(const File& file, std::shared_ptr<arrow::io::RandomAccessFile> input,
                std::unique_ptr<parquet::arrow::FileReader> reader, const ScanRequest& request)
      : file_(file),
        input_(std::move(input)),
        reader_(std::move(reader)),
        fields_(find_fields(*reader_, request)),
        wanted_rows_(request.wanted_rows),
        needs_(request.strict ? kEveryRow : request.needs),
        late_(request.late && !request.strict) {
    auto metadata = reader_->parquet_reader()->metadata();
    first_rows_.push_back(0);
    for (int i = 0; i < metadata->num_row_groups(); ++i)
      first_rows_.push_back(first_rows_.back() + metadata->RowGroup(i)->num_rows());
  }

  Result<Taken> read_chunk(Worker& worker, bool /*wait*/) override {
    int group = next_.fetch_add(1);
    if (group + 1 >= static_cast<int>(first_rows_.size())) return Taken::End;
    try {
      arrow::Status status = read_group(group, worker);
      worker.rows.clear();
      if (status.ok()) return Taken::Chunk;
      next_ = static_cast<int>(first_rows_.size());
      return error_of(status, file_);
    } catch (const std::exception& thrown) {
      next_ = static_cast<int>(first_rows_.size());
      return Error{ErrorCode::Format,
                   file_.path + ": row group " + std::to_string(group) + ": " + thrown.what()};
    }
  }

  uint64_t bytes_done() const override {
    uint64_t groups = first_rows_.size() - 1;
    return groups ? file_.bytes * std::min<uint64_t>(next_.load(), groups) / groups : file_.bytes;
  }

 private:
  arrow::Status read_group(int number, Worker& worker) {
    auto metadata = reader_->parquet_reader()->metadata()->RowGroup(number);
    if (number == 0) count_missing(worker);
    const ChunkStatistics statistics = group_statistics(*metadata, fields_);
    if (!may_hold(statistics, needs_)) {
      skip(statistics, worker);
      return arrow::Status::OK();
    }
    const WantedRange wanted = wanted_of(number);
    if (wanted_rows_ && wanted.begin == wanted.end) return arrow::Status::OK();
    if (!fits_in_memory(*metadata, fields_)) return read_parts(number, worker);
    std::vector<uint64_t> selection;
    if (wanted_rows_) select_wanted(number, wanted, selection);
    RowGroup group(*input_, *reader_, number, fields_, position_of(file_, first_rows_[number]), statistics,
                   worker);
    const uint64_t* rows = wanted_rows_ ? selection.data() : nullptr;
    if (!late_ && !group.load_all(rows)) return *group.failure();
    Batch batch;
    batch.num_rows = group.num_rows();
    batch.position = position_of(file_, first_rows_[number]);
    batch.columns = group.columns().data();
    batch.num_columns = group.columns().size();
    batch.loader = late_ ? &group : nullptr;
    if (batch.num_rows) worker.emit(batch);
    if (!group.failure()) return arrow::Status::OK();
    worker.report.rows -= static_cast<uint64_t>(batch.num_rows);  // of no use to whoever asked for all
    return *group.failure();
  }

  void skip(const ChunkStatistics& statistics, Worker& worker) const {
    ScanReport skipped;
    skipped.skipped_groups = 1;
    for (const ParquetField& field : fields_) {
      auto column = statistics.columns.find(field.request->name);
      if (field.request->type != Type::DateTime || column == statistics.columns.end()) continue;
      if (column->second.has_times())
        skipped.skipped_times[column->first] = {column->second.least, column->second.greatest};
      else if (column->second.nulls != statistics.rows)
        skipped.skipped_times[column->first] = {std::numeric_limits<int64_t>::min(),
                                                std::numeric_limits<int64_t>::max()};
    }
    worker.report.merge(skipped);
  }

  WantedRange wanted_of(int number) const {
    if (!wanted_rows_) return {};
    return wanted_between(*wanted_rows_, position_of(file_, first_rows_[number]),
                          position_of(file_, first_rows_[number + 1]));
  }

  void select_wanted(int number, WantedRange wanted, std::vector<uint64_t>& selection) const {
    const uint64_t first = position_of(file_, first_rows_[number]);
    selection.assign((first_rows_[number + 1] - first_rows_[number] + 63) / 64, 0);
    for (size_t i = wanted.begin; i < wanted.end; ++i) {
      const uint64_t row = (*wanted_rows_)[i] - first;
      selection[row / 64] |= uint64_t{1} << (row % 64);
    }
  }

  void count_missing(Worker& worker) const {
    for (const ParquetField& field : fields_)
      if (field.leaves.empty()) ++worker.report.missing_columns[field.request->name];
  }

  // A row group that is too large to be kept whole, by Arrow's reader.
  arrow::Status read_parts(int number, Worker& worker) {
    std::vector<int> leaves;
    for (const ParquetField& field : fields_)
      leaves.insert(leaves.end(), field.leaves.begin(), field.leaves.end());
    uint64_t row = first_rows_[number];
    ARROW_ASSIGN_OR_RAISE(auto batches, reader_->GetRecordBatchReader({number}, leaves));
    while (!worker.stopped) {
      ARROW_ASSIGN_OR_RAISE(auto batch, batches->Next());
      if (!batch) break;
      ARROW_ASSIGN_OR_RAISE(batch, validate_batch(batch));
      emit_record_batch(file_, *batch, row, worker);
      row += batch->num_rows();
    }
    return arrow::Status::OK();
  }

  inline static const Need kEveryRow;

  File file_;
  std::shared_ptr<arrow::io::RandomAccessFile> input_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::vector<ParquetField> fields_;
  const std::vector<uint64_t>* wanted_rows_;
  const Need& needs_;
  bool late_;
  std::vector<uint64_t> first_rows_;
  std::atomic<int> next_{0};
};

arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> open_reader(
    std::shared_ptr<arrow::io::RandomAccessFile> input) {
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(std::move(input)));
  parquet::ArrowReaderProperties properties;
  properties.set_use_threads(false);
  // Threads read row groups through one reader; the cache behind pre-buffering is a single one and not
  // guarded.
  properties.set_pre_buffer(false);
  return builder.properties(properties)->Build();
}

}  // namespace

Result<SourcePtr> open_parquet(const File& file, const ScanRequest& request) {
  try {
    auto input = arrow::io::ReadableFile::Open(file.path);
    if (!input.ok()) return error_of(input.status(), file);
    auto reader = open_reader(*input);
    if (!reader.ok()) return error_of(reader.status(), file);
    std::shared_ptr<arrow::Schema> schema;
    arrow::Status status = (*reader)->GetSchema(&schema);
    if (status.ok()) status = refuse_repeated(columns_of_schema(*schema), request);
    if (!status.ok()) return error_of(status, file);
    return SourcePtr(std::make_unique<ParquetSource>(file, *input, std::move(reader).ValueUnsafe(), request));
  } catch (const std::exception& thrown) {
    return Error{ErrorCode::Format, file.path + ": " + thrown.what()};
  }
}

}  // namespace kqlc::archive
