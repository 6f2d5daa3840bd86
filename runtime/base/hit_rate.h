// SPDX-License-Identifier: Apache-2.0
//
// HitRate: whether a cache pays. In: whether each look at it found something. Out: whether the next look is
// worth it. Of a thousand looks at least one in sixteen has to find something; if not, some thirty thousand
// are left out before it is tried again. A cache that finds nothing costs a miss of the processor's a look.
#pragma once

#include <cstdint>

namespace kqlc {

class HitRate {
 public:
  // Whether the cache is left alone at the moment.
  bool pauses() const { return left_out_ > 0; }
  // The same, asked once before each look; counts it.
  bool skips() {
    if (left_out_ == 0) return false;
    --left_out_;
    return true;
  }
  void count(bool hit) {
    hits_ += hit;
    if (++looks_ < kLooks) return;
    if (hits_ < kLooks / kLeastShare) left_out_ = kLeftOut * kLooks;
    looks_ = hits_ = 0;
  }

 private:
  static constexpr uint32_t kLooks = 1024, kLeastShare = 16, kLeftOut = 31;
  uint32_t looks_ = 0, hits_ = 0, left_out_ = 0;
};

}  // namespace kqlc
