// SPDX-License-Identifier: Apache-2.0
//
// Aggregates that keep one value or row of a group: the extremes, the rows of an extreme, any row. In: rows.
// Out: the cells of the row that is best, of equal ones those of the first in input order. Sources: the page
// of each aggregation function.
#pragma once

#include <algorithm>
#include <cstring>

#include "runtime/aggregates/state.h"
#include "runtime/aggregates/sums.h"

namespace kqlc::aggregates {

// arg_min, arg_max and take_any keep one row: the best, of equal ones the first.
// Its texts lie in one block that the next best row takes over: in a log, which grows by time, nearly every
// row is the latest for a while, and what it leaves must not pile up.
struct RowState {
  union Room {
    struct {
      char* texts;
      uint64_t capacity;  // bytes of `texts`
    } block;
    Cell cell;  // the only cell, of one that refers to nothing
    Room() : block{nullptr, 0} {}
  };
  Cell* cells = nullptr;
  Room room;
  uint64_t position = 0, match = 0;  // as Context's
  int64_t best = 0;                  // where `settled` and a value is compared
  bool settled = false;              // most rows can be turned down without a look at the cells
};
template <int direction>  // 1: largest, -1: smallest, 0: first
struct BestRow {
  using State = RowState;
  static void init(Context&, const AggregateCall&, State&) {}
  static bool is_earlier(const State& state, uint64_t position, uint64_t match) {
    return position != state.position ? position < state.position : match < state.match;
  }
  // Whether the row is certainly no better.
  static bool is_worse(const State& state, const Cell& value, uint64_t position, uint64_t match) {
    if (!state.settled) return false;
    if (direction == 0 || !value.valid) return direction != 0 || !is_earlier(state, position, match);
    if (value.l == state.best) return !is_earlier(state, position, match);
    return (value.l < state.best) == (direction > 0);
  }
  static void settle(const AggregateCall& call, State& state) {
    const Cell& value = state.cells[0];
    const bool is_empty = !value.valid || (call.types[0] == Type::String && value.s.size == 0);
    state.settled =
        direction == 0 ? !is_empty || call.num_results > 1 : value.valid && orders_as_long(call.types[0]);
    state.best = value.l;
  }
  static bool better(const AggregateCall& call, const State& state, const Cell& value, uint64_t position,
                     uint64_t match) {
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
    return order > 0 || (order == 0 && is_earlier(state, position, match));
  }
  static void take(Context& context, const AggregateCall& call, State& state, const Cell* args,
                   uint64_t position, uint64_t match) {
    if (!state.cells) make_cells(context, call, state);
    make_room(context, call, state, args);
    char* place = state.room.block.texts;
    for (size_t i = 0; i < call.num_results; ++i) {
      if (call.types[i] != Type::String) {
        const bool refers = call.types[i] == Type::Dynamic;
        state.cells[i] = refers ? keep(args[i], Type::Dynamic, *context.state_arena) : args[i];
        continue;
      }
      const Str text = args[i].s;
      state.cells[i] = args[i];
      state.cells[i].s = Str(place, text.size);
      if (text.size) std::memcpy(place, text.data, text.size);
      place += text.size;
    }
    state.position = position;
    state.match = match;
    settle(call, state);
  }
  static void make_cells(Context& context, const AggregateCall& call, State& state) {
    const bool refers = call.types[0] == Type::String || call.types[0] == Type::Dynamic;
    state.cells = call.num_results == 1 && !refers
                      ? &state.room.cell
                      : context.state_arena->allocate_array<Cell>(call.num_results);
    for (size_t i = 0; i < call.num_results; ++i) ::new (state.cells + i) Cell();
  }
  // Makes `texts` hold the strings of `args`. A new block is at least twice the old one, so all of them
  // together take no more than twice the last.
  static void make_room(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    uint64_t size = 0;
    for (size_t i = 0; i < call.num_results; ++i)
      if (call.types[i] == Type::String) size += args[i].s.size;
    auto& [texts, capacity] = state.room.block;
    if (size == 0 || size <= capacity) return;
    capacity = std::max(size, capacity * 2);
    texts = static_cast<char*>(context.state_arena->allocate(capacity));
  }
  static void offer(Context& context, const AggregateCall& call, State& state, const Cell* args,
                    uint64_t position, uint64_t match) {
    if (is_worse(state, args[0], position, match)) return;
    if (better(call, state, args[0], position, match)) take(context, call, state, args, position, match);
  }
  static void step(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    offer(context, call, state, args, context.position, context.match);
  }
  static void merge(Context& context, const AggregateCall& call, State& into, const State& from) {
    if (from.cells) offer(context, call, into, from.cells, from.position, from.match);
  }
  static void finish(Context&, const AggregateCall& call, State& state, Cell* out) {
    for (size_t i = 0; i < call.num_results; ++i)
      out[i] = state.cells ? state.cells[i] : null_cell(call.types[i]);
  }
  static void save(const AggregateCall& call, const State& state, Writer& writer) {
    Arena scratch;
    writer.put(static_cast<uint8_t>(state.cells != nullptr));
    writer.put(state.position);
    writer.put(state.match);
    if (state.cells)
      for (size_t i = 0; i < call.num_results; ++i) save_cell(state.cells[i], call.types[i], writer, scratch);
  }
  static bool load(Context& context, const AggregateCall& call, State& state, Reader& reader) {
    uint8_t present = 0;
    if (!reader.get(present) || !reader.get(state.position) || !reader.get(state.match)) return false;
    if (!present) return true;
    make_cells(context, call, state);
    for (size_t i = 0; i < call.num_results; ++i)
      if (!load_cell(state.cells[i], call.types[i], reader, *context.state_arena)) return false;
    settle(call, state);
    return true;
  }
};
// min and max keep one value. What orders as a number stands in the state itself, so a state takes a quarter
// of a cache line: where groups are many, each of their lines comes from memory. Equal numbers are the same,
// so it does not matter which was first. Other values are a row of one cell.
struct ExtremeState {
  union {
    int64_t best = 0;
    RowState* row;
  };
  bool has_value = false;  // one of the two
};
template <int direction>  // as BestRow's
struct Extreme {
  using State = ExtremeState;
  using Row = BestRow<direction>;
  static void init(Context&, const AggregateCall&, State&) {}
  static void offer(State& state, int64_t value) {
    if (!state.has_value || (direction > 0 ? value > state.best : value < state.best)) state.best = value;
    state.has_value = true;
  }
  static RowState& row_of(Context& context, State& state) {
    if (!state.has_value) state.row = ::new (context.state_arena->allocate(sizeof(RowState))) RowState();
    state.has_value = true;
    return *state.row;
  }
  static void step(Context& context, const AggregateCall& call, State& state, const Cell* args) {
    if (!orders_as_long(call.types[0])) return Row::step(context, call, row_of(context, state), args);
    if (args[0].valid) offer(state, args[0].l);
  }
  static void merge(Context& context, const AggregateCall& call, State& into, const State& from) {
    if (!from.has_value) return;
    if (orders_as_long(call.types[0])) return offer(into, from.best);
    Row::merge(context, call, row_of(context, into), *from.row);
  }
  static void finish(Context& context, const AggregateCall& call, State& state, Cell* out) {
    out[0] = null_cell(call.types[0]);
    if (!state.has_value) return;
    if (!orders_as_long(call.types[0])) return Row::finish(context, call, *state.row, out);
    out[0].l = state.best;
    out[0].valid = true;
  }
  static void save(const AggregateCall& call, const State& state, Writer& writer) {
    writer.put(static_cast<uint8_t>(state.has_value));
    if (!state.has_value) return;
    if (orders_as_long(call.types[0])) return writer.put(state.best);
    Row::save(call, *state.row, writer);
  }
  static bool load(Context& context, const AggregateCall& call, State& state, Reader& reader) {
    uint8_t has_value = 0;
    if (!reader.get(has_value)) return false;
    if (!has_value) return true;
    if (!orders_as_long(call.types[0])) return Row::load(context, call, row_of(context, state), reader);
    state.has_value = true;
    return reader.get(state.best);
  }
};
struct Max : Extreme<1> {
  static constexpr AggregateSpec spec{.name = "max",
                                      .params = {Accepts::Orderable},
                                      .num_params = 1,
                                      .result_rule = ResultType::First,
                                      .prefix = "max",
                                      .doc = "largest value",
                                      .page = "max-aggregation-function"};
};
struct Min : Extreme<-1> {
  static constexpr AggregateSpec spec{.name = "min",
                                      .params = {Accepts::Orderable},
                                      .num_params = 1,
                                      .result_rule = ResultType::First,
                                      .prefix = "min",
                                      .doc = "smallest value",
                                      .page = "min-aggregation-function"};
};
template <class Base>
struct Conditional : Base {
  static void step(Context& context, const AggregateCall& call, typename Base::State& state,
                   const Cell* args) {
    if (condition_holds(args[1])) Base::step(context, call, state, args);
  }
};
struct MaxIf : Conditional<Extreme<1>> {
  static constexpr AggregateSpec spec{.name = "maxif",
                                      .params = {Accepts::Orderable, Accepts::Bool},
                                      .num_params = 2,
                                      .result_rule = ResultType::First,
                                      .prefix = "maxif",
                                      .doc = "largest value where the condition holds",
                                      .page = "maxif-aggregation-function"};
};
struct MinIf : Conditional<Extreme<-1>> {
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
struct TakeAnyIf : Conditional<BestRow<0>> {
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

using RowAggregates =
    List<Min, Max, MinIf, MaxIf, ArgMax, ArgMin, TakeAny, Any, TakeAnyIf, AnyIf, ArgMaxLegacy, ArgMinLegacy>;

}  // namespace kqlc::aggregates
