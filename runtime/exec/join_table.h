// SPDX-License-Identifier: Apache-2.0
//
// The right side of a join. In: its rows, on several threads. Out: a table that gives for the keys of a left
// row all rows with equal keys, in input order; any number of threads may ask it. Keys are equal as `==` has
// it: rows whose key is null or NaN are not kept, since nothing equals them. Rows stay where the threads put
// them; threads number the keys they meet, so that little is left to do when the table is made.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "runtime/aggregates/state.h"
#include "runtime/base/arena.h"
#include "runtime/exec/runs.h"
#include "runtime/exec/team.h"
#include "runtime/functions/function.h"

namespace kqlc {

// A key column of the right side. `probe` is the type of the left column that is compared with it: the same,
// or int and long in either order, which meet as long.
struct JoinColumn {
  uint32_t column = 0;
  Type probe = Type::String;
};

// Most rows of the right side of a join.
inline constexpr uint64_t kMaxJoinRows = 0xFFFFFFFE;

// Rows of the right side: a pointer to the cells of each.
using JoinMatches = std::span<const Cell* const>;

// Where narrow() leaves what it found.
struct JoinScratch {
  std::vector<uint32_t> rows;
  std::vector<const Cell*> matches;
};

class JoinTable {
 public:
  // The rows that match the keys of a left row.
  JoinMatches find(const Cell* keys) const;
  // Of `matches`, which find() returned: some, in input order, outside of which no value of the column lies
  // in [low, high]. Where these are many, or the values are no numbers in Cell::l (of the types long,
  // datetime, timespan), they may be all. They may lie in `scratch`.
  JoinMatches narrow(JoinMatches matches, size_t column, int64_t low, int64_t high,
                     JoinScratch& scratch) const;
  // A row of nulls, which stands for a match where there is none.
  JoinMatches nulls() const { return {&null_row_, 1}; }
  size_t bytes() const;

 private:
  friend class JoinRows;
  struct Group {
    uint64_t hash;
    uint32_t first, count;  // rows
  };
  // The rows of each key by the values of a column, made for a key when it is first asked for.
  struct Order {
    enum Progress : uint8_t { None, Begun, Done };
    std::once_flag begun;
    std::vector<int64_t> values;                        // sorted within a group
    std::vector<uint32_t> rows;                         // that have them
    std::unique_ptr<std::atomic<Progress>[]> progress;  // by group
  };
  Order& order_of(size_t column) const;
  void sort_group(size_t group, size_t column, Order& order) const;

  std::vector<Type> types_;
  std::vector<JoinColumn> keys_;
  Arena arena_;                          // of the rows
  std::unique_ptr<const Cell*[]> rows_;  // by group, then in input order
  size_t num_rows_ = 0;
  std::vector<Cell> nulls_;
  const Cell* null_row_ = nullptr;
  std::vector<Group> groups_;        // one a key, by their first rows
  std::vector<uint32_t> slots_;      // group + 1 by hash; 0 is free; a power of two
  std::unique_ptr<Order[]> orders_;  // by column
  mutable std::atomic<size_t> order_bytes_{0};
};

// What one thread has seen of the right side.
class JoinRows {
 public:
  JoinRows(const std::vector<Type>& types, const std::vector<JoinColumn>& keys)
      : types_(types), keys_(keys) {}

  // Keeps a row; its texts are copied into the state arena.
  void add(Context& context, const Cell* row);
  // Takes over the rows of `from`, whose state arena has to be adopted by the caller.
  void merge(exec::Team& team, JoinRows& from);
  // Makes the table; the rows are used up.
  std::shared_ptr<const JoinTable> build(exec::Team& team);

  size_t bytes() const;
  void save(Writer& writer) const;
  // Reads what save wrote. Returns false when the bytes are no such rows.
  bool load(Context& context, Reader& reader);

 private:
  struct Entry {
    uint64_t position, match;
    const Cell* cells;
    uint32_t key;
  };
  // A key that was met: one of its rows, how many there are.
  struct Key {
    uint64_t hash;
    const Cell* cells;
    uint32_t count;
  };
  // A text that was met at a place, as it is kept. Texts of a dictionary come again and again.
  struct Recent {
    uint32_t run = 0;  // Context::run
    uint64_t hash = 0;
    Str place, kept;
  };
  const Recent* keep_text(Context& context, Str text, Recent& other);
  uint32_t number_of_key(uint64_t hash, const Cell* cells, uint32_t count);
  void grow_slots();
  size_t num_entries() const;
  void sort_runs(exec::Team& team);

  const std::vector<Type>& types_;
  const std::vector<JoinColumn>& keys_;
  std::vector<std::vector<Entry>> runs_{1};  // by thread, the own first
  std::vector<Key> known_;
  std::vector<uint32_t> slots_;  // place in known_ + 1 by hash, at most half full
  std::unique_ptr<Arena> cells_ = std::make_unique<Arena>();
  std::vector<Recent> recent_;    // by the place of the text
  int recent_bits_ = 0;           // of the number of slots
  size_t num_missed_ = 0;         // since there are that many
  std::vector<uint64_t> hashes_;  // of the texts of a row
};

}  // namespace kqlc
