// SPDX-License-Identifier: Apache-2.0
//
// Bytes of pages of Parquet of which few are wanted. In: pages as they stand in the file, and which of their
// bytes are wanted. Out: those bytes, at their places. The idea: of what zstd has packed only the streams
// with a wanted byte are unpacked (runtime/zstd), of several pages together, since one stream alone is read
// slowly. A frame that cannot be read so is unpacked whole.
#pragma once

#include <cstdlib>
#include <deque>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "runtime/archive/parquet_decode.h"
#include "runtime/archive/repeated_pages.h"
#include "runtime/zstd/sparse_frame.h"

namespace kqlc::archive {

// Blocks of zeros. Who wrote to one clears what was written before it is given back: of a column with few
// wanted rows that is less than clearing it all.
class ZeroedBlocks {
 public:
  struct Free {
    void operator()(void* bytes) const { std::free(bytes); }
  };
  struct Block {
    std::unique_ptr<uint8_t[], Free> bytes;
    size_t size = 0;
  };

  // At least `size` bytes. Throws std::bad_alloc.
  Block take(size_t size);
  void give_back(Block block) { free_.push_back(std::move(block)); }

 private:
  std::vector<Block> free_;
};

// What late pages need, kept from page to page: a worker has one.
struct LateMemory {
  std::deque<zstd::SparseFrame> frames;
  std::vector<zstd::HuffmanStream> streams;
  ZeroedBlocks zeroed;
  RepeatedPages repeated;

  // The frame of that number, for one page at a time.
  zstd::SparseFrame& frame(size_t number) {
    while (frames.size() <= number) frames.emplace_back();
    return frames[number];
  }
};

// All functions throw parquet::ParquetException where the page is damaged.
class LateBytes {
 public:
  LateBytes() = default;
  // Bytes that are all there.
  explicit LateBytes(std::span<uint8_t> bytes) : bytes_(bytes), first_(bytes.size()), is_whole_(true) {}
  // A frame that unpacks to as many bytes as `room` has. Frame and room have to stay.
  LateBytes(PageBytes packed, std::span<uint8_t> room, LateMemory* memory, size_t frame)
      : packed_(packed), bytes_(room), memory_(memory), frame_(frame) {}

  // Bytes [begin, end), which are inside, are wanted when unpack() is called next. Ranges do not overlap.
  void want(size_t begin, size_t end);
  // The first `end` bytes are, as far as they are not readable.
  void want_first(size_t end) { want(first_, end); }
  // From now on damage before a wanted byte need not show: what is read is looked at by whoever asks.
  void end_early() { ends_early_ = true; }
  // Makes what is wanted of several readable.
  static void unpack(std::span<LateBytes* const> all);
  // Makes the first `end` bytes readable, or all if there are fewer.
  void need_first(size_t end);
  void need_all();

  // Of these only those that were wanted or needed may be read.
  std::span<uint8_t> bytes() const { return bytes_; }
  bool is_whole() const { return is_whole_; }

 private:
  bool plan();

  PageBytes packed_;
  std::span<uint8_t> bytes_;
  LateMemory* memory_ = nullptr;
  size_t frame_ = 0;
  size_t first_ = 0;  // bytes that are readable, whatever else is
  bool is_open_ = false, is_whole_ = false, ends_early_ = false;
  std::vector<zstd::Range> wanted_;
};

}  // namespace kqlc::archive
