// SPDX-License-Identifier: Apache-2.0
//
// The slow paths of Arena: getting blocks from the system (doubling up to a megabyte) and giving them back.
#include "runtime/base/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace kqlc {

namespace {
constexpr size_t kFirstBlock = 4096;
constexpr size_t kLargestGrowth = size_t{1} << 20;
// An arena that has grown this much goes on in blocks of huge pages: a fault each 2 MiB, not each 4 KiB.
constexpr size_t kHugeFrom = size_t{1} << 24;
constexpr size_t kHugePage = size_t{1} << 21;
constexpr size_t kHeader = 16;
constexpr size_t kMostKept = size_t{1} << 25;

// Where code that cannot be unwound asked for memory, this ends the program as std::terminate does.
[[noreturn]] void throw_no_memory() { throw std::bad_alloc(); }
}  // namespace

void* Arena::allocate_block(size_t size) noexcept {
  size_t grown = blocks_ ? std::min(blocks_->size * 2, kLargestGrowth) : kFirstBlock;
  const bool huge = bytes_ + size >= kHugeFrom;
  const size_t unit = huge ? kHugePage : 16;
  const size_t block_size = (std::max(grown, size + kHeader) + unit - 1) & ~(unit - 1);
  auto* block = static_cast<Block*>(std::aligned_alloc(unit, block_size));
  if (!block) throw_no_memory();
  if (huge) madvise(block, block_size, MADV_HUGEPAGE);
  block->previous = blocks_;
  block->size = block_size;
  blocks_ = block;
  bytes_ += block->size;
  char* start = reinterpret_cast<char*>(block) + kHeader;
  next_ = start + size;
  end_ = reinterpret_cast<char*>(block) + block->size;
  return start;
}

// In order of their places: there may be many, and many texts to look for.
void Arena::retain(const std::shared_ptr<const StableMemory>& memory) noexcept {
  const auto place = std::ranges::upper_bound(others_, memory->begin(), {}, &StableMemory::begin);
  if (place == others_.begin() || place[-1] != memory) others_.insert(place, memory);
}

void Arena::retain_held() noexcept {
  if (std::exchange(keeps_held_, false)) retain(held_);
}

void Arena::hold(const std::shared_ptr<const StableMemory>& memory) noexcept {
  if (held_ == memory) return;
  retain_held();
  held_ = memory;
  held_begin_ = memory->begin();
  held_end_ = memory->end();
}

bool Arena::is_others(Str text) const noexcept {
  if (text.data >= held_begin_ && text.data < held_end_) return true;
  const auto behind = std::ranges::upper_bound(others_, text.data, {}, &StableMemory::begin);
  return behind != others_.begin() && text.data < behind[-1]->end();
}

const StableMemory* Arena::find_torn() const noexcept {
  if (keeps_held_ && held_->torn()) return held_.get();
  const auto torn = std::ranges::find_if(others_, [](const auto& memory) { return memory->torn(); });
  return torn == others_.end() ? nullptr : torn->get();
}

void Arena::let_go() noexcept {
  others_.clear();
  held_.reset();
  held_begin_ = held_end_ = nullptr;
  keeps_held_ = false;
}

// Of several blocks one is made that would have held all: the next use is like this one, and then needs no
// memory from the system. Where that would be much, the largest block is kept.
void Arena::reset() noexcept {
  let_go();
  if (!blocks_) return;
  const bool joins = blocks_->previous && bytes_ <= kMostKept;
  const size_t bytes = bytes_;
  Block* kept = joins ? nullptr : blocks_;
  for (Block* block = blocks_; block && !joins; block = block->previous)
    if (block->size > kept->size) kept = block;
  for (Block* block = blocks_; block;) {
    Block* previous = block->previous;
    if (block != kept) std::free(block);
    block = previous;
  }
  blocks_ = kept;
  bytes_ = kept ? kept->size : 0;
  if (joins) allocate_block(bytes - kHeader);
  blocks_->previous = nullptr;
  next_ = reinterpret_cast<char*>(blocks_) + kHeader;
  end_ = reinterpret_cast<char*>(blocks_) + blocks_->size;
}

void Arena::adopt(Arena& other) noexcept {
  other.retain_held();
  for (const auto& memory : other.others_) retain(memory);
  other.let_go();
  if (!other.blocks_) return;
  if (!blocks_) {
    blocks_ = other.blocks_;
    next_ = other.next_;
    end_ = other.end_;
  } else {
    // Our newest block stays in front, so that its free space is still used.
    Block* last = other.blocks_;
    while (last->previous) last = last->previous;
    last->previous = blocks_->previous;
    blocks_->previous = other.blocks_;
  }
  bytes_ += other.bytes_;
  other.blocks_ = nullptr;
  other.next_ = other.end_ = nullptr;
  other.bytes_ = 0;
}

Arena::~Arena() {
  for (Block* block = blocks_; block;) {
    Block* previous = block->previous;
    std::free(block);
    block = previous;
  }
}

}  // namespace kqlc
