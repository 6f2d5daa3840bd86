// SPDX-License-Identifier: Apache-2.0
//
// percentile, percentiles and their weighted and array forms. In: numbers, times or durations, weights where
// the name says so, constant percentiles from 0 to 100. Out: values of the first argument's type, or an array
// of them; null without values. Exact, by the nearest rank: the smallest value that so many percent of all
// are not greater than. A state keeps each different value once with its count. Sources: pages percentiles-
// and percentilesw-aggregation-function.
#pragma once

#include <algorithm>
#include <vector>

#include "runtime/aggregates/state.h"

namespace kqlc::aggregates {

// The values at the percentiles among all the constants from `first` on, in the order given.
std::vector<Cell> values_at_percentiles(Elements& counted, const AggregateCall& call, size_t first,
                                        Arena& arena);
Dynamic array_at_percentiles(Elements& counted, const AggregateCall& call, size_t first, Arena& arena);

template <bool weighted>
struct CountedValues {
  using State = Elements;
  static constexpr size_t kFirstConstant = weighted ? 2 : 1;
  static void init(Context&, const AggregateCall&, State&) {}
  static void step(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    if (!args[0].valid) return;
    int64_t weight = 1;
    if constexpr (weighted) weight = !args[1].valid ? 0 : call.types[1] == Type::Int ? args[1].i : args[1].l;
    if (weight > 0)
      state.find_or_add(args[0], call.types[0], *context.state_arena, true).position +=
          static_cast<uint64_t>(weight);
  }
  static void merge(Context& context, const AggregateCall& call, State& into, const State& from) {
    for (uint32_t i = 0; i < from.size; ++i)
      into.find_or_add(from.items[i].cell, call.types[0], *context.state_arena, false).position +=
          from.items[i].position;
  }
  static void save(const AggregateCall& call, const State& state, Writer& writer) {
    save_elements(state, call.types[0], writer);
  }
  static bool load(Context& context, const AggregateCall& call, State& state, Reader& reader) {
    return load_elements(state, call.types[0], true, reader, *context.state_arena);
  }
};

template <bool weighted, bool several>
struct Percentiles : CountedValues<weighted> {
  static constexpr const char* kName =
      weighted ? (several ? "percentilesw" : "percentilew") : (several ? "percentiles" : "percentile");
  static constexpr AggregateSpec spec{
      .name = kName,
      .params = {Accepts::Summable, weighted ? Accepts::Long : Accepts::Percentile, Accepts::Percentile},
      .num_params = weighted ? 3 : 2,
      .variadic = several,
      .constant_from = weighted ? 2 : 1,
      .result_rule = ResultType::PerConstant,
      .prefix = "percentile",
      .doc = "the value that so many percent are not greater than (exact here)",
      .page = weighted ? "percentilesw-aggregation-function" : "percentiles-aggregation-function"};
  static void finish(Context& context, const AggregateCall& call, Elements& state, Cell* out) {
    std::vector<Cell> values =
        values_at_percentiles(state, call, CountedValues<weighted>::kFirstConstant, *context.state_arena);
    std::copy(values.begin(), values.end(), out);
  }
};
template <bool weighted>
struct PercentilesArray : CountedValues<weighted> {
  static constexpr AggregateSpec spec{
      .name = weighted ? "percentilesw_array" : "percentiles_array",
      .params = {Accepts::Summable, weighted ? Accepts::Long : Accepts::Percentile, Accepts::Percentile},
      .num_params = weighted ? 3 : 2,
      .variadic = true,
      .constant_from = weighted ? 2 : 1,
      .result = Type::Dynamic,
      .prefix = "percentiles",
      .doc = "the values at some percentiles as an array (exact here)",
      .page = weighted ? "percentilesw-aggregation-function" : "percentiles-aggregation-function"};
  static void finish(Context& context, const AggregateCall& call, Elements& state, Cell* out) {
    *out = make_cell(
        array_at_percentiles(state, call, CountedValues<weighted>::kFirstConstant, *context.state_arena));
  }
};

using PercentileAggregates =
    List<Percentiles<false, false>, Percentiles<false, true>, Percentiles<true, false>,
         Percentiles<true, true>, PercentilesArray<false>, PercentilesArray<true>>;

}  // namespace kqlc::aggregates
