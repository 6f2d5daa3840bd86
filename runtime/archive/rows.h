// SPDX-License-Identifier: Apache-2.0
//
// RowBuilder: rows that come as text become columns in the physical encodings of kernels. In: values of a
// row, each as text, number text, truth value or JSON text. Out: a Batch of some hundred to some thousand
// rows. Text is borrowed: it must stay until the batch is done, or be put into arena(). A value that does not
// fit its column's type is null and counted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/archive/archive.h"
#include "runtime/base/arena.h"
#include "runtime/value/reading.h"

namespace kqlc::archive {

class RowBuilder {
 public:
  explicit RowBuilder(const std::vector<ColumnRequest>& columns);

  // Starts a row; `position` is its place in the input, used for batches and samples. It is the row's
  // locator.
  void begin_row(uint64_t position);
  // Keeps the row, or takes back what has been set of it.
  void end_row() { ++num_rows_; }
  void drop_row();

  // Each returns false when the value does not fit the type; the value is null then.
  bool set_null(size_t column);
  // The characters of a string: JSON's after unescaping, CSV's after unquoting. "" is null for all but
  // strings.
  bool set_text(size_t column, std::string_view text);
  bool set_number(size_t column, std::string_view text);
  bool set_bool(size_t column, bool value, std::string_view text);
  // The JSON text of an array or an object; of any value for a dynamic column.
  bool set_json(size_t column, std::string_view text);
  bool is_set(size_t column) const { return touched_[column] == row_number_; }

  int64_t num_rows() const { return num_rows_; }
  bool full() const { return num_rows_ == max_rows_; }
  Arena& arena() { return arena_; }

  // Returns the rows since the last clear(); valid until then.
  Batch batch();
  void clear();

 private:
  struct Store {
    Type type;
    Encoding encoding;
    size_t width = 0;  // bytes a value; 0: bits
    std::unique_ptr<uint8_t[]> values;
    std::unique_ptr<uint8_t[]> validity;
  };

  void put(size_t column, const Cell& cell);

  std::vector<Store> stores_;
  std::vector<Column> columns_;
  std::vector<uint64_t> touched_;  // number of the row that last set the column
  int64_t max_rows_;
  std::vector<uint64_t> locators_;  // of the rows: their places in the input
  uint64_t row_number_ = 0;
  int64_t num_rows_ = 0;
  Arena arena_;
};

using reading::read_value;
using reading::Reading;

// Counts a failed value of a column.
void count_problem(ScanReport* report, const std::string& column, uint64_t position, std::string_view value,
                   Type type);

}  // namespace kqlc::archive
