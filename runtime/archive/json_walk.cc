// SPDX-License-Identifier: Apache-2.0
//
// The walk. Functions that read return the place behind what they read, or nullptr where the parser has to
// decide.
#include "runtime/archive/json_walk.h"

#include <bit>
#include <cstring>

namespace kqlc::archive {
namespace {

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

const char* skip_blanks(const char* place) {
  while (is_blank(*place)) ++place;
  return place;
}

// The top bit of each byte that is `byte` is set; of the bytes above the lowest such, some others may be,
// too.
uint64_t find_in_word(uint64_t word, char byte) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t zero_where_equal = word ^ (kOnes * static_cast<unsigned char>(byte));
  return (zero_where_equal - kOnes) & ~zero_where_equal & (kOnes << 7);
}

// Skips a number or a word: up to the first blank, quote or structural byte. nullptr where there is none.
const char* skip_scalar(const char* place) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  const char* begin = place;
  while (true) {
    uint64_t word;
    std::memcpy(&word, place, sizeof(word));
    const uint64_t folded = word | kOnes * 0x20;  // [ and { become {, ] and } become }
    const uint64_t blank = (word - kOnes * 0x21) & ~word & (kOnes << 7);
    const uint64_t stop = find_in_word(word, ',') | find_in_word(folded, '}') | find_in_word(folded, '{') |
                          find_in_word(word, ':') | find_in_word(word, '"') | blank;
    if (stop) {
      place += std::countr_zero(stop) / 8;
      return place == begin ? nullptr : place;
    }
    place += sizeof(word);
  }
}

// Whether the first `size` bytes, at most eight, are all of numbers without an exponent, or all small
// letters. Bytes are compared in one addition or subtraction each; none of them carries into the next one.
bool is_plain_scalar(const char* place, size_t size) {
  constexpr uint64_t kOnes = 0x0101010101010101, kTops = kOnes << 7;
  uint64_t word;
  std::memcpy(&word, place, sizeof(word));
  const uint64_t from_minus = (word | kTops) - kOnes * '-', past_nine = word + kOnes * (0x7f - '9');
  const uint64_t from_a = (word | kTops) - kOnes * 'a', past_z = word + kOnes * (0x7f - 'z');
  const uint64_t no_number = ~from_minus | past_nine | word, no_letter = ~from_a | past_z | word;
  const uint64_t asked = kTops >> (8 * (8 - size));
  return (no_number & asked) == 0 || (no_letter & asked) == 0;
}

}  // namespace

RowWalk::RowWalk(size_t num_columns, KeyTable& outer, KeyTable& inner)
    : outer_(outer), inner_(inner), seen_(num_columns, 0) {}

bool RowWalk::walk(simd::Quotes quotes, std::string_view line, FlatRow* row) {
  if (line.empty() || line.front() != '{') return false;
  quotes_ = quotes;
  end_ = line.data() + line.size();
  row_ = row;
  ++line_number_;
  row->values.clear();
  row->category = row->time = row->timestamp = row->type = {};
  row->is_envelope = false;
  return walk_object(line.data() + 1, outer_) == end_;
}

// `place` is behind the opening brace. What lines of exports look like is on the short way: no blanks, the
// expected key, a string, a comma. There the place of a key comes from the list of quotes alone; that it
// stands behind the comma is checked, which nothing has to wait for.
const char* RowWalk::walk_object(const char* place, KeyTable& keys) {
  const char* const end = end_;
  place = skip_blanks(place);
  if (*place == '}') return place + 1;
  KeyTable::Key* key = keys.front();
  simd::Quotes quotes = quotes_;  // in registers; quotes_ is what the others read from
  while (true) {
    if (key->next->literal.stands_at(place) && quotes.ahead(0) == place) [[likely]] {
      key = key->next;
      place += key->literal.size();
      quotes.pass(2);
    } else {
      quotes_ = quotes;
      place = read_key(place, keys, &key);
      if (!place) return nullptr;
      quotes = quotes_;
    }
    const char* value = place;
    if (*place == '"') [[likely]] {
      const char* close = quotes.ahead(1);
      if (close >= end) [[unlikely]]
        return nullptr;
      place = close + 1;
      quotes.pass(2);
    } else if (const char* stop = quotes.ahead(0) - 1;
               static_cast<size_t>(stop - place) - 1 < sizeof(uint64_t) && *stop == ',' &&
               is_plain_scalar(place, static_cast<size_t>(stop - place))) {
      place = stop;  // what most numbers and words are, up to the comma before the next key
    } else {
      value = place = skip_blanks(place);
      quotes_ = quotes;
      const bool opens = *place == '{' && key->action.special == Special::Properties;
      place = opens ? walk_properties(place, key->action) : skip_value(place);
      if (!place) [[unlikely]]
        return nullptr;
      quotes = quotes_;
    }
    if (key->wanted() && !keep(key->action, {value, static_cast<size_t>(place - value)})) return nullptr;
    if (place[0] == ',' && place[1] == '"') [[likely]] {
      place = quotes.ahead(0);
      continue;
    }
    place = skip_blanks(place);
    quotes_ = quotes;
    if (*place == '}') return place < end ? place + 1 : nullptr;
    if (*place != ',') return nullptr;
    place = skip_blanks(place + 1);
  }
}

// Whether an object without a category is an envelope shows only at its end. What a column of the name gets,
// and other rare things, the parser knows.
const char* RowWalk::walk_properties(const char* place, Action action) {
  if (action.column >= 0 || row_->is_envelope || row_->category.size() <= 2 || row_->category.front() != '"')
    return nullptr;
  row_->is_envelope = true;
  row_->inner_begin = row_->values.size();
  place = walk_object(place + 1, inner_);
  row_->inner_end = row_->values.size();
  return place;
}

// Reads the key behind `*key`, one that is not the expected one or stands among blanks, and the blanks before
// its value.
const char* RowWalk::read_key(const char* place, KeyTable& keys, KeyTable::Key** key) {
  const char* behind = *place == '"' ? skip_string(place) : nullptr;
  if (!behind) return nullptr;
  const std::string_view name(place + 1, static_cast<size_t>(behind - place - 2));
  if (name.find('\\') != std::string_view::npos) return nullptr;
  place = skip_blanks(behind);
  if (*place != ':') return nullptr;
  return keys.look_up(name, key) ? skip_blanks(place + 1) : nullptr;
}

const char* RowWalk::skip_value(const char* place) {
  if (*place == '"') return skip_string(place);
  if (*place == '{' || *place == '[') return skip_nested(place);
  const char* stop = skip_scalar(place);
  return stop && stop < end_ ? stop : nullptr;
}

// Every string is passed in its turn, so its quotes are the next two.
const char* RowWalk::skip_string(const char* place) {
  const char* close = quotes_.ahead(1);
  if (quotes_.ahead(0) != place || close >= end_) return nullptr;
  quotes_.pass(2);
  return close + 1;
}

// Skips an array or an object. Its grammar is checked, so that the parser would skip it as well; what numbers
// and words say is not looked at.
const char* RowWalk::skip_nested(const char* place) {
  constexpr int kMostOpen = 64;
  uint64_t objects = 0;  // the lowest bit: whether the innermost open bracket is an object's
  for (int open = 0;;) {
    if (*place == '{' || *place == '[') {
      if (open++ == kMostOpen) return nullptr;
      objects = objects << 1 | (*place == '{');
      place = skip_blanks(place + 1);
      if (*place != '}' && *place != ']') {
        place = objects & 1 ? skip_nested_key(place) : place;
        if (!place) return nullptr;
        continue;
      }
    } else {
      place = *place == '"' ? skip_string(place) : skip_scalar(place);
      if (!place || place >= end_) return nullptr;
      place = skip_blanks(place);
    }
    while (*place == (objects & 1 ? '}' : ']')) {
      if (--open == 0) return place + 1;
      objects >>= 1;
      place = skip_blanks(place + 1);
    }
    if (*place != ',') return nullptr;
    place = skip_blanks(place + 1);
    if (objects & 1) place = skip_nested_key(place);
    if (!place) return nullptr;
  }
}

// Skips a key and its colon.
const char* RowWalk::skip_nested_key(const char* place) {
  if (*place != '"') return nullptr;
  place = skip_string(place);
  if (!place) return nullptr;
  place = skip_blanks(place);
  return *place == ':' ? skip_blanks(place + 1) : nullptr;
}

bool RowWalk::keep(Action action, std::string_view token) {
  if (action.column >= 0) {
    uint64_t& seen = seen_[static_cast<size_t>(action.column)];
    if (seen == line_number_) return false;
    seen = line_number_;
    row_->values.push_back({action.column, token});
  }
  return action.special == Special::None || keep_special(action.special, token);
}

bool RowWalk::keep_special(Special special, std::string_view token) {
  const auto keep_first = [&](std::string_view* text) {
    if (!text->empty()) return false;
    *text = token;
    return true;
  };
  switch (special) {
    case Special::Category:
      return keep_first(&row_->category);
    case Special::Time:
      return keep_first(&row_->time);
    case Special::Type:
      return keep_first(&row_->type);
    case Special::Timestamp:
      return keep_first(&row_->timestamp);
    case Special::Rows:
    case Special::Tables:
      return token.front() != '[';
    default:
      return true;
  }
}

}  // namespace kqlc::archive
