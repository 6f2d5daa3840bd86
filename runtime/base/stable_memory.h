// SPDX-License-Identifier: Apache-2.0
//
// StableMemory: bytes that somebody else owns and that stay where they are as long as this object lives, such
// as a mapped file. Whoever has a part in it may keep texts that lie there without a copy.
#pragma once

#include "runtime/base/result.h"

namespace kqlc {

class StableMemory {
 public:
  StableMemory(const char* begin, const char* end) : begin_(begin), end_(end) {}
  StableMemory(const StableMemory&) = delete;
  virtual ~StableMemory() = default;

  const char* begin() const { return begin_; }
  const char* end() const { return end_; }
  // Whether bytes of it were lost. What was made of them is wrong then, and loss() says why.
  virtual bool torn() const = 0;
  virtual Error loss() const = 0;

 private:
  const char* begin_;
  const char* end_;
};

}  // namespace kqlc
