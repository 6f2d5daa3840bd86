// SPDX-License-Identifier: Apache-2.0
//
// A record batch of Arrow as columns that are made when they are asked for. In: a batch whose buffers come
// from outside, the rows that are wanted. Out: Columns. What kernels read is checked as it is copied:
// dictionary codes, offsets of text, times; numbers are used where they lie. Of few wanted rows only those
// are touched. A dictionary is checked once a file. Everything else is validated by Arrow and made by
// make_column().
#pragma once

#include <arrow/api.h>

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "runtime/archive/arrow_columns.h"
#include "runtime/archive/arrow_mapped.h"
#include "runtime/base/spinning_mutex.h"

namespace kqlc::archive {

// The dictionaries of a file, whose batches share them. Threads may share this.
class TextDictionaries {
 public:
  struct Texts {
    Column column;
    int64_t size = 0;
    std::vector<Str> texts;
    Arena arena;  // of those that were repaired
  };
  // The texts of an array of utf8 without nulls; they lie where the array has them. Repaired ones are counted
  // once. Errors: the array contradicts itself.
  arrow::Result<const Texts*> find(const std::shared_ptr<arrow::ArrayData>& dictionary, ScanReport* report);

 private:
  SpinningMutex mutex_;
  std::vector<std::pair<std::shared_ptr<arrow::ArrayData>, std::unique_ptr<Texts>>> known_;
};

// Memory: the worker's arena, until its rows are cleared, and the batch's own.
class BatchColumns : public ColumnLoader {
 public:
  // Of the requested columns those from `first` on, `count` of them. `copier` where the batch lies in a
  // mapped file, else nullptr; `row` is the number of rows of the file before it.
  BatchColumns(const File& file, const arrow::RecordBatch& batch, uint64_t row, size_t first, size_t count,
               PlaceCopier* copier, TextDictionaries& dictionaries, Worker& worker);

  bool load(size_t column, const uint64_t* selection) override;
  bool find_range(size_t column, int64_t* least, int64_t* greatest) override;
  bool find_values(size_t column, Column* values, int64_t* size) override;
  // Loads all columns.
  bool load_all(const uint64_t* selection);
  // Hands the batch on. `stable`: as Batch::stable.
  void emit(bool late, const std::shared_ptr<const StableMemory>* stable);

  // Why load() returned false.
  const std::optional<arrow::Status>& failure() const { return failure_; }

 private:
  enum class Kind : uint8_t { Missing, Codes, Texts, Times, Other };
  struct Source {
    Kind kind = Kind::Missing;
    std::shared_ptr<arrow::Array> array;
    bool begun = false;
    bool complete = false;
    bool failed = false;  // what it left half done is not gone on with
  };

  static Kind kind_of(const arrow::Array& array, Type requested);
  arrow::Status make(size_t column, const uint64_t* selection);
  arrow::Status make_codes(size_t column, const uint64_t* selection);
  arrow::Status make_texts(size_t column, const uint64_t* selection);
  arrow::Status make_all_texts(size_t column);
  arrow::Status make_times(size_t column, const uint64_t* selection);
  arrow::Status make_other(size_t column);
  bool is_sparse(const uint64_t* selection) const;

  int64_t num_rows_;
  uint64_t position_;
  size_t first_;
  std::span<const ColumnRequest> requests_;
  PlaceCopier* copier_;
  TextDictionaries& dictionaries_;
  Worker& worker_;
  std::vector<Source> sources_;
  std::vector<Column> columns_;
  std::optional<arrow::Status> failure_;
};

}  // namespace kqlc::archive
