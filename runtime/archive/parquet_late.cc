// SPDX-License-Identifier: Apache-2.0
//
// A frame that could not be planned, or whose streams are not what they say, is unpacked whole: so an error
// is always that of the library.
#include "runtime/archive/parquet_late.h"

#include <algorithm>
#include <array>
#include <new>

#include "runtime/archive/parquet_pages.h"

namespace kqlc::archive {
namespace {

// A frame of which more than one range in so many bytes is wanted is unpacked whole: most of its streams
// would be.
constexpr size_t kBytesOfRange = size_t{1} << 14;
// How much more of the beginning is made readable at a time.
constexpr size_t kStep = size_t{1} << 14;

}  // namespace

// One that is too small makes room for a larger one.
ZeroedBlocks::Block ZeroedBlocks::take(size_t size) {
  const auto fits = std::ranges::find_if(free_, [&](const Block& block) { return block.size >= size; });
  if (fits != free_.end()) {
    Block block = std::move(*fits);
    free_.erase(fits);
    return block;
  }
  if (!free_.empty()) free_.pop_back();
  Block block{{static_cast<uint8_t*>(std::calloc(size, 1)), {}}, size};
  if (!block.bytes) throw std::bad_alloc();
  return block;
}

void LateBytes::want(size_t begin, size_t end) {
  if (!is_whole_ && begin < end) wanted_.push_back({begin, end});
}

bool LateBytes::plan() {
  if (wanted_.size() > bytes_.size() / kBytesOfRange) return false;
  zstd::SparseFrame& frame = memory_->frame(frame_);
  is_open_ = is_open_ || frame.open(packed_, bytes_.size(), bytes_.data());
  return is_open_ && frame.plan(wanted_, ends_early_, &memory_->streams);
}

void LateBytes::unpack(std::span<LateBytes* const> all) {
  const auto first = std::ranges::find_if(all, [](const LateBytes* late) { return !late->wanted_.empty(); });
  if (first == all.end()) return;
  LateMemory* memory = (*first)->memory_;
  memory->streams.clear();
  for (LateBytes* late : all) {
    if (late->wanted_.empty()) continue;
    const size_t before = memory->streams.size();
    if (late->plan()) continue;
    memory->streams.resize(before);
    late->need_all();
  }
  const bool is_right = zstd::unpack_streams(memory->streams);
  for (LateBytes* late : all) {
    if (late->wanted_.empty()) continue;
    if (!is_right) {
      late->need_all();
      continue;
    }
    memory->frame(late->frame_).settle();
    for (const zstd::Range& range : late->wanted_)
      if (range.begin <= late->first_) late->first_ = std::max(late->first_, range.end);
    late->wanted_.clear();
  }
}

void LateBytes::need_first(size_t end) {
  if (first_ >= std::min(end, bytes_.size())) return;
  want(first_, std::min(bytes_.size(), std::max(end, first_ + kStep)));
  unpack(std::array{this});
}

void LateBytes::need_all() {
  if (is_whole_) return;
  unpack_frame(packed_, bytes_);
  first_ = bytes_.size();
  is_whole_ = true;
  wanted_.clear();
}

}  // namespace kqlc::archive
