// SPDX-License-Identifier: Apache-2.0
//
// Parquet. In: a file. Out: its row groups, one a chunk, of the columns that were asked for; string columns
// stay dictionary-encoded where the file has them so. Threads decode row groups side by side. The library
// throws; nothing of that passes this file.
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <atomic>
#include <exception>

#include "runtime/archive/arrow_columns.h"
#include "runtime/archive/fetch.h"

namespace kqlc::archive {
namespace {

void add_leaves(const parquet::arrow::SchemaField& field, std::vector<int>* leaves) {
  if (field.column_index >= 0) leaves->push_back(field.column_index);
  for (auto& child : field.children) add_leaves(child, leaves);
}

// The leaf columns of the requested columns.
std::vector<int> requested_leaves(const parquet::arrow::SchemaManifest& manifest,
                                  const ScanRequest& request) {
  std::vector<int> leaves;
  for (const ColumnRequest& column : request.columns) {
    for (auto& field : manifest.schema_fields) {
      if (field.field->name() == column.name) add_leaves(field, &leaves);
    }
  }
  return leaves;
}

class ParquetSource : public Source {
 public:
  ParquetSource(const File& file, std::unique_ptr<parquet::arrow::FileReader> reader,
                const ScanRequest& request)
      : file_(file),
        reader_(std::move(reader)),
        leaves_(requested_leaves(reader_->manifest(), request)),
        wanted_rows_(request.wanted_rows) {
    auto metadata = reader_->parquet_reader()->metadata();
    first_rows_.push_back(0);
    for (int i = 0; i < metadata->num_row_groups(); ++i) {
      first_rows_.push_back(first_rows_.back() + metadata->RowGroup(i)->num_rows());
    }
  }

  Result<Taken> read_chunk(Worker& worker, bool wait) override {
    int group = next_.fetch_add(1);
    if (group + 1 >= static_cast<int>(first_rows_.size())) return Taken::End;
    if (!is_wanted(group)) return Taken::Chunk;
    try {
      arrow::Status status = read_group(group, worker);
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
  bool is_wanted(int group) const {
    if (!wanted_rows_) return true;
    WantedRange range = wanted_between(*wanted_rows_, position_of(file_, first_rows_[group]),
                                       position_of(file_, first_rows_[group + 1]));
    return range.begin < range.end;
  }

  arrow::Status read_group(int group, Worker& worker) {
    uint64_t row = first_rows_[group];
    if (leaves_.empty()) {
      auto rows = static_cast<int64_t>(first_rows_[group + 1] - row);
      emit_record_batch(file_, *arrow::RecordBatch::Make(arrow::schema({}), rows, arrow::ArrayVector{}), row,
                        worker);
      return arrow::Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(auto batches, reader_->GetRecordBatchReader({group}, leaves_));
    while (!worker.stopped) {
      ARROW_ASSIGN_OR_RAISE(auto batch, batches->Next());
      if (!batch) break;
      ARROW_RETURN_NOT_OK(batch->ValidateFull());
      emit_record_batch(file_, *batch, row, worker);
      row += batch->num_rows();
    }
    return arrow::Status::OK();
  }

  File file_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::vector<int> leaves_;
  const std::vector<uint64_t>* wanted_rows_;
  std::vector<uint64_t> first_rows_;
  std::atomic<int> next_{0};
};

arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> open_reader(const File& file) {
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.OpenFile(file.path));
  parquet::ArrowReaderProperties properties;
  properties.set_use_threads(false);
  // Threads read row groups through one reader; the cache behind pre-buffering is a single one and not
  // guarded.
  properties.set_pre_buffer(false);
  auto* schema = builder.raw_reader()->metadata()->schema();
  for (int i = 0; i < schema->num_columns(); ++i) {
    auto* column = schema->Column(i);
    bool top_level = column->path()->ToDotVector().size() == 1;
    bool is_string = column->logical_type() && column->logical_type()->is_string();
    if (top_level && is_string) properties.set_read_dictionary(i, true);
  }
  return builder.properties(properties)->Build();
}

}  // namespace

Result<SourcePtr> open_parquet(const File& file, const ScanRequest& request) {
  try {
    auto reader = open_reader(file);
    if (!reader.ok()) return error_of(reader.status(), file);
    std::shared_ptr<arrow::Schema> schema;
    arrow::Status status = (*reader)->GetSchema(&schema);
    if (status.ok()) status = refuse_repeated(columns_of_schema(*schema), request);
    if (!status.ok()) return error_of(status, file);
    return SourcePtr(std::make_unique<ParquetSource>(file, std::move(reader).ValueUnsafe(), request));
  } catch (const std::exception& thrown) {
    return Error{ErrorCode::Format, file.path + ": " + thrown.what()};
  }
}

}  // namespace kqlc::archive
