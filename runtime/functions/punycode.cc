// SPDX-License-Identifier: Apache-2.0
//
// RFC 3492, sections 6.1 to 6.3: a text is its ASCII characters, a hyphen, and for each other character, in
// the order of code points, the number of steps to its place, written in digits whose base adapts.
#include "runtime/functions/punycode.h"

#include <utf8proc.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace kqlc::functions {

namespace {

constexpr uint32_t kBase = 36, kSmallest = 1, kLargest = 26, kSkew = 38, kDamp = 700;
constexpr uint32_t kFirstBias = 72, kFirstCode = 128, kLastCode = 0x10FFFF;
// Encoding looks at all characters for each different one; longer texts are no domain names.
constexpr size_t kMaxCharacters = 4096;
constexpr std::string_view kPrefix = "xn--";

uint32_t adapted_bias(uint32_t delta, uint32_t num_points, bool first) {
  delta = first ? delta / kDamp : delta / 2;
  delta += delta / num_points;
  uint32_t rounds = 0;
  for (; delta > (kBase - kSmallest) * kLargest / 2; rounds += kBase) delta /= kBase - kSmallest;
  return rounds + (kBase - kSmallest + 1) * delta / (delta + kSkew);
}

uint32_t threshold(uint32_t place, uint32_t bias) {
  return place <= bias ? kSmallest : std::min(kLargest, place - bias);
}

char digit_of(uint32_t value) { return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26)); }

// kBase for what is no digit.
uint32_t value_of(char digit) {
  if (digit >= 'a' && digit <= 'z') return static_cast<uint32_t>(digit - 'a');
  if (digit >= 'A' && digit <= 'Z') return static_cast<uint32_t>(digit - 'A');
  return digit >= '0' && digit <= '9' ? static_cast<uint32_t>(digit - '0') + 26 : kBase;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::optional<std::vector<uint32_t>> codes_of(std::string_view text) {
  std::vector<uint32_t> codes;
  while (!text.empty()) {
    utf8proc_int32_t code = 0;
    utf8proc_ssize_t size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                             static_cast<utf8proc_ssize_t>(text.size()), &code);
    if (size <= 0 || codes.size() == kMaxCharacters) return std::nullopt;
    codes.push_back(static_cast<uint32_t>(code));
    text.remove_prefix(static_cast<size_t>(size));
  }
  return codes;
}

void append_code(std::string& out, uint32_t code) {
  utf8proc_uint8_t bytes[4];
  utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes);
  out.append(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
}

void append_number(std::string& out, uint32_t number, uint32_t bias) {
  for (uint32_t place = kBase;; place += kBase) {
    uint32_t limit = threshold(place, bias);
    if (number < limit) break;
    out += digit_of(limit + (number - limit) % (kBase - limit));
    number = (number - limit) / (kBase - limit);
  }
  out += digit_of(number);
}

std::optional<std::string> encode(std::string_view text) {
  auto codes = codes_of(text);
  if (!codes) return std::nullopt;
  std::string out;
  for (uint32_t code : *codes)
    if (code < kFirstCode) out += static_cast<char>(code);
  const auto basic = static_cast<uint32_t>(out.size());
  if (basic > 0) out += '-';
  uint32_t next = kFirstCode, delta = 0, bias = kFirstBias, handled = basic;
  while (handled < codes->size()) {
    uint32_t least = kLastCode;
    for (uint32_t code : *codes)
      if (code >= next) least = std::min(least, code);
    uint64_t wider = delta + uint64_t{least - next} * (handled + 1);
    if (wider > UINT32_MAX - kMaxCharacters) return std::nullopt;
    delta = static_cast<uint32_t>(wider);
    for (uint32_t code : *codes) {
      delta += code < least;
      if (code != least) continue;
      append_number(out, delta, bias);
      bias = adapted_bias(delta, handled + 1, handled == basic);
      delta = 0;
      ++handled;
    }
    ++delta;
    next = least + 1;
  }
  return out;
}

// Reads a number from the front of `text`.
std::optional<uint32_t> take_number(std::string_view& text, uint32_t bias) {
  uint64_t number = 0, weight = 1;
  for (uint32_t place = kBase;; place += kBase) {
    uint32_t value = text.empty() ? kBase : value_of(text.front());
    if (value == kBase) return std::nullopt;
    text.remove_prefix(1);
    number += value * weight;
    if (number > UINT32_MAX) return std::nullopt;
    uint32_t limit = threshold(place, bias);
    if (value < limit) return static_cast<uint32_t>(number);
    weight *= kBase - limit;
    if (weight > UINT32_MAX) return std::nullopt;
  }
}

std::optional<std::string> decode(std::string_view text) {
  if (!is_ascii(text) || text.size() > kMaxCharacters) return std::nullopt;
  size_t hyphen = text.rfind('-');
  size_t basic = hyphen == std::string_view::npos ? 0 : hyphen;
  std::vector<uint32_t> codes(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(basic));
  text.remove_prefix(basic > 0 ? basic + 1 : 0);
  uint32_t code = kFirstCode, bias = kFirstBias;
  uint64_t at = 0;
  for (bool first = true; !text.empty(); first = false) {
    auto steps = take_number(text, bias);
    if (!steps) return std::nullopt;
    const auto size = static_cast<uint32_t>(codes.size()) + 1;
    bias = adapted_bias(*steps, size, first);
    at += *steps;
    uint64_t wider = code + at / size;
    if (wider > kLastCode || !utf8proc_codepoint_valid(static_cast<utf8proc_int32_t>(wider)))
      return std::nullopt;
    code = static_cast<uint32_t>(wider);
    at %= size;
    codes.insert(codes.begin() + static_cast<std::ptrdiff_t>(at++), code);
  }
  std::string out;
  for (uint32_t each : codes) append_code(out, each);
  return out;
}

// The full stop and the three that stand for it in East Asian text; 0: none.
size_t stop_at(std::string_view text) {
  if (text.starts_with('.')) return 1;
  for (std::string_view stop : {"\u3002", "\uFF0E", "\uFF61"})
    if (text.starts_with(stop)) return stop.size();
  return 0;
}

template <class Each>
Str map_labels(std::string_view domain, Each each, Arena& arena) {
  std::string out;
  size_t begin = 0;
  for (size_t i = 0; i <= domain.size(); ++i) {
    size_t stop = i < domain.size() ? stop_at(domain.substr(i)) : 0;
    if (i < domain.size() && stop == 0) continue;
    std::optional<std::string> label = each(domain.substr(begin, i - begin));
    if (!label) return {};
    out += *label;
    if (i == domain.size()) break;
    out += '.';
    begin = i + stop;
    i = begin - 1;
  }
  return arena.copy(std::string_view(out));
}

Str text_or_nothing(const std::optional<std::string>& text, Arena& arena) {
  return text ? arena.copy(std::string_view(*text)) : Str();
}

}  // namespace

Str PunycodeFromString::call(Context& context, Str text) {
  return text_or_nothing(encode(text.view()), *context.arena);
}

Str PunycodeToString::call(Context& context, Str text) {
  return text_or_nothing(decode(text.view()), *context.arena);
}

Str PunycodeDomainFromString::call(Context& context, Str text) {
  auto decoded = [](std::string_view label) -> std::optional<std::string> {
    return label.starts_with(kPrefix) ? decode(label.substr(kPrefix.size())) : std::string(label);
  };
  return map_labels(text.view(), decoded, *context.arena);
}

Str PunycodeDomainToString::call(Context& context, Str text) {
  auto encoded = [](std::string_view label) -> std::optional<std::string> {
    if (is_ascii(label)) return std::string(label);
    auto code = encode(label);
    return code ? std::string(kPrefix) + *code : code;
  };
  return map_labels(text.view(), encoded, *context.arena);
}

}  // namespace kqlc::functions
