// SPDX-License-Identifier: Apache-2.0
//
// A slot is a bitmap of rows: one for each condition that any of its patterns decides, one for each pattern
// of the others. Texts that do not lie in one run of bytes (views, arrays of Str, nulls, dictionaries larger
// than the batch) are copied into one, some hundred kilobytes at a time, unless they lie in order and so near
// each other (a page of Parquet: the lengths stand between them) that all can be searched where they are; a
// smaller dictionary is decided instead of the rows.
#include "runtime/simd/conditions.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <span>

namespace kqlc::simd {

namespace {

// A search of its own is quicker for so few needles.
constexpr size_t kMostAlone = 4;
// Of more needles it is not tried whether all share two bytes.
constexpr size_t kMostJoined = 64;
// Lengths from which a pass over many needles can look at every fourth place, and at windows of four bytes.
constexpr size_t kLong = 6, kMiddle = 4, kShort = 2;
constexpr size_t kGatheredBytes = size_t{1} << 19;
// One value is compared with so many needles one by one.
constexpr size_t kMostOneByOne = 8;

// Bytes that may lie between two texts of a run.
constexpr size_t kMostBetween = 4;
// So many texts in order are worth a search where they are.
constexpr size_t kLeastOrdered = 64;

size_t words_of(size_t rows) { return (rows + 63) / 64; }

// Texts by offsets, each of which ends where the next one begins.
template <class Offset>
struct OffsetTexts {
  const Offset* offsets;
  const char* data;
  const char* begin(size_t row) const { return data + offsets[row]; }
  const char* end(size_t row) const { return data + offsets[row + 1]; }
  void filter(const PreparedNeedle& needle, size_t rows, uint64_t* bitmap) const {
    needle.filter(offsets, data, rows, bitmap);
  }
};

// Texts that lie in order, with bytes of others between them.
struct OrderedTexts {
  const Str* texts;
  const char* begin(size_t row) const { return texts[row].data; }
  const char* end(size_t row) const { return texts[row].data + texts[row].size; }
  void filter(const PreparedNeedle& needle, size_t rows, uint64_t* bitmap) const {
    needle.filter(texts, rows, bitmap);
  }
};

// Whether a text lies behind what ends at `last`, and near it. An empty text lies where the last one ended.
bool is_next(const Str& text, const char* last) {
  return text.size == 0 || (text.data >= last && text.data <= last + kMostBetween);
}

// Takes the texts from `first` on that lie in order, of `rows`, some hundred kilobytes of them, and returns
// the row behind them; `first` where they are too few to be searched where they are.
size_t take_ordered(const Str* strs, size_t first, size_t rows, std::vector<Str>& out) {
  size_t row = first;
  while (row < rows && strs[row].size == 0) ++row;
  if (row == rows) return first;
  const char *begin = strs[row].data, *last = begin;
  out.assign(row - first, Str(begin, 0));
  for (; row < rows && static_cast<size_t>(last - begin) < kGatheredBytes; ++row) {
    const Str& text = strs[row];
    if (!is_next(text, last)) break;
    out.push_back(text.size ? text : Str(last, 0));
    last = out.back().data + text.size;
  }
  return row < rows && row - first < kLeastOrdered ? first : row;
}

}  // namespace

void Decisions::begin(size_t num_slots, size_t num_conditions, size_t rows) {
  rows_ = rows;
  bits_.resize(num_slots);
  derived_.resize(num_conditions);
  touched_.assign(num_slots, 0);
  is_derived_.assign(num_conditions, 0);
  list_.clear();
}

inline void Decisions::set(uint32_t slot, size_t row) {
  if (!touched_[slot]) {
    touched_[slot] = 1;
    list_.push_back(slot);
    bits_[slot].assign(words_of(rows_), 0);
  }
  bits_[slot][row / 64] |= uint64_t{1} << (row % 64);
}

inline bool Decisions::has(uint32_t slot, size_t row) const {
  return touched_[slot] && (bits_[slot][row / 64] >> (row % 64) & 1);
}

ConditionSet::ConditionSet(std::vector<Condition> conditions) : conditions_(std::move(conditions)) {
  add_patterns();
  group_needles();
  for (uint32_t i = 0; i < needles_.size(); ++i)
    if (needles_[i].matches({})) fit_empty_.push_back(i);
}

ConditionSet::~ConditionSet() = default;

void ConditionSet::add_patterns() {
  std::map<Pattern, uint32_t> known;
  for (const Condition& condition : conditions_) {
    Plan& plan = plans_.emplace_back();
    for (const Pattern& pattern : condition.patterns) {
      auto [place, added] = known.try_emplace(pattern, static_cast<uint32_t>(needles_.size()));
      if (added) needles_.emplace_back(pattern.match, pattern.letter_case, pattern.text);
      slots_.resize(needles_.size());
      if (plan.slots.empty() || condition.all) plan.slots.push_back(static_cast<uint32_t>(num_slots_++));
      std::vector<uint32_t>& slots = slots_[place->second];
      if (slots.empty() || slots.back() != plan.slots.back()) slots.push_back(plan.slots.back());
    }
  }
}

void ConditionSet::group_needles() {
  std::vector<Group> groups(3);
  for (uint32_t i = 0; i < needles_.size(); ++i) {
    const size_t size = needles_[i].search().size;
    if (size < kShort)
      alone_.push_back(i);
    else
      groups[size >= kLong ? 0 : size >= kMiddle ? 1 : 2].needles.push_back(i);
  }
  if (join_groups(groups)) return;
  for (Group& group : groups) {
    if (group.needles.size() <= kMostAlone) {
      alone_.insert(alone_.end(), group.needles.begin(), group.needles.end());
      continue;
    }
    group.search = make_search(group.needles);
    groups_.push_back(std::move(group));
  }
}

// One pass for needles of all lengths, where it is as quick as each of theirs: all are found by two bytes
// that they share.
bool ConditionSet::join_groups(const std::vector<Group>& groups) {
  Group all;
  for (const Group& group : groups)
    all.needles.insert(all.needles.end(), group.needles.begin(), group.needles.end());
  if (all.needles.size() <= kMostAlone || all.needles.size() > kMostJoined) return false;
  all.search = make_search(all.needles);
  if (!all.search.search().shares_pair()) return false;
  groups_.push_back(std::move(all));
  return true;
}

LearningSearch ConditionSet::make_search(const std::vector<uint32_t>& numbers) const {
  std::vector<MultiSearch::Piece> pieces;
  for (uint32_t i : numbers) {
    const SearchNeedle& needle = needles_[i].search();
    const bool caseless = std::any_of(needle.fold, needle.fold + needle.size, [](char c) { return c != 0; });
    pieces.push_back({std::string(needle.bytes, needle.size), caseless});
  }
  return LearningSearch(std::move(pieces));
}

inline void ConditionSet::hold(uint32_t needle, size_t row, Decisions& out) const {
  for (uint32_t slot : slots_[needle]) out.set(slot, row);
}

void ConditionSet::decide(const StringColumn& column, Decisions& out) const {
  out.begin(num_slots_, conditions_.size(), static_cast<size_t>(column.num_rows));
  if (column.num_rows > 0) decide_rows(column, out);
}

bool ConditionSet::decide_by_values(const StringColumn& values, int64_t num_rows, Decisions& out) const {
  if (!fit_empty_.empty()) return false;
  if (!out.values_) out.values_ = std::make_unique<Decisions>();
  decide(values, *out.values_);
  if (!out.values_->list_.empty()) return false;
  out.begin(num_slots_, conditions_.size(), static_cast<size_t>(num_rows));
  return true;
}

void ConditionSet::decide_rows(const StringColumn& column, Decisions& out) const {
  const Column& from = column.column;
  const auto rows = static_cast<size_t>(column.num_rows);
  switch (from.encoding) {
    case Encoding::Missing:
      for (uint32_t needle : fit_empty_)
        for (size_t row = 0; row < rows; ++row) hold(needle, row, out);
      return;
    case Encoding::Utf8:
      if (from.validity) return decide_apart(column, out);
      return decide_run(
          OffsetTexts<int32_t>{static_cast<const int32_t*>(from.values) + from.offset, from.data}, rows, 0,
          out);
    case Encoding::LargeUtf8:
      if (from.validity) return decide_apart(column, out);
      return decide_run(
          OffsetTexts<int64_t>{static_cast<const int64_t*>(from.values) + from.offset, from.data}, rows, 0,
          out);
    case Encoding::Dictionary:
      if (from.dictionary_size <= column.num_rows) return decide_dictionary(column, out);
      return decide_apart(column, out);
    default:
      return decide_apart(column, out);
  }
}

void ConditionSet::decide_apart(const StringColumn& column, Decisions& out) const {
  const Column& from = column.column;
  const auto rows = static_cast<size_t>(column.num_rows);
  const Str* strs = from.encoding == Encoding::Strs && !from.validity
                        ? static_cast<const Str*>(from.values) + from.offset
                        : nullptr;
  for (size_t row = 0; row < rows;) {
    const size_t end = strs ? take_ordered(strs, row, rows, out.texts_) : row;
    if (end != row) decide_run(OrderedTexts{out.texts_.data()}, end - row, row, out);
    row = end != row ? end : gather(column, row, out);
  }
}

// Copies texts from row `first` on into one run and decides them: some hundred kilobytes, or as many as there
// are before many in order. Returns the row behind them.
size_t ConditionSet::gather(const StringColumn& column, size_t first, Decisions& out) const {
  const auto rows = static_cast<size_t>(column.num_rows);
  out.bytes_.clear();
  out.offsets_.assign(1, 0);
  const bool may_stop = column.column.encoding == Encoding::Strs && !column.column.validity;
  size_t row = first, ordered = 0;
  const char* last = nullptr;
  for (; row < rows && ordered < kLeastOrdered && out.bytes_.size() < kGatheredBytes; ++row) {
    const Str text = load_str(column.column, column.column.encoding, static_cast<int64_t>(row));
    if (text.size) out.bytes_.append(text.data, text.size);
    out.offsets_.push_back(static_cast<int64_t>(out.bytes_.size()));
    ordered = may_stop && last && is_next(text, last) ? ordered + 1 : 0;
    if (text.size) last = text.data + text.size;
  }
  decide_run(OffsetTexts<int64_t>{out.offsets_.data(), out.bytes_.data()}, row - first, first, out);
  return row;
}

// Which slots each value of a dictionary has. Values that have any are numbered, so that the others cost no
// more than a bit.
class ConditionSet::ValueSlots {
 public:
  ValueSlots(const Decisions& values, size_t num_values)
      : has_any_(words_of(num_values)), before_(words_of(num_values)) {
    for (uint32_t slot : values.list_)
      for (size_t word = 0; word < has_any_.size(); ++word) has_any_[word] |= values.bits_[slot][word];
    uint32_t count = 0;
    for (size_t word = 0; word < has_any_.size(); ++word) {
      before_[word] = count;
      count += static_cast<uint32_t>(std::popcount(has_any_[word]));
    }
    begins_.resize(size_t{count} + 1);
    visit(values, [&](size_t number, uint32_t) { ++begins_[number + 1]; });
    std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
    slots_.resize(begins_.back());
    std::vector<uint32_t> next(begins_.begin(), begins_.end() - 1);
    visit(values, [&](size_t number, uint32_t slot) { slots_[next[number]++] = slot; });
  }

  // Of `count` codes, up to 64, those whose value has a slot. What stands where `empty` has a bit is no code.
  uint64_t find(const uint32_t* codes, size_t count, uint64_t empty) const {
    uint64_t found = 0;
    for (size_t i = 0; i < count; ++i)
      if (!(empty >> i & 1)) found |= (has_any_[codes[i] / 64] >> (codes[i] % 64) & 1) << i;
    return found;
  }
  // Requires: the value has a slot.
  std::span<const uint32_t> of(uint32_t value) const {
    const size_t number = number_of(value);
    return {slots_.data() + begins_[number], slots_.data() + begins_[number + 1]};
  }

 private:
  size_t number_of(size_t value) const {
    const uint64_t below = has_any_[value / 64] & ((uint64_t{1} << (value % 64)) - 1);
    return before_[value / 64] + static_cast<size_t>(std::popcount(below));
  }
  template <class Visit>
  void visit(const Decisions& values, Visit visit) const {
    for (uint32_t slot : values.list_)
      for (size_t word = 0; word < has_any_.size(); ++word)
        for (uint64_t left = values.bits_[slot][word]; left; left &= left - 1)
          visit(number_of(word * 64 + static_cast<size_t>(std::countr_zero(left))), slot);
  }

  Decisions::Bitmap has_any_;
  std::vector<uint32_t> before_;  // by word of has_any_: the number of its first value
  std::vector<uint32_t> begins_, slots_;
};

// From values to the rows that have them. Most have none that any slot has.
void ConditionSet::decide_dictionary(const StringColumn& column, Decisions& out) const {
  const Column& codes = column.column;
  if (!out.values_) out.values_ = std::make_unique<Decisions>();
  decide(StringColumn{*codes.dictionary, codes.dictionary_size}, *out.values_);
  if (out.values_->list_.empty() && (fit_empty_.empty() || !codes.validity)) return;
  const ValueSlots slots(*out.values_, static_cast<size_t>(codes.dictionary_size));
  const auto* code = static_cast<const uint32_t*>(codes.values) + codes.offset;
  const auto rows = static_cast<size_t>(column.num_rows);
  for (size_t first = 0; first < rows; first += 64) {
    const size_t count = std::min<size_t>(rows - first, 64);
    uint64_t empty = 0;
    for (size_t i = 0; codes.validity && i < count; ++i)
      empty |= uint64_t{!bit_at(codes.validity, static_cast<int64_t>(first + i) + codes.offset)} << i;
    for (uint64_t left = slots.find(code + first, count, empty); left; left &= left - 1) {
      const size_t row = first + static_cast<size_t>(std::countr_zero(left));
      for (uint32_t slot : slots.of(code[row])) out.set(slot, row);
    }
    for (; empty && !fit_empty_.empty(); empty &= empty - 1)
      for (uint32_t needle : fit_empty_)
        hold(needle, first + static_cast<size_t>(std::countr_zero(empty)), out);
  }
}

// A walk over the hits in a run of texts. Hits come nearly in order, so their rows lie near each other.
template <class Texts>
struct ConditionSet::Walk {
  const ConditionSet& set;
  const Group& group;
  const Texts& texts;
  size_t rows, first_row;
  Decisions& out;
  size_t row = 0;  // of the last hit

  size_t row_at(const char* place) {
    if (place < texts.begin(row)) row = 0;
    size_t step = 1;
    for (; row + step < rows && texts.begin(row + step) <= place; step *= 2) row += step;
    for (; step; step /= 2)
      if (row + step < rows && texts.begin(row + step) <= place) row += step;
    return row;
  }

  void take(const char* place, size_t which) {
    const uint32_t needle = group.needles[which];
    const size_t at = row_at(place);
    const std::vector<uint32_t>& slots = set.slots_[needle];
    if (std::ranges::all_of(slots, [&](uint32_t slot) { return out.has(slot, first_row + at); })) return;
    const char* end = texts.end(at);
    if (place < end && set.needles_[needle].fits_at(texts.begin(at), place, end))
      set.hold(needle, first_row + at, out);
  }
};

template <class Texts>
void ConditionSet::decide_run(const Texts& texts, size_t rows, size_t first_row, Decisions& out) const {
  for (const Group& group : groups_) {
    Walk<Texts> walk{*this, group, texts, rows, first_row, out};
    const char* begin = texts.begin(0);
    const char* end = texts.end(rows - 1);
    const auto size = static_cast<size_t>(end - begin);
    if (size >= kEnoughToLearn) group.search.learn({begin, size});
    group.search.search().find_all(
        begin, end,
        [](void* context, const char* place, size_t which) {
          static_cast<Walk<Texts>*>(context)->take(place, which);
        },
        &walk);
  }
  std::vector<uint64_t> found;
  for (uint32_t needle : alone_) {
    found.assign(words_of(rows), 0);
    texts.filter(needles_[needle], rows, found.data());
    for (size_t word = 0; word < found.size(); ++word)
      for (uint64_t left = found[word]; left; left &= left - 1)
        hold(needle, first_row + word * 64 + static_cast<size_t>(__builtin_ctzll(left)), out);
  }
}

const uint64_t* ConditionSet::rows(size_t number, Decisions& decisions) const {
  const Condition& condition = conditions_[number];
  const std::vector<uint32_t>& slots = plans_[number].slots;
  if (slots.size() == 1 && !condition.negated) {
    const Decisions::Bitmap* bits = decisions.bits(slots[0]);
    return bits ? bits->data() : nullptr;
  }
  Decisions::Bitmap& derived = decisions.derived_[number];
  if (decisions.is_derived_[number]) return derived.data();
  decisions.is_derived_[number] = 1;
  const size_t rows = decisions.rows_;
  const uint64_t nothing = condition.negated ? ~uint64_t{0} : 0;
  bool none = slots.empty() && !condition.all;
  for (uint32_t slot : slots) none |= !decisions.bits(slot);
  derived.assign(words_of(rows), none ? nothing : ~nothing);
  for (size_t word = 0; !none && !slots.empty() && word < derived.size(); ++word) {
    uint64_t holds = ~uint64_t{0};
    for (uint32_t slot : slots) holds &= decisions.bits_[slot][word];
    derived[word] = holds ^ nothing;
  }
  if (rows % 64) derived.back() &= (uint64_t{1} << (rows % 64)) - 1;
  return derived.data();
}

bool ConditionSet::matches(Str text) const {
  const Condition& condition = conditions_[0];
  const auto fits = [&](const PreparedNeedle& needle) { return needle.matches(text); };
  if (condition.all) return std::ranges::all_of(needles_, fits) != condition.negated;
  if (needles_.size() <= kMostOneByOne) return std::ranges::any_of(needles_, fits) != condition.negated;
  return any_fits(text) != condition.negated;
}

bool ConditionSet::any_fits(Str text) const {
  if (std::ranges::any_of(alone_, [&](uint32_t needle) { return needles_[needle].matches(text); }))
    return true;
  struct Look {
    const ConditionSet& set;
    const Group* group;
    const char *begin, *end;
    bool found;
  };
  Look look{*this, nullptr, text.data, text.data + text.size, false};
  for (const Group& group : groups_) {
    look.group = &group;
    group.search.search().find_all(
        look.begin, look.end,
        [](void* context, const char* place, size_t which) {
          auto& here = *static_cast<Look*>(context);
          const PreparedNeedle& needle = here.set.needles_[here.group->needles[which]];
          here.found = here.found || needle.fits_at(here.begin, place, here.end);
        },
        &look);
    if (look.found) return true;
  }
  return false;
}

void ConditionSet::filter(const StringColumn& column, uint64_t* bitmap) const {
  Decisions decisions;
  decide(column, decisions);
  if (const uint64_t* holds = rows(0, decisions))
    std::copy_n(holds, words_of(static_cast<size_t>(column.num_rows)), bitmap);
}

}  // namespace kqlc::simd
