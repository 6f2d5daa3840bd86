// SPDX-License-Identifier: Apache-2.0
//
// Aggregates that look at all values at once: standard deviation, variance, one row of a group, a bag of bags. In: rows. Out: one
// value a group. Moments are merged by Chan's formula, so threads do not change the sample they describe.
// Sources: the page of each aggregation function.
#pragma once

#include <cmath>
#include <vector>

#include "runtime/aggregates/state.h"
#include "runtime/value/decimal.h"

namespace kqlc::aggregates {

struct MomentState {
  int64_t count = 0;
  double mean = 0;
  double squares = 0;  // sum of the squared distances from the mean
};

// stdev and variance of a sample (count - 1) or of all (count); 0 without values, as Kusto answers.
template <bool root, bool sample, bool conditional>
struct Moments {
  using State = MomentState;
  static constexpr const char* kName = root ? (sample ? (conditional ? "stdevif" : "stdev") : "stdevp")
                                            : (sample ? (conditional ? "varianceif" : "variance") : "variancep");
  static constexpr const char* kPage = root ? (sample ? (conditional ? "stdevif-aggregation-function" : "stdev-aggregation-function") : "stdevp-aggregation-function")
                                            : (sample ? (conditional ? "varianceif-aggregation-function" : "variance-aggregation-function") : "variancep-aggregation-function");
  static constexpr AggregateSpec spec{.name = kName, .params = {Accepts::Number, Accepts::Bool}, .num_params = conditional ? 2 : 1, .result = Type::Real, .prefix = kName, .doc = root ? "standard deviation" : "variance", .page = kPage};
  static void init(Context&, const AggregateCall&, State&) {}
  static void step(Context&, const AggregateCall& call, State& state, const Cell* args) {
    if (!args[0].valid || (conditional && !(args[1].valid && args[1].b))) return;
    double value = 0;
    switch (call.types[0]) {
      case Type::Int: value = args[0].i; break;
      case Type::Real: value = args[0].d; break;
      case Type::Decimal: value = decimal::to_real(args[0].m); break;
      default: value = static_cast<double>(args[0].l);
    }
    ++state.count;
    double distance = value - state.mean;
    state.mean += distance / static_cast<double>(state.count);
    state.squares += distance * (value - state.mean);
  }
  static void merge(Context&, const AggregateCall&, State& into, const State& from) {
    if (from.count == 0) return;
    if (into.count == 0) {
      into = from;
      return;
    }
    double a = static_cast<double>(into.count), b = static_cast<double>(from.count), distance = from.mean - into.mean;
    into.squares += from.squares + distance * distance * a * b / (a + b);
    into.mean += distance * b / (a + b);
    into.count += from.count;
  }
  static void finish(Context&, const AggregateCall&, State& state, Cell* out) {
    int64_t divisor = sample ? state.count - 1 : state.count;
    double variance = divisor > 0 ? state.squares / static_cast<double>(divisor) : 0;
    *out = make_cell(root ? std::sqrt(variance) : variance);
  }
  static void save(const AggregateCall&, const State& state, Writer& writer) { writer.put(state); }
  static bool load(Context&, const AggregateCall&, State& state, Reader& reader) { return reader.get(state); }
};

// make_bag: the entries of all bags; of a key given twice the first in input order counts.
template <bool conditional>
struct MakeBagOf {
  using State = Elements;
  static constexpr AggregateSpec spec{.name = conditional ? "make_bag_if" : "make_bag", .aliases = {conditional ? nullptr : "make_dictionary"}, .params = {Accepts::Dynamic, Accepts::Bool}, .num_params = conditional ? 2 : 1, .result = Type::Dynamic, .prefix = "bag", .doc = "the entries of all bags in one", .page = conditional ? "make-bag-if-aggregation-function" : "make-bag-aggregation-function"};
  static void init(Context&, const AggregateCall&, State&) {}
  static void step(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    if (!args[0].valid || (conditional && !(args[1].valid && args[1].b))) return;
    const dynamic::Node* node = dynamic::resolve({args[0].node}, *context.arena);
    if (!node || node->kind != dynamic::Kind::Bag) return;
    state.append({keep(args[0], call.types[0], *context.state_arena), context.position, 0}, *context.state_arena);
  }
  static void merge(Context& context, const AggregateCall&, State& into, const State& from) {
    for (uint32_t i = 0; i < from.size; ++i) into.append(from.items[i], *context.state_arena);
  }
  static void finish(Context& context, const AggregateCall&, State& state, Cell* out) {
    Arena& arena = *context.state_arena;
    state.sort_by_position();
    Elements keys;
    std::vector<dynamic::Entry> entries;
    for (uint32_t i = 0; i < state.size; ++i) {
      const dynamic::Node* bag = dynamic::resolve({state.items[i].cell.node}, arena);
      for (uint32_t e = 0; bag && bag->kind == dynamic::Kind::Bag && e < bag->size; ++e) {
        Cell key = make_cell(bag->entries[e].key);
        uint32_t before = keys.size;
        keys.insert({key, 0, 0, static_cast<uint32_t>(hash_cell(key, Type::String, arena))}, Type::String, arena, false);
        if (keys.size > before) entries.push_back(bag->entries[e]);
      }
    }
    auto* copy = arena.allocate_array<dynamic::Entry>(entries.size());
    for (size_t i = 0; i < entries.size(); ++i) ::new (copy + i) dynamic::Entry(entries[i]);
    dynamic::Node node;
    node.kind = dynamic::Kind::Bag;
    node.entries = copy;
    node.size = static_cast<uint32_t>(entries.size());
    *out = make_cell(dynamic::from_node(node, arena));
  }
  static void save(const AggregateCall& call, const State& state, Writer& writer) { save_elements(state, call.types[0], writer); }
  static bool load(Context& context, const AggregateCall& call, State& state, Reader& reader) {
    return load_elements(state, call.types[0], false, reader, *context.state_arena);
  }
};

using MomentAggregates = List<Moments<true, true, false>, Moments<true, true, true>, Moments<true, false, false>, Moments<false, true, false>,
                              Moments<false, true, true>, Moments<false, false, false>, MakeBagOf<false>, MakeBagOf<true>>;

}  // namespace kqlc::aggregates
