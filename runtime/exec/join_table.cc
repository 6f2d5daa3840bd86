// SPDX-License-Identifier: Apache-2.0
//
// The table is an open index of 32-bit group numbers, at most half full; the rows of a group lie together, so
// that a left row with many matches reads them in one run.
#include "runtime/exec/join_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <tuple>

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
  if (of_a == of_b) return aggregates::same_cell(a, b, of_a, unused);
  return widened(a, of_a, of_b).l == widened(b, of_b, of_a).l;
}

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
            context.state_arena->copy(text)};
  return &recent;
}

void JoinRows::add(Context& context, const Cell* row) {
  for (const JoinColumn& key : keys_)
    if (equals_nothing(row[key.column], types_[key.column])) return;
  if (entries_.size() >= kMaxJoinRows) return context.fail_limit("a join with more than 4 billion rows");
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
  entries_.push_back({context.position, context.match, finish_hash(hash), cells});
}

void JoinRows::merge(JoinRows& from) {
  for (size_t run : from.runs_) runs_.push_back(entries_.size() + run);
  entries_.insert(entries_.end(), from.entries_.begin(), from.entries_.end());
  cells_->adopt(*from.cells_);
  from.entries_ = {};
  from.recent_ = {};
  from.runs_ = {0};
}

// The numbers of the rows in input order. The rows of a thread mostly have it already, so runs are merged.
std::vector<uint32_t> JoinRows::order() const {
  std::vector<uint32_t> order(entries_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  auto before = [&](uint32_t a, uint32_t b) {
    return std::tie(entries_[a].position, entries_[a].match) <
           std::tie(entries_[b].position, entries_[b].match);
  };
  auto place = [&](size_t run) {
    return order.begin() + static_cast<std::ptrdiff_t>(run < runs_.size() ? runs_[run] : entries_.size());
  };
  for (size_t run = 0; run < runs_.size(); ++run)
    if (!std::is_sorted(place(run), place(run + 1), before)) std::sort(place(run), place(run + 1), before);
  for (size_t width = 1; width < runs_.size(); width *= 2)
    for (size_t run = 0; run + width < runs_.size(); run += 2 * width)
      std::inplace_merge(place(run), place(run + width), place(run + 2 * width), before);
  return order;
}

// Numbers the keys by their first row and counts their rows. Returns the group of each row.
std::vector<uint32_t> JoinRows::group(const std::vector<uint32_t>& order, JoinTable& table) const {
  const size_t mask = table.slots_.size() - 1;
  std::vector<uint32_t> group_of(entries_.size());
  std::vector<uint32_t> leaders;  // a row of each group
  auto same_keys = [&](uint32_t a, uint32_t b) {
    return std::ranges::all_of(keys_, [&](const JoinColumn& key) {
      Type type = types_[key.column];
      return same_key(row(a)[key.column], type, row(b)[key.column], type);
    });
  };
  for (uint32_t number : order) {
    const uint64_t hash = entries_[number].hash;
    size_t slot = hash & mask;
    for (; table.slots_[slot]; slot = (slot + 1) & mask) {
      uint32_t known = table.slots_[slot] - 1;
      if (table.groups_[known].hash == hash && same_keys(leaders[known], number)) break;
    }
    if (!table.slots_[slot]) {
      table.groups_.push_back({hash, 0, 0});
      leaders.push_back(number);
      table.slots_[slot] = static_cast<uint32_t>(leaders.size());
    }
    group_of[number] = table.slots_[slot] - 1;
    ++table.groups_[group_of[number]].count;
  }
  return group_of;
}

std::shared_ptr<const JoinTable> JoinRows::build() {
  auto table = std::make_shared<JoinTable>();
  table->types_ = types_;
  table->keys_ = keys_;
  table->orders_ = std::make_unique<JoinTable::Order[]>(types_.size());
  for (Type type : types_) table->nulls_.push_back(null_cell(type));
  table->slots_.assign(std::bit_ceil(std::max<size_t>(16, 2 * entries_.size())), 0);
  const std::vector<uint32_t> in_order = order(), group_of = group(in_order, *table);
  std::vector<uint32_t> next;  // place of a group's next row
  uint32_t place = 0;
  for (JoinTable::Group& group : table->groups_) {
    group.first = place;
    next.push_back(place);
    place += group.count;
  }
  table->num_rows_ = entries_.size();
  table->rows_ = table->arena_.allocate_array<Cell>(entries_.size() * types_.size());
  for (uint32_t number : in_order)
    std::copy_n(row(number), types_.size(), table->rows_ + size_t{next[group_of[number]]++} * types_.size());
  entries_ = {};
  recent_ = {};
  cells_ = std::make_unique<Arena>();
  runs_ = {0};
  return table;
}

const Cell* JoinTable::find(const Cell* keys, uint64_t& count) const {
  count = 0;
  uint64_t hash = 0;
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (equals_nothing(keys[i], keys_[i].probe)) return nullptr;
    hash = add_hash(hash, keys[i], keys_[i].probe, types_[keys_[i].column]);
  }
  hash = finish_hash(hash);
  for (size_t slot = hash & (slots_.size() - 1); slots_[slot]; slot = (slot + 1) & (slots_.size() - 1)) {
    const Group& group = groups_[slots_[slot] - 1];
    if (group.hash != hash) continue;
    const Cell* first = rows_ + size_t{group.first} * types_.size();
    bool same = true;
    for (size_t i = 0; i < keys_.size() && same; ++i)
      same = same_key(keys[i], keys_[i].probe, first[keys_[i].column], types_[keys_[i].column]);
    if (!same) continue;
    count = group.count;
    return first;
  }
  return nullptr;
}

bool JoinTable::is_ordered(size_t column) const {
  return types_[column] == Type::Long || types_[column] == Type::DateTime || types_[column] == Type::TimeSpan;
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
  const size_t width = types_.size(), first = groups_[group].first, count = groups_[group].count;
  std::vector<std::pair<int64_t, uint32_t>> sorted(count);
  for (size_t i = 0; i < count; ++i) {
    const Cell& cell = rows_[(first + i) * width + column];
    sorted[i] = {cell.valid ? cell.l : std::numeric_limits<int64_t>::max(), static_cast<uint32_t>(first + i)};
  }
  if (!std::ranges::is_sorted(sorted)) std::ranges::sort(sorted);
  for (size_t i = 0; i < count; ++i) std::tie(order.values[first + i], order.rows[first + i]) = sorted[i];
  progress.store(Order::Done, std::memory_order_release);
  progress.notify_all();
}

void JoinTable::narrow(const Cell* first, uint64_t count, size_t column, int64_t low, int64_t high,
                       std::vector<const Cell*>& out) const {
  constexpr uint64_t kWorthWhile = 8;
  out.clear();
  const auto width = types_.size();
  if (count >= kWorthWhile && is_ordered(column)) {
    Order& order = order_of(column);
    const auto row = (first - rows_) / static_cast<std::ptrdiff_t>(width);
    const auto group = std::ranges::upper_bound(groups_, static_cast<uint32_t>(row), {}, &Group::first) - 1;
    const auto number = static_cast<size_t>(group - groups_.begin());
    if (order.progress[number].load(std::memory_order_acquire) != Order::Done)
      sort_group(number, column, order);
    const auto begin = order.values.begin() + row, end = begin + static_cast<std::ptrdiff_t>(count);
    const auto from = std::lower_bound(begin, end, low), to = std::upper_bound(from, end, high);
    if (static_cast<uint64_t>(to - from) <= count / 2) {
      auto place = order.rows.begin() + (from - order.values.begin());
      for (auto left = to - from; left; --left) out.push_back(rows_ + size_t{*place++} * width);
      if (!std::ranges::is_sorted(out)) std::ranges::sort(out);
      return;
    }
  }
  for (uint64_t i = 0; i < count; ++i) out.push_back(first + i * width);
}

size_t JoinTable::bytes() const {
  return order_bytes_ + arena_.bytes() + groups_.capacity() * sizeof(Group) +
         slots_.capacity() * sizeof(uint32_t);
}

void JoinRows::save(Writer& writer) const {
  Arena scratch;
  writer.put(static_cast<uint64_t>(entries_.size()));
  for (size_t i = 0; i < entries_.size(); ++i) {
    writer.put(entries_[i].position);
    writer.put(entries_[i].match);
    for (size_t c = 0; c < types_.size(); ++c) aggregates::save_cell(row(i)[c], types_[c], writer, scratch);
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
    size_t before = entries_.size();
    add(context, cells.data());
    if (entries_.size() == before) return false;  // a key that equals nothing is never saved
  }
  context.match = 0;
  return true;
}

}  // namespace kqlc
