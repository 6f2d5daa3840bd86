// SPDX-License-Identifier: Apache-2.0
//
// Sink: where the rows of a pipeline are gathered: as they are, in groups, or only counted. In: rows of one thread.
// Out: after merging, the rows of the sink's operator, in an order that does not depend on the threads: by position
// of the row, or of the first row of a group; sorted when the operator asks for it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/aggregates/aggregate.h"
#include "runtime/base/arena.h"

namespace kqlc {

struct SinkKey {
  size_t column = 0;
  bool descending = true;
  bool nulls_first = false;
};

struct SinkAggregate {
  const Aggregate* aggregate = nullptr;
  AggregateCall call;
  size_t first_argument = 0;  // place in the incoming row
};

struct SinkSpec {
  enum class Kind : uint8_t { Collect, Group, Count } kind = Kind::Collect;
  std::vector<Type> types;  // of the columns that are kept: all, or the keys
  std::vector<SinkAggregate> aggregates;
  std::vector<SinkKey> sort_keys;
  int64_t limit = -1;  // rows handed on at most; -1: all
};

class Sink {
 public:
  explicit Sink(const SinkSpec& spec) : spec_(spec) {}

  void add(Context& context, const Cell* row);
  // Takes over what `from` gathered; its arena has to be adopted by the caller.
  void merge(Context& context, Sink& from);
  // True when rows of later positions cannot change the result.
  bool full() const;
  // Returns the number of rows and appends their cells, row by row.
  size_t finish(Context& context, std::vector<Cell>& out);

 private:
  struct Entry {
    uint64_t position = 0;
    uint64_t hash = 0;
    Cell* cells = nullptr;
    char* states = nullptr;
  };

  Entry& find_group(Context& context, const Cell* keys, uint64_t hash, bool copy);
  Entry& add_group(Context& context, const Cell* keys, uint64_t hash, bool copy);
  uint64_t hash_keys(Context& context, const Cell* keys) const;
  void grow_index();
  void order_entries();

  const SinkSpec& spec_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> index_;  // entry + 1 by hash; 0 is free; a power of two
  int64_t count_ = 0;
};

}  // namespace kqlc
