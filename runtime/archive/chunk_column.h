// SPDX-License-Identifier: Apache-2.0
//
// ChunkColumn: the values of one column of a chunk that is being made. In: Columns of batches. Out: an Arrow
// array (a dictionary where values repeat) and the statistics of the manifest. A time that nanoseconds cannot
// hold makes its column text in that chunk, so nothing is rounded.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/archive/arrow_columns.h"

namespace kqlc::archive {

class ChunkColumn {
 public:
  explicit ChunkColumn(const ColumnRequest& request);

  // Appends the rows of `column`; adds the bytes of its texts to *bytes.
  arrow::Status append(const Column& column, int64_t rows, uint64_t* bytes);

  // Whether no row has a value: null, or "" for strings. Such a column need not be written.
  bool is_vacant() const { return vacant_; }
  // `"name":{"type":...,"nulls":N,"min":...,"max":...}`; min and max of datetime, int, long, bool (0 and 1)
  // and real.
  std::string statistics() const;
  // Returns the values since the last call, and forgets them.
  arrow::Result<std::shared_ptr<arrow::Array>> finish();

 private:
  arrow::Status append_cell(const Cell& cell);
  template <class Builder, class Value>
  arrow::Status append_number(Builder& builder, Value value, bool valid);
  arrow::Result<std::shared_ptr<arrow::Array>> finish_values();
  arrow::Result<std::shared_ptr<arrow::Array>> finish_time(const arrow::Int64Array& ticks);
  arrow::Result<std::shared_ptr<arrow::Array>> print_times(const arrow::Int64Array& ticks);

  ColumnRequest request_;
  arrow::StringBuilder texts_;
  arrow::BooleanBuilder bools_;
  arrow::Int32Builder ints_;
  arrow::Int64Builder longs_;
  arrow::DoubleBuilder reals_;
  arrow::FixedSizeBinaryBuilder guids_;
  bool vacant_ = true;
  uint64_t nulls_ = 0;
  bool has_nan_ = false;
  std::optional<int64_t> least_, greatest_;
  std::optional<double> least_real_, greatest_real_;
};

// `text` as a JSON string.
std::string quote(std::string_view text);

}  // namespace kqlc::archive
