// SPDX-License-Identifier: Apache-2.0
//
// binary_all_and, binary_all_or, binary_all_xor: whole numbers joined bit by bit. In: int or long. Out: a
// long; null without values. Sources: the page of each aggregation function.
#pragma once

#include "runtime/aggregates/state.h"

namespace kqlc::aggregates {

struct BitState {
  int64_t bits = 0;
  bool any = false;
};
enum class JoinBits { And, Or, Xor };

template <JoinBits how>
struct BinaryAll {
  using State = BitState;
  static constexpr int kIndex = static_cast<int>(how);
  static constexpr const char* kNames[3] = {"binary_all_and", "binary_all_or", "binary_all_xor"};
  static constexpr const char* kPages[3] = {"binary-all-and-aggregation-function",
                                            "binary-all-or-aggregation-function",
                                            "binary-all-xor-aggregation-function"};
  static constexpr AggregateSpec spec{.name = kNames[kIndex],
                                      .params = {Accepts::Long},
                                      .num_params = 1,
                                      .result = Type::Long,
                                      .doc = "the values joined bit by bit",
                                      .page = kPages[kIndex]};
  static void init(Context&, const AggregateCall&, State&) {}
  static void add(State& state, int64_t bits) {
    if (!state.any) {
      state = {bits, true};
    } else {
      state.bits = how == JoinBits::And  ? state.bits & bits
                   : how == JoinBits::Or ? state.bits | bits
                                         : state.bits ^ bits;
    }
  }
  static void step(Context&, const AggregateCall& call, State& state, const Cell* args) {
    if (args[0].valid) add(state, call.types[0] == Type::Int ? args[0].i : args[0].l);
  }
  static void merge(Context&, const AggregateCall&, State& into, const State& from) {
    if (from.any) add(into, from.bits);
  }
  static void finish(Context&, const AggregateCall&, State& state, Cell* out) {
    *out = state.any ? make_cell(state.bits) : null_cell(Type::Long);
  }
  static void save(const AggregateCall&, const State& state, Writer& writer) {
    writer.put(static_cast<uint8_t>(state.any));
    writer.put(state.bits);
  }
  static bool load(Context&, const AggregateCall&, State& state, Reader& reader) {
    uint8_t any = 0;
    if (!reader.get(any) || any > 1) return false;
    state.any = any != 0;
    return reader.get(state.bits);
  }
};

using BitAggregates = List<BinaryAll<JoinBits::And>, BinaryAll<JoinBits::Or>, BinaryAll<JoinBits::Xor>>;

}  // namespace kqlc::aggregates
