// SPDX-License-Identifier: Apache-2.0
//
// Arena: memory that is given out piece by piece and taken back all at once. In: sizes. Out: 16-byte aligned
// blocks that stay where they are until reset() or destruction. Values that functions make during a batch
// live in the batch's arena; what aggregates and tables keep lives in the state's arena. Both count their
// bytes, which is how
// `--memory-limit` is enforced.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/value/type.h"

namespace kqlc {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  // Returns `size` bytes, aligned to 16. Ends the process when the system has no memory left.
  void* allocate(size_t size) noexcept {
    size = (size + 15) & ~size_t{15};
    if (size > static_cast<size_t>(end_ - next_)) [[unlikely]]
      return allocate_block(size);
    char* place = next_;
    next_ += size;
    return place;
  }

  template <class T>
  T* allocate_array(size_t count) noexcept {
    return static_cast<T*>(allocate(count * sizeof(T)));
  }

  // Returns a copy of `text` that lives as long as the arena.
  Str copy(Str text) noexcept {
    if (text.size == 0) return {};
    char* bytes = static_cast<char*>(allocate(text.size));
    std::memcpy(bytes, text.data, text.size);
    return {bytes, text.size};
  }

  // Forgets everything; keeps the largest block for the next use.
  void reset() noexcept;

  // Takes over all blocks of `other`, which is empty afterwards; what lived there stays valid.
  void adopt(Arena& other) noexcept;

  // Bytes taken from the system.
  size_t bytes() const noexcept { return bytes_; }
  // Bytes given out since the last reset, and what was left free in blocks that were too small.
  size_t used() const noexcept { return bytes_ - static_cast<size_t>(end_ - next_); }

 private:
  struct Block {
    Block* previous;
    size_t size;
  };

  void* allocate_block(size_t size) noexcept;

  Block* blocks_ = nullptr;
  char* next_ = nullptr;
  char* end_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace kqlc
