// SPDX-License-Identifier: Apache-2.0
//
// Keys are searched with their quotes, which no text can hold unescaped. What is taken for the end of a value
// is a quote that no backslash precedes: it may lie behind the end (`"C:\\"`), never before it. A key ends
// with such a quote, so copies do not overlap, whatever the text is.
#include "runtime/simd/keyed_search.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/check.h"
#include "runtime/simd/needle.h"
#include "runtime/simd/targets.h"

namespace kqlc::simd {

namespace {

const char* skip_blanks(const char* place, const char* end) {
  while (place != end && (*place == ' ' || *place == '\t' || *place == '\r')) ++place;
  return place;
}

// What copies need beside the bytes of a text: what copy_to_quote() may write, and a quote.
size_t spare_bytes() { return kernels().vector_bytes + 1; }

// How far behind a quote the byte of `key` stands that comes there most rarely in the sample.
size_t rarest_byte(std::string_view key, std::string_view sample) {
  const size_t distances = std::min(key.size() - 1, kMaxKeyDistance);
  std::vector<uint32_t> counts(distances + 1);
  for (size_t at = sample.find('"'); at < sample.size(); at = sample.find('"', at + 1))
    for (size_t i = 1; i <= distances && at + i < sample.size(); ++i) counts[i] += sample[at + i] == key[i];
  return static_cast<size_t>(std::min_element(counts.begin() + 1, counts.end()) - counts.begin());
}

}  // namespace

bool KeyedSearch::fits(const std::set<std::string>& names) {
  const auto is_plain = [](char c) {
    return static_cast<unsigned char>((c | 0x20) - 'a') < 26 || static_cast<unsigned char>(c - '0') < 10 ||
           c == '_';
  };
  const auto is_word = [&](const std::string& name) {
    return !name.empty() && std::ranges::all_of(name, is_plain);
  };
  return !names.empty() && names.size() <= kMaxKeys && std::ranges::all_of(names, is_word);
}

KeyedSearch::KeyedSearch(const std::set<std::string>& names, const EscapeFilter& escapes,
                         std::string_view sample) {
  KQLC_CHECK(fits(names), "keys that cannot be found");
  keys_.escapes = escapes;
  for (const std::string& name : names) {
    const std::string key = '"' + name + '"';
    storage_.push_back(std::make_unique<char[]>(2 * key.size()));
    SearchNeedle& needle = needles_.emplace_back();
    prepare_search(key, false, Match::Contains, storage_.back().get(), &needle);
    needle.first = 0;
    needle.second = rarest_byte(key, sample);
    needle.first_byte = '"';
    needle.second_byte = static_cast<uint8_t>(key[needle.second]);
    for (char c : name) keys_.escapes.ascii[static_cast<unsigned char>(c)] = 1;
  }
  keys_.needles = needles_.data();
  keys_.size = needles_.size();
}

void KeyedSearch::find_fields(const char* begin, const char* end, KeyedFields* found) const {
  // No byte is copied twice, and the quote behind each copy is less than a key's quote and colon.
  const size_t needed = static_cast<size_t>(end - begin) + spare_bytes();
  if (found->capacity < needed) {
    found->values.reset(new char[needed]);  // untouched memory costs nothing
    found->capacity = needed;
  }
  found->fields.clear();
  found->values_size = 0;
  struct Look {
    const KeyedSearch& search;
    const char* end;
    KeyedFields* found;
  } look{*this, end, found};
  kernels().find_keys(
      keys_, begin, end,
      [](void* context, const char* place, size_t which) {
        const Look& here = *static_cast<Look*>(context);
        here.search.add_field(place, which, here.end, here.found);
      },
      &look);
}

// Adds the key or the escape that stands at `place`.
void KeyedSearch::add_field(const char* place, size_t which, const char* end, KeyedFields* found) const {
  const auto add = [&](KeyedField::Kind kind) { found->fields.push_back({kind, place, found->values_size}); };
  if (which == kEscapeHit) return add(KeyedField::Kind::Certain);
  const char* colon = skip_blanks(place + needles_[which].size, end);
  // Without a colon it is a text, maybe the name of a column of a table.
  const char* value = colon != end && *colon == ':' ? skip_blanks(colon + 1, end) : end;
  if (value == end || *value == '{' || *value == '[') return add(KeyedField::Kind::Line);
  // Somebody may write to a mapped file meanwhile: then there may be more to copy than there is room.
  const size_t full = found->values_size + spare_bytes();
  if (full > found->capacity) return add(KeyedField::Kind::Line);
  const bool is_text = *value == '"';
  value += is_text;
  const auto room = std::min<size_t>(found->capacity - full, static_cast<size_t>(end - value));
  const char* limit = value + room;
  char* copy = found->values.get() + found->values_size;
  const char* stop = value;
  if (is_text) {
    stop = kernels().copy_to_quote(value, limit, copy);
  } else {
    while (stop != limit && *stop != ',' && *stop != '}' && *stop != '"' && *stop != '\n') ++stop;
    std::memcpy(copy, value, static_cast<size_t>(stop - value));
  }
  add(stop == limit && limit != end ? KeyedField::Kind::Line : KeyedField::Kind::Value);
  found->values_size += static_cast<size_t>(stop - value) + 1;
  copy[stop - value] = '"';
}

}  // namespace kqlc::simd
