// SPDX-License-Identifier: Apache-2.0
//
// Random tables and random typed queries over them. In: a seed. Out: TableData and a Query whose functions
// and aggregates are taken from the registry by their parameter types, so that a new function is covered when
// it is listed. The same seed gives the same query on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "runtime/functions/function.h"
#include "tests/differential/query.h"
#include "tests/engines/table_data.h"

namespace kqlc::differential {

// splitmix64; the standard's distributions differ between libraries.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  size_t below(size_t bound) { return static_cast<size_t>(next() % bound); }
  bool chance(size_t percent) { return below(100) < percent; }
  template <class List>
  const auto& pick(const List& list) {
    return list[below(std::size(list))];
  }

 private:
  uint64_t state_;
};

// A table of every type, with nulls and repeated values; `rows` of them.
engines::TableData make_table(const std::string& name, size_t rows, Random& random);

class Generator {
 public:
  Generator(Random& random, std::vector<engines::TableData>& tables) : random_(random), tables_(tables) {}
  Query make_query();

 private:
  Term expression(Type type, int depth);
  Term literal(Type type);
  Term operand(Type type, int depth);
  Term call(Type type, int depth);
  Term logic(int depth);
  Term choice(Type type, int depth);
  Term between(int depth);
  Term argument(const Function& row, size_t index, bool constants, int depth);
  Term aggregate(std::string& name);
  Term plain_number();
  Type any_type();
  Type result_of(const plan::Schema& schema, size_t index) const { return schema[index].type; }
  std::string new_name() { return "v" + std::to_string(names_++); }

  Stage source();
  // Appends an operator; knows what columns it leaves.
  void add_operator(Query& query);
  void add_where(Query& query);
  void add_columns(Query& query, bool extend);
  void add_column_choice(Query& query);
  void add_summarize(Query& query);
  void add_sort(Query& query);
  void add_union(Query& query);
  void add_join(Query& query);
  // The right side of a join as text, and its columns.
  std::string right_side(plan::Schema& schema);
  std::string join_condition(const plan::Schema& right);
  void add_let(Query& query);
  std::string some_columns(size_t most);

  Random& random_;
  std::vector<engines::TableData>& tables_;
  plan::Schema schema_;   // of the rows at this point
  plan::Schema scalars_;  // names of scalar lets
  int names_ = 0;
};

}  // namespace kqlc::differential
