// SPDX-License-Identifier: Apache-2.0
//
// The right side of a join. In: its rows, on several threads. Out: a table that gives for the keys of a left
// row all rows with equal keys, in input order, one behind the other in memory; any number of threads may ask
// it. Keys are equal as `==` has it: rows whose key is null or NaN are not kept, since nothing equals them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/aggregates/state.h"
#include "runtime/base/arena.h"
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

class JoinTable {
 public:
  // Returns the first of the rows that match the keys of a left row, or nullptr, and how many there are; the
  // cells of each row follow those of the one before.
  const Cell* find(const Cell* keys, uint64_t& count) const;
  // Of the `count` rows from `first` on, which find() returned: writes some, in input order, outside of which
  // no value of the column lies in [low, high]. Where these are many, or the values are no
  // numbers in Cell::l (of the types long, datetime, timespan), they may be all.
  void narrow(const Cell* first, uint64_t count, size_t column, int64_t low, int64_t high,
              std::vector<const Cell*>& out) const;
  // A row of nulls, which stands for a match where there is none.
  const Cell* nulls() const { return nulls_.data(); }
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
  bool is_ordered(size_t column) const;
  Order& order_of(size_t column) const;
  void sort_group(size_t group, size_t column, Order& order) const;

  std::vector<Type> types_;
  std::vector<JoinColumn> keys_;
  Arena arena_;  // of rows_
  Cell* rows_ = nullptr;
  size_t num_rows_ = 0;
  std::vector<Cell> nulls_;
  std::vector<Group> groups_;        // one a key
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
  // Takes over the rows of `from`, whose arena has to be adopted by the caller.
  void merge(JoinRows& from);
  // Makes the table; the rows are used up.
  std::shared_ptr<const JoinTable> build();

  size_t bytes() const { return entries_.capacity() * sizeof(Entry) + cells_->bytes(); }
  void save(Writer& writer) const;
  // Reads what save wrote. Returns false when the bytes are no such rows.
  bool load(Context& context, Reader& reader);

 private:
  struct Entry {
    uint64_t position, match;
    uint64_t hash;
    const Cell* cells;
  };
  // A text that was met at a place, as it is kept. Texts of a dictionary come again and again.
  struct Recent {
    uint32_t run = 0;  // Context::run
    uint64_t hash = 0;
    Str place, kept;
  };
  std::vector<uint32_t> order() const;
  std::vector<uint32_t> group(const std::vector<uint32_t>& order, JoinTable& table) const;
  const Cell* row(size_t number) const { return entries_[number].cells; }
  const Recent* keep_text(Context& context, Str text, Recent& other);

  const std::vector<Type>& types_;
  const std::vector<JoinColumn>& keys_;
  std::vector<Entry> entries_;
  std::unique_ptr<Arena> cells_ = std::make_unique<Arena>();
  std::vector<Recent> recent_;    // by the place of the text
  int recent_bits_ = 0;           // of the number of slots
  size_t num_missed_ = 0;         // since there are that many
  std::vector<uint64_t> hashes_;  // of the texts of a row
  std::vector<size_t> runs_{0};   // where rows of another thread begin
};

}  // namespace kqlc
