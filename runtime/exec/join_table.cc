// SPDX-License-Identifier: Apache-2.0
//
// Keys are found in an open index of 32-bit numbers, at most half full.
#include "runtime/exec/join_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

namespace kqlc {

namespace {

// A key as the type in which both sides meet.
Cell widened(const Cell& key, Type own, Type other) {
  return own == Type::Int && other == Type::Long ? make_cell(int64_t{key.i}) : key;
}
Type common(Type own, Type other) { return own == other ? own : Type::Long; }

bool equals_nothing(const Cell& key, Type type) {
  return !key.valid || (type == Type::Real && std::isnan(key.d));
}

uint64_t mix(uint64_t hash, uint64_t key) { return hash * 0x9E3779B97F4A7C15u + key; }

// Of keys that are neither null nor NaN. No key is dynamic, so nothing is made while they are hashed.
uint64_t add_hash(uint64_t hash, const Cell& key, Type own, Type other) {
  static thread_local Arena unused;
  Type type = common(own, other);
  return mix(hash, aggregates::hash_cell(own == type ? key : widened(key, own, other), type, unused));
}
uint64_t finish_hash(uint64_t hash) { return hash ^ (hash >> 32); }

bool same_key(const Cell& a, Type of_a, const Cell& b, Type of_b) {
  static thread_local Arena unused;
  if (of_a == Type::String && a.s.data == b.s.data && a.s.size == b.s.size) return true;
  if (of_a == of_b) return aggregates::same_cell(a, b, of_a, unused);
  return widened(a, of_a, of_b).l == widened(b, of_b, of_a).l;
}

// Rows that are worth a thread.
constexpr size_t kEntriesAtOnce = size_t{1} << 16;

// Where a row stands in the input order.
template <class Entry>
std::pair<uint64_t, uint64_t> place_of(const Entry& entry) {
  return {entry.position, entry.match};
}

constexpr auto is_earlier = [](const auto& a, const auto& b) { return place_of(a) < place_of(b); };

}  // namespace

// The text as it is kept, and its hash; `other` is used where nothing is known of the text's place.
const JoinRows::Recent* JoinRows::keep_text(Context& context, Str text, Recent& other) {
  constexpr int kLeastBits = 8, kMostBits = 13;
  if (context.run && (recent_.empty() || (recent_bits_ < kMostBits && num_missed_ > recent_.size()))) {
    recent_bits_ = recent_.empty() ? kLeastBits : recent_bits_ + 1;
    recent_.assign(size_t{1} << recent_bits_, {});
    num_missed_ = 0;
  }
  Recent& recent = context.run ? recent_[aggregates::look_of_place(text) >> (64 - recent_bits_)] : other;
  const bool known = context.run && recent.run == context.run && recent.place.data == text.data &&
                     recent.place.size == text.size;
  if (known) return &recent;
  ++num_missed_;
  static thread_local Arena unused;
  recent = {context.run, aggregates::hash_cell(make_cell(text), Type::String, unused), text,
            context.state_arena->keep(text)};
  return &recent;
}

void JoinRows::add(Context& context, const Cell* row) {
  for (const JoinColumn& key : keys_)
    if (equals_nothing(row[key.column], types_[key.column])) return;
  if (runs_[0].size() >= kMaxJoinRows) return context.fail_limit("a join with more than 4 billion rows");
  Cell* cells = cells_->allocate_array<Cell>(types_.size());
  hashes_.resize(types_.size());
  for (size_t i = 0; i < types_.size(); ++i) {
    cells[i] = row[i];
    if (types_[i] == Type::String) {
      Recent other;
      const Recent* text = keep_text(context, row[i].s, other);
      cells[i].s = text->kept;
      hashes_[i] = text->hash;
    } else {
      cells[i] = aggregates::keep(row[i], types_[i], *context.state_arena);
    }
  }
  uint64_t hash = 0;
  for (const JoinColumn& key : keys_)
    hash = types_[key.column] == Type::String
               ? mix(hash, hashes_[key.column])
               : add_hash(hash, row[key.column], types_[key.column], key.probe);
  runs_[0].push_back({context.position, context.match, cells, number_of_key(finish_hash(hash), cells, 1)});
}

// The number of a key, of which `count` more rows were met.
uint32_t JoinRows::number_of_key(uint64_t hash, const Cell* cells, uint32_t count) {
  if (2 * known_.size() >= slots_.size()) grow_slots();
  const auto is_same = [&](const Key& known) {
    return known.hash == hash && std::ranges::all_of(keys_, [&](const JoinColumn& key) {
             const Type type = types_[key.column];
             return same_key(known.cells[key.column], type, cells[key.column], type);
           });
  };
  size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot]; slot = (slot + 1) & (slots_.size() - 1)) {
    Key& known = known_[slots_[slot] - 1];
    if (!is_same(known)) continue;
    known.count += count;
    return slots_[slot] - 1;
  }
  known_.push_back({hash, cells, count});
  slots_[slot] = static_cast<uint32_t>(known_.size());
  return slots_[slot] - 1;
}

void JoinRows::grow_slots() {
  slots_.assign(std::max<size_t>(16, 2 * slots_.size()), 0);
  for (uint32_t key = 0; key < known_.size(); ++key) {
    size_t slot = known_[key].hash & (slots_.size() - 1);
    while (slots_[slot]) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = key + 1;
  }
}

size_t JoinRows::num_entries() const {
  size_t count = 0;
  for (const auto& run : runs_) count += run.size();
  return count;
}

void JoinRows::merge(exec::Team& team, JoinRows& from) {
  std::vector<uint32_t> numbers;  // of the keys of `from`
  for (const Key& key : from.known_) numbers.push_back(number_of_key(key.hash, key.cells, key.count));
  for (auto& run : from.runs_) {
    team.over_all(run.size(), kEntriesAtOnce, [&](Context&, size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) run[i].key = numbers[run[i].key];
    });
    runs_.push_back(std::move(run));
  }
  cells_->adopt(*from.cells_);
  from.known_ = {};
  from.slots_ = {};
  from.recent_ = {};
  from.runs_ = std::vector<std::vector<Entry>>(1);
}

// The rows of a thread mostly are in input order already.
void JoinRows::sort_runs(exec::Team& team) {
  team.over_all(runs_.size(), 1, [&](Context&, size_t begin, size_t end) {
    for (size_t run = begin; run < end; ++run)
      if (!std::ranges::is_sorted(runs_[run], {}, &place_of<Entry>))
        std::ranges::sort(runs_[run], {}, &place_of<Entry>);
  });
}

// Rows are counted by part and key; then each part knows where its rows of a key go.
std::shared_ptr<const JoinTable> JoinRows::build(exec::Team& team) {
  auto table = std::make_shared<JoinTable>();
  table->types_ = types_;
  table->keys_ = keys_;
  table->orders_ = std::make_unique<JoinTable::Order[]>(types_.size());
  for (Type type : types_) table->nulls_.push_back(null_cell(type));
  table->null_row_ = table->nulls_.data();
  if (slots_.empty()) grow_slots();
  table->slots_ = std::exchange(slots_, {});
  table->num_rows_ = num_entries();
  table->rows_ = std::make_unique_for_overwrite<const Cell*[]>(table->num_rows_);
  sort_runs(team);
  const exec::Runs<Entry> runs(runs_.begin(), runs_.end());
  const auto parts = exec::divide(runs, table->num_rows_ < kEntriesAtOnce ? 1 : team.size(), is_earlier);
  std::vector<std::vector<uint32_t>> next(
      parts.size());  // by part and key: rows, then where the next one goes
  team.over_all(parts.size(), 1, [&](Context&, size_t part, size_t) {
    next[part].assign(known_.size(), 0);
    for (const auto& run : parts[part])
      for (const Entry& entry : run) ++next[part][entry.key];
  });
  uint32_t place = 0;
  for (size_t key = 0; key < known_.size(); ++key) {
    table->groups_.push_back({known_[key].hash, place, known_[key].count});
    for (auto& of_part : next) place += std::exchange(of_part[key], place);
  }
  team.over_all(parts.size(), 1, [&](Context&, size_t part, size_t) {
    exec::visit_in_order(parts[part], is_earlier,
                         [&](const Entry& entry) { table->rows_[next[part][entry.key]++] = entry.cells; });
  });
  table->arena_.adopt(*cells_);
  known_ = {};
  recent_ = {};
  runs_ = std::vector<std::vector<Entry>>(1);
  return table;
}

JoinMatches JoinTable::find(const Cell* keys) const {
  uint64_t hash = 0;
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (equals_nothing(keys[i], keys_[i].probe)) return {};
    hash = add_hash(hash, keys[i], keys_[i].probe, types_[keys_[i].column]);
  }
  hash = finish_hash(hash);
  for (size_t slot = hash & (slots_.size() - 1); slots_[slot]; slot = (slot + 1) & (slots_.size() - 1)) {
    const Group& group = groups_[slots_[slot] - 1];
    if (group.hash != hash) continue;
    const Cell* first = rows_[group.first];
    bool same = true;
    for (size_t i = 0; i < keys_.size() && same; ++i)
      same = same_key(keys[i], keys_[i].probe, first[keys_[i].column], types_[keys_[i].column]);
    if (same) return {rows_.get() + group.first, group.count};
  }
  return {};
}

JoinTable::Order& JoinTable::order_of(size_t column) const {
  Order& order = orders_[column];
  std::call_once(order.begun, [&] {
    order.values.resize(num_rows_);
    order.rows.resize(num_rows_);
    order.progress = std::make_unique<std::atomic<Order::Progress>[]>(groups_.size());
    order_bytes_ += num_rows_ * (sizeof(int64_t) + sizeof(uint32_t)) + groups_.size();
  });
  return order;
}

// Threads that ask for the same key wait for the first of them. A null lies in no range; it stands at the
// end.
void JoinTable::sort_group(size_t group, size_t column, Order& order) const {
  std::atomic<Order::Progress>& progress = order.progress[group];
  Order::Progress seen = Order::None;
  if (!progress.compare_exchange_strong(seen, Order::Begun, std::memory_order_acquire)) {
    while (seen != Order::Done) {
      progress.wait(seen, std::memory_order_acquire);
      seen = progress.load(std::memory_order_acquire);
    }
    return;
  }
  const size_t first = groups_[group].first, count = groups_[group].count;
  std::vector<std::pair<int64_t, uint32_t>> sorted(count);
  for (size_t i = 0; i < count; ++i) {
    const Cell& cell = rows_[first + i][column];
    sorted[i] = {cell.valid ? cell.l : std::numeric_limits<int64_t>::max(), static_cast<uint32_t>(first + i)};
  }
  if (!std::ranges::is_sorted(sorted)) std::ranges::sort(sorted);
  for (size_t i = 0; i < count; ++i) std::tie(order.values[first + i], order.rows[first + i]) = sorted[i];
  progress.store(Order::Done, std::memory_order_release);
  progress.notify_all();
}

JoinMatches JoinTable::narrow(JoinMatches matches, size_t column, int64_t low, int64_t high,
                              JoinScratch& scratch) const {
  constexpr size_t kWorthWhile = 8;
  if (matches.size() < kWorthWhile || !aggregates::orders_as_long(types_[column])) return matches;
  Order& order = order_of(column);
  const auto first = static_cast<uint32_t>(matches.data() - rows_.get());
  const auto group = std::ranges::upper_bound(groups_, first, {}, &Group::first) - 1;
  const auto number = static_cast<size_t>(group - groups_.begin());
  if (order.progress[number].load(std::memory_order_acquire) != Order::Done)
    sort_group(number, column, order);
  const auto values = std::span(order.values).subspan(first, matches.size());
  const auto from = std::ranges::lower_bound(values, low),
             to = std::ranges::upper_bound(from, values.end(), high);
  const auto count = static_cast<size_t>(to - from);
  if (count > matches.size() / 2) return matches;
  const auto rows = std::span(order.rows).subspan(first + static_cast<size_t>(from - values.begin()), count);
  scratch.rows.assign(rows.begin(), rows.end());
  if (!std::ranges::is_sorted(scratch.rows)) std::ranges::sort(scratch.rows);
  scratch.matches.resize(count);
  for (size_t i = 0; i < count; ++i) scratch.matches[i] = rows_[scratch.rows[i]];
  return scratch.matches;
}

size_t JoinTable::bytes() const {
  return order_bytes_ + arena_.bytes() + num_rows_ * sizeof(const Cell*) +
         groups_.capacity() * sizeof(Group) + slots_.capacity() * sizeof(uint32_t);
}

size_t JoinRows::bytes() const {
  size_t bytes = known_.capacity() * sizeof(Key) + slots_.capacity() * sizeof(uint32_t) + cells_->bytes();
  for (const auto& run : runs_) bytes += run.capacity() * sizeof(Entry);
  return bytes;
}

void JoinRows::save(Writer& writer) const {
  Arena scratch;
  writer.put(static_cast<uint64_t>(num_entries()));
  for (const auto& run : runs_)
    for (const Entry& entry : run) {
      writer.put(entry.position);
      writer.put(entry.match);
      for (size_t c = 0; c < types_.size(); ++c)
        aggregates::save_cell(entry.cells[c], types_[c], writer, scratch);
    }
}

bool JoinRows::load(Context& context, Reader& reader) {
  uint64_t count = 0;
  if (!reader.get(count)) return false;
  std::vector<Cell> cells(types_.size());
  for (uint64_t i = 0; i < count; ++i) {
    if (!reader.get(context.position) || !reader.get(context.match)) return false;
    for (size_t c = 0; c < types_.size(); ++c)
      if (!aggregates::load_cell(cells[c], types_[c], reader, *context.state_arena)) return false;
    const size_t before = runs_[0].size();
    add(context, cells.data());
    if (runs_[0].size() == before) return false;  // a key that equals nothing is never saved
  }
  context.match = 0;
  return true;
}

}  // namespace kqlc
