// SPDX-License-Identifier: Apache-2.0
//
// Aggregates that look at all values at once: standard deviation, variance, one row of a group, a bag of
// bags. In: rows. Out: one value a group. Moments are kept with twice the digits and merged by Chan's
// formula, so neither threads nor batches change what they describe. Sources: the page of each aggregation
// function.
#pragma once

#include <cmath>
#include <vector>

#include "runtime/aggregates/state.h"
#include "runtime/aggregates/wide_real.h"
#include "runtime/value/decimal.h"

namespace kqlc::aggregates {

inline double number_of_cell(const Cell& cell, Type type) {
  switch (type) {
    case Type::Int:
      return cell.i;
    case Type::Real:
      return cell.d;
    case Type::Decimal:
      return decimal::to_real(cell.m);
    default:
      return static_cast<double>(cell.l);
  }
}

// A moment of numbers that are infinite or too large is not a number, in whatever order they were taken
// together.
inline double moment(double value) { return std::isfinite(value) ? value : std::nan(""); }

struct MomentState {
  int64_t count = 0;
  WideReal mean;
  WideReal squares;  // sum of the squared distances from the mean
};

// stdev and variance of a sample (count - 1) or of all (count); 0 without values, as Kusto answers.
template <bool root, bool sample, bool conditional>
struct Moments {
  using State = MomentState;
  static constexpr const char* kName = root ? (sample ? (conditional ? "stdevif" : "stdev") : "stdevp")
                                            : (sample ? (conditional ? "varianceif" : "variance")
                                                      : (conditional ? "variancepif" : "variancep"));
  static constexpr const char* kPage =
      root ? (sample ? (conditional ? "stdevif-aggregation-function" : "stdev-aggregation-function")
                     : "stdevp-aggregation-function")
           : (sample ? (conditional ? "varianceif-aggregation-function" : "variance-aggregation-function")
                     : (conditional ? "variancepif-aggregation-function" : "variancep-aggregation-function"));
  static constexpr AggregateSpec spec{.name = kName,
                                      .params = {Accepts::Number, Accepts::Bool},
                                      .num_params = conditional ? 2 : 1,
                                      .result = Type::Real,
                                      .prefix = kName,
                                      .doc = root ? "standard deviation" : "variance",
                                      .page = kPage};
  static void init(Context&, const AggregateCall&, State&) {}
  static void step(Context&, const AggregateCall& call, State& state, const Cell* args) {
    if (!args[0].valid || (conditional && !(args[1].valid && args[1].b))) return;
    WideReal value{number_of_cell(args[0], call.types[0])};
    ++state.count;
    WideReal distance = value - state.mean;
    state.mean = state.mean + distance / static_cast<double>(state.count);
    state.squares = state.squares + distance * (value - state.mean);
  }
  static void merge(Context&, const AggregateCall&, State& into, const State& from) {
    if (from.count == 0) return;
    if (into.count == 0) {
      into = from;
      return;
    }
    double a = static_cast<double>(into.count), b = static_cast<double>(from.count);
    WideReal distance = from.mean - into.mean, step = distance * WideReal{b} / (a + b);
    into.squares = into.squares + from.squares + distance * step * WideReal{a};
    into.mean = into.mean + step;
    into.count += from.count;
  }
  static void finish(Context&, const AggregateCall&, State& state, Cell* out) {
    int64_t divisor = sample ? state.count - 1 : state.count;
    double variance = divisor > 0 ? state.squares.rounded() / static_cast<double>(divisor) : 0;
    if (variance < 0) variance = 0;  // a last bit below nothing
    *out = make_cell(moment(root ? std::sqrt(variance) : variance));
  }
  static void save(const AggregateCall&, const State& state, Writer& writer) { writer.put(state); }
  static bool load(Context&, const AggregateCall&, State& state, Reader& reader) {
    return reader.get(state) && state.count >= 0 && state.count <= int64_t{1} << 60;
  }
};

struct CovarianceState {
  int64_t count = 0;
  WideReal mean_x, mean_y;
  WideReal products;  // sum of the products of the distances from the means
};

// covariance of a sample (count - 1) or of all (count) of the pairs without a null.
template <bool sample, bool conditional>
struct Covariance {
  using State = CovarianceState;
  static constexpr const char* kName = sample ? (conditional ? "covarianceif" : "covariance")
                                              : (conditional ? "covariancepif" : "covariancep");
  static constexpr const char* kPage =
      sample ? (conditional ? "covarianceif-aggregation-function" : "covariance-aggregation-function")
             : (conditional ? "covariancepif-aggregation-function" : "covariancep-aggregation-function");
  static constexpr AggregateSpec spec{.name = kName,
                                      .params = {Accepts::Number, Accepts::Number, Accepts::Bool},
                                      .num_params = conditional ? 3 : 2,
                                      .result = Type::Real,
                                      .named_arguments = 2,
                                      .prefix = kName,
                                      .doc = "covariance of two values",
                                      .page = kPage};
  static void init(Context&, const AggregateCall&, State&) {}
  static void step(Context&, const AggregateCall& call, State& state, const Cell* args) {
    if (!args[0].valid || !args[1].valid || (conditional && !(args[2].valid && args[2].b))) return;
    WideReal x{number_of_cell(args[0], call.types[0])}, y{number_of_cell(args[1], call.types[1])};
    ++state.count;
    WideReal distance = x - state.mean_x;
    state.mean_x = state.mean_x + distance / static_cast<double>(state.count);
    state.mean_y = state.mean_y + (y - state.mean_y) / static_cast<double>(state.count);
    state.products = state.products + distance * (y - state.mean_y);
  }
  static void merge(Context&, const AggregateCall&, State& into, const State& from) {
    if (from.count == 0) return;
    double a = static_cast<double>(into.count), b = static_cast<double>(from.count);
    WideReal x = from.mean_x - into.mean_x, step = x * WideReal{b} / (a + b);
    WideReal y = from.mean_y - into.mean_y;
    into.products = into.products + from.products + step * y * WideReal{a};
    into.mean_x = into.mean_x + step;
    into.mean_y = into.mean_y + y * WideReal{b} / (a + b);
    into.count += from.count;
  }
  static void finish(Context&, const AggregateCall&, State& state, Cell* out) {
    int64_t divisor = sample ? state.count - 1 : state.count;
    *out = make_cell(moment(divisor > 0 ? state.products.rounded() / static_cast<double>(divisor) : 0.0));
  }
  static void save(const AggregateCall&, const State& state, Writer& writer) { writer.put(state); }
  static bool load(Context&, const AggregateCall&, State& state, Reader& reader) {
    return reader.get(state) && state.count >= 0 && state.count <= int64_t{1} << 60;
  }
};

// make_bag: the entries of all bags; of a key given twice the first in input order counts.
template <bool conditional, bool legacy = false>
struct MakeBagOf {
  using State = Elements;
  static constexpr AggregateSpec spec{
      .name = legacy        ? "make_dictionary"
              : conditional ? "make_bag_if"
                            : "make_bag",
      .params = {Accepts::Dynamic, Accepts::Bool},
      .num_params = conditional ? 2 : 1,
      .result = Type::Dynamic,
      .prefix = legacy ? "dictionary" : "bag",
      .doc = "the entries of all bags in one",
      .page = conditional ? "make-bag-if-aggregation-function" : "make-bag-aggregation-function"};
  static void init(Context&, const AggregateCall&, State&) {}
  static void step(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    if (!args[0].valid || (conditional && !(args[1].valid && args[1].b))) return;
    const dynamic::Node* node = dynamic::resolve({args[0].node}, *context.arena);
    if (!node || node->kind != dynamic::Kind::Bag) return;
    state.append({keep(args[0], call.types[0], *context.state_arena), context.position, context.match, 0},
                 *context.state_arena);
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
        keys.insert({key, 0, 0, 0, static_cast<uint32_t>(hash_cell(key, Type::String, arena))}, Type::String,
                    arena, false);
        if (keys.size > before) entries.push_back(bag->entries[e]);
      }
    }
    auto* copy = arena.allocate_array<dynamic::Entry>(entries.size());
    for (size_t i = 0; i < entries.size(); ++i) ::new (copy + i) dynamic::Entry(entries[i]);
    *out = make_cell(dynamic::from_node(dynamic::bag_of(copy, entries.size()), arena));
  }
  static void save(const AggregateCall& call, const State& state, Writer& writer) {
    save_elements(state, call.types[0], writer);
  }
  static bool load(Context& context, const AggregateCall& call, State& state, Reader& reader) {
    return load_elements(state, call.types[0], false, reader, *context.state_arena);
  }
};

using MomentAggregates =
    List<Moments<true, true, false>, Moments<true, true, true>, Moments<true, false, false>,
         Moments<false, true, false>, Moments<false, true, true>, Moments<false, false, false>,
         Moments<false, false, true>, Covariance<true, false>, Covariance<true, true>,
         Covariance<false, false>, Covariance<false, true>, MakeBagOf<false>, MakeBagOf<true>,
         MakeBagOf<false, true>>;

}  // namespace kqlc::aggregates
