// SPDX-License-Identifier: Apache-2.0
//
// ChunkedVector: a vector that grows without a copy of what is there, and whose elements stay in place once
// there is more than one chunk of them. In: elements, one by one or many to be filled in. Out: elements by
// number, spans that hold all of them in order. A small one is as small as a std::vector.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "runtime/base/huge_pages.h"

namespace kqlc {

template <class T>
class ChunkedVector {
 public:
  static constexpr size_t kChunk = size_t{1} << 16;  // elements

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return chunks_[i / kChunk][i % kChunk]; }
  const T& operator[](size_t i) const { return chunks_[i / kChunk][i % kChunk]; }

  void push_back(const T& element) {
    if (size_ % kChunk == 0) add_chunk();
    chunks_.back().push_back(element);
    ++size_;
  }
  // New elements are to be filled in by the caller.
  void resize(size_t size) {
    if (size < size_) chunks_.resize((size + kChunk - 1) / kChunk);
    if (size < size_ && size % kChunk) chunks_.back().resize(size % kChunk);
    for (size_ = std::min(size, size_); size_ < size;) {
      if (size_ % kChunk == 0) add_chunk();
      const size_t more = std::min(kChunk - size_ % kChunk, size - size_);
      chunks_.back().resize(chunks_.back().size() + more);
      size_ += more;
    }
  }
  void clear() { *this = {}; }

  size_t num_chunks() const { return chunks_.size(); }
  std::span<T> chunk(size_t number) { return chunks_[number]; }
  size_t bytes() const {
    size_t bytes = 0;
    for (const auto& chunk : chunks_) bytes += chunk.capacity() * sizeof(T);
    return bytes;
  }

 private:
  // The first one grows with what is in it; where there is a second one, there will be many.
  void add_chunk() {
    chunks_.emplace_back();
    if (chunks_.size() > 1) chunks_.back().reserve(kChunk);
  }

  std::vector<LargeVector<T>> chunks_;  // all but the last one are full
  size_t size_ = 0;
};

}  // namespace kqlc
