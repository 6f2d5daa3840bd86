// SPDX-License-Identifier: Apache-2.0
//
// Sink: where the rows of a pipeline are gathered: as they are, in groups, as the right side of a join, or
// only counted. In: rows of one thread. Out: after merging, the rows of the sink's operator, in an order that
// does not depend on the threads: by position of the row, or of the first row of a group; sorted when the
// operator asks for it. What a sink keeps is copied into the state arena, so it can be saved and loaded
// elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/aggregates/aggregate.h"
#include "runtime/base/arena.h"
#include "runtime/base/chunked_vector.h"
#include "runtime/base/hash_index.h"
#include "runtime/base/huge_pages.h"
#include "runtime/exec/join_table.h"
#include "runtime/exec/recent_groups.h"
#include "runtime/exec/runs.h"
#include "runtime/exec/team.h"

namespace kqlc {

struct SinkKey {
  uint32_t column = 0;
  bool descending = true;
  bool nulls_first = false;
};

struct SinkAggregate {
  uint32_t slot = 0;            // in aggregate_table()
  std::vector<Type> types;      // of the arguments
  std::vector<Cell> constants;  // null where an argument is no constant
  std::vector<Type> results;    // types of the result columns
  uint32_t first_argument = 0;  // place in the incoming row

  const Aggregate& aggregate() const { return aggregate_table()[slot]; }
  AggregateCall call() const { return {types.data(), constants.data(), types.size(), results.size()}; }
};

struct SinkSpec {
  enum class Kind : uint8_t { Collect, Group, Count, Build, Mark } kind = Kind::Collect;
  std::vector<Type> types;  // of the columns that are kept: all, or the keys
  std::vector<SinkAggregate> aggregates;
  std::vector<JoinColumn> join_keys;  // Build
  std::vector<SinkKey> sort_keys;
  int64_t limit = -1;  // rows handed on at most; -1: all

  // Cells of a row that comes in, and of one that is handed on.
  size_t width_in() const;
  size_t width_out() const;
  // True when the rows for a part of the input are rows for all of it.
  bool streams() const { return kind == Kind::Collect && sort_keys.empty(); }
  // What it keeps, for messages: "the groups of summarize".
  std::string_view contents() const;
};

class Sink {
  struct Entry {
    uint64_t position = 0, match = 0;  // of the row, or of the first one of the group
    uint64_t hash = 0;                 // of a group's keys; of rows that are sorted, number_of_row()
    Cell* cells = nullptr;             // behind them, of a group, its states
  };
  using EntryRuns = exec::Runs<Entry>;

 public:
  explicit Sink(const SinkSpec& spec);

  // Where the next row is to be put together, and taking it from there.
  Cell* next_row(Context& context);
  void take_row(Context& context);
  // From now on rows are let go: the state has failed, and nobody asks for them.
  void close() { closed_ = true; }
  // Groups take rows some at a time. To be called before what the rows added refer to is gone, and before the
  // sink is asked for anything.
  void flush(Context& context);
  // Takes over what `from` gathered; its arena has to be adopted by the caller.
  void merge(exec::Team& team, Sink& from);
  // True when rows of this position and later ones cannot change the result.
  bool full(uint64_t position) const;
  // Returns the number of rows and makes `out` their cells, row by row. The sink has them no longer. No rows
  // where the team is over its limit, or something has failed.
  size_t finish(exec::Team& team, LargeVector<Cell>& out);

  // The same part by part, which threads can make side by side.
  class Order {
   public:
    size_t num_parts() const { return parts.size(); }
    // Number of a part's first row, and how many it has.
    size_t place_of(size_t part) const { return places[part]; }
    size_t rows_of(size_t part) const { return places[part + 1] - places[part]; }
    size_t num_rows() const { return places.back(); }

   private:
    friend class Sink;
    std::vector<EntryRuns> parts;
    std::vector<size_t> places;
    LargeVector<Entry> others;  // entries that the sink has in another order
  };
  // The sink takes no rows any more. Requires: it is no Count.
  Order order(exec::Team& team);
  // Makes the cells of a part's rows.
  void finish_part(Context& context, const Order& order, size_t part, Cell* out) const;
  // To be called after all parts.
  void end_order(Context& context);

  // Kind Build: the table of all rows, which the sink has no longer.
  std::shared_ptr<const JoinTable> build_table(exec::Team& team) { return join_rows_.build(team); }

  // Bytes that the sink holds itself, and those that handing its rows on will take; what it keeps in the
  // state arena is counted there.
  size_t bytes() const;
  // Kind Mark: the rows that arrived set their bits here.
  void mark_into(uint64_t* bitmap) { marks_ = bitmap; }

  void save(Writer& writer) const;
  // Reads what save wrote into an empty sink. Returns false when the bytes are no state of this sink.
  bool load(Context& context, Reader& reader);

 private:
  // A row whose group is to be looked for.
  struct Unknown {
    size_t row = 0;
    uint64_t hash = 0;
    uint32_t guess = 0;  // at the number of its group
  };
  void make_room(Context& context);
  const Cell* begin_waiting(Context& context, size_t row) const;
  void find_groups(Context& context, char** states);
  void fetch_groups(std::span<Unknown> unknown) const;
  void fetch_block(const Entry& entry) const;
  char* guess_group(Context& context, const Cell* keys);
  void take_first(Context& context, const Cell* keys, Entry& group);
  void keep_row(Context& context, const Cell* row);
  Cell* keep_cells(const Cell* row, Arena& arena) const;
  bool is_before(const Entry& a, const Entry& b) const;
  uint64_t number_of_row(const Cell* row) const;
  void keep_first();
  bool has_keys(const Entry& entry, const Cell* keys, Arena& arena) const;
  uint32_t find_group(Context& context, const Cell* keys, uint64_t hash, bool copy);
  Cell keep_key(const Cell& key, Type type, Arena& arena);
  void add_group(Context& context, const Cell* keys, uint64_t hash, bool copy);
  bool load_entry(Context& context, Reader& reader);
  bool has_enough(uint64_t position) const;
  uint64_t hash_keys(Context& context, const Cell* keys) const;
  uint32_t number_of(const Cell* keys, uint64_t hash, Arena& arena) const;
  void complete_index();
  void merge_groups(exec::Team& team, Sink& from, std::vector<char>& moves);
  void append_entries(exec::Team& team, const Sink& from, const std::vector<char>& moves);
  void merge_some(Context& context, const Sink& from, size_t begin, size_t end, std::vector<char>& moves);
  void merge_group(Context& context, Entry& group, const Entry& other) const;
  void move_group(Context& context, const Entry& group) const;
  void finish_row(Context& context, const Entry& entry, Cell* out) const;
  EntryRuns make_runs(exec::Team& team, LargeVector<Entry>& others);
  std::span<const Entry> take_sorted(std::span<Entry> entries, LargeVector<Entry>& others) const;
  char* states_of(const Entry& entry) const { return reinterpret_cast<char*>(entry.cells) + cells_size_; }
  void drop_entries();

  const SinkSpec& spec_;
  std::vector<AggregateCall> calls_;
  size_t cells_size_ = 0, states_size_ = 0;  // bytes of a group's keys and of its states
  ChunkedVector<Entry> entries_;
  HashIndex index_;         // of entries, by their hash
  size_t num_indexed_ = 0;  // entries that are in it: all, but for those that merging has added
  RecentGroups recent_;
  std::vector<Str> texts_;     // of keys, by their look, that were kept last
  uint32_t num_blind_ = 0;     // flushes that do not ask it
  std::vector<void*> shared_;  // AggregateCall::shared, by aggregate
  std::vector<Cell> waiting_;  // rows for groups that were not looked for yet, or the row that comes next
  std::vector<uint64_t> waiting_positions_, waiting_matches_;
  size_t num_waiting_ = 0;
  size_t width_ = 0;            // of a row that comes in
  uint64_t last_position_ = 0;  // the greatest of the entries', of groups of their rows'
  int64_t count_ = 0;
  // Of a top: where its rows lie, and how many of the entries, at the front, are known to be its first ones.
  std::unique_ptr<Arena> own_;
  size_t num_first_ = 0;
  bool closed_ = false;
  JoinRows join_rows_{spec_.types, spec_.join_keys};
  uint64_t* marks_ = nullptr;
};

}  // namespace kqlc
