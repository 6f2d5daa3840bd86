// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 decoding of untrusted bytes, caseless form and term characters, by utf8proc's tables.
#include "runtime/simd/unicode.h"

#include <utf8proc.h>

#include <atomic>
#include <cstring>

#include "runtime/simd/targets.h"

namespace kqlc::simd {

namespace {

// Returns the length that a lead byte announces; 0: no lead byte.
uint32_t announced_size(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

bool is_continuation(char byte) { return (byte & 0xc0) == 0x80; }

}  // namespace

Character decode_character(const char* place, const char* end) noexcept {
  const auto lead = static_cast<unsigned char>(*place);
  if (lead < 0x80) return {lead, 1};
  const Character invalid{kInvalidByte + lead, 1};
  const uint32_t size = announced_size(lead);
  if (size == 0 || static_cast<size_t>(end - place) < size) return invalid;
  uint32_t code = lead & (0xffu >> (size + 1));
  for (uint32_t i = 1; i < size; ++i) {
    if (!is_continuation(place[i])) return invalid;
    code = code << 6 | (place[i] & 0x3f);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return invalid;
  return {code, size};
}

uint32_t fold_character(uint32_t code) noexcept {
  if (code < 0x80) return code >= 'a' && code <= 'z' ? code - 0x20 : code;
  // utf8proc maps sharp s to its capital, which Unicode's simple mapping does not.
  if (code >= kInvalidByte || code == 0xdf) return code;
  const auto upper = static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code)));
  return upper < 0x80 ? code : upper;
}

namespace {

bool has_alphanumeric_category(uint32_t code) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return false;
  }
}

// A bit a code point, filled from utf8proc 64 at a time when one of them is first asked for: its tables cost
// two look-ups that miss the cache, and the borders of terms are asked for at every hit. Threads may fill the
// same word; it gets the same bits.
constexpr size_t kWords = kInvalidByte / 64;
std::atomic<uint64_t> alphanumeric_bits[kWords];
std::atomic<uint64_t> known_words[(kWords + 63) / 64];

uint64_t fill_word(uint32_t word) {
  uint64_t bits = 0;
  for (uint32_t i = 0; i < 64; ++i) bits |= uint64_t{has_alphanumeric_category(word * 64 + i)} << i;
  alphanumeric_bits[word].store(bits, std::memory_order_relaxed);
  known_words[word / 64].fetch_or(uint64_t{1} << (word % 64), std::memory_order_release);
  return bits;
}

}  // namespace

bool is_alphanumeric(uint32_t code) noexcept {
  if (code >= kInvalidByte) return false;
  const uint32_t word = code / 64;
  const bool known = known_words[word / 64].load(std::memory_order_acquire) >> (word % 64) & 1;
  const uint64_t bits = known ? alphanumeric_bits[word].load(std::memory_order_relaxed) : fill_word(word);
  return bits >> (code % 64) & 1;
}

bool is_caseless(uint32_t code) noexcept {
  if (code >= kInvalidByte) return false;
  const char* category = utf8proc_category_string(static_cast<utf8proc_int32_t>(code));
  return category[0] == 'Z' || category[0] == 'P' || std::strcmp(category, "Cc") == 0;
}

namespace {

// Steps over blocks of `size` bytes that are ASCII. One test a block, so that the compiler can use vectors.
template <size_t size>
const char* skip_ascii(const char* place, const char* end) {
  for (; static_cast<size_t>(end - place) >= size; place += size) {
    unsigned char any = 0;
    for (size_t i = 0; i < size; ++i) any |= static_cast<unsigned char>(place[i]);
    if (any >= 0x80) break;
  }
  return place;
}

}  // namespace

bool is_ascii(std::string_view text) noexcept {
  const char* end = text.data() + text.size();
  const char* place = skip_ascii<8>(skip_ascii<256>(text.data(), end), end);
  return skip_ascii<1>(place, end) == end;
}

// Short texts are quicker character by character.
bool is_utf8(std::string_view text) noexcept {
  constexpr size_t kShort = 64;
  const char* end = text.data() + text.size();
  if (text.size() >= kShort) return kernels().is_utf8(text.data(), end);
  for (const char* place = text.data(); place != end;) {
    place = skip_ascii<1>(skip_ascii<8>(place, end), end);
    if (place == end) break;
    const Character character = decode_character(place, end);
    if (character.code >= kInvalidByte) return false;
    place += character.size;
  }
  return true;
}

namespace {

// Returns the size of what one U+FFFD stands for: the longest piece at `place` that begins a character, else
// one byte. Requires: no character stands there. Source: The Unicode Standard 15.0, 3.9, table 3-7 and
// "U+FFFD Substitution of Maximal Subparts".
size_t size_of_damage(const char* place, const char* end) {
  const auto lead = static_cast<unsigned char>(*place);
  const uint32_t size = announced_size(lead);
  if (size < 2 || place + 1 == end) return 1;
  const auto second = static_cast<unsigned char>(place[1]);
  const unsigned least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 1;
  size_t length = 2;
  while (length < size && place + length != end && is_continuation(place[length])) ++length;
  return length;
}

}  // namespace

std::string repair_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const char* end = text.data() + text.size();
  for (const char* place = text.data(); place != end;) {
    const Character character = decode_character(place, end);
    if (character.code >= kInvalidByte) {
      out += "\xEF\xBF\xBD";
      place += size_of_damage(place, end);
    } else {
      out.append(place, character.size);
      place += character.size;
    }
  }
  return out;
}

const char* match_caseless(const char* place, const char* end, std::string_view needle) noexcept {
  const char* needle_end = needle.data() + needle.size();
  for (const char* wanted = needle.data(); wanted != needle_end;) {
    if (place == end) return nullptr;
    const Character a = decode_character(place, end);
    const Character b = decode_character(wanted, needle_end);
    if (a.code != b.code && fold_character(a.code) != fold_character(b.code)) return nullptr;
    place += a.size;
    wanted += b.size;
  }
  return place;
}

bool matches_caseless(std::string_view text, std::string_view needle, Match match, bool term_before,
                      bool term_after) noexcept {
  const char* begin = text.data();
  const char* end = begin + text.size();
  for (const char* place = begin;;) {
    const char* stop = match_caseless(place, end, needle);
    const bool ends_well = match != Match::Equals && match != Match::EndsWith ? true : stop == end;
    if (stop && ends_well && !(term_before && alphanumeric_before(begin, place)) &&
        !(term_after && alphanumeric_after(stop, end)))
      return true;
    if (match == Match::Equals || match == Match::StartsWith || place == end) return false;
    place += decode_character(place, end).size;
  }
}

bool wants_term_before(Match match, std::string_view needle) noexcept {
  if (needle.empty() || (match != Match::Has && match != Match::HasPrefix)) return false;
  return alphanumeric_after(needle.data(), needle.data() + needle.size());
}

bool wants_term_after(Match match, std::string_view needle) noexcept {
  if (needle.empty() || (match != Match::Has && match != Match::HasSuffix)) return false;
  return alphanumeric_before(needle.data(), needle.data() + needle.size());
}

bool alphanumeric_before(const char* begin, const char* place) noexcept {
  if (place == begin) return false;
  const char* start = place - 1;
  while (start != begin && place - start < 4 && is_continuation(*start)) --start;
  const Character character = decode_character(start, place);
  return start + character.size == place && is_alphanumeric(character.code);
}

bool alphanumeric_after(const char* place, const char* end) noexcept {
  return place != end && is_alphanumeric(decode_character(place, end).code);
}

}  // namespace kqlc::simd
