// SPDX-License-Identifier: Apache-2.0
//
// The order in which a sink hands its rows on: by its sort keys, then by position. A number that has the
// order of the first key, as far as it goes, decides most comparisons without a look at the cells.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <tuple>

#include "runtime/aggregates/state.h"
#include "runtime/exec/sink.h"

namespace kqlc {

namespace {

// Entries that a thread sorts at once.
constexpr size_t kEntriesAtOnce = size_t{1} << 16;
// In a chunk that mostly is in order at most one of so many entries stands behind a later one.
constexpr size_t kMostlyInOrder = 8;

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

// The first bytes as a number with their order.
uint64_t first_bytes(const void* bytes, size_t size) {
  uint64_t number = 0;
  if (size) std::memcpy(&number, bytes, std::min(size, sizeof number));
  return __builtin_bswap64(number);
}

// Of two values with an order the earlier one has no greater number.
uint64_t number_of_value(const Cell& cell, Type type) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  switch (type) {
    case Type::Bool:
      return cell.b;
    case Type::Int:
      return static_cast<uint64_t>(int64_t{cell.i}) ^ kSign;
    case Type::Long:
    case Type::DateTime:
    case Type::TimeSpan:
      return static_cast<uint64_t>(cell.l) ^ kSign;
    case Type::Real: {
      const auto bits = std::bit_cast<uint64_t>(cell.d == 0 ? 0.0 : cell.d);
      return bits & kSign ? ~bits : bits | kSign;
    }
    case Type::String:
      return first_bytes(cell.s.data, cell.s.size);
    case Type::Guid:
      return first_bytes(cell.g.bytes, sizeof cell.g.bytes);
    default:
      return 0;
  }
}

}  // namespace

// The number by which rows are compared first; of two rows the earlier one has no greater number.
uint64_t Sink::number_of_row(const Cell* row) const {
  if (spec_.sort_keys.empty()) return 0;
  const SinkKey& key = spec_.sort_keys[0];
  const Cell& cell = row[key.column];
  const Type type = spec_.types[key.column];
  constexpr uint64_t kLast = ~uint64_t{0};
  if (!cell.valid || (type == Type::Real && std::isnan(cell.d))) return key.nulls_first ? 0 : kLast;
  const uint64_t number = number_of_value(cell, type);
  return std::clamp<uint64_t>(key.descending ? ~number : number, 1, kLast - 1);
}

bool Sink::is_before(const Entry& a, const Entry& b) const {
  if (spec_.sort_keys.empty() && a.position != b.position) return a.position < b.position;
  if (!spec_.sort_keys.empty() && a.hash != b.hash) return a.hash < b.hash;
  for (const SinkKey& key : spec_.sort_keys)
    if (int order = compare_key(a.cells[key.column], b.cells[key.column], key, spec_.types[key.column]))
      return order < 0;
  return std::tie(a.position, a.match) < std::tie(b.position, b.match);
}

// Sorted runs of all entries, which lie in `entries_` and in `others`. Of a chunk that mostly is in order
// what is not is taken out, to be sorted by itself; another chunk is sorted whole.
Sink::EntryRuns Sink::make_runs(exec::Team& team, LargeVector<Entry>& others) {
  const auto before = [&](const Entry& a, const Entry& b) { return is_before(a, b); };
  EntryRuns runs(entries_.num_chunks());
  std::vector<LargeVector<Entry>> taken(runs.size());
  team.over_all(runs.size(), 1, [&](Context&, size_t number, size_t) {
    std::span<Entry> chunk = entries_.chunk(number);
    size_t out_of_order = 0;
    for (size_t i = 1; i < chunk.size(); ++i) out_of_order += before(chunk[i], chunk[i - 1]);
    const bool is_sorted = out_of_order * kMostlyInOrder <= chunk.size();
    if (!is_sorted) std::ranges::sort(chunk, before);
    runs[number] = is_sorted ? take_sorted(chunk, taken[number]) : chunk;
  });
  for (const auto& part : taken) others.insert(others.end(), part.begin(), part.end());
  std::vector<std::span<const Entry>> parts((others.size() + kEntriesAtOnce - 1) / kEntriesAtOnce);
  team.over_all(parts.size(), 1, [&](Context&, size_t number, size_t) {
    const auto part = std::span(others).subspan(number * kEntriesAtOnce);
    parts[number] = part.first(std::min(part.size(), kEntriesAtOnce));
    std::ranges::sort(part.first(parts[number].size()), before);
  });
  runs.insert(runs.end(), parts.begin(), parts.end());
  return runs;
}

// Moves those of the entries to `others` that stand behind a later one; returns the rest.
std::span<const Sink::Entry> Sink::take_sorted(std::span<Entry> entries, LargeVector<Entry>& others) const {
  size_t kept = 0;
  for (size_t i = 0; i < entries.size(); ++i)
    if (kept > 0 && is_before(entries[i], entries[kept - 1]))
      others.push_back(entries[i]);
    else
      entries[kept++] = entries[i];
  return entries.first(kept);
}

Sink::Order Sink::order(exec::Team& team) {
  // Without keys there is one group even when there are no rows.
  if (spec_.kind == SinkSpec::Kind::Group && spec_.types.empty() && entries_.empty())
    find_group(team.own(), nullptr, hash_keys(team.own(), nullptr), true);
  Order out;
  const EntryRuns runs = make_runs(team, out.others);
  const size_t entries = entries_.size(),
               parts = std::max<size_t>(1, entries / exec::entries_at_once(entries, team)),
               rows = spec_.limit < 0 ? entries : std::min(entries, static_cast<size_t>(spec_.limit));
  out.parts = exec::divide(runs, parts, [&](const Entry& a, const Entry& b) { return is_before(a, b); });
  out.places.push_back(0);
  for (const auto& part : out.parts) out.places.push_back(out.places.back() + exec::count_entries(part));
  for (size_t& place : out.places) place = std::min(place, rows);
  return out;
}

void Sink::finish_part(Context& context, const Order& order, size_t part, Cell* out) const {
  size_t rows = order.rows_of(part);
  if (rows == 0) return;
  const auto before = [&](const Entry& a, const Entry& b) { return is_before(a, b); };
  exec::visit_in_order(order.parts[part], before, [&](const Entry& entry) {
    if (rows == 0) return;
    finish_row(context, entry, out);
    out += spec_.width_out();
    --rows;
  });
}

size_t Sink::finish(exec::Team& team, LargeVector<Cell>& out) {
  if (spec_.kind == SinkSpec::Kind::Count) {
    out.push_back(make_cell(count_));
    return 1;
  }
  const Order ordered = order(team);
  const size_t width = spec_.width_out();
  out.resize(ordered.num_rows() * width);
  std::atomic<size_t> done = 0;
  const exec::Team::Body finish = [&](Context& context, size_t part, size_t) {
    finish_part(context, ordered, part, out.data() + ordered.place_of(part) * width);
    ++done;
  };
  // Rows as they are can be handed on whatever has happened to the query.
  const size_t parts = ordered.num_parts();
  calls_.empty() ? team.over_all(parts, 1, finish) : team.over(parts, 1, finish);
  const size_t rows = done == parts ? ordered.num_rows() : 0;
  out.resize(rows * width);
  end_order(team.own());
  return rows;
}

// The entries are of no use any more, but for what they refer to.
void Sink::end_order(Context& context) {
  drop_entries();
  if (own_) context.state_arena->adopt(*own_);
}

void Sink::finish_row(Context& context, const Entry& entry, Cell* out) const {
  out = std::copy_n(entry.cells, spec_.types.size(), out);
  char* state = states_of(entry);
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Aggregate& aggregate = spec_.aggregates[i].aggregate();
    aggregate.finish(context, calls_[i], state, out);
    out += calls_[i].num_results;
    state += aggregate.state_size;
  }
}

}  // namespace kqlc
