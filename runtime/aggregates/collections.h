// SPDX-License-Identifier: Apache-2.0
//
// Aggregates that collect values: sets, lists, numbers of different values. In: rows. Out: an array of the
// values in the order of their first rows, or how many there are. Sources: the page of each aggregation
// function.
#pragma once

#include <algorithm>

#include "runtime/aggregates/state.h"
#include "runtime/aggregates/sums.h"
#include "runtime/aggregates/value_numbers.h"

namespace kqlc::aggregates {

// make_set, make_list: elements with their positions.
inline constexpr int64_t kMaxElements = 1'048'576;
// Adds a value to a set; of an array each element is a value.
inline void insert_value(Context& context, const AggregateCall& call, Elements& state, Element element) {
  const dynamic::Node* node =
      call.types[0] == Type::Dynamic ? dynamic::resolve({element.cell.node}, *context.arena) : nullptr;
  if (node && node->kind == dynamic::Kind::Array) {
    for (uint32_t i = 0; i < node->size; ++i) {
      if (node->items[i].kind == dynamic::Kind::Null) continue;
      element.cell.node = &node->items[i];
      element.ordinal = i;
      element.hash = static_cast<uint32_t>(hash_cell(element.cell, Type::Dynamic, *context.arena));
      state.insert(element, Type::Dynamic, *context.state_arena, true);
    }
    return;
  }
  element.hash = static_cast<uint32_t>(hash_cell(element.cell, call.types[0], *context.arena));
  state.insert(element, call.types[0], *context.state_arena, true);
}
template <bool set, int condition_at, bool with_nulls = false>
struct Collect {
  using State = Elements;
  static void init(Context&, const AggregateCall&, State&) {}
  static void step(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    if ((!args[0].valid && !with_nulls) || (condition_at > 0 && !condition_holds(args[condition_at]))) return;
    Element element{args[0], context.position, context.match, 0, 0};
    if constexpr (set) {
      insert_value(context, call, state, element);
    } else {
      element.cell = keep(args[0], call.types[0], *context.state_arena);
      state.append(element, *context.state_arena);
    }
  }
  static void merge(Context& context, const AggregateCall& call, State& into, const State& from) {
    for (uint32_t i = 0; i < from.size; ++i) {
      if constexpr (set) {
        into.insert(from.items[i], call.types[0], *context.state_arena, false);
      } else {
        into.append(from.items[i], *context.state_arena);
      }
    }
  }
  static void save(const AggregateCall& call, const State& state, Writer& writer) {
    save_elements(state, call.types[0], writer);
  }
  static bool load(Context& context, const AggregateCall& call, State& state, Reader& reader) {
    return load_elements(state, call.types[0], set, reader, *context.state_arena);
  }
  static void finish(Context& context, const AggregateCall& call, State& state, Cell* out) {
    state.sort_by_position();
    int64_t limit = kMaxElements;
    size_t limit_at = condition_at > 0 ? 2 : 1;
    if (call.num_args > limit_at && call.constants[limit_at].valid)
      limit = call.types[limit_at] == Type::Int ? call.constants[limit_at].i : call.constants[limit_at].l;
    uint32_t size =
        static_cast<uint32_t>(std::clamp<int64_t>(limit, 0, std::min<int64_t>(kMaxElements, state.size)));
    auto* items = context.state_arena->allocate_array<dynamic::Node>(size);
    for (uint32_t i = 0; i < size; ++i)
      ::new (items + i)
          dynamic::Node(dynamic::node_of_cell(state.items[i].cell, call.types[0], *context.state_arena));
    *out = make_cell(dynamic::from_node(dynamic::array_of(items, size), *context.state_arena));
  }
};
// How many different values there are, arrays whole: dcount and its relatives.
struct DistinctState {
  ValueNumbers* values = nullptr;  // one for all groups of a sink
  NumberSet set;
};
template <int condition_at>
struct Distinct {
  using State = DistinctState;
  static void init(Context& context, const AggregateCall& call, State& state) {
    void* own = nullptr;
    void** shared = call.shared ? call.shared : &own;
    if (!*shared) *shared = ::new (context.state_arena->allocate_array<ValueNumbers>(1)) ValueNumbers();
    state.values = static_cast<ValueNumbers*>(*shared);
  }
  static void insert(Context& context, const AggregateCall& call, State& state, const Cell& value,
                     bool copy) {
    uint32_t number = state.values->number_of(value, call.types[0], context, copy);
    state.set.insert(number, state.values->size(), *context.state_arena);
  }
  static void step(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    if (!args[0].valid || (condition_at > 0 && !condition_holds(args[condition_at]))) return;
    insert(context, call, state, args[0], true);
  }
  static void unite(Context& context, const AggregateCall& into, const AggregateCall& from) {
    if (!*from.shared) return;
    State unused;
    init(context, into, unused);
    static_cast<ValueNumbers*>(*from.shared)
        ->numbers_in(*static_cast<ValueNumbers*>(*into.shared), into.types[0], *context.state_arena);
  }
  static void merge(Context& context, const AggregateCall& call, State& into, const State& from) {
    Arena& arena = *context.state_arena;
    const uint32_t* numbers = from.values->numbers_in(*into.values, call.types[0], arena);
    into.set.unite(
        from.set, [&](uint32_t number) { return numbers ? numbers[number] : number; }, into.values->size(),
        arena);
  }
  static void save(const AggregateCall& call, const State& state, Writer& writer) {
    Arena scratch;
    writer.put(state.set.size());
    state.set.for_each(
        [&](uint32_t number) { save_cell(state.values->value(number), call.types[0], writer, scratch); });
  }
  static bool load(Context& context, const AggregateCall& call, State& state, Reader& reader) {
    uint32_t size = 0;
    if (!reader.get(size)) return false;
    init(context, call, state);
    for (uint32_t i = 0; i < size; ++i) {
      Cell value;
      if (!load_cell(value, call.types[0], reader, *context.state_arena) || !value.valid) return false;
      insert(context, call, state, value, false);
    }
    return state.set.size() == size;
  }
  static void finish(Context&, const AggregateCall&, State& state, Cell* out) {
    *out = make_cell(static_cast<int64_t>(state.set.size()));
  }
};
struct MakeSet : Collect<true, 0> {
  static constexpr AggregateSpec spec{.name = "make_set",
                                      .aliases = {"makeset"},
                                      .params = {Accepts::Any, Accepts::Long},
                                      .num_params = 2,
                                      .num_optional = 1,
                                      .constant_from = 1,
                                      .result = Type::Dynamic,
                                      .prefix = "set",
                                      .doc = "the different values, as an array",
                                      .page = "make-set-aggregation-function"};
};
struct MakeSetIf : Collect<true, 1> {
  static constexpr AggregateSpec spec{.name = "make_set_if",
                                      .params = {Accepts::Any, Accepts::Bool, Accepts::Long},
                                      .num_params = 3,
                                      .num_optional = 1,
                                      .constant_from = 2,
                                      .result = Type::Dynamic,
                                      .prefix = "set",
                                      .doc = "the different values where the condition holds",
                                      .page = "make-set-if-aggregation-function"};
};
struct MakeList : Collect<false, 0> {
  static constexpr AggregateSpec spec{.name = "make_list",
                                      .aliases = {"makelist"},
                                      .params = {Accepts::Any, Accepts::Long},
                                      .num_params = 2,
                                      .num_optional = 1,
                                      .constant_from = 1,
                                      .result = Type::Dynamic,
                                      .prefix = "list",
                                      .doc = "the values, as an array",
                                      .page = "make-list-aggregation-function"};
};
struct MakeListIf : Collect<false, 1> {
  static constexpr AggregateSpec spec{.name = "make_list_if",
                                      .params = {Accepts::Any, Accepts::Bool, Accepts::Long},
                                      .num_params = 3,
                                      .num_optional = 1,
                                      .constant_from = 2,
                                      .result = Type::Dynamic,
                                      .prefix = "list",
                                      .doc = "the values where the condition holds",
                                      .page = "make-list-if-aggregation-function"};
};
struct MakeListWithNulls : Collect<false, 0, true> {
  static constexpr AggregateSpec spec{.name = "make_list_with_nulls",
                                      .params = {Accepts::Any},
                                      .num_params = 1,
                                      .result = Type::Dynamic,
                                      .prefix = "list",
                                      .doc = "the values, nulls too, as an array",
                                      .page = "make-list-with-nulls-aggregation-function"};
};
struct DCount : Distinct<0> {
  static constexpr AggregateSpec spec{.name = "dcount",
                                      .params = {Accepts::Any, Accepts::Long},
                                      .num_params = 2,
                                      .num_optional = 1,
                                      .constant_from = 1,
                                      .result = Type::Long,
                                      .prefix = "dcount",
                                      .doc = "number of different values (exact here)",
                                      .page = "dcount-aggregation-function"};
};
struct CountDistinct : DCount {
  static constexpr AggregateSpec spec{.name = "count_distinct",
                                      .params = {Accepts::Any},
                                      .num_params = 1,
                                      .result = Type::Long,
                                      .prefix = "count_distinct",
                                      .doc = "number of different values",
                                      .page = "count-distinct-aggregation-function"};
};
struct DCountIf : Distinct<1> {
  static constexpr AggregateSpec spec{
      .name = "dcountif",
      .params = {Accepts::Any, Accepts::Bool, Accepts::Long},
      .num_params = 3,
      .num_optional = 1,
      .constant_from = 2,
      .result = Type::Long,
      .prefix = "dcountif",
      .doc = "number of different values where the condition holds (exact here)",
      .page = "dcountif-aggregation-function"};
};

struct CountDistinctIf : DCountIf {
  static constexpr AggregateSpec spec{.name = "count_distinctif",
                                      .params = {Accepts::Any, Accepts::Bool},
                                      .num_params = 2,
                                      .result = Type::Long,
                                      .prefix = "count_distinctif",
                                      .doc = "number of different values where the condition holds",
                                      .page = "count-distinctif-aggregation-function"};
};

using CollectionAggregates = List<MakeSet, MakeSetIf, MakeList, MakeListIf, MakeListWithNulls, DCount,
                                  DCountIf, CountDistinct, CountDistinctIf>;

}  // namespace kqlc::aggregates
