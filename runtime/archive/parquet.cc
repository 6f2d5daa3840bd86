// SPDX-License-Identifier: Apache-2.0
//
// Parquet. In: a file. Out: its row groups, one a chunk and a batch, whose columns are made when they are
// asked for; of wanted rows each column of a row group is a chunk. Threads read row groups side by side. Row
// groups whose statistics exclude what is needed are passed over. The library throws; nothing of that passes
// this file.
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <limits>
#include <numeric>

#include "runtime/archive/arrow_columns.h"
#include "runtime/archive/arrow_mapped.h"
#include "runtime/archive/arrow_validate.h"
#include "runtime/archive/fetch.h"
#include "runtime/archive/kept_mappings.h"
#include "runtime/archive/manifest.h"
#include "runtime/archive/parquet_footer.h"
#include "runtime/archive/parquet_group.h"

namespace kqlc::archive {
namespace {

class ParquetSource : public Source {
 public:
  // `mapped`: nullptr where the file is read.
  ParquetSource(const File& file, OpenedParquet opened, std::shared_ptr<const MappedFile> mapped,
                const ScanRequest& request)
      : file_(file),
        mapped_(std::move(mapped)),
        input_(mapped_ ? open_mapped_input(mapped_) : std::move(opened.input)),
        reader_(std::move(opened.reader)),
        fields_(find_fields(*reader_, request)),
        wanted_rows_(request.wanted_rows),
        needs_(request.strict ? kEveryRow : request.needs),
        late_(request.late && !request.strict) {
    auto metadata = reader_->parquet_reader()->metadata();
    first_rows_.push_back(0);
    for (int i = 0; i < metadata->num_row_groups(); ++i)
      first_rows_.push_back(first_rows_.back() + metadata->RowGroup(i)->num_rows());
    num_chunks_ = first_rows_.size() - 1;
    if (wanted_rows_) list_wanted(*metadata);
  }

  Result<Taken> read_chunk(Worker& worker, bool /*wait*/) override {
    const size_t chunk = next_.fetch_add(1);
    if (chunk >= num_chunks_) return Taken::End;
    const int group = wanted_rows_ ? wanted_groups_[chunk / columns_.size()] : static_cast<int>(chunk);
    try {
      arrow::Status status = wanted_rows_ ? read_wanted(group, columns_[chunk % columns_.size()], worker)
                                          : read_group(group, worker);
      worker.rows.clear();
      if (torn()) worker.failure = mapped_->loss();  // what came of the chunk cannot be told
      if (status.ok()) return Taken::Chunk;
      return lose(error_of(name_group(group, status), file_), worker);
    } catch (const std::exception& thrown) {
      worker.rows.clear();
      return lose(error_of(name_group(group, arrow::Status::Invalid(thrown.what())), file_), worker);
    }
  }

  uint64_t bytes_done() const override {
    return num_chunks_ ? file_.bytes * std::min(next_.load(), num_chunks_) / num_chunks_ : file_.bytes;
  }

 private:
  // A row group that is damaged leaves the others as they are; bytes that are gone do not.
  Result<Taken> lose(Error error, Worker& worker) {
    if (!torn() && error.code != ErrorCode::Io) {
      worker.lost = std::move(error);
      return Taken::Lost;
    }
    next_ = num_chunks_;
    return torn() ? mapped_->loss() : error;
  }

  static arrow::Status name_group(int group, const arrow::Status& status) {
    const std::string place = "row group " + std::to_string(group) + ": ";
    return status.message().starts_with(place) ? status : status.WithMessage(place, status.message());
  }

  bool torn() const { return mapped_ && mapped_->torn(); }

  // The row groups that hold a wanted row, and the columns, the largest first: those take longest.
  void list_wanted(const parquet::FileMetaData& metadata) {
    for (int i = 0; i < metadata.num_row_groups(); ++i)
      if (const WantedRange wanted = wanted_of(i); wanted.begin < wanted.end) wanted_groups_.push_back(i);
    columns_.resize(std::max<size_t>(1, fields_.size()));  // without columns, rows are looked for
    std::iota(columns_.begin(), columns_.end(), size_t{0});
    num_chunks_ = wanted_groups_.size() * columns_.size();
    if (num_chunks_ == 0 || fields_.empty()) return;
    const auto group = metadata.RowGroup(wanted_groups_[0]);
    std::vector<int64_t> bytes(fields_.size(), 0);
    for (size_t i = 0; i < fields_.size(); ++i)
      for (int leaf : fields_[i].leaves) bytes[i] += group->ColumnChunk(leaf)->total_compressed_size();
    std::ranges::stable_sort(columns_, std::greater<>(), [&](size_t column) { return bytes[column]; });
  }

  // A column of the wanted rows of a row group.
  arrow::Status read_wanted(int number, size_t column, Worker& worker) {
    auto metadata = reader_->parquet_reader()->metadata()->RowGroup(number);
    if (!fits_in_memory(*metadata, fields_, true))
      return column == 0 ? read_parts(number, worker) : arrow::Status::OK();
    if (number == 0 && column == 0) count_missing(worker);
    const std::vector<ParquetField> own(
        fields_.begin() + static_cast<std::ptrdiff_t>(column),
        fields_.begin() + static_cast<std::ptrdiff_t>(std::min(column + 1, fields_.size())));
    std::vector<uint64_t> selection;
    select_wanted(number, wanted_of(number), selection);
    const ChunkStatistics unknown;
    RowGroup group(*input_, *reader_, number, own, position_of(file_, first_rows_[number]), unknown, worker);
    if (!group.load_all(selection.data())) return *group.failure();
    Batch batch = batch_of(number, group);
    batch.first_column = column;
    worker.emit(batch);
    return arrow::Status::OK();
  }

  Batch batch_of(int number, const RowGroup& group) const {
    Batch batch;
    batch.num_rows = group.num_rows();
    batch.position = position_of(file_, first_rows_[number]);
    batch.columns = group.columns().data();
    batch.num_columns = group.columns().size();
    return batch;
  }

  arrow::Status read_group(int number, Worker& worker) {
    auto metadata = reader_->parquet_reader()->metadata()->RowGroup(number);
    const ChunkStatistics statistics = group_statistics(*metadata, fields_);
    const bool is_needed = may_hold(statistics, needs_);
    if (is_needed && !fits_in_memory(*metadata, fields_, late_)) return read_parts(number, worker);
    if (number == 0) count_missing(worker);
    if (!is_needed) {
      skip(statistics, worker);
      return arrow::Status::OK();
    }
    RowGroup group(*input_, *reader_, number, fields_, position_of(file_, first_rows_[number]), statistics,
                   worker);
    if (!late_ && !group.load_all(nullptr)) return *group.failure();
    Batch batch = batch_of(number, group);
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
  // Counts the missing columns itself.
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
  std::shared_ptr<const MappedFile> mapped_;
  std::shared_ptr<arrow::io::RandomAccessFile> input_;  // of pages that are unpacked here
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::vector<ParquetField> fields_;
  const std::vector<uint64_t>* wanted_rows_;
  const Need& needs_;
  bool late_;
  std::vector<uint64_t> first_rows_;
  // Of wanted rows: where they are, and in which order their columns are read, each by itself.
  std::vector<int> wanted_groups_;
  std::vector<size_t> columns_;
  size_t num_chunks_ = 0;
  std::atomic<size_t> next_{0};
};

}  // namespace

Result<SourcePtr> open_parquet(const File& file, const ScanRequest& request) {
  try {
    auto opened = open_parquet_file(file);
    if (!opened.ok()) return error_of(opened.status(), file);
    std::shared_ptr<arrow::Schema> schema;
    arrow::Status status = opened->reader->GetSchema(&schema);
    if (status.ok()) status = refuse_repeated(columns_of_schema(*schema), request);
    if (!status.ok()) return error_of(status, file);
    std::shared_ptr<const MappedFile> mapped;
    if (request.mapping != Mapping::None) mapped = map_file(file);
    if (mapped && !is_unchanged(file)) mapped = nullptr;  // the footer may be that of another file
    return SourcePtr(std::make_unique<ParquetSource>(file, std::move(*opened), std::move(mapped), request));
  } catch (const std::exception& thrown) {
    return Error{ErrorCode::Format, file.path + ": " + thrown.what()};
  }
}

}  // namespace kqlc::archive
