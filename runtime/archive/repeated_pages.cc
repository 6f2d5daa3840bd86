// SPDX-License-Identifier: Apache-2.0
//
// A page costs a comparison, which ends at the first byte that differs, until it is seen twice.
#include "runtime/archive/repeated_pages.h"

#include <cstring>

#include "runtime/archive/parquet_pages.h"

namespace kqlc::archive {
namespace {

bool are_equal(PageBytes one, PageBytes other) {
  return one.size() == other.size() &&
         (one.empty() || std::memcmp(one.data(), other.data(), one.size()) == 0);
}

}  // namespace

void RepeatedPages::enter(const std::weak_ptr<const void>& file) {
  if (!file_.owner_before(file) && !file.owner_before(file_)) return;
  file_ = file;
  pages_.clear();
  num_bytes_ = 0;
}

std::optional<std::span<uint8_t>> RepeatedPages::find(Place place, PageBytes packed,
                                                      const std::shared_ptr<const arrow::Buffer>& owner,
                                                      size_t size) {
  const uint64_t key = uint64_t{static_cast<uint32_t>(place.leaf)} << 32 | place.number;
  if (pages_.size() == kMostPlaces && !pages_.contains(key)) return std::nullopt;
  Page& page = pages_[key];
  if (!are_equal(page.packed, packed) || (!page.bytes.empty() && page.bytes.size() != size)) {
    num_bytes_ -= page.bytes.size();
    page = {packed, owner, {}};
    return std::nullopt;
  }
  if (page.bytes.empty()) {
    if (size > kMostBytes - num_bytes_) return std::nullopt;
    std::vector<uint8_t> bytes(size);
    unpack_frame(packed, bytes);
    num_bytes_ += size;
    page.bytes = std::move(bytes);
  }
  return page.bytes;
}

}  // namespace kqlc::archive
