// SPDX-License-Identifier: Apache-2.0
//
// FetchedRows: further columns of rows that a scan has found. In: the files of that scan, the locators that
// its batches gave the rows, the columns. Out: those columns, a row each, in the order of the locators. What
// a source can pass over it does: of NDJSON only the rows' lines are read, of Parquet and Arrow only the row
// groups and batches that hold one of the rows.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "runtime/archive/archive.h"
#include "runtime/base/arena.h"

namespace kqlc::archive {

// Whether rows of a file can be fetched one by one: those of plain NDJSON, Parquet and Arrow files can.
bool is_fetchable(const File& file);

// The locators of `wanted_rows` that lie in a file, as a range of places in that vector.
struct WantedRange {
  size_t begin = 0, end = 0;
};
WantedRange wanted_between(const std::vector<uint64_t>& wanted_rows, uint64_t first, uint64_t end);

class FetchedRows {
 public:
  // Fetches `request.columns` of the rows, each of which is there once; `others` are rows that only have to
  // be rows when these columns are read. Errors: as scan_files; Format: a file has changed since it was
  // listed, a row is not there any more, or its line is bad where other columns are read; Limit: the values
  // need more than `memory_limit` bytes (0: no limit). Of `report` column problems and missing columns are
  // added to.
  static Result<std::unique_ptr<FetchedRows>> fetch(const std::vector<File>& files, ScanRequest request,
                                                    const ScanControl& control,
                                                    const std::vector<uint64_t>& locators,
                                                    const std::vector<uint64_t>& others, size_t memory_limit,
                                                    ScanReport* report);

  // By column of the request, in a kernel's physical encodings; they belong to this object.
  const std::vector<Column>& columns() const { return columns_; }

 private:
  struct Store {
    size_t width = 0;  // bytes a value; 0: bool, a byte each
    std::unique_ptr<uint8_t[]> values;
    std::unique_ptr<uint8_t[]> valid;  // a byte a row, so that threads do not share one
    std::vector<uint8_t> bits, validity;
  };

  FetchedRows(const ScanRequest& request, const std::vector<uint64_t>& locators,
              const std::vector<uint64_t>& others, int threads);
  Result<void> read(const std::vector<File>& files, const ScanRequest& request, const ScanControl& control,
                    size_t memory_limit, ScanReport* report);
  void take(Arena& arena, const Batch& batch);
  void take_row(Arena& arena, const Batch& batch, int64_t row, size_t place);
  void finish();

  std::vector<ColumnRequest> requests_;
  size_t num_rows_ = 0;
  size_t num_fetched_ = 0;        // of places_, those of rows of the result
  std::vector<uint64_t> sorted_;  // the locators, of others too
  std::vector<size_t> places_;    // by place in sorted_, the row in the result; num_rows_ and more: of others
  std::vector<uint8_t> found_;    // by places_
  std::vector<Store> stores_;
  std::vector<Column> columns_;
  std::vector<std::unique_ptr<Arena>> arenas_;  // by thread
  std::atomic<bool> fits_{true};                // into the memory limit
};

}  // namespace kqlc::archive
