// SPDX-License-Identifier: Apache-2.0
//
// A row group of Parquet as columns that are made when they are asked for. In: an open file, the requested
// columns, the number of a row group. Out: Columns; what is in plain pages comes through PageColumn, anything
// else through Arrow's reader, whole.
#pragma once

#include <parquet/arrow/reader.h>

#include <memory>
#include <optional>
#include <vector>

#include "runtime/archive/arrow_columns.h"
#include "runtime/archive/parquet_column.h"

namespace kqlc::archive {

// A requested column of a file.
struct ParquetField {
  const ColumnRequest* request = nullptr;
  std::vector<int> leaves;  // none: the file has no such column
  PageField pages;
};

// One for each requested column, in that order.
std::vector<ParquetField> find_fields(const parquet::arrow::FileReader& reader, const ScanRequest& request);

// What the file says of the values of a row group in those `fields` that are read as they are stored.
ChunkStatistics group_statistics(const parquet::RowGroupMetaData& group,
                                 const std::vector<ParquetField>& fields);

// Whether a row group is read whole: what of it is unpacked stays in memory until its batch is done. `late`:
// that is what is asked for, which of few wanted rows is little.
bool fits_in_memory(const parquet::RowGroupMetaData& group, const std::vector<ParquetField>& fields,
                    bool late);

// Memory: the worker's arena, until its rows are cleared.
class RowGroup : public ColumnLoader {
 public:
  // `position` is that of the group's first row, `statistics` are those of group_statistics().
  RowGroup(arrow::io::RandomAccessFile& file, parquet::arrow::FileReader& reader, int number,
           const std::vector<ParquetField>& fields, uint64_t position, const ChunkStatistics& statistics,
           Worker& worker);

  bool load(size_t column, const uint64_t* selection) override;
  bool find_range(size_t column, int64_t* least, int64_t* greatest) override;
  bool find_values(size_t column, Column* values, int64_t* size) override;
  bool find_rows(size_t column, const uint64_t* selection, const TextFilter& filter, uint64_t* rows) override;
  // Loads all columns.
  bool load_all(const uint64_t* selection);

  const std::vector<Column>& columns() const { return columns_; }
  int64_t num_rows() const { return num_rows_; }
  // Why load() returned false.
  const std::optional<arrow::Status>& failure() const { return failure_; }

 private:
  void note_failure(size_t column, arrow::Status status);
  arrow::Status read_column(size_t column, const uint64_t* selection);
  arrow::Status read_whole(size_t column);

  arrow::io::RandomAccessFile& file_;
  parquet::arrow::FileReader& reader_;
  int number_;
  const std::vector<ParquetField>& fields_;
  std::shared_ptr<parquet::RowGroupReader> group_;
  int64_t num_rows_;
  uint64_t position_;
  const ChunkStatistics& statistics_;
  Worker& worker_;
  std::vector<std::unique_ptr<PageColumn>> pages_;    // of those that are read by pages
  std::vector<std::shared_ptr<arrow::Array>> whole_;  // of the others that were read
  std::vector<Column> columns_;
  std::vector<char> failed_;  // by column: what it left half done is not gone on with
  std::optional<arrow::Status> failure_;
};

}  // namespace kqlc::archive
