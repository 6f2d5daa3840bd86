// SPDX-License-Identifier: Apache-2.0
//
// From literals to byte strings that every matching line must hold, and the search for them. A character of a
// string value can stand in JSON as itself, behind a backslash, or as `\u` and four digits. The last form is
// searched as such (only escapes of characters that the literals have count). For the first two a literal is
// cut into pieces that have exactly one form; one piece, the rarest, is searched for each literal, or for
// each way in which its control characters may be written: in all bytes, or in the values of the keys that
// may hold them, which are copied one after the other.
#include "runtime/simd/line_filter.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <optional>

#include "runtime/simd/targets.h"
#include "runtime/simd/unicode.h"

namespace kqlc::simd {

namespace {

constexpr uint32_t kReplacement = 0xfffd;  // what invalid bytes decode to
constexpr size_t kMostForms = 8;           // of a literal

// The pieces of one group and what they cost; no pieces: the group cannot be searched.
struct SearchPlan {
  std::vector<MultiSearch::Piece> pieces;
  double rate = 0;
};

// What a control character is written as behind a backslash; 0: only as `\u`.
char short_escape(uint32_t code) {
  switch (code) {
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

// The forms of a literal in JSON, of each those pieces that have one form. `in_full`: control characters may
// be escaped or, in what sloppy writers make, stand raw, which gives a form each; else pieces end there. '/'
// may stand behind a backslash or not: a piece may begin with it, but not go over it. Characters that are not
// ASCII and may have two cases are in no piece when case is ignored.
using Pieces = std::vector<std::string>;
std::vector<Pieces> split_literal(const Literal& literal, bool in_full) {
  std::vector<Pieces> forms(1, Pieces(1));
  const char* end = literal.text.data() + literal.text.size();
  for (const char* place = literal.text.data(); place != end;) {
    const Character character = decode_character(place, end);
    const uint32_t code = character.code;
    const bool is_control = code < 0x20;
    const bool varies = (is_control && !in_full) || code == kReplacement || code >= kInvalidByte ||
                        (code >= 0x80 && literal.letter_case == Case::Ignored && !is_caseless(code));
    const size_t num_forms = forms.size();
    for (size_t i = 0; i < num_forms; ++i) {
      if (varies || code == '/') forms[i].emplace_back();
      if (varies) continue;
      if (is_control && short_escape(code)) {
        std::string& piece = forms.emplace_back(forms[i]).back();
        piece += '\\';
        piece += short_escape(code);
      }
      if (code == '"' || code == '\\') forms[i].back().push_back('\\');
      forms[i].back().append(place, character.size);
    }
    if (forms.size() > kMostForms) return {};
    place += character.size;
  }
  return forms;
}

// The rarest piece of each form, and how often one is found; none where a form has no piece.
SearchPlan plan_forms(const Literal& literal, bool in_full) {
  const bool caseless = literal.letter_case != Case::Sensitive;
  SearchPlan plan;
  for (const Pieces& pieces : split_literal(literal, in_full)) {
    const std::string& best = *std::ranges::min_element(
        pieces, {}, [&](const std::string& piece) { return expected_rate(piece, caseless); });
    if (best.empty()) return {};
    plan.rate += expected_rate(best, caseless);
    plan.pieces.push_back({best, caseless});
  }
  return plan;
}

// Escapes of the characters of the literals, in either case when it is ignored.
EscapeFilter escapes_of(const std::vector<Literal>& group) {
  EscapeFilter filter{};
  filter.enabled = true;
  for (const Literal& literal : group) {
    for (char byte : literal.text) {
      const auto code = static_cast<unsigned char>(byte);
      if (code >= 128) {
        filter.non_ascii = true;
        continue;
      }
      filter.ascii[code] = 1;
      const bool letter = static_cast<unsigned char>((code | 0x20) - 'a') < 26;
      if (letter && literal.letter_case != Case::Sensitive) filter.ascii[code ^ 0x20] = 1;
    }
  }
  return filter;
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

SearchPlan plan_group(const std::vector<Literal>& group) {
  SearchPlan plan;
  for (const Literal& literal : group) {
    SearchPlan own = plan_forms(literal, false);
    if (has_control(literal.text)) {
      SearchPlan full = plan_forms(literal, true);
      if (!full.pieces.empty() && (own.pieces.empty() || full.rate < own.rate)) own = std::move(full);
    }
    if (own.pieces.empty()) return {};
    plan.rate += own.rate;
    std::ranges::move(own.pieces, std::back_inserter(plan.pieces));
  }
  return plan;
}

}  // namespace

// One thread finds out whether to search by keys; until it has, all search every byte. Where a buffer shows
// that its text is of another kind, so many are searched every byte before the next try.
constexpr uint32_t kPause = 15;
struct LineFilter::Keyed {
  std::unique_ptr<KeyedSearch> search;
  std::atomic<bool> has_begun = false;
  std::atomic<const KeyedSearch*> chosen = nullptr;
  std::atomic<uint32_t> pause = 0;

  // Threads may count a buffer as one; nothing but time depends on it.
  bool pauses() {
    const uint32_t left = pause.load(std::memory_order_relaxed);
    if (left) pause.store(left - 1, std::memory_order_relaxed);
    return left != 0;
  }
};

LineFilter::LineFilter() = default;
LineFilter::LineFilter(LineFilter&&) noexcept = default;
LineFilter& LineFilter::operator=(LineFilter&&) noexcept = default;
LineFilter::~LineFilter() = default;

LineFilter::LineFilter(const LiteralGroups& groups) : LineFilter(for_any({groups})) {}

LineFilter LineFilter::for_any(const std::vector<LiteralGroups>& readers) {
  LineFilter filter;
  Numbers numbers;
  if (readers.empty()) return filter;
  filter.mode_ = Mode::None;
  filter.escapes_.enabled = true;
  for (const LiteralGroups& groups : readers) {
    const auto is_empty = [](const auto& group) { return group.empty(); };
    if (std::ranges::any_of(groups, is_empty)) continue;  // nothing is of use
    filter.add_reader(groups, numbers);
    if (filter.mode_ == Mode::All) return filter;
  }
  if (numbers.empty()) return filter;
  std::vector<MultiSearch::Piece> pieces(numbers.size());
  for (const auto& [piece, number] : numbers) pieces[number] = {piece.first, piece.second};
  for (const std::string& piece : filter.pieces_) filter.longest_ = std::max(filter.longest_, piece.size());
  filter.search_ = LearningSearch(std::move(pieces), filter.escapes_);
  filter.keyed_ = std::make_unique<Keyed>();
  return filter;
}

// The rarest group is searched. A reader of which no group can be makes all lines pass.
void LineFilter::add_reader(const LiteralGroups& groups, Numbers& numbers) {
  std::vector<SearchPlan> plans;
  for (const std::vector<Literal>& group : groups) plans.push_back(plan_group(group));
  size_t best = plans.size();
  for (size_t i = 0; i < plans.size(); ++i)
    if (!plans[i].pieces.empty() && (best == plans.size() || plans[i].rate < plans[best].rate)) best = i;
  if (best == plans.size()) {
    mode_ = Mode::All;
    return;
  }
  mode_ = Mode::Search;
  for (const MultiSearch::Piece& piece : plans[best].pieces) add_piece(piece, numbers);
  for (const Literal& literal : groups[best]) {
    any_key_ |= literal.keys.empty();
    keys_.insert(literal.keys.begin(), literal.keys.end());
  }
  const EscapeFilter own = escapes_of(groups[best]);
  escapes_.non_ascii |= own.non_ascii;
  for (size_t code = 0; code < std::size(own.ascii); ++code) escapes_.ascii[code] |= own.ascii[code];
  Checks& checks = checks_.emplace_back();
  for (size_t i = 0; i < plans.size(); ++i) {
    if (i == best || plans[i].pieces.empty()) continue;
    std::vector<PreparedNeedle>& check = checks.emplace_back();
    for (const MultiSearch::Piece& piece : plans[i].pieces)
      check.emplace_back(Match::Contains, piece.caseless ? Case::IgnoredInAscii : Case::Sensitive,
                         piece.bytes);
  }
}

// The reader is the next one of checks_.
void LineFilter::add_piece(const MultiSearch::Piece& piece, Numbers& numbers) {
  const auto [known, is_new] = numbers.try_emplace({piece.bytes, piece.caseless}, readers_.size());
  if (is_new) {
    pieces_.push_back(piece.bytes);
    readers_.emplace_back();
  }
  readers_[known->second].push_back(static_cast<uint32_t>(checks_.size()));
}

void LineFilter::learn(std::string_view text) const {
  if (mode_ != Mode::Search || text.size() < kEnoughToLearn) return;
  if (keyed_->has_begun.load(std::memory_order_relaxed) || keyed_->has_begun.exchange(true)) return;
  if (any_key_ || !KeyedSearch::fits(keys_) || !learn_by_keys(text)) search_.learn(text);
}

bool LineFilter::searches_by_keys() const {
  return keyed_ && keyed_->chosen.load(std::memory_order_acquire) != nullptr;
}

// Whether a text of so many bytes with these fields takes less time by keys.
bool LineFilter::is_quicker_by_keys(const KeyedFields& found, size_t size) const {
  // About so many cycles, by estimate: 64 bytes, and for each key; a value; 64 bytes of it more. For a
  // hundred rules over process events (bench, Q6) the quotient is 0.56 so, and 0.74 by samples, in which
  // candidates count on both sides.
  constexpr double kBlockCost = 5, kKeyCost = 1, kFieldCost = 60, kCopyCost = 4;
  const double cost = search_.search().cost(), blocks = static_cast<double>(size) / 64,
               values = static_cast<double>(found.values_size) / 64;
  return (kBlockCost + kKeyCost * static_cast<double>(keys_.size())) * blocks +
             kFieldCost * static_cast<double>(found.fields.size()) + (cost + kCopyCost) * values <
         cost * blocks;
}

// Finds out what it takes to search by keys; returns whether it is done so from now on.
bool LineFilter::learn_by_keys(std::string_view text) const {
  constexpr size_t kMostOfKeys = size_t{1} << 16;
  text = text.substr(0, kMostToLearn);
  auto keyed = std::make_unique<KeyedSearch>(keys_, escapes_, text.substr(0, kMostOfKeys));
  KeyedFields sample;
  keyed->find_fields(text.data(), text.data() + text.size(), &sample);
  if (!is_quicker_by_keys(sample, text.size())) return false;
  search_.learn({sample.values.get(), sample.values_size});
  keyed_->search = std::move(keyed);
  keyed_->chosen.store(keyed_->search.get(), std::memory_order_release);
  return true;
}

// Whether the line may be of use to a reader that looks for the piece.
bool LineFilter::serves(size_t piece, std::string_view line) const {
  const auto holds = [&](const std::vector<PreparedNeedle>& check) {
    return std::ranges::any_of(check,
                               [&](const PreparedNeedle& needle) { return needle.matches(Str(line)); });
  };
  return std::ranges::any_of(readers_[piece],
                             [&](uint32_t reader) { return std::ranges::all_of(checks_[reader], holds); });
}

namespace {

std::string_view text_of(const Line& line) {
  return {line.begin, static_cast<size_t>(line.end - line.begin)};
}

// The line of `place` in a buffer.
Line line_of(const char* begin, const char* place, const char* end) {
  const char* newline = kernels().find_last_byte(begin, place, '\n');
  return {newline ? newline + 1 : begin, line_end(place, end)};
}

// Behind an escape anything may stand.
bool has_escape(std::string_view line) { return line.find("\\u") != line.npos; }

}  // namespace

// Whether a hit alone makes the line a candidate.
bool LineFilter::is_of_use(size_t piece, std::string_view line, Candidates* candidates) const {
  if (piece == kEscapeHit) return true;
  const char*& refused = candidates->refused_[piece];
  if (refused == line.data()) return false;
  if (serves(piece, line)) return true;
  refused = line.data();
  return false;
}

// Whether the line is a candidate for a hit at or behind `from`.
bool LineFilter::holds_use(const char* from, std::string_view line, Candidates* candidates) const {
  struct Look {
    const LineFilter& filter;
    std::string_view line;
    Candidates* candidates;
    bool hit = false, found = false;
  } look{*this, line, candidates};
  search_.search().find_all(
      from, line.data() + line.size(),
      [](void* context, const char*, size_t which) {
        auto& here = *static_cast<Look*>(context);
        here.hit = true;
        here.found = here.found || here.filter.is_of_use(which, here.line, here.candidates);
      },
      &look);
  return look.found || (look.hit && has_escape(line));
}

void LineFilter::find_candidates(const char* begin, const char* end, Candidates* candidates) const {
  candidates->lines_.clear();
  if (mode_ == Mode::None || begin == end) return;
  if (mode_ == Mode::All) {
    for (const char* place = begin;;) {
      candidates->lines_.push_back({place, line_end(place, end)});
      place = candidates->lines_.back().end;
      if (place++ == end || place == end) return;
    }
  }
  candidates->refused_.assign(pieces_.size(), nullptr);
  const KeyedSearch* keyed = keyed_->chosen.load(std::memory_order_acquire);
  if (keyed && !keyed_->pauses())
    find_by_keys(*keyed, begin, end, candidates);
  else
    find_by_pieces(begin, end, candidates);
}

void LineFilter::find_by_pieces(const char* begin, const char* end, Candidates* candidates) const {
  const MultiSearch& search = search_.search();
  for (const char* place = begin; place < end; ++place) {
    size_t which = 0;
    const char* hit = search.find(place, end, &which);
    if (!hit) return;
    const Line line = line_of(place, hit, end);
    const std::string_view text = text_of(line);
    // Of another hit than the first none begins further before it than the longest piece reaches.
    const char* from = hit - std::min<size_t>(static_cast<size_t>(hit - line.begin), longest_);
    if (is_of_use(which, text, candidates) || holds_use(from, text, candidates))
      candidates->lines_.push_back(line);
    place = line.end;
  }
}

void LineFilter::find_by_keys(const KeyedSearch& keyed, const char* begin, const char* end,
                              Candidates* candidates) const {
  const KeyedFields& found = candidates->found_;
  keyed.find_fields(begin, end, &candidates->found_);
  if (!is_quicker_by_keys(found, static_cast<size_t>(end - begin)))
    keyed_->pause.store(kPause, std::memory_order_relaxed);
  mark_fields(begin, end, candidates);
  Line line{begin, begin};
  bool is_searched = false;     // all of the line, as far as its fields ask for it
  std::optional<bool> escapes;  // whether the line has any
  for (const KeyedField& field : found.fields) {
    if (field.kind == KeyedField::Kind::Value) continue;
    if (field.place >= line.end) {
      line = line_of(line.end, field.place, end);
      is_searched = false;
      escapes.reset();
    }
    if (is_searched) continue;
    const std::string_view text = text_of(line);
    if (field.kind == KeyedField::Kind::Hit && !escapes) escapes = has_escape(text);
    const bool is_candidate =
        field.kind == KeyedField::Kind::Certain || (field.kind == KeyedField::Kind::Hit && *escapes) ||
        (field.kind == KeyedField::Kind::Line && holds_use(line.begin, text, candidates));
    if (is_candidate) candidates->lines_.push_back(line);
    is_searched = is_candidate || field.kind == KeyedField::Kind::Line;
  }
}

// Says of fields whose values have hits whether one is of use; of a line that is a candidate no more than
// that of one field.
void LineFilter::mark_fields(const char* begin, const char* end, Candidates* candidates) const {
  struct Look {
    const LineFilter& filter;
    const char* begin;
    const char* end;
    Candidates* candidates;
    Line line;  // of the last hit
    bool is_candidate;
  } look{*this, begin, end, candidates, {begin, begin}, false};
  const KeyedFields& found = candidates->found_;
  search_.search().find_all(
      found.values.get(), found.values.get() + found.values_size,
      [](void* context, const char* place, size_t which) {
        Look& here = *static_cast<Look*>(context);
        KeyedFields& fields = here.candidates->found_;
        const auto at = static_cast<size_t>(place - fields.values.get());
        // The last one that begins there: of several that do only that one has a value.
        KeyedField& field = *std::prev(std::ranges::upper_bound(fields.fields, at, {}, &KeyedField::copy));
        if (field.kind == KeyedField::Kind::Certain || field.kind == KeyedField::Kind::Line) return;
        if (field.place < here.line.begin || field.place >= here.line.end) {
          here.line = line_of(here.begin, field.place, here.end);
          here.is_candidate = false;
        }
        if (here.is_candidate) return;
        here.is_candidate = here.filter.is_of_use(which, text_of(here.line), here.candidates);
        field.kind = here.is_candidate ? KeyedField::Kind::Certain : KeyedField::Kind::Hit;
      },
      &look);
}

const char* line_end(const char* begin, const char* end) noexcept {
  const char* newline = kernels().find_byte(begin, end, '\n');
  return newline ? newline : end;
}

size_t count_lines(const char* begin, const char* end) noexcept {
  return kernels().count_byte(begin, end, '\n');
}

}  // namespace kqlc::simd
