// SPDX-License-Identifier: Apache-2.0
//
// RecentGroups: what keys were last met, since most rows belong to a group that was met not long ago. In: the
// keys of rows. Out: their groups, or a guess. Where the keys are texts with a code, or at the same places as
// those of an earlier row of this run (Context::run), they are its keys, and nobody need look at them. Else
// what they look like (aggregates::look_of) gives a guess, which is to be checked but spares hashing them.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/hit_rate.h"
#include "runtime/functions/function.h"
#include "runtime/value/type.h"

namespace kqlc {

class RecentGroups {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  // `types` are those of the keys, and outlive the object.
  explicit RecentGroups(const std::vector<Type>& types);

  // The states of the group whose keys these are; nullptr where that is not known. Requires: the row is not
  // before one that was noted, since it may be the first of its group then.
  char* find(const Context& context, const Cell* keys) {
    if (!is_one_text_ || !keys[0].code) return find_by_place(context, keys);
    if (keys[0].code >= codes_.size()) return nullptr;
    const Recent& recent = codes_[keys[0].code];
    return recent.run == context.run ? recent.states : nullptr;
  }
  // The number of a group that may have these keys; kNone.
  uint32_t guess(const Cell* keys) const;
  // Keeps what is known of a row's group. `num_groups`: how many there are.
  void note(const Context& context, const Cell* keys, char* states, size_t num_groups);
  void note_guess(const Cell* keys, uint32_t number);

  size_t bytes() const;
  void clear();

 private:
  // What keys were last met at some places.
  struct Recent {
    uint32_t run = 0;  // Context::run; texts have a code in no run 0
    char* states = nullptr;
  };
  struct Guess {
    uint32_t look = 0;    // a part of it
    uint32_t number = 0;  // + 1; 0: none
  };
  char* find_by_place(const Context& context, const Cell* keys);
  void grow(size_t num_groups);
  size_t slot_of(const Cell* keys) const;

  const std::vector<Type>& types_;
  bool are_texts_;                // all keys, so their places say which they are
  bool is_one_text_;              // the only key
  std::vector<Recent> codes_;     // by Cell::code of the only key
  std::vector<Recent> by_place_;  // by the places of the keys
  std::vector<Str> places_;
  int bits_ = 0;                // of the number of slots
  HitRate place_hits_;          // texts of lines never lie where others did
  std::vector<Guess> guesses_;  // by the look of the keys
};

}  // namespace kqlc
