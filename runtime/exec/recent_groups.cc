// SPDX-License-Identifier: Apache-2.0
//
// Three tables without chains: by code, by place and by look. What is met later takes the place of what was
// met before.
#include "runtime/exec/recent_groups.h"

#include <algorithm>
#include <bit>

#include "runtime/aggregates/state.h"

namespace kqlc {

namespace {

constexpr int kGuessBits = 12;
// Slots for the places of keys: four a group, so that few fall together, as far as they stay in the cache.
constexpr int kLeastBits = 8, kMostBits = 14;
constexpr size_t kSlotsPerGroup = 4;

// From the values of keys (look_of) or, of texts, from where they lie (look_of_place).
template <bool by_place>
uint64_t look_of_keys(const Cell* keys, const std::vector<Type>& types) {
  uint64_t look = 0;
  for (size_t i = 0; i < types.size(); ++i) {
    uint64_t part = 0;
    if (types[i] == Type::String)
      part = by_place ? aggregates::look_of_place(keys[i].s) : aggregates::look_of(keys[i].s);
    else if (types[i] == Type::Bool)
      part = keys[i].b;
    else if (types[i] == Type::Int)
      part = static_cast<uint32_t>(keys[i].i);
    else if (types[i] != Type::Dynamic)
      part = static_cast<uint64_t>(keys[i].l);
    if (types[i] != Type::String) part *= 0x9E3779B97F4A7C15u;
    // Looks of texts are multiplied already: a second time would let places at equal distances fall together.
    look = (look ^ look >> 29) * 0x9E3779B97F4A7C15u + part;
  }
  return look;
}

size_t guess_slot(uint64_t look) { return look >> (64 - kGuessBits); }
uint32_t rest_of(uint64_t look) { return static_cast<uint32_t>(look >> (32 - kGuessBits)); }

bool at_same_places(const Str* places, const Cell* keys, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (places[i].data != keys[i].s.data || places[i].size != keys[i].s.size) return false;
  return true;
}

}  // namespace

RecentGroups::RecentGroups(const std::vector<Type>& types)
    : types_(types),
      are_texts_(!types.empty() &&
                 std::ranges::all_of(types, [](Type type) { return type == Type::String; })),
      is_one_text_(are_texts_ && types.size() == 1) {}

size_t RecentGroups::slot_of(const Cell* keys) const {
  return look_of_keys<true>(keys, types_) >> (64 - bits_);
}

char* RecentGroups::find_by_place(const Context& context, const Cell* keys) {
  if (!are_texts_ || !context.run || by_place_.empty()) return nullptr;
  if (place_hits_.skips()) return nullptr;
  const size_t slot = slot_of(keys);
  const Recent& recent = by_place_[slot];
  const bool known =
      recent.run == context.run && at_same_places(&places_[slot * types_.size()], keys, types_.size());
  place_hits_.count(known);
  return known ? recent.states : nullptr;
}

uint32_t RecentGroups::guess(const Cell* keys) const {
  if (guesses_.empty()) return kNone;
  const uint64_t look = look_of_keys<false>(keys, types_);
  const Guess& guess = guesses_[guess_slot(look)];
  return guess.look == rest_of(look) ? guess.number - 1 : kNone;
}

void RecentGroups::note(const Context& context, const Cell* keys, char* states, size_t num_groups) {
  if (!are_texts_ || !context.run) return;
  if (is_one_text_ && keys[0].code) {
    const size_t code = keys[0].code;
    if (code >= codes_.size()) codes_.resize(std::max(code + 1, 2 * codes_.size()));
    codes_[code] = {context.run, states};
    return;
  }
  if (place_hits_.pauses()) return;
  grow(num_groups);
  const size_t slot = slot_of(keys);
  by_place_[slot] = {context.run, states};
  for (size_t i = 0; i < types_.size(); ++i) places_[slot * types_.size() + i] = keys[i].s;
}

void RecentGroups::note_guess(const Cell* keys, uint32_t number) {
  if (guesses_.empty()) guesses_.resize(size_t{1} << kGuessBits);
  const uint64_t look = look_of_keys<false>(keys, types_);
  guesses_[guess_slot(look)] = {rest_of(look), number + 1};
}

void RecentGroups::grow(size_t num_groups) {
  if (bits_ == kMostBits || (!by_place_.empty() && by_place_.size() >= kSlotsPerGroup * num_groups)) return;
  const int bits = std::clamp<int>(std::bit_width(kSlotsPerGroup * num_groups), kLeastBits, kMostBits);
  if (bits == bits_) return;
  bits_ = bits;
  by_place_.assign(size_t{1} << bits, {});
  places_.assign(by_place_.size() * types_.size(), {});
}

size_t RecentGroups::bytes() const { return codes_.capacity() * sizeof(Recent); }

void RecentGroups::clear() {
  codes_ = {};
  by_place_ = {};
  places_ = {};
  bits_ = 0;
  guesses_ = {};
}

}  // namespace kqlc
