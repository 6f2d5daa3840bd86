// SPDX-License-Identifier: Apache-2.0
//
// Outlines are compared as a whole, so nothing is mistaken for something else.
#include "codegen/shared_code.h"

#include <list>
#include <unordered_map>

namespace kqlc::codegen {

namespace {

constexpr size_t kMostKept = 256;  // some 50 KB each

// The last used first.
class SharedCode {
 public:
  std::shared_ptr<TieredCode> get(std::shared_ptr<const Unit> unit, TierPolicy policy) {
    std::string key = unit->outline;
    key.append(reinterpret_cast<const char*>(&policy.rows_before), sizeof policy.rows_before);
    key.push_back(policy.wait ? 1 : 0);
    std::list<Entry> dropped;  // ends after the lock: it may wait for a compilation
    std::lock_guard guard(lock_);
    if (auto known = places_.find(key); known != places_.end()) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return entries_.front().code;
    }
    entries_.push_front({key, std::make_shared<TieredCode>(std::move(unit), policy)});
    places_[std::move(key)] = entries_.begin();
    if (entries_.size() > kMostKept) {
      places_.erase(entries_.back().key);
      dropped.splice(dropped.begin(), entries_, std::prev(entries_.end()));
    }
    return entries_.front().code;
  }

  void clear() {
    std::list<Entry> dropped;  // ends after the lock: it waits for compilations
    std::lock_guard guard(lock_);
    dropped.swap(entries_);
    places_.clear();
  }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<TieredCode> code;
  };
  std::mutex lock_;
  std::list<Entry> entries_;
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;
};

// Never destroyed: when it would be, LLVM may be gone.
SharedCode& shared_code() {
  static SharedCode& shared = *new SharedCode;
  return shared;
}

}  // namespace

std::shared_ptr<TieredCode> share_code(std::shared_ptr<const Unit> unit, TierPolicy policy) {
  return shared_code().get(std::move(unit), policy);
}

void drop_shared_code() { shared_code().clear(); }

}  // namespace kqlc::codegen
