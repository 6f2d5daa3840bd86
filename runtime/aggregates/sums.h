// SPDX-License-Identifier: Apache-2.0
//
// Aggregates that count and add: count, sum, avg and their conditional forms. In: rows. Out: one number a
// group. A sum of real carries its rounding error along, so that the order of rows hardly shows. Sources: the
// page of each aggregation function.
#pragma once

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

using SumAggregates = List<Count, CountIf, Sum, SumIf, Avg, AvgIf>;

}  // namespace kqlc::aggregates
