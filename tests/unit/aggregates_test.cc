// SPDX-License-Identifier: Apache-2.0
//
// Aggregates by their rows: rows split over two states in both orders give what one state gives, also after
// saving and loading; damaged bytes are refused, never read past their end.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "runtime/aggregates/state.h"
#include "runtime/aggregates/value_numbers.h"

namespace kqlc {
namespace {

const Aggregate& row_of(std::string_view name) {
  for (const Aggregate& row : aggregate_table())
    if (name == row.spec.name) return row;
  ADD_FAILURE() << "no aggregate " << name;
  return aggregate_table()[0];
}

// Aggregates one column, the rows from `split` on in a second state, and returns the result as text.
std::string result_of(std::string_view name, const std::vector<Cell>& values, Type type, Type result,
                      size_t split, bool second_first, Cell constant) {
  const Aggregate& row = row_of(name);
  Arena arena;
  Context context;
  context.arena = context.state_arena = &arena;
  Type types[2] = {type, Type::Real};
  Cell constants[2] = {Cell(), constant};
  AggregateCall call{types, constants, row.spec.num_params > 0 ? size_t{1} + constant.valid : 0, 1};
  void* states[2] = {arena.allocate(row.state_size), arena.allocate(row.state_size)};
  for (void* state : states) row.init(context, call, state);
  for (size_t i = 0; i < values.size(); ++i) {
    context.position = i;
    row.step(context, call, states[i >= split], &values[i]);
  }
  void* into = states[second_first];
  row.merge(context, call, into, states[!second_first]);
  Writer writer;
  row.save(call, into, writer);
  for (size_t cut = 0; cut < writer.bytes.size(); ++cut) {
    Reader damaged(std::string_view(writer.bytes).substr(0, cut));
    void* state = arena.allocate(row.state_size);
    EXPECT_FALSE(row.load(context, call, state, damaged)) << name << " cut at " << cut;
  }
  Reader reader(writer.bytes);
  void* loaded = arena.allocate(row.state_size);
  EXPECT_TRUE(row.load(context, call, loaded, reader)) << name;
  Cell out;
  row.finish(context, call, loaded, &out);
  if (!out.valid) return "null";
  dynamic::Node node = dynamic::node_of_cell(out, result, arena);
  return std::string(dynamic::to_text(&node, arena).view());
}

void expect(std::string_view name, const std::vector<Cell>& values, Type type, Type result,
            std::string_view answer, Cell constant = Cell()) {
  for (size_t split = 0; split <= values.size(); ++split)
    for (bool second_first : {false, true})
      EXPECT_EQ(result_of(name, values, type, result, split, second_first, constant), answer)
          << name << " split at " << split << (second_first ? ", turned" : "");
}

std::vector<Cell> longs(std::initializer_list<int64_t> values) {
  std::vector<Cell> cells;
  for (int64_t value : values) cells.push_back(make_cell(value));
  return cells;
}

// Whether a saved state of these bytes is taken.
bool loads(std::string_view name, Type type, const Writer& saved) {
  const Aggregate& row = row_of(name);
  Arena arena;
  Context context;
  context.arena = context.state_arena = &arena;
  Type types[2] = {type, type};
  Cell constants[2];
  AggregateCall call{types, constants, row.spec.num_params, 1};
  void* state = arena.allocate(row.state_size);
  row.init(context, call, state);
  Reader reader(saved.bytes);
  return row.load(context, call, state, reader);
}

TEST(Aggregates, SavedStatesThatNoRowsGiveAreRefused) {
  for (int64_t count : {int64_t{-1}, INT64_MIN, INT64_MAX, int64_t{5}}) {
    Writer saved;
    saved.put(count);
    for (int i = 0; i < 6; ++i) saved.put(0.5);
    EXPECT_EQ(loads("covariance", Type::Real, saved), count == 5) << count;
  }
  for (uint8_t any : {0, 1, 2, 255}) {
    Writer saved;
    saved.put(any);
    saved.put(int64_t{7});
    EXPECT_EQ(loads("binary_all_or", Type::Long, saved), any <= 1) << int{any};
  }
  // 50 arrays, each said to have as many items as there are bytes left.
  Writer saved;
  saved.put(uint32_t{1});
  saved.put(uint64_t{0});
  saved.put(uint32_t{0});
  saved.put(uint8_t{1});
  for (int i = 0; i < 50; ++i) {
    saved.put(dynamic::Kind::Array);
    saved.put(uint32_t{1000});
  }
  saved.bytes.resize(saved.bytes.size() + 2000, '\0');
  EXPECT_FALSE(loads("make_list", Type::Dynamic, saved));
}

TEST(Aggregates, Numbers) {
  std::vector<Cell> values = longs({1, 5, 3, 5});
  values.push_back(null_cell(Type::Long));
  expect("count", values, Type::Long, Type::Long, "5");
  expect("sum", values, Type::Long, Type::Long, "14");
  expect("avg", values, Type::Long, Type::Real, "3.5");
  expect("min", values, Type::Long, Type::Long, "1");
  expect("max", values, Type::Long, Type::Long, "5");
  expect("dcount", values, Type::Long, Type::Long, "3");
  expect("make_set", values, Type::Long, Type::Dynamic, "[1,5,3]");
  expect("make_list", values, Type::Long, Type::Dynamic, "[1,5,3,5]");
  expect("take_any", values, Type::Long, Type::Long, "1");
}

TEST(Aggregates, Spread) {
  expect("variancep", {make_cell(HUGE_VAL), make_cell(2.0), make_cell(3.0)}, Type::Real, Type::Real, "NaN");
  expect("variance", longs({1, 2, 3, 4, 5}), Type::Long, Type::Real, "2.5");
  expect("variancep", longs({1, 2, 3, 4, 5}), Type::Long, Type::Real, "2.0");
  expect("stdev", longs({7}), Type::Long, Type::Real, "0.0");
  expect("stdev", {}, Type::Long, Type::Real, "0.0");
}

TEST(Aggregates, Percentiles) {
  std::vector<Cell> values = longs({15, 20, 35, 40, 50, 35});
  values.push_back(null_cell(Type::Long));
  expect("percentile", {make_cell(-0.0), make_cell(0.0)}, Type::Real, Type::Real, "0.0", make_cell(50.0));
  expect("percentile", values, Type::Long, Type::Long, "15", make_cell(0.0));
  expect("percentile", values, Type::Long, Type::Long, "35", make_cell(50.0));
  expect("percentile", values, Type::Long, Type::Long, "40", make_cell(83.0));
  expect("percentile", values, Type::Long, Type::Long, "50", make_cell(100.0));
  expect("percentiles_array", values, Type::Long, Type::Dynamic, "[20]", make_cell(30.0));
  expect("percentile", {}, Type::Long, Type::Long, "null", make_cell(50.0));
  expect("percentiles_array", {}, Type::Long, Type::Dynamic, "null", make_cell(50.0));
}

TEST(Aggregates, Bits) {
  std::vector<Cell> values = longs({0xFFFFFFFF, 0xFFFFF00F, 0xCFFFFFFD, 0xFAFEFFFF});
  values.push_back(null_cell(Type::Long));
  expect("binary_all_and", values, Type::Long, Type::Long, "3405705229");
  expect("binary_all_or", longs({1, 8, 2}), Type::Long, Type::Long, "11");
  expect("binary_all_xor", longs({1, 3, 8}), Type::Long, Type::Long, "10");
  expect("binary_all_or", {}, Type::Long, Type::Long, "null");
}

TEST(Aggregates, ListWithNulls) {
  expect("make_list_with_nulls", {make_cell(int64_t{1}), null_cell(Type::Long), make_cell(int64_t{2})},
         Type::Long, Type::Dynamic, "[1,null,2]");
}

TEST(Aggregates, TakeAnyPrefersAValue) {
  expect("take_any", {make_cell(Str("")), make_cell(Str("b")), make_cell(Str("c"))}, Type::String,
         Type::String, "b");
}

// A log grows by time: each row is the latest for a while. What it replaces is used again.
TEST(Aggregates, ReplacedTextsDoNotPileUp) {
  const Aggregate& row = row_of("max");
  Arena arena;
  Context context;
  context.arena = context.state_arena = &arena;
  Cell none;
  const Type type = Type::String;
  AggregateCall call{&type, &none, 1, 1};
  void* state = arena.allocate(row.state_size);
  row.init(context, call, state);
  std::string text;
  for (int i = 0; i < 10'000; ++i) {
    text = std::to_string(100'000 + i) + std::string(static_cast<size_t>(i % 1000), 'x');
    Cell value = make_cell(Str(text));
    row.step(context, call, state, &value);
    text.assign(text.size(), '?');  // the state keeps no pointer into the batch
  }
  Cell out;
  row.finish(context, call, state, &out);
  EXPECT_EQ(out.s.view(), "109999" + std::string(999, 'x'));
  EXPECT_LT(arena.bytes(), 100'000u);  // 5 MB of texts went through
}

// Sets of every size, so that tables and bitmaps meet in both orders; the universe of the second is larger.
TEST(NumberSet, UnitesWithAnothersNumbers) {
  constexpr uint32_t kSeed = 17;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  const uint32_t universes[] = {5, 200, 3000}, sizes[] = {0, 1, 7, 9, 40, 150, 2000};
  for (uint32_t universe : universes)
    for (uint32_t into_size : sizes)
      for (uint32_t from_size : sizes) {
        Arena arena;
        aggregates::NumberSet into, from;
        std::set<uint32_t> expected;
        std::vector<uint32_t> map(universe);
        std::iota(map.begin(), map.end(), universe / 2);
        std::ranges::shuffle(map, random);
        for (uint32_t i = 0; i < into_size; ++i) {
          const auto number = static_cast<uint32_t>(random() % universe);
          into.insert(number, universe, arena);
          expected.insert(number);
        }
        for (uint32_t i = 0; i < from_size; ++i) {
          const auto number = static_cast<uint32_t>(random() % universe);
          from.insert(number, universe, arena);
          expected.insert(map[number]);
        }
        into.unite(from, [&](uint32_t number) { return map[number]; }, 2 * universe, arena);
        std::set<uint32_t> found;
        into.for_each([&](uint32_t number) { EXPECT_TRUE(found.insert(number).second); });
        EXPECT_EQ(found, expected) << universe << " " << into_size << " " << from_size;
        EXPECT_EQ(into.size(), expected.size());
      }
}

TEST(Aggregates, Bags) {
  Arena arena;
  std::vector<Cell> bags = {make_cell(dynamic::parse(Str("{\"a\":1}"), arena)),
                            make_cell(dynamic::parse(Str("{\"b\":2,\"a\":3}"), arena)),
                            make_cell(dynamic::parse(Str("[1]"), arena))};
  expect("make_bag", bags, Type::Dynamic, Type::Dynamic, "{\"a\":1,\"b\":2}");
}

}  // namespace
}  // namespace kqlc
