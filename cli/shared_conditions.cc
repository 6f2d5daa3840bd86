// SPDX-License-Identifier: Apache-2.0
//
// Threads share the sets of conditions and nothing else.
#include "cli/shared_conditions.h"

#include "runtime/base/side_by_side.h"

namespace kqlc::cli {

namespace {

// Whether a row stands in all of the bitmaps.
bool meet(const std::vector<const uint64_t*>& bitmaps, int64_t num_rows) {
  for (int64_t word = 0; word * 64 < num_rows; ++word) {
    uint64_t holds = ~uint64_t{0};
    for (const uint64_t* bitmap : bitmaps) holds &= bitmap[word];
    if (holds) return true;
  }
  return false;
}

}  // namespace

void SharedConditions::add(const exec::Kernel& kernel, size_t input, const std::vector<size_t>& places) {
  std::vector<Atom>& atoms = inputs_.emplace_back();
  for (const exec::Atom& from : kernel.program().inputs[input].atoms) {
    auto [known, is_new] = column_at_.try_emplace(places[from.column], columns_.size());
    if (is_new) columns_.emplace_back().place = places[from.column];
    auto& numbers = columns_[known->second].numbers;
    auto number = numbers.try_emplace(kernel.describe(from), numbers.size()).first;
    atoms.push_back({known->second, number->second});
  }
}

void SharedConditions::prepare() {
  side_by_side(columns_.size(), threads_.size(), [&](size_t i, size_t) {
    Column& column = columns_[i];
    std::vector<simd::Condition> conditions(column.numbers.size());
    for (auto& [condition, number] : column.numbers) conditions[number] = condition;
    column.numbers.clear();
    column.set = std::make_unique<simd::ConditionSet>(std::move(conditions));
  });
  for (std::vector<Known>& thread : threads_) thread = std::vector<Known>(columns_.size());
}

void SharedConditions::begin(size_t thread) {
  for (Known& known : threads_[thread]) known.is_decided = false;
}

// Rows whose values fit no pattern need not be read to be decided.
bool SharedConditions::decide(const Column& column, const Batch& batch, simd::Decisions& decisions) {
  kqlc::Column values;
  int64_t size = 0;
  if (batch.loader && batch.loader->find_values(column.place, &values, &size) &&
      column.set->decide_by_values(StringColumn{values, size}, batch.num_rows, decisions))
    return true;
  if (batch.loader && !batch.loader->load(column.place, nullptr)) return false;
  column.set->decide(StringColumn{batch.columns[column.place], batch.num_rows}, decisions);
  return true;
}

bool SharedConditions::select(size_t thread, size_t input, const Batch& batch,
                              std::vector<const uint64_t*>& atoms) {
  atoms.clear();
  for (const Atom& atom : inputs_[input]) {
    const Column& column = columns_[atom.column];
    Known& known = threads_[thread][atom.column];
    if (!known.is_decided && !decide(column, batch, known.decisions)) return false;
    known.is_decided = true;
    atoms.push_back(column.set->rows(atom.condition, known.decisions));
    if (!atoms.back()) return false;
  }
  return atoms.empty() || meet(atoms, batch.num_rows);
}

}  // namespace kqlc::cli
