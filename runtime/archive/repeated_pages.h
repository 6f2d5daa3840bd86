// SPDX-License-Identifier: Apache-2.0
//
// Pages of codes that are the same in each row group. In: a page as it stands in the file, and which page of
// which column it is. Out: its bytes, if they are known. The idea: where each row has a value of its own, as
// most times are, a writer's codes count up from 0, in every row group alike; so the page at the same place
// of the row group before is often the same to the byte, and comparing is quicker than unpacking.
#pragma once

#include <arrow/buffer.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "runtime/archive/parquet_decode.h"

namespace kqlc::archive {

// Memory: at most kMostBytes of unpacked pages. A worker has one.
class RepeatedPages {
 public:
  static constexpr size_t kMostBytes = size_t{1} << 22;
  static constexpr size_t kMostPlaces = size_t{1} << 10;

  struct Place {
    int leaf = 0;       // column of the file
    size_t number = 0;  // page of the column chunk
  };

  // Pages of another file than the one before are forgotten.
  void enter(const std::weak_ptr<const void>& file);

  // The `size` bytes that `packed`, a frame of zstd in `owner`, unpacks to, if it equals the page that was at
  // that place before: they are unpacked when it does for the first time. The owner is kept. Throws
  // parquet::ParquetException where the frame is damaged.
  std::optional<std::span<uint8_t>> find(Place place, PageBytes packed,
                                         const std::shared_ptr<const arrow::Buffer>& owner, size_t size);

 private:
  struct Page {
    PageBytes packed;
    std::shared_ptr<const arrow::Buffer> owner;
    std::vector<uint8_t> bytes;  // empty until it was seen twice
  };

  std::weak_ptr<const void> file_;
  std::unordered_map<uint64_t, Page> pages_;
  size_t num_bytes_ = 0;  // of all pages
};

}  // namespace kqlc::archive
