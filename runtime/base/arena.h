// SPDX-License-Identifier: Apache-2.0
//
// Arena: memory that is given out piece by piece and taken back all at once. In: sizes. Out: 16-byte aligned
// blocks that stay where they are until reset() or destruction. Values that functions make during a batch
// live in the batch's arena; what aggregates and tables keep lives in the state's arena. Both count their
// bytes, which is how `--memory-limit` is enforced. An arena can hold on to memory of others, so that what
// lies there need not be copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/base/stable_memory.h"
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

  // From now on keep() leaves texts where they are that lie in `memory`, and no more those of the memory
  // before.
  void hold(const std::shared_ptr<const StableMemory>& memory) noexcept;
  // Returns `text`, or a copy of it, that lives as long as the arena, or until let_go().
  Str keep(Str text) noexcept {
    if (text.data < held_begin_ || text.data >= held_end_) return copy(text);
    keeps_held_ = true;
    return text;
  }
  // Whether texts of others' memory were kept.
  bool keeps_others() const noexcept { return keeps_held_ || !others_.empty(); }
  // Whether the text is one of those.
  bool is_others(Str text) const noexcept;
  // The first of the memories with kept texts that lost bytes; nullptr where none did.
  const StableMemory* find_torn() const noexcept;
  // Holds nothing any more: texts of others' memory are not to be used from here on.
  void let_go() noexcept;

  // Forgets everything; keeps the largest block for the next use.
  void reset() noexcept;

  // Takes over all blocks of `other`, and what it holds, which is empty afterwards; what lived there stays
  // valid.
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
  void retain(const std::shared_ptr<const StableMemory>& memory) noexcept;
  void retain_held() noexcept;

  Block* blocks_ = nullptr;
  char* next_ = nullptr;
  char* end_ = nullptr;
  size_t bytes_ = 0;
  // What is held now, and whether a text of it was kept.
  const char *held_begin_ = nullptr, *held_end_ = nullptr;
  bool keeps_held_ = false;
  std::shared_ptr<const StableMemory> held_;
  std::vector<std::shared_ptr<const StableMemory>> others_;  // held before, of which texts were kept
};

}  // namespace kqlc
