// SPDX-License-Identifier: Apache-2.0
//
// The sink's table is an open index of 32-bit entry numbers over entries in arrival order, at most half full.
#include "runtime/exec/sink.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
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
// Groups that are worth a thread.
constexpr size_t kLeastShared = 64;
// Entries that are worth sorting by several threads.
constexpr size_t kLeastSorted = 16'384;
constexpr size_t kMostUnitedState = 64;
// A top keeps up to twice as many rows as it gives and this, before it drops those that are not its first
// ones.
constexpr size_t kBeyondTop = 512;

// Nulls first or last as the key says; a NaN stands next to the nulls.
int compare_key(const Cell& a, const Cell& b, const SinkKey& key, Type type) {
  auto rank = [&](const Cell& cell) {
    bool nan = cell.valid && type == Type::Real && std::isnan(cell.d);
    int distance = !cell.valid ? 2 : nan ? 1 : 0;
    return key.nulls_first ? -distance : distance;
  };
  int left = rank(a), right = rank(b);
  if (left != right) return left < right ? -1 : 1;
  if (left != 0) return 0;
  int order = aggregates::compare_cells(a, b, type);
  return key.descending ? -order : order;
}

// How many groups a thread takes at once: few, as one group may hold as much as all others.
size_t groups_at_once(size_t groups, const exec::Team& team) {
  return groups < kLeastShared ? kLeastShared : std::clamp<size_t>(groups / (32 * team.size()), 4, 4096);
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

Sink::Sink(const SinkSpec& spec) : spec_(spec), shared_(spec.aggregates.size()), width_(spec.width_in()) {
  for (const SinkAggregate& use : spec.aggregates) {
    calls_.push_back(use.call());
    calls_.back().shared = &shared_[calls_.size() - 1];
    states_size_ += use.aggregate().state_size;
  }
  if (spec.kind == SinkSpec::Kind::Collect && !spec.sort_keys.empty() && spec.limit > 0)
    own_ = std::make_unique<Arena>();
  has_text_keys_ =
      !spec.types.empty() && std::ranges::all_of(spec.types, [](Type type) { return type == Type::String; });
}

size_t Sink::bytes() const {
  const size_t rows =
      spec_.limit < 0 ? entries_.size() : std::min(entries_.size(), static_cast<size_t>(spec_.limit));
  return entries_.capacity() * sizeof(Entry) + index_.capacity() * sizeof(uint32_t) +
         waiting_.capacity() * sizeof(Cell) + codes_.capacity() * sizeof(Recent) + join_rows_.bytes() +
         (own_ ? own_->bytes() : 0) + rows * spec_.width_out() * sizeof(Cell) * kCopiesOfRows;
}

uint64_t Sink::hash_keys(Context& context, const Cell* keys) const {
  uint64_t hash = 0;
  for (size_t i = 0; i < spec_.types.size(); ++i)
    hash = hash * 0x9E3779B97F4A7C15u + aggregates::hash_cell(keys[i], spec_.types[i], *context.arena);
  return hash ^ (hash >> 32);
}

// Makes the index hold all entries, with room for one more.
void Sink::complete_index() {
  const size_t least = 2 * (entries_.size() + 1);
  if (index_.size() < least) {
    index_.assign(std::bit_ceil(std::max<size_t>(64, least)), 0);
    num_indexed_ = 0;
  }
  for (; num_indexed_ < entries_.size(); ++num_indexed_) {
    size_t slot = entries_[num_indexed_].hash & (index_.size() - 1);
    while (index_[slot]) slot = (slot + 1) & (index_.size() - 1);
    index_[slot] = static_cast<uint32_t>(num_indexed_ + 1);
  }
}

// Where the group with the keys stands in the index, or would.
size_t Sink::slot_of(const Cell* keys, uint64_t hash, Arena& arena) const {
  size_t slot = hash & (index_.size() - 1);
  for (; index_[slot]; slot = (slot + 1) & (index_.size() - 1)) {
    const Entry& entry = entries_[index_[slot] - 1];
    if (entry.hash == hash && has_keys(entry, keys, arena)) break;
  }
  return slot;
}

Sink::Entry& Sink::add_group(Context& context, const Cell* keys, uint64_t hash, bool copy) {
  Entry entry;
  entry.position = context.position;
  entry.match = context.match;
  entry.hash = hash;
  entry.cells = context.state_arena->allocate_array<Cell>(spec_.types.size());
  for (size_t i = 0; i < spec_.types.size(); ++i)
    entry.cells[i] = copy ? aggregates::keep(keys[i], spec_.types[i], *context.state_arena) : keys[i];
  entry.states = static_cast<char*>(context.state_arena->allocate(states_size_));
  char* state = entry.states;
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Aggregate& aggregate = spec_.aggregates[i].aggregate();
    aggregate.init(context, calls_[i], state);
    state += aggregate.state_size;
  }
  return entries_.emplace_back(entry);
}

namespace {

// For a first guess at the group of a row, from the values of its keys (look_of) or, of texts, from where
// they lie (look_of_place).
template <bool by_place>
uint64_t look_of_keys(const Cell* keys, const std::vector<Type>& types) {
  uint64_t look = 0;
  for (size_t i = 0; i < types.size(); ++i) {
    uint64_t part = 0;
    if (types[i] == Type::String)
      part = by_place ? aggregates::look_of_place(keys[i].s) : aggregates::look_of(keys[i].s);
    else if (types[i] == Type::Bool)
      part = keys[i].b;
    else if (types[i] == Type::Int)
      part = static_cast<uint32_t>(keys[i].i);
    else if (types[i] != Type::Dynamic)
      part = static_cast<uint64_t>(keys[i].l);
    if (types[i] != Type::String) part *= 0x9E3779B97F4A7C15u;
    // Looks of texts are multiplied already: a second time would let places at equal distances fall together.
    look = (look ^ look >> 29) * 0x9E3779B97F4A7C15u + part;
  }
  return look;
}

constexpr int kHintBits = 12;
// Rows that wait for their groups: few enough to stay in the first cache.
constexpr size_t kMostWaiting = 256;
// Slots for the places of keys: four a group, so that few fall together, as far as they stay in the cache.
constexpr int kLeastRecentBits = 8, kMostRecentBits = 14;
constexpr size_t kRecentPerGroup = 4;

bool at_same_places(const Str* places, const Cell* keys, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (places[i].data != keys[i].s.data || places[i].size != keys[i].s.size) return false;
  return true;
}

}  // namespace

bool Sink::has_keys(const Entry& entry, const Cell* keys, Arena& arena) const {
  bool same = true;
  for (size_t i = 0; i < spec_.types.size() && same; ++i)
    same = spec_.types[i] == Type::String
               ? aggregates::same_text(entry.cells[i].s, keys[i].s)
               : aggregates::same_cell(entry.cells[i], keys[i], spec_.types[i], arena);
  return same;
}

Sink::Recent& Sink::recent_of_code(uint32_t code) {
  if (code >= codes_.size()) codes_.resize(std::max<size_t>(code + 1, 2 * codes_.size()));
  return codes_[code];
}

// Most rows belong to a group that was met not long ago. Where the keys are texts with the code, or at the
// same places as those of an earlier row of this run, they are its keys, and nobody need look at them.
char* Sink::states_of(Context& context, const Cell* keys) {
  if (!has_text_keys_ || !context.run) return group_of(context, keys).states;
  const bool in_order = context.position >= last_position_;  // matches of a position come in order
  const size_t width = spec_.types.size();
  if (width == 1 && keys[0].code) {
    Recent& recent = recent_of_code(keys[0].code);
    if (!in_order || recent.run != context.run) recent = {context.run, group_of(context, keys).states};
    return recent.states;
  }
  const bool is_small = recent_bits_ < kMostRecentBits && recent_.size() < kRecentPerGroup * entries_.size();
  if (is_small || recent_.empty()) grow_recent();
  const size_t slot = look_of_keys<true>(keys, spec_.types) >> (64 - recent_bits_);
  Recent& recent = recent_[slot];
  Str* places = &recent_places_[slot * width];
  if (in_order && recent.run == context.run && at_same_places(places, keys, width)) return recent.states;
  recent = {context.run, group_of(context, keys).states};
  for (size_t i = 0; i < width; ++i) places[i] = keys[i].s;
  return recent.states;
}

// The branches of a union are not fed in their order: the place and spelling of a group's first row count.
Sink::Entry& Sink::group_of(Context& context, const Cell* keys) {
  Entry& group = guess_group(context, keys);
  if (std::tie(context.position, context.match) < std::tie(group.position, group.match)) [[unlikely]] {
    group.position = context.position;
    group.match = context.match;
    for (size_t i = 0; i < spec_.types.size(); ++i)
      group.cells[i] = aggregates::keep(keys[i], spec_.types[i], *context.state_arena);
  }
  return group;
}

void Sink::grow_recent() {
  const int wanted = std::bit_width(kRecentPerGroup * entries_.size());
  const int bits = std::clamp(wanted, kLeastRecentBits, kMostRecentBits);
  if (bits == recent_bits_ && !recent_.empty()) return;
  recent_bits_ = bits;
  recent_.assign(size_t{1} << bits, {});
  recent_places_.assign(recent_.size() * spec_.types.size(), {});
}

// A guess from the look of the keys, which is checked, spares hashing them.
Sink::Entry& Sink::guess_group(Context& context, const Cell* keys) {
  if (hints_.empty()) hints_.resize(size_t{1} << kHintBits);
  uint32_t& hint = hints_[look_of_keys<false>(keys, spec_.types) >> (64 - kHintBits)];
  if (hint && has_keys(entries_[hint - 1], keys, *context.arena)) return entries_[hint - 1];
  Entry& group = find_group(context, keys, hash_keys(context, keys), true);
  hint = static_cast<uint32_t>(&group - entries_.data()) + 1;
  return group;
}

Sink::Entry& Sink::find_group(Context& context, const Cell* keys, uint64_t hash, bool copy) {
  if (num_indexed_ < entries_.size() || index_.size() < 2 * (entries_.size() + 1)) complete_index();
  const size_t slot = slot_of(keys, hash, *context.arena);
  if (index_[slot]) return entries_[index_[slot] - 1];
  index_[slot] = static_cast<uint32_t>(++num_indexed_);
  return add_group(context, keys, hash, copy);
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
  if (num_first_ > 0 && !is_before(entry, entries_[num_first_ - 1])) return;
  last_position_ = std::max(last_position_, context.position);
  entry.cells = keep_cells(row, own_ ? *own_ : *context.state_arena);
  entries_.push_back(entry);
  if (own_ && entries_.size() / 2 >= static_cast<size_t>(spec_.limit) + kBeyondTop) keep_first();
}

Cell* Sink::keep_cells(const Cell* row, Arena& arena) const {
  Cell* cells = arena.allocate_array<Cell>(spec_.types.size());
  for (size_t i = 0; i < spec_.types.size(); ++i) cells[i] = aggregates::keep(row[i], spec_.types[i], arena);
  return cells;
}

// Drops all rows but the first ones of a top, which move to an arena of their own.
void Sink::keep_first() {
  num_first_ = static_cast<size_t>(spec_.limit);
  const auto last = entries_.begin() + static_cast<std::ptrdiff_t>(num_first_) - 1;
  std::nth_element(entries_.begin(), last, entries_.end(),
                   [&](const Entry& a, const Entry& b) { return is_before(a, b); });
  entries_.resize(num_first_);
  auto arena = std::make_unique<Arena>();
  for (Entry& entry : entries_) entry.cells = keep_cells(entry.cells, *arena);
  own_ = std::move(arena);
}

// First the groups of all rows, then one aggregate after the other: each loop is short and has few branches.
void Sink::flush(Context& context) {
  const size_t count = std::exchange(num_waiting_, 0);
  if (count == 0 || closed_) return;
  const uint64_t position = context.position, match = context.match;
  char* states[kMostWaiting];
  for (size_t i = 0; i < count; ++i) {
    context.position = waiting_positions_[i];
    context.match = waiting_matches_[i];
    states[i] = states_of(context, waiting_.data() + i * width_);
    last_position_ = std::max(last_position_, context.position);
  }
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
  if (spec_.kind == SinkSpec::Kind::Group)
    merge_groups(team, from);
  else
    entries_.insert(entries_.end(), from.entries_.begin(), from.entries_.end());
  from.drop_entries();
  if (own_) own_->adopt(*from.own_);
}

// Groups that both sinks have are merged, the others of `from` move as they are. Keys stand once in each of
// them, so no two threads have to do with one group; the index is only looked into.
void Sink::merge_groups(exec::Team& team, Sink& from) {
  for (size_t i = 0; i < calls_.size(); ++i)
    if (auto unite = spec_.aggregates[i].aggregate().unite) unite(team.own(), calls_[i], from.calls_[i]);
  complete_index();
  std::vector<char> moves(from.entries_.size());
  team.over(from.entries_.size(), groups_at_once(from.entries_.size(), team),
            [&](Context& context, size_t begin, size_t end) {
              for (size_t i = begin; i < end; ++i) {
                if (i + kPrefetched < end)
                  __builtin_prefetch(&index_[from.entries_[i + kPrefetched].hash & (index_.size() - 1)]);
                const Entry& other = from.entries_[i];
                const uint32_t number = index_[slot_of(other.cells, other.hash, *context.arena)];
                moves[i] = number == 0;
                if (number)
                  merge_group(context, entries_[number - 1], other);
                else
                  move_group(context, other);
              }
            });
  entries_.reserve(entries_.size() + static_cast<size_t>(std::ranges::count(moves, 1)));
  for (size_t i = 0; i < moves.size(); ++i)
    if (moves[i]) entries_.push_back(from.entries_[i]);
  team.own().match = 0;
}

void Sink::merge_group(Context& context, Entry& group, const Entry& other) const {
  context.position = other.position;
  context.match = other.match;
  // Of equal keys the earlier row's spelling (1 and 1.0 in dynamic) and place count.
  if (std::tie(other.position, other.match) < std::tie(group.position, group.match)) {
    group.cells =
        other.cells;  // not written over: another thread may be comparing them with keys of this hash
    group.position = other.position;
    group.match = other.match;
  }
  size_t offset = 0;
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Aggregate& aggregate = spec_.aggregates[i].aggregate();
    aggregate.merge(context, calls_[i], group.states + offset, other.states + offset);
    offset += aggregate.state_size;
  }
}

// What its states have in common with those of its old sink they get from this one.
void Sink::move_group(Context& context, const Entry& group) const {
  size_t offset = 0;
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Aggregate& aggregate = spec_.aggregates[i].aggregate();
    char* state = group.states + offset;
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
  entries_ = {};
  index_ = {};
  num_indexed_ = 0;
  hints_ = {};
  codes_ = {};
  recent_ = {};
  recent_places_ = {};
  num_first_ = 0;
}

void Sink::save(Writer& writer) const {
  if (spec_.kind == SinkSpec::Kind::Build) return join_rows_.save(writer);
  Arena scratch;
  writer.put(count_);
  writer.put(static_cast<uint64_t>(entries_.size()));
  for (const Entry& entry : entries_) {
    writer.put(entry.position);
    writer.put(entry.match);
    for (size_t i = 0; i < spec_.types.size(); ++i)
      aggregates::save_cell(entry.cells[i], spec_.types[i], writer, scratch);
    const char* state = entry.states;
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
    Entry& entry = entries_.emplace_back();
    entry.position = context.position;
    entry.match = context.match;
    last_position_ = std::max(last_position_, context.position);
    entry.cells = context.state_arena->allocate_array<Cell>(cells.size());
    std::copy(cells.begin(), cells.end(), entry.cells);
    return true;
  }
  last_position_ = std::max(last_position_, context.position);
  size_t before = entries_.size();
  Entry& group = find_group(context, cells.data(), hash_keys(context, cells.data()), false);
  if (entries_.size() == before) return false;  // a key stands only once
  char* state = group.states;
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

bool Sink::is_before(const Entry& a, const Entry& b) const {
  for (const SinkKey& key : spec_.sort_keys)
    if (int order = compare_key(a.cells[key.column], b.cells[key.column], key, spec_.types[key.column]))
      return order < 0;
  return std::tie(a.position, a.match) < std::tie(b.position, b.match);
}

// A part a thread, which are then put together two by two.
void Sink::order_entries(exec::Team& team) {
  const auto before = [&](const Entry& a, const Entry& b) { return is_before(a, b); };
  const size_t parts = entries_.size() < kLeastSorted ? 1 : team.size();
  const auto place = [&](size_t part) {
    return entries_.begin() + static_cast<std::ptrdiff_t>(entries_.size() * std::min(part, parts) / parts);
  };
  team.over(parts, 1,
            [&](Context&, size_t part, size_t) { std::sort(place(part), place(part + 1), before); });
  for (size_t width = 1; width < parts; width *= 2)
    team.over((parts + 2 * width - 1) / (2 * width), 1, [&](Context&, size_t pair, size_t) {
      const size_t part = pair * 2 * width;
      std::inplace_merge(place(part), place(part + width), place(part + 2 * width), before);
    });
}

size_t Sink::finish(exec::Team& team, std::vector<Cell>& out) {
  if (spec_.kind == SinkSpec::Kind::Count) {
    out.push_back(make_cell(count_));
    return 1;
  }
  // Without keys there is one group even when there are no rows.
  if (spec_.kind == SinkSpec::Kind::Group && spec_.types.empty() && entries_.empty())
    find_group(team.own(), nullptr, hash_keys(team.own(), nullptr), true);
  order_entries(team);
  size_t rows = entries_.size();
  if (spec_.limit >= 0) rows = std::min(rows, static_cast<size_t>(spec_.limit));
  const size_t width = spec_.width_out();
  out.resize(rows * width);
  team.over(rows, groups_at_once(rows, team), [&](Context& context, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) finish_row(context, entries_[i], out.data() + i * width);
  });
  drop_entries();
  if (own_) team.own().state_arena->adopt(*own_);
  return rows;
}

void Sink::finish_row(Context& context, const Entry& entry, Cell* out) const {
  out = std::copy_n(entry.cells, spec_.types.size(), out);
  char* state = entry.states;
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Aggregate& aggregate = spec_.aggregates[i].aggregate();
    aggregate.finish(context, calls_[i], state, out);
    out += calls_[i].num_results;
    state += aggregate.state_size;
  }
}

extern "C" void kqlc_load(Context* context, const Column* columns, int64_t column, int32_t type,
                          uint32_t shape, int64_t row, Cell* out) {
  load_cell(*context, columns, column, type, shape, row, out);
}

}  // namespace kqlc
