// SPDX-License-Identifier: Apache-2.0
//
// What a KQL aggregate is. In: a C++ struct with a `spec`, a State and init, step, merge, finish, listed once
// in the List at the end of its family's header. Out: one row of the aggregate table, which feeds binder,
// reference executor, kernels, listings and fuzzers. Steps see rows in any thread, states merge in any order:
// whatever depends on the order of rows (sets, ties, take_any) keeps Context::position and sorts by it in
// finish.
//
// A struct A has:
//   static constexpr AggregateSpec spec{...};
//   struct State;                                            trivially destructible; long-lived memory from
//                                                            Context::state_arena
//   static void init(Context&, const AggregateCall&, State&);
//   static void step(Context&, const AggregateCall&, State&, const Cell* args);
//   static void merge(Context&, const AggregateCall&, State& into, const State& from);   `from` stays
//   readable; its
//                                                            memory lives as long as the result
//   static void unite(Context&, const AggregateCall& into, const AggregateCall& from);    only where states
//   have something
//                                                            in common: before those of two sinks are merged,
//                                                            so that merge changes nothing but `into`
//   static void finish(Context&, const AggregateCall&, State&, Cell* out);    one Cell a result column
//   static void save(const AggregateCall&, const State&, Writer&);
//   static bool load(Context&, const AggregateCall&, State&, Reader&);        false: the bytes are not a
//   state
// and a constexpr `params`/`result` description in its spec, since one aggregate takes many types.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include "runtime/functions/function.h"
#include "runtime/value/type.h"

namespace kqlc {

// One use of an aggregate in a query: the argument types and the constant arguments (limits, percentiles).
struct AggregateCall {
  const Type* types = nullptr;
  const Cell* constants = nullptr;  // where an argument is no constant, the Cell is null
  size_t num_args = 0;
  size_t num_results = 1;
  // What the states of all groups may have in common: a pointer, null at first, to something in the state
  // arena. nullptr: there is no place for it, each state has its own.
  void** shared = nullptr;
};

// Which arguments an aggregate parameter takes.
enum class Accepts : uint8_t {
  Any,        // every scalar type
  Number,     // int, long, real, decimal
  Summable,   // numbers and timespan
  Orderable,  // numbers, datetime, timespan, string, bool, guid
  Bool,
  Long,        // a constant limit, or weights
  Percentile,  // numbers from 0 to 100; a dynamic array of them where the result is an array
  Dynamic,
};

enum class ResultType : uint8_t {
  Fixed,        // `result`
  First,        // the type of the first argument
  Widest,       // sum: long for int, else the type of the first argument
  Mean,         // avg: timespan and datetime stay, decimal stays, all else real
  All,          // arg_max, take_any: each argument gives a column of its type
  PerConstant,  // percentiles: each constant gives a column of the first argument's type, named
                // prefix_argument_constant
};

struct AggregateSpec {
  const char* name = "";
  std::array<const char*, 4> aliases{};
  std::array<Accepts, 4> params{};
  uint8_t num_params = 0;
  uint8_t num_optional = 0;         // of the params, how many at the end may be left out
  bool variadic = false;            // the last param repeats
  bool star = false;                // `*` may stand for the last arguments
  size_t constant_from = SIZE_MAX;  // arguments from here on must be constants
  ResultType result_rule = ResultType::Fixed;
  Type result = Type::Long;
  uint8_t named_arguments = 1;    // how many arguments stand in the name of an unnamed result
  bool names_hold_first = false;  // further columns are called prefix_firstargument_argument (argmax)
  const char* row_name =
      "";                   // results of unnamed arguments: max_, max_first_arg1; any_arg0 (ResultType::All)
  const char* prefix = "";  // unnamed results are called prefix_argument; "" keeps the argument's name
  const char* doc = "";
  const char* page = "";
  std::array<const char*, 8>
      examples{};  // "datatable(x:long)[1,2] | summarize sum(x) | where sum_x == 3"-style queries
};

// How many columns a use with so many arguments makes.
constexpr size_t num_results_of(const AggregateSpec& spec, size_t num_args) {
  if (spec.result_rule == ResultType::All) return num_args;
  return spec.result_rule == ResultType::PerConstant ? num_args - spec.constant_from : 1;
}

// Bytes of a saved state; grows in an arena.
class Writer;
class Reader;

// Some rows, each with the state of its group.
struct StepRows {
  char* const* states = nullptr;        // of all aggregates of the group
  size_t offset = 0;                    // of this one's
  const Cell* args = nullptr;           // of the first row
  size_t stride = 0;                    // Cells from row to row
  const uint64_t* positions = nullptr;  // Context::position
  const uint64_t* matches = nullptr;    // Context::match
  size_t count = 0;
};

using AggregateInit = void (*)(Context&, const AggregateCall&, void* state);
using AggregateStep = void (*)(Context&, const AggregateCall&, void* state, const Cell* args);
using AggregateStepRows = void (*)(Context&, const AggregateCall&, const StepRows&);
using AggregateUnite = void (*)(Context&, const AggregateCall& into, const AggregateCall& from);
using AggregateMerge = void (*)(Context&, const AggregateCall&, void* into, const void* from);
using AggregateFinish = void (*)(Context&, const AggregateCall&, void* state, Cell* out);
using AggregateSave = void (*)(const AggregateCall&, const void* state, Writer&);
using AggregateLoad = bool (*)(Context&, const AggregateCall&, void* state, Reader&);

// One row of the aggregate table.
struct Aggregate {
  AggregateSpec spec;
  size_t state_size = 0;  // aligned to 16
  AggregateInit init = nullptr;
  AggregateStep step = nullptr;
  AggregateStepRows step_rows = nullptr;
  AggregateUnite unite = nullptr;  // of those whose states have something in common
  AggregateMerge merge = nullptr;
  AggregateFinish finish = nullptr;
  AggregateSave save = nullptr;
  AggregateLoad load = nullptr;
};

namespace bind {

template <class A>
struct AggregateThunk {
  using State = typename A::State;
  static_assert(alignof(State) <= 16);
  static void init(Context& context, const AggregateCall& call, void* state) {
    A::init(context, call, *::new (state) State());
  }
  static void step(Context& context, const AggregateCall& call, void* state, const Cell* args) {
    A::step(context, call, *static_cast<State*>(state), args);
  }
  static void step_rows(Context& context, const AggregateCall& call, const StepRows& rows) {
    for (size_t i = 0; i < rows.count; ++i) {
      context.position = rows.positions[i];
      context.match = rows.matches[i];
      A::step(context, call, *reinterpret_cast<State*>(rows.states[i] + rows.offset),
              rows.args + i * rows.stride);
    }
  }
  static void merge(Context& context, const AggregateCall& call, void* into, const void* from) {
    A::merge(context, call, *static_cast<State*>(into), *static_cast<const State*>(from));
  }
  static void finish(Context& context, const AggregateCall& call, void* state, Cell* out) {
    A::finish(context, call, *static_cast<State*>(state), out);
  }
  static void save(const AggregateCall& call, const void* state, Writer& writer) {
    A::save(call, *static_cast<const State*>(state), writer);
  }
  static bool load(Context& context, const AggregateCall& call, void* state, Reader& reader) {
    return A::load(context, call, *::new (state) State(), reader);
  }
};

template <class A>
constexpr Aggregate make_aggregate() {
  using T = AggregateThunk<A>;
  Aggregate row;
  row.spec = A::spec;
  row.state_size = (sizeof(typename A::State) + 15) & ~size_t{15};
  row.init = &T::init;
  row.step = &T::step;
  row.step_rows = &T::step_rows;
  if constexpr (requires { &A::unite; }) row.unite = &A::unite;
  row.merge = &T::merge;
  row.finish = &T::finish;
  row.save = &T::save;
  row.load = &T::load;
  return row;
}

template <class L>
struct AggregateRows;
template <class... A>
struct AggregateRows<List<A...>> {
  static constexpr std::array<Aggregate, sizeof...(A)> rows{make_aggregate<A>()...};
};

}  // namespace bind

// All aggregates, in the order of runtime/aggregates/all.h; a row's index is its slot.
std::span<const Aggregate> aggregate_table();

}  // namespace kqlc
