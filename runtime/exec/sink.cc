// SPDX-License-Identifier: Apache-2.0
//
// The sink's entries lie in arrival order; groups are found by an index of their numbers.
#include "runtime/exec/sink.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "runtime/aggregates/state.h"
#include "runtime/base/check.h"
#include "runtime/exec/run.h"

namespace kqlc {

namespace {

// A row is handed on as Cells, and whoever takes it makes something of them that is as large.
constexpr size_t kCopiesOfRows = 2;
// How far ahead of a loop over groups their index is fetched.
constexpr size_t kPrefetched = 16;
constexpr size_t kMostUnitedState = 64;
// Rows that wait for their groups: few enough to stay in the first cache.
constexpr size_t kMostWaiting = 256;
constexpr size_t kFewTexts = 1000;  // groups whose texts are kept as they come
constexpr int kTextBits = 14;
constexpr size_t kFewGroups = size_t{1} << 15;         // that stay in a cache
constexpr size_t kCacheLine = 64, kMostFetched = 256;  // bytes, of a group's keys and states
// Where less than this share of them are of groups that were met not long ago, the next flushes do not look
// for such ones.
constexpr size_t kRecentShare = 16;
constexpr uint32_t kBlindFlushes = 15;
// Entries that a thread moves at once.
constexpr size_t kEntriesAtOnce = size_t{1} << 16;
// A top keeps up to twice as many rows as it gives and this, before it drops those that are not its first
// ones.
constexpr size_t kBeyondTop = 512;

void fetch(const char* block, size_t size) {
  for (size_t at = 0; at < std::min(size, kMostFetched); at += kCacheLine) __builtin_prefetch(block + at);
}

}  // namespace

size_t SinkSpec::width_in() const {
  if (kind == Kind::Count || kind == Kind::Mark) return 0;
  size_t width = types.size();
  for (const SinkAggregate& use : aggregates) width += use.types.size();
  return width;
}

size_t SinkSpec::width_out() const {
  if (kind == Kind::Count) return 1;
  size_t width = types.size();
  for (const SinkAggregate& use : aggregates) width += use.results.size();
  return width;
}

std::string_view SinkSpec::contents() const {
  switch (kind) {
    case Kind::Build:
      return "rows of the right side of a join";
    case Kind::Group:
      return aggregates.empty() ? "rows of distinct"
             : types.empty()    ? "values of summarize"
                                : "groups of summarize";
    default:
      return sort_keys.empty() ? "rows that are kept" : limit < 0 ? "rows of sort" : "rows of top";
  }
}

Sink::Sink(const SinkSpec& spec)
    : spec_(spec), recent_(spec.types), shared_(spec.aggregates.size()), width_(spec.width_in()) {
  for (const SinkAggregate& use : spec.aggregates) {
    calls_.push_back(use.call());
    calls_.back().shared = &shared_[calls_.size() - 1];
    states_size_ += use.aggregate().state_size;
  }
  cells_size_ = (spec.types.size() * sizeof(Cell) + 15) & ~size_t{15};
  if (spec.kind == SinkSpec::Kind::Collect && !spec.sort_keys.empty() && spec.limit > 0)
    own_ = std::make_unique<Arena>();
}

size_t Sink::bytes() const {
  const size_t rows =
      spec_.limit < 0 ? entries_.size() : std::min(entries_.size(), static_cast<size_t>(spec_.limit));
  return entries_.bytes() + index_.bytes() + recent_.bytes() + texts_.capacity() * sizeof(Str) +
         waiting_.capacity() * sizeof(Cell) + join_rows_.bytes() + (own_ ? own_->bytes() : 0) +
         rows * spec_.width_out() * sizeof(Cell) * kCopiesOfRows;
}

uint64_t Sink::hash_keys(Context& context, const Cell* keys) const {
  uint64_t hash = 0;
  for (size_t i = 0; i < spec_.types.size(); ++i)
    hash = hash * 0x9E3779B97F4A7C15u + aggregates::hash_cell(keys[i], spec_.types[i], *context.arena);
  return hash ^ (hash >> 32);
}

// Makes the index hold all entries, with room for one more.
void Sink::complete_index() {
  if (index_.reserve(entries_.size() + 1)) num_indexed_ = 0;
  for (; num_indexed_ < entries_.size(); ++num_indexed_) {
    if (num_indexed_ + kPrefetched < entries_.size())
      index_.prefetch(entries_[num_indexed_ + kPrefetched].hash);
    index_.insert(entries_[num_indexed_].hash, static_cast<uint32_t>(num_indexed_));
  }
}

// The number of the group with these keys in the index, which holds all entries; HashIndex::kNone.
uint32_t Sink::number_of(const Cell* keys, uint64_t hash, Arena& arena) const {
  return index_.find(hash, [&](uint32_t number) { return has_keys(entries_[number], keys, arena); });
}

// Of several texts each stands in the keys of many groups, so one that was kept not long ago is kept once.
Cell Sink::keep_key(const Cell& key, Type type, Arena& arena) {
  if (type != Type::String || spec_.types.size() == 1 || entries_.size() < kFewTexts)
    return aggregates::keep_in_place(key, type, arena);
  if (texts_.empty()) texts_.resize(size_t{1} << kTextBits);
  Str& known = texts_[aggregates::look_of(key.s) >> (64 - kTextBits)];
  if (!aggregates::same_text(known, key.s)) known = arena.keep(key.s);
  Cell kept = key;
  kept.s = known;
  return kept;
}

void Sink::add_group(Context& context, const Cell* keys, uint64_t hash, bool copy) {
  Entry entry;
  entry.position = context.position;
  entry.match = context.match;
  entry.hash = hash;
  entry.cells = static_cast<Cell*>(context.state_arena->allocate(cells_size_ + states_size_));
  for (size_t i = 0; i < spec_.types.size(); ++i)
    entry.cells[i] = copy ? keep_key(keys[i], spec_.types[i], *context.state_arena) : keys[i];
  char* state = states_of(entry);
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Aggregate& aggregate = spec_.aggregates[i].aggregate();
    aggregate.init(context, calls_[i], state);
    state += aggregate.state_size;
  }
  entries_.push_back(entry);
}

bool Sink::has_keys(const Entry& entry, const Cell* keys, Arena& arena) const {
  bool same = true;
  for (size_t i = 0; i < spec_.types.size() && same; ++i)
    same = spec_.types[i] == Type::String
               ? aggregates::same_text(entry.cells[i].s, keys[i].s)
               : aggregates::same_cell(entry.cells[i], keys[i], spec_.types[i], arena);
  return same;
}

// The branches of a union are not fed in their order: the place and spelling of a group's first row count.
void Sink::take_first(Context& context, const Cell* keys, Entry& group) {
  if (std::tie(context.position, context.match) >= std::tie(group.position, group.match)) [[likely]]
    return;
  group.position = context.position;
  group.match = context.match;
  for (size_t i = 0; i < spec_.types.size(); ++i)
    group.cells[i] = aggregates::keep_in_place(keys[i], spec_.types[i], *context.state_arena);
}

// The states of the group that a row's keys look like, where it is theirs; else nullptr.
char* Sink::guess_group(Context& context, const Cell* keys) {
  const uint32_t guess = recent_.guess(keys);
  if (guess == RecentGroups::kNone || !has_keys(entries_[guess], keys, *context.arena)) return nullptr;
  Entry& group = entries_[guess];
  take_first(context, keys, group);
  recent_.note(context, keys, states_of(group), entries_.size());
  return states_of(group);
}

// The number of the group, which is added where there is none.
uint32_t Sink::find_group(Context& context, const Cell* keys, uint64_t hash, bool copy) {
  complete_index();
  const uint32_t number = number_of(keys, hash, *context.arena);
  if (number != HashIndex::kNone) return number;
  add_group(context, keys, hash, copy);
  index_.insert(hash, static_cast<uint32_t>(num_indexed_));
  return static_cast<uint32_t>(num_indexed_++);
}

// Rows of groups are put together where they wait, so that they need not be copied.
Cell* Sink::next_row(Context& context) {
  if (num_waiting_ == waiting_positions_.size()) make_room(context);
  return waiting_.data() + num_waiting_ * width_;
}

void Sink::take_row(Context& context) {
  switch (spec_.kind) {
    case SinkSpec::Kind::Count:
      ++count_;
      return;
    case SinkSpec::Kind::Mark:
      marks_[context.position / 64] |= uint64_t{1} << (context.position % 64);
      return;
    case SinkSpec::Kind::Build:
      return join_rows_.add(context, waiting_.data());
    case SinkSpec::Kind::Collect:
      return keep_row(context, waiting_.data());
    case SinkSpec::Kind::Group:
      waiting_positions_[num_waiting_] = context.position;
      waiting_matches_[num_waiting_++] = context.match;
      return;
  }
}

// Sinks of few rows, of which there may be thousands, have little room.
void Sink::make_room(Context& context) {
  const size_t rows = waiting_positions_.size(),
               most = spec_.kind == SinkSpec::Kind::Group ? kMostWaiting : 1,
               wanted = std::min(most, std::max<size_t>(4, 4 * rows));
  if (rows == wanted) return flush(context);
  waiting_.resize(wanted * width_);
  waiting_positions_.resize(wanted);
  waiting_matches_.resize(wanted);
}

// Rows that are no more among the first of a top than the last of those known need not be kept.
void Sink::keep_row(Context& context, const Cell* row) {
  if (closed_ || has_enough(context.position)) return;
  Entry entry;
  entry.position = context.position;
  entry.match = context.match;
  entry.cells = const_cast<Cell*>(row);
  entry.hash = number_of_row(row);
  if (num_first_ > 0 && !is_before(entry, entries_[num_first_ - 1])) return;
  last_position_ = std::max(last_position_, context.position);
  entry.cells = keep_cells(row, own_ ? *own_ : *context.state_arena);
  entries_.push_back(entry);
  if (own_ && entries_.size() / 2 >= static_cast<size_t>(spec_.limit) + kBeyondTop) keep_first();
}

Cell* Sink::keep_cells(const Cell* row, Arena& arena) const {
  Cell* cells = arena.allocate_array<Cell>(spec_.types.size());
  for (size_t i = 0; i < spec_.types.size(); ++i) {
    const bool is_sorted_by =
        std::ranges::find(spec_.sort_keys, i, &SinkKey::column) != spec_.sort_keys.end();
    cells[i] = is_sorted_by ? aggregates::keep(row[i], spec_.types[i], arena)
                            : aggregates::keep_in_place(row[i], spec_.types[i], arena);
  }
  return cells;
}

// Drops all rows but the first ones of a top, which move to an arena of their own.
void Sink::keep_first() {
  num_first_ = static_cast<size_t>(spec_.limit);
  LargeVector<Entry> all;
  all.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) all.push_back(entries_[i]);
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(num_first_) - 1, all.end(),
                   [&](const Entry& a, const Entry& b) { return is_before(a, b); });
  entries_.resize(num_first_);
  auto arena = std::make_unique<Arena>();
  for (size_t i = 0; i < num_first_; ++i) {
    entries_[i] = all[i];
    entries_[i].cells = keep_cells(all[i].cells, *arena);
  }
  own_ = std::move(arena);
}

// Takes a row that waits into the context. Returns its keys.
const Cell* Sink::begin_waiting(Context& context, size_t row) const {
  context.position = waiting_positions_[row];
  context.match = waiting_matches_[row];
  return waiting_.data() + row * width_;
}

// Fetches a group's keys and states.
void Sink::fetch_block(const Entry& entry) const {
  fetch(reinterpret_cast<const char*>(entry.cells), cells_size_ + states_size_);
}

// Step by step for all, since a step needs what the one before has fetched.
void Sink::fetch_groups(std::span<Unknown> unknown) const {
  for (Unknown& row : unknown) {
    row.guess = index_.find(row.hash, [](uint32_t) { return true; });
    if (row.guess != HashIndex::kNone) __builtin_prefetch(&entries_[row.guess]);
  }
  for (const Unknown& row : unknown)
    if (row.guess != HashIndex::kNone) fetch_block(entries_[row.guess]);
  if (spec_.types.empty() || spec_.types[0] != Type::String) return;
  for (const Unknown& row : unknown)
    if (row.guess != HashIndex::kNone) __builtin_prefetch(entries_[row.guess].cells[0].s.data);
}

// The groups of the rows that wait. Where groups are many, each look at one waits for memory, so what is to
// be looked at is fetched for all rows before.
void Sink::find_groups(Context& context, char** states) {
  Unknown unknown[kMostWaiting];
  size_t count = 0;
  const bool looks_back = num_blind_ == 0;
  // A guess that is checked at once waits for a group that is far away.
  const bool guesses = looks_back && entries_.size() < kFewGroups;
  if (!looks_back) --num_blind_;
  complete_index();
  for (size_t i = 0; i < num_waiting_; ++i) {
    const Cell* keys = begin_waiting(context, i);
    const bool in_order = context.position >= last_position_;  // matches of a position come in order
    states[i] = looks_back && in_order ? recent_.find(context, keys) : nullptr;
    if (in_order) last_position_ = context.position;
    if (!states[i] && guesses) states[i] = guess_group(context, keys);
    if (states[i]) {
      fetch(states[i], states_size_);
      continue;
    }
    unknown[count] = {i, hash_keys(context, keys), HashIndex::kNone};
    index_.prefetch(unknown[count++].hash);
  }
  if (looks_back && num_waiting_ == kMostWaiting && count > num_waiting_ - num_waiting_ / kRecentShare)
    num_blind_ = kBlindFlushes;
  fetch_groups({unknown, count});
  for (size_t i = 0; i < count; ++i) {
    const size_t row = unknown[i].row;
    const Cell* keys = begin_waiting(context, row);
    const uint32_t number = find_group(context, keys, unknown[i].hash, true);
    Entry& group = entries_[number];
    take_first(context, keys, group);
    states[row] = states_of(group);
    if (!looks_back) continue;
    recent_.note(context, keys, states_of(group), entries_.size());
    if (guesses) recent_.note_guess(keys, number);
  }
}

// First the groups of all rows, then one aggregate after the other: each loop is short and has few branches.
void Sink::flush(Context& context) {
  if (closed_) num_waiting_ = 0;
  if (num_waiting_ == 0) return;
  const uint64_t position = context.position, match = context.match;
  char* states[kMostWaiting];
  find_groups(context, states);
  const size_t count = std::exchange(num_waiting_, 0);
  size_t offset = 0;
  for (size_t i = 0; i < calls_.size(); ++i) {
    const SinkAggregate& use = spec_.aggregates[i];
    const Aggregate& aggregate = use.aggregate();
    aggregate.step_rows(context, calls_[i],
                        {states, offset, waiting_.data() + use.first_argument, width_,
                         waiting_positions_.data(), waiting_matches_.data(), count});
    offset += aggregate.state_size;
  }
  context.position = position;
  context.match = match;
}

void Sink::merge(exec::Team& team, Sink& from) {
  count_ += from.count_;
  last_position_ = std::max(last_position_, from.last_position_);
  join_rows_.merge(team, from.join_rows_);
  std::vector<char> moves(from.entries_.size(), spec_.kind != SinkSpec::Kind::Group);
  if (spec_.kind == SinkSpec::Kind::Group) merge_groups(team, from, moves);
  append_entries(team, from, moves);
  from.drop_entries();
  if (own_) own_->adopt(*from.own_);
}

// Groups that both sinks have are merged, the others of `from` move as they are. Keys stand once in each of
// them, so no two threads have to do with one group; the index is only looked into. Sets `moves` for the
// others.
void Sink::merge_groups(exec::Team& team, Sink& from, std::vector<char>& moves) {
  for (size_t i = 0; i < calls_.size(); ++i)
    if (auto unite = spec_.aggregates[i].aggregate().unite) unite(team.own(), calls_[i], from.calls_[i]);
  if (from.entries_.empty()) return;
  complete_index();
  team.over(from.entries_.size(), exec::entries_at_once(from.entries_.size(), team),
            [&](Context& context, size_t begin, size_t end) {
              for (size_t first = begin; first < end; first += kMostWaiting)
                merge_some(context, from, first, std::min(end, first + kMostWaiting), moves);
            });
  team.own().match = 0;
}

// Merges the groups from `begin` to `end` of `from`, at most kMostWaiting.
void Sink::merge_some(Context& context, const Sink& from, size_t begin, size_t end,
                      std::vector<char>& moves) {
  Unknown unknown[kMostWaiting];
  for (size_t i = begin; i < end; ++i) {
    unknown[i - begin] = {i, from.entries_[i].hash, HashIndex::kNone};
    index_.prefetch(from.entries_[i].hash);
    from.fetch_block(from.entries_[i]);
  }
  fetch_groups({unknown, end - begin});
  for (size_t i = begin; i < end; ++i) {
    const Entry& other = from.entries_[i];
    const uint32_t number = number_of(other.cells, other.hash, *context.arena);
    moves[i] = number == HashIndex::kNone;
    if (moves[i])
      move_group(context, other);
    else
      merge_group(context, entries_[number], other);
  }
}

// Adds those entries of `from` for which `moves` is set.
void Sink::append_entries(exec::Team& team, const Sink& from, const std::vector<char>& moves) {
  const auto parts = (moves.size() + kEntriesAtOnce - 1) / kEntriesAtOnce;
  std::vector<size_t> places{entries_.size()};
  for (size_t part = 0; part < parts; ++part) {
    const auto begin = moves.begin() + static_cast<std::ptrdiff_t>(part * kEntriesAtOnce);
    const auto size = std::min(kEntriesAtOnce, moves.size() - part * kEntriesAtOnce);
    places.push_back(places.back() +
                     static_cast<size_t>(std::count(begin, begin + static_cast<std::ptrdiff_t>(size), 1)));
  }
  entries_.resize(places.back());
  team.over_all(parts, 1, [&](Context&, size_t part, size_t) {
    const size_t end = std::min(moves.size(), (part + 1) * kEntriesAtOnce);
    size_t place = places[part];
    for (size_t i = part * kEntriesAtOnce; i < end; ++i)
      if (moves[i]) entries_[place++] = from.entries_[i];
  });
}

// Of equal keys the earlier row's spelling (1 and 1.0 in dynamic) and place count: the group goes on with the
// block of that one, since another thread may be comparing the other's cells with keys of this hash.
void Sink::merge_group(Context& context, Entry& group, const Entry& other) const {
  const bool is_first = std::tie(group.position, group.match) <= std::tie(other.position, other.match);
  if (!is_first) move_group(context, other);
  const Entry first = is_first ? group : other, &second = is_first ? other : group;
  context.position = second.position;
  context.match = second.match;
  size_t offset = 0;
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Aggregate& aggregate = spec_.aggregates[i].aggregate();
    aggregate.merge(context, calls_[i], states_of(first) + offset, states_of(second) + offset);
    offset += aggregate.state_size;
  }
  group = first;
}

// What its states have in common with those of its old sink they get from this one.
void Sink::move_group(Context& context, const Entry& group) const {
  size_t offset = 0;
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Aggregate& aggregate = spec_.aggregates[i].aggregate();
    char* state = states_of(group) + offset;
    offset += aggregate.state_size;
    if (!aggregate.unite) continue;
    alignas(16) char before[kMostUnitedState];
    KQLC_CHECK(aggregate.state_size <= sizeof before, "a state with something in common is large");
    std::memcpy(before, state, aggregate.state_size);
    aggregate.init(context, calls_[i], state);
    aggregate.merge(context, calls_[i], state, before);
  }
}

void Sink::drop_entries() {
  entries_.clear();
  index_.clear();
  num_indexed_ = 0;
  recent_.clear();
  texts_ = {};
  num_first_ = 0;
}

void Sink::save(Writer& writer) const {
  if (spec_.kind == SinkSpec::Kind::Build) return join_rows_.save(writer);
  Arena scratch;
  writer.put(count_);
  writer.put(static_cast<uint64_t>(entries_.size()));
  for (size_t number = 0; number < entries_.size(); ++number) {
    const Entry& entry = entries_[number];
    writer.put(entry.position);
    writer.put(entry.match);
    for (size_t i = 0; i < spec_.types.size(); ++i)
      aggregates::save_cell(entry.cells[i], spec_.types[i], writer, scratch);
    const char* state = states_of(entry);
    for (size_t i = 0; i < calls_.size(); ++i) {
      const Aggregate& aggregate = spec_.aggregates[i].aggregate();
      aggregate.save(calls_[i], state, writer);
      state += aggregate.state_size;
    }
  }
}

bool Sink::load_entry(Context& context, Reader& reader) {
  if (!reader.get(context.position) || !reader.get(context.match)) return false;
  std::vector<Cell> cells(spec_.types.size());
  for (size_t i = 0; i < cells.size(); ++i)
    if (!aggregates::load_cell(cells[i], spec_.types[i], reader, *context.state_arena)) return false;
  if (spec_.kind == SinkSpec::Kind::Collect) {
    Entry entry;
    entry.position = context.position;
    entry.match = context.match;
    last_position_ = std::max(last_position_, context.position);
    entry.cells = context.state_arena->allocate_array<Cell>(cells.size());
    std::copy(cells.begin(), cells.end(), entry.cells);
    entry.hash = number_of_row(entry.cells);
    entries_.push_back(entry);
    return true;
  }
  last_position_ = std::max(last_position_, context.position);
  size_t before = entries_.size();
  const uint32_t number = find_group(context, cells.data(), hash_keys(context, cells.data()), false);
  if (entries_.size() == before) return false;  // a key stands only once
  char* state = states_of(entries_[number]);
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Aggregate& aggregate = spec_.aggregates[i].aggregate();
    if (!aggregate.load(context, calls_[i], state, reader)) return false;
    state += aggregate.state_size;
  }
  return true;
}

bool Sink::load(Context& context, Reader& reader) {
  if (spec_.kind == SinkSpec::Kind::Build) return join_rows_.load(context, reader);
  uint64_t entries = 0;
  if (!reader.get(count_) || !reader.get(entries)) return false;
  bool counts = spec_.kind == SinkSpec::Kind::Count;
  if (counts ? entries != 0 || count_ < 0 : count_ != 0) return false;
  // Every entry takes bytes, so a wrong number ends with them.
  for (uint64_t i = 0; i < entries; ++i)
    if (!load_entry(context, reader)) return false;
  context.match = 0;
  return true;
}

bool Sink::full(uint64_t position) const {
  return spec_.kind == SinkSpec::Kind::Collect && spec_.limit >= 0 && spec_.sort_keys.empty() &&
         entries_.size() >= static_cast<size_t>(spec_.limit) &&
         (entries_.empty() || position > last_position_);
}

// Rows of one position come in their order, so a further one is behind all that are there.
bool Sink::has_enough(uint64_t position) const {
  return full(position) || (position == last_position_ && full(position + 1));
}

extern "C" void kqlc_load(Context* context, const Column* columns, int64_t column, int32_t type,
                          uint32_t shape, int64_t row, Cell* out) {
  load_cell(*context, columns, column, type, shape, row, out);
}

}  // namespace kqlc
