// SPDX-License-Identifier: Apache-2.0
//
// The list of all aggregates: count, sum, extremes, sets, lists, rows of an extreme. What each means stands
// in its struct; null arguments are left out everywhere. Sources: the page of each aggregation function.
#pragma once

#include <algorithm>
#include <cstring>

#include "runtime/aggregates/bits.h"
#include "runtime/aggregates/moments.h"
#include "runtime/aggregates/percentiles.h"
#include "runtime/aggregates/state.h"
#include "runtime/value/decimal.h"

namespace kqlc::aggregates {

inline bool condition_holds(const Cell& cell) { return cell.valid && cell.b; }

// States that are plain numbers are saved as their bytes.
template <class S>
struct PlainState {
  using State = S;
  static void init(Context&, const AggregateCall&, State&) {}
  static void save(const AggregateCall&, const State& state, Writer& writer) { writer.put(state); }
  // Bytes from elsewhere may hold anything: counts that rows cannot have are refused.
  static bool load(Context&, const AggregateCall&, State& state, Reader& reader) {
    if (!reader.get(state)) return false;
    if constexpr (requires { state.decimal; })
      if (!decimal::is_finite(state.decimal)) return false;
    auto counts = [](int64_t rows) { return rows >= 0 && rows <= int64_t{1} << 60; };
    if constexpr (requires { state.rows; }) return counts(state.rows);
    if constexpr (requires { state.count; }) return counts(state.count);
    return true;
  }
};

struct CountState {
  int64_t rows = 0;
};
struct Count : PlainState<CountState> {
  static constexpr AggregateSpec spec{.name = "count",
                                      .result = Type::Long,
                                      .prefix = "count",
                                      .doc = "number of rows",
                                      .page = "count-aggregation-function"};
  static void step(Context&, const AggregateCall&, State& state, const Cell*) { ++state.rows; }
  static void merge(Context&, const AggregateCall&, State& into, const State& from) {
    into.rows += from.rows;
  }
  static void finish(Context&, const AggregateCall&, State& state, Cell* out) {
    *out = make_cell(state.rows);
  }
};
struct CountIf : Count {
  static constexpr AggregateSpec spec{.name = "countif",
                                      .params = {Accepts::Bool},
                                      .num_params = 1,
                                      .result = Type::Long,
                                      .prefix = "countif",
                                      .doc = "number of rows where the condition holds",
                                      .page = "countif-aggregation-function"};
  static void step(Context&, const AggregateCall&, State& state, const Cell* args) {
    state.rows += condition_holds(args[0]);
  }
};

// Sums of real carry the rounding error along, so that the order of rows hardly shows.
struct SumState {
  int64_t whole = 0;
  double high = 0, low = 0;
  kqlc::Decimal decimal{};
  int64_t count = 0;
  uint8_t has_decimal = 0;
};
inline void add_real(SumState& state, double value) {
  double sum = state.high + value, part = sum - state.high;
  state.low += (state.high - (sum - part)) + (value - part);
  state.high = sum;
}
struct Sum : PlainState<SumState> {
  static constexpr AggregateSpec spec{.name = "sum",
                                      .params = {Accepts::Summable},
                                      .num_params = 1,
                                      .result_rule = ResultType::Widest,
                                      .prefix = "sum",
                                      .doc = "sum of the values",
                                      .page = "sum-aggregation-function"};
  static void add(const AggregateCall& call, State& state, const Cell& value) {
    if (!value.valid) return;
    ++state.count;
    switch (call.types[0]) {
      case Type::Int:
        state.whole += value.i;
        break;
      case Type::Real:
        add_real(state, value.d);
        break;
      case Type::Decimal:
        state.decimal = state.has_decimal ? decimal::add(state.decimal, value.m) : value.m;
        state.has_decimal = true;
        break;
      default:
        state.whole =
            static_cast<int64_t>(static_cast<uint64_t>(state.whole) + static_cast<uint64_t>(value.l));
    }
  }
  static void step(Context&, const AggregateCall& call, State& state, const Cell* args) {
    add(call, state, args[0]);
  }
  static void merge(Context&, const AggregateCall&, State& into, const State& from) {
    into.count += from.count;
    into.whole = static_cast<int64_t>(static_cast<uint64_t>(into.whole) + static_cast<uint64_t>(from.whole));
    if (from.count) {
      add_real(into, from.high);
      into.low += from.low;
    }
    if (from.has_decimal) {
      into.decimal = into.has_decimal ? decimal::add(into.decimal, from.decimal) : from.decimal;
      into.has_decimal = true;
    }
  }
  static double real(const State& state) {
    double total = state.high + state.low;
    return total == total ? total : state.high;  // the error term of an infinite sum is NaN
  }
  static void finish(Context&, const AggregateCall& call, State& state, Cell* out) {
    switch (call.types[0]) {
      case Type::Real:
        *out = make_cell(real(state));
        break;
      case Type::Decimal:
        *out = make_cell(state.has_decimal ? state.decimal : decimal::from_long(0));
        break;
      default:
        *out = make_cell(state.whole);
    }
  }
};
struct SumIf : Sum {
  static constexpr AggregateSpec spec{.name = "sumif",
                                      .params = {Accepts::Summable, Accepts::Bool},
                                      .num_params = 2,
                                      .result_rule = ResultType::Widest,
                                      .prefix = "sumif",
                                      .doc = "sum of the values where the condition holds",
                                      .page = "sumif-aggregation-function"};
  static void step(Context&, const AggregateCall& call, State& state, const Cell* args) {
    if (condition_holds(args[1])) add(call, state, args[0]);
  }
};
struct Avg : Sum {
  static constexpr AggregateSpec spec{.name = "avg",
                                      .params = {Accepts::Summable},
                                      .num_params = 1,
                                      .result_rule = ResultType::Mean,
                                      .prefix = "avg",
                                      .doc = "mean of the values",
                                      .page = "avg-aggregation-function"};
  static void step(Context&, const AggregateCall& call, State& state, const Cell* args) {
    if (args[0].valid && call.types[0] != Type::Real && call.types[0] != Type::Decimal)
      add_real(state, static_cast<double>(call.types[0] == Type::Int ? args[0].i : args[0].l));
    add(call, state, args[0]);
  }
  static void finish(Context&, const AggregateCall& call, State& state, Cell* out) {
    Type type = call.types[0];
    if (state.count == 0) {
      *out = null_cell(Type::Real);
      if (type == Type::Int || type == Type::Long || type == Type::Real) *out = make_cell(__builtin_nan(""));
      return;
    }
    double mean = real(state) / static_cast<double>(state.count);
    if (type == Type::Decimal) {
      *out = make_cell(*decimal::divide(state.decimal, decimal::from_long(state.count)));
    } else if (type == Type::DateTime || type == Type::TimeSpan) {
      *out = make_cell(static_cast<int64_t>(mean));
    } else {
      *out = make_cell(mean);
    }
  }
};
struct AvgIf : Avg {
  static constexpr AggregateSpec spec{.name = "avgif",
                                      .params = {Accepts::Summable, Accepts::Bool},
                                      .num_params = 2,
                                      .result_rule = ResultType::Mean,
                                      .prefix = "avgif",
                                      .doc = "mean of the values where the condition holds",
                                      .page = "avgif-aggregation-function"};
  static void step(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    if (condition_holds(args[1])) Avg::step(context, call, state, args);
  }
};

// min, max, arg_min, arg_max and take_any keep one row: the best, of equal ones the first.
// Its texts lie in one block that the next best row takes over: in a log, which grows by time, nearly every
// row is the latest for a while, and what it leaves must not pile up.
struct RowState {
  Cell* cells = nullptr;
  char* texts = nullptr;
  uint64_t capacity = 0;  // bytes of `texts`
  uint64_t position = 0;
};
template <int direction>  // 1: largest, -1: smallest, 0: first
struct BestRow {
  using State = RowState;
  static void init(Context&, const AggregateCall&, State&) {}
  static bool better(const AggregateCall& call, const State& state, const Cell& value, uint64_t position) {
    if (!state.cells) return true;
    if (direction == 0 && call.num_results == 1) {
      // take_any of one expression gives a value that is neither null nor empty, if there is one.
      auto empty = [&](const Cell& cell) {
        return !cell.valid || (call.types[0] == Type::String && cell.s.size == 0);
      };
      if (empty(value) != empty(state.cells[0])) return empty(state.cells[0]);
    }
    // A null is less than every value for both directions: it is kept only while there is nothing else.
    if (direction != 0 && value.valid != state.cells[0].valid) return value.valid;
    bool comparable = direction != 0 && value.valid;
    int order = !comparable ? 0 : compare_cells(value, state.cells[0], call.types[0]) * direction;
    return order > 0 || (order == 0 && position < state.position);
  }
  static void take(Context& context, const AggregateCall& call, State& state, const Cell* args,
                   uint64_t position) {
    if (!state.cells) {
      state.cells = context.state_arena->allocate_array<Cell>(call.num_results);
      for (size_t i = 0; i < call.num_results; ++i) ::new (state.cells + i) Cell();
    }
    make_room(context, call, state, args);
    char* place = state.texts;
    for (size_t i = 0; i < call.num_results; ++i) {
      if (call.types[i] != Type::String) {
        state.cells[i] = keep(args[i], call.types[i], *context.state_arena);
        continue;
      }
      const Str text = args[i].s;
      state.cells[i] = args[i];
      state.cells[i].s = Str(place, text.size);
      if (text.size) std::memcpy(place, text.data, text.size);
      place += text.size;
    }
    state.position = position;
  }
  // Makes `texts` hold the strings of `args`. A new block is at least twice the old one, so all of them
  // together take no more than twice the last.
  static void make_room(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    uint64_t size = 0;
    for (size_t i = 0; i < call.num_results; ++i)
      if (call.types[i] == Type::String) size += args[i].s.size;
    if (size <= state.capacity) return;
    state.capacity = std::max(size, state.capacity * 2);
    state.texts = static_cast<char*>(context.state_arena->allocate(state.capacity));
  }
  static void offer(Context& context, const AggregateCall& call, State& state, const Cell* args,
                    uint64_t position) {
    if (better(call, state, args[0], position)) take(context, call, state, args, position);
  }
  static void step(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    offer(context, call, state, args, context.position);
  }
  static void merge(Context& context, const AggregateCall& call, State& into, const State& from) {
    if (from.cells) offer(context, call, into, from.cells, from.position);
  }
  static void finish(Context&, const AggregateCall& call, State& state, Cell* out) {
    for (size_t i = 0; i < call.num_results; ++i)
      out[i] = state.cells ? state.cells[i] : null_cell(call.types[i]);
  }
  static void save(const AggregateCall& call, const State& state, Writer& writer) {
    Arena scratch;
    writer.put(static_cast<uint8_t>(state.cells != nullptr));
    writer.put(state.position);
    if (state.cells)
      for (size_t i = 0; i < call.num_results; ++i) save_cell(state.cells[i], call.types[i], writer, scratch);
  }
  static bool load(Context& context, const AggregateCall& call, State& state, Reader& reader) {
    uint8_t present = 0;
    if (!reader.get(present) || !reader.get(state.position)) return false;
    if (!present) return true;
    state.cells = context.state_arena->allocate_array<Cell>(call.num_results);
    for (size_t i = 0; i < call.num_results; ++i)
      if (!load_cell(*::new (state.cells + i) Cell(), call.types[i], reader, *context.state_arena))
        return false;
    return true;
  }
};
struct Max : BestRow<1> {
  static constexpr AggregateSpec spec{.name = "max",
                                      .params = {Accepts::Orderable},
                                      .num_params = 1,
                                      .result_rule = ResultType::First,
                                      .prefix = "max",
                                      .doc = "largest value",
                                      .page = "max-aggregation-function"};
};
struct Min : BestRow<-1> {
  static constexpr AggregateSpec spec{.name = "min",
                                      .params = {Accepts::Orderable},
                                      .num_params = 1,
                                      .result_rule = ResultType::First,
                                      .prefix = "min",
                                      .doc = "smallest value",
                                      .page = "min-aggregation-function"};
};
template <class Base>
struct ConditionalExtreme : Base {
  static void step(Context& context, const AggregateCall& call, RowState& state, const Cell* args) {
    if (condition_holds(args[1])) Base::step(context, call, state, args);
  }
};
struct MaxIf : ConditionalExtreme<BestRow<1>> {
  static constexpr AggregateSpec spec{.name = "maxif",
                                      .params = {Accepts::Orderable, Accepts::Bool},
                                      .num_params = 2,
                                      .result_rule = ResultType::First,
                                      .prefix = "maxif",
                                      .doc = "largest value where the condition holds",
                                      .page = "maxif-aggregation-function"};
};
struct MinIf : ConditionalExtreme<BestRow<-1>> {
  static constexpr AggregateSpec spec{.name = "minif",
                                      .params = {Accepts::Orderable, Accepts::Bool},
                                      .num_params = 2,
                                      .result_rule = ResultType::First,
                                      .prefix = "minif",
                                      .doc = "smallest value where the condition holds",
                                      .page = "minif-aggregation-function"};
};
struct ArgMax : BestRow<1> {
  static constexpr AggregateSpec spec{.name = "arg_max",
                                      .params = {Accepts::Orderable, Accepts::Any},
                                      .num_params = 2,
                                      .num_optional = 1,
                                      .variadic = true,
                                      .star = true,
                                      .result_rule = ResultType::All,
                                      .row_name = "max",
                                      .doc = "the row with the largest value",
                                      .page = "arg-max-aggregation-function"};
};
struct ArgMin : BestRow<-1> {
  static constexpr AggregateSpec spec{.name = "arg_min",
                                      .params = {Accepts::Orderable, Accepts::Any},
                                      .num_params = 2,
                                      .num_optional = 1,
                                      .variadic = true,
                                      .star = true,
                                      .result_rule = ResultType::All,
                                      .row_name = "min",
                                      .doc = "the row with the smallest value",
                                      .page = "arg-min-aggregation-function"};
};

struct ArgMaxLegacy : BestRow<1> {
  static constexpr AggregateSpec spec{.name = "argmax",
                                      .params = {Accepts::Orderable, Accepts::Any},
                                      .num_params = 2,
                                      .num_optional = 1,
                                      .variadic = true,
                                      .star = true,
                                      .result_rule = ResultType::All,
                                      .names_hold_first = true,
                                      .row_name = "max",
                                      .prefix = "max",
                                      .doc = "the old name of arg_max",
                                      .page = "arg-max-aggregation-function"};
};
struct ArgMinLegacy : BestRow<-1> {
  static constexpr AggregateSpec spec{.name = "argmin",
                                      .params = {Accepts::Orderable, Accepts::Any},
                                      .num_params = 2,
                                      .num_optional = 1,
                                      .variadic = true,
                                      .star = true,
                                      .result_rule = ResultType::All,
                                      .names_hold_first = true,
                                      .row_name = "min",
                                      .prefix = "min",
                                      .doc = "the old name of arg_min",
                                      .page = "arg-min-aggregation-function"};
};

struct TakeAny : BestRow<0> {
  static constexpr AggregateSpec spec{.name = "take_any",
                                      .params = {Accepts::Any},
                                      .num_params = 1,
                                      .variadic = true,
                                      .star = true,
                                      .result_rule = ResultType::All,
                                      .row_name = "any",
                                      .doc = "one row of the group (here the first)",
                                      .page = "take-any-aggregation-function"};
};
struct Any : BestRow<0> {
  static constexpr AggregateSpec spec{.name = "any",
                                      .params = {Accepts::Any},
                                      .num_params = 1,
                                      .variadic = true,
                                      .star = true,
                                      .result_rule = ResultType::All,
                                      .row_name = "any",
                                      .prefix = "any",
                                      .doc = "the old name of take_any",
                                      .page = "take-any-aggregation-function"};
};
struct TakeAnyIf : ConditionalExtreme<BestRow<0>> {
  static constexpr AggregateSpec spec{.name = "take_anyif",
                                      .params = {Accepts::Any, Accepts::Bool},
                                      .num_params = 2,
                                      .result_rule = ResultType::First,
                                      .doc = "a value of a row where the condition holds (here the first)",
                                      .page = "take-anyif-aggregation-function"};
};

struct AnyIf : TakeAnyIf {
  static constexpr AggregateSpec spec{.name = "anyif",
                                      .params = {Accepts::Any, Accepts::Bool},
                                      .num_params = 2,
                                      .result_rule = ResultType::First,
                                      .prefix = "anyif",
                                      .doc = "the old name of take_anyif",
                                      .page = "take-anyif-aggregation-function"};
};

// make_set, make_list, dcount: elements with their positions.
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
    Element element{args[0], context.position, 0, 0};
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
// The different values themselves, arrays whole: dcount and its relatives.
template <int condition_at>
struct Distinct : Collect<true, condition_at> {
  static void step(Context& context, const AggregateCall& call, Elements& state, const Cell* args) {
    if (!args[0].valid || (condition_at > 0 && !condition_holds(args[condition_at]))) return;
    Element element{args[0], context.position, 0,
                    static_cast<uint32_t>(hash_cell(args[0], call.types[0], *context.arena))};
    state.insert(element, call.types[0], *context.state_arena, true);
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
  static void finish(Context&, const AggregateCall&, State& state, Cell* out) {
    *out = make_cell(static_cast<int64_t>(state.size));
  }
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
  static void finish(Context&, const AggregateCall&, State& state, Cell* out) {
    *out = make_cell(static_cast<int64_t>(state.size));
  }
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

using AllAggregates =
    Join<List<Count, CountIf, Sum, SumIf, Avg, AvgIf, Min, Max, MinIf, MaxIf, ArgMax, ArgMin, MakeSet,
              MakeSetIf, MakeList, MakeListIf, MakeListWithNulls, DCount, DCountIf, CountDistinct,
              CountDistinctIf, TakeAny, Any, TakeAnyIf, AnyIf, ArgMaxLegacy, ArgMinLegacy>,
         MomentAggregates, PercentileAggregates, BitAggregates>;

}  // namespace kqlc::aggregates
