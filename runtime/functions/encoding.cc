// SPDX-License-Identifier: Apache-2.0
//
// The bodies: base64, URL escapes, trimming, and walks over all matches.
#include "runtime/functions/encoding.h"

#include <rure.h>

#include <array>
#include <string>

#include "runtime/simd/unicode.h"

namespace kqlc::functions {

namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 32) >= 'a' && (c | 32) <= 'f') return (c | 32) - 'a' + 10;
  return -1;
}

const uint8_t* bytes(Str text) { return reinterpret_cast<const uint8_t*>(text.data ? text.data : ""); }

}  // namespace

Nullable<Str> decode_base64(Str text, Arena& arena) {
  if (text.size % 4) return {};
  std::string out;
  uint64_t padding = 0;
  while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=') ++padding;
  uint32_t bits = 0, held = 0;
  for (uint64_t i = 0; i < text.size - padding; ++i) {
    size_t value = kBase64.find(text.data[i]);
    if (value == std::string_view::npos) return {};
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xFF);
  }
  return arena.copy(std::string_view(out));
}

Str Base64DecodeToString::call(Context& context, Str text) {
  Nullable<Str> decoded = decode_base64(text, *context.arena);
  return decoded.valid && simd::is_utf8(decoded.value.view()) ? decoded.value : Str();
}

Dynamic Base64DecodeToArray::call(Context& context, Str text) {
  Nullable<Str> decoded = decode_base64(text, *context.arena);
  if (!decoded.valid) return {};
  std::vector<dynamic::Node> items;
  for (char c : decoded.value.view()) items.push_back(long_node(static_cast<unsigned char>(c)));
  return array_value(items, *context.arena);
}

Str encode_base64(Str bytes, Arena& arena) {
  std::string out;
  for (uint64_t i = 0; i < bytes.size; i += 3) {
    uint32_t bits = 0;
    uint64_t count = std::min<uint64_t>(3, bytes.size - i);
    for (uint64_t j = 0; j < 3; ++j)
      bits = bits << 8 | (j < count ? static_cast<unsigned char>(bytes.data[i + j]) : 0u);
    for (uint64_t j = 0; j < 4; ++j) out += j <= count ? kBase64[bits >> (18 - 6 * j) & 63] : '=';
  }
  return arena.copy(std::string_view(out));
}

Str UrlDecode::call(Context& context, Str text) {
  std::string out;
  for (uint64_t i = 0; i < text.size; ++i) {
    char c = text.data[i];
    if (c == '%' && i + 2 < text.size && hex_digit(text.data[i + 1]) >= 0 &&
        hex_digit(text.data[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text.data[i + 1]) * 16 + hex_digit(text.data[i + 2]));
      i += 2;
    } else {
      out += c == '+' ? ' ' : c;
    }
  }
  return context.arena->copy(std::string_view(out));
}

Str escape_url(Str text, std::string_view blank, Arena& arena) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (char c : text.view()) {
    bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
                 std::string_view("-_.!*()").find(c) != std::string_view::npos;
    if (c == ' ') {
      out += blank;
    } else if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 15];
    }
  }
  return arena.copy(std::string_view(out));
}

Str hex_text(uint64_t bits, int64_t least, Arena& arena) {
  std::string out;
  for (; bits; bits >>= 4) out.insert(out.begin(), "0123456789abcdef"[bits & 15]);
  size_t width = static_cast<size_t>(least < 1 ? 1 : least > 16 ? 16 : least);
  if (out.size() < width) out.insert(0, width - out.size(), '0');
  return arena.copy(std::string_view(out));
}

TrimPattern* TrimPattern::compile(Str pattern, bool start, bool end, Arena& arena, const char** error) {
  auto result = std::make_unique<TrimPattern>();
  std::string body = "(?:" + std::string(pattern.view()) + ")";
  if (start) result->start.reset(Regex::compile(std::string_view("\\A" + body), arena, error));
  if (start && !result->start) return nullptr;
  if (end) result->end.reset(Regex::compile(std::string_view(body + "\\z"), arena, error));
  if (end && !result->end) return nullptr;
  return result.release();
}

Str TrimPattern::trim(Str text) const {
  while (start && text.size) {
    Nullable<Str> match = start->extract(text, 0);
    if (!match.valid || match.value.size == 0) break;
    text = {text.data + match.value.size, text.size - match.value.size};
  }
  while (end && text.size) {
    Nullable<Str> match = end->extract(text, 0);
    if (!match.valid || match.value.size == 0) break;
    text.size -= match.value.size;
  }
  return text;
}

AllMatches* AllMatches::compile(Str pattern, Dynamic groups, Arena& arena, const char** error) {
  auto result = std::make_unique<AllMatches>();
  result->regex.reset(Regex::compile(pattern, arena, error));
  if (!result->regex) return nullptr;
  rure_captures* captures = rure_captures_new(result->regex->expression.get());
  size_t num_groups = rure_captures_len(captures) - 1;
  rure_captures_free(captures);
  *error = "the regular expression must have a group";
  if (num_groups == 0) return nullptr;
  const dynamic::Node* wanted = array_of(groups, arena);
  *error = "the capture groups must be numbers or names of groups";
  for (uint32_t i = 0; wanted && i < wanted->size; ++i) {
    const dynamic::Node& item = wanted->items[i];
    int64_t index = -1;
    if (item.kind == dynamic::Kind::Long) index = item.l;
    if (item.kind == dynamic::Kind::String)
      index = rure_capture_name_index(result->regex->expression.get(), std::string(item.str()).c_str());
    if (index < 1 || index > static_cast<int64_t>(num_groups)) return nullptr;
    result->groups.push_back(static_cast<size_t>(index));
  }
  for (size_t i = 1; !wanted && i <= num_groups; ++i) result->groups.push_back(i);
  if (result->groups.empty()) return nullptr;
  *error = nullptr;
  return result.release();
}

Dynamic AllMatches::find(Str text, Arena& arena) const {
  std::vector<dynamic::Node> matches;
  const Str copy = copy_for_rure(text);
  rure_captures* captures = rure_captures_new(regex->expression.get());
  rure_iter* iterator = rure_iter_new(regex->expression.get());
  while (rure_iter_next_captures(iterator, bytes(copy), copy.size, captures)) {
    std::vector<dynamic::Node> parts;
    for (size_t group : groups) {
      rure_match part{};
      bool matched = rure_captures_at(captures, group, &part);
      parts.push_back(
          string_node(matched ? text.view().substr(part.start, part.end - part.start) : std::string_view()));
    }
    matches.push_back(parts.size() == 1 ? parts[0] : array_node(parts, arena));
  }
  rure_iter_free(iterator);
  rure_captures_free(captures);
  return matches.empty() ? Dynamic{} : array_value(matches, arena);
}

}  // namespace kqlc::functions
