// SPDX-License-Identifier: Apache-2.0
//
// RowList: rows of Cells, all of one width, in one piece of memory. In: rows. Out: a span of Cells a row.
#pragma once

#include <cstddef>
#include <iterator>
#include <span>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/base/huge_pages.h"
#include "runtime/value/type.h"

namespace kqlc {

class RowList {
 public:
  using Row = std::span<const Cell>;

  RowList() = default;
  // Takes the cells of `size` rows, row by row. Requires: size rows of equal width.
  RowList(LargeVector<Cell> cells, size_t size) : cells_(std::move(cells)), size_(size) {
    width_ = size ? cells_.size() / size : 0;
    KQLC_CHECK(cells_.size() == width_ * size_, "rows of different widths");
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Row operator[](size_t row) const { return {cells_.data() + row * width_, width_}; }
  void clear() { *this = RowList(); }
  // All rows have the width of the first.
  void push_back(Row row) {
    if (size_ == 0) width_ = row.size();
    KQLC_CHECK(row.size() == width_, "rows of different widths");
    cells_.insert(cells_.end(), row.begin(), row.end());
    ++size_;
  }

  class Iterator {
   public:
    using value_type = Row;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const RowList* rows, size_t row) : rows_(rows), row_(row) {}
    Row operator*() const { return (*rows_)[row_]; }
    Iterator& operator++() {
      ++row_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(rows_, row_++); }
    bool operator==(const Iterator& other) const { return row_ == other.row_; }

   private:
    const RowList* rows_ = nullptr;
    size_t row_ = 0;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size_}; }

 private:
  LargeVector<Cell> cells_;
  size_t width_ = 0, size_ = 0;
};

}  // namespace kqlc
