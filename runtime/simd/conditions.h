// SPDX-License-Identifier: Apache-2.0
//
// ConditionSet: conditions on the texts of one column, decided together. In: conditions, each of which asks
// for any or all of its patterns; then columns of any string encoding. Out: for each condition the rows that
// hold it. The one idea: equal patterns are one, and all of them are searched for in one pass over the
// column's bytes, so that a thousand rules cost little more than one; only where one occurs are the borders
// of terms looked at. A set is immutable after construction and shared by threads; what they find lies in
// Decisions, one a thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/simd/multi_search.h"
#include "runtime/simd/needle.h"

namespace kqlc::simd {

// A needle that is not prepared yet.
struct Pattern {
  Match match = Match::Contains;
  Case letter_case = Case::Ignored;
  std::string text;
  friend bool operator==(const Pattern&, const Pattern&) = default;
  friend auto operator<=>(const Pattern&, const Pattern&) = default;
};

struct Condition {
  std::vector<Pattern> patterns;
  bool all = false;      // all of them have to fit; else one
  bool negated = false;  // holds where that is not so
  friend bool operator==(const Condition&, const Condition&) = default;
  friend auto operator<=>(const Condition&, const Condition&) = default;
};

class ConditionSet;

// What a thread has found out about a column. Memory: a bit a row for each condition that holds somewhere.
class Decisions {
 public:
  Decisions() = default;
  Decisions(const Decisions&) = delete;
  Decisions& operator=(const Decisions&) = delete;

 private:
  friend class ConditionSet;
  using Bitmap = std::vector<uint64_t>;
  void begin(size_t num_slots, size_t num_conditions, size_t rows);
  void set(uint32_t slot, size_t row);
  bool has(uint32_t slot, size_t row) const;
  const Bitmap* bits(uint32_t slot) const { return touched_[slot] ? &bits_[slot] : nullptr; }

  size_t rows_ = 0;
  std::vector<Bitmap> bits_;  // by slot, right where touched
  std::vector<char> touched_;
  std::vector<uint32_t> list_;   // of the slots touched
  std::vector<Bitmap> derived_;  // by condition, of those that are no slot as it is
  std::vector<char> is_derived_;
  std::string bytes_;  // texts that lay apart, put together
  std::vector<int64_t> offsets_;
  std::vector<Str> texts_;             // that lie in order
  std::unique_ptr<Decisions> values_;  // of a dictionary
};

class ConditionSet {
 public:
  explicit ConditionSet(std::vector<Condition> conditions);
  ConditionSet(ConditionSet&&) noexcept = default;
  ~ConditionSet();

  const std::vector<Condition>& conditions() const { return conditions_; }

  // Finds out which rows hold which condition; a null row counts as "".
  void decide(const StringColumn& column, Decisions& out) const;
  // The same for rows of which each has one of `values` or none, if no pattern fits any of these; else
  // returns false, and nothing is decided.
  bool decide_by_values(const StringColumn& values, int64_t num_rows, Decisions& out) const;
  // The rows that hold a condition, as decide() left it in `decisions`: (rows + 63) / 64 words, valid until
  // it is called again; nullptr: none.
  const uint64_t* rows(size_t condition, Decisions& decisions) const;

  // Whether a text holds the only condition. Requires: there is one.
  bool matches(Str text) const;
  // Sets bit r of `bitmap`, cleared by the caller, where row r holds the only condition.
  void filter(const StringColumn& column, uint64_t* bitmap) const;

 private:
  // Needles that are searched for in one pass.
  struct Group {
    std::vector<uint32_t> needles;
    LearningSearch search;
  };
  struct Plan {
    std::vector<uint32_t> slots;  // rows of any: their only one; of all: one a pattern
  };
  template <class Texts>
  struct Walk;
  class ValueSlots;

  void add_patterns();
  void group_needles();
  bool join_groups(const std::vector<Group>& groups);
  LearningSearch make_search(const std::vector<uint32_t>& numbers) const;
  void decide_rows(const StringColumn& column, Decisions& out) const;
  void decide_dictionary(const StringColumn& column, Decisions& out) const;
  void decide_apart(const StringColumn& column, Decisions& out) const;
  size_t gather(const StringColumn& column, size_t first, Decisions& out) const;
  template <class Texts>
  void decide_run(const Texts& texts, size_t rows, size_t first_row, Decisions& out) const;
  bool any_fits(Str text) const;
  void hold(uint32_t needle, size_t row, Decisions& out) const;

  std::vector<Condition> conditions_;
  std::vector<Plan> plans_;                   // by condition
  std::vector<PreparedNeedle> needles_;       // all different
  std::vector<std::vector<uint32_t>> slots_;  // by needle
  size_t num_slots_ = 0;
  std::vector<uint32_t> alone_;  // needles that no pass finds, or so few that each has its own
  std::vector<Group> groups_;
  std::vector<uint32_t> fit_empty_;  // needles that fit ""
};

}  // namespace kqlc::simd
