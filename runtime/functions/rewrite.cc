// SPDX-License-Identifier: Apache-2.0
//
// The bodies of the functions that make texts from texts. In: texts. Out: texts in the batch's arena.
#include "runtime/functions/rewrite.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>

#include "runtime/functions/numeric.h"
#include "runtime/functions/string.h"
#include "runtime/simd/unicode.h"

namespace kqlc::functions {

namespace {

std::vector<std::string_view> characters_of(Str text) {
  std::vector<std::string_view> out;
  for (uint64_t at = 0; at < text.size;) {
    Str rest(text.data + at, text.size - at);
    uint64_t size = offset_of_character(rest, 1);
    out.emplace_back(rest.data, size);
    at += size;
  }
  return out;
}

}  // namespace

Str Translate::call(Context& context, Str from, Str to, Str text) {
  std::vector<std::string_view> sought = characters_of(from), partners = characters_of(to);
  std::string out;
  for (std::string_view character : characters_of(text)) {
    auto found = std::find(sought.begin(), sought.end(), character);
    if (found == sought.end()) {
      out.append(character);
    } else if (!partners.empty()) {
      out.append(
          partners[std::min<size_t>(static_cast<size_t>(found - sought.begin()), partners.size() - 1)]);
    }
  }
  return context.arena->copy(std::string_view(out));
}

namespace {

// A part of a text; one that a lookup has matched is settled.
struct Segment {
  std::string_view text;
  bool settled;
};

// Splits the segments around the matches of `what`, which become `with`.
std::vector<Segment> settle_matches(const std::vector<Segment>& segments, std::string_view what,
                                    std::string_view with) {
  std::vector<Segment> out;
  for (const Segment& segment : segments) {
    size_t done = 0;
    size_t at = segment.settled ? std::string_view::npos : segment.text.find(what);
    for (; at != std::string_view::npos; at = segment.text.find(what, done)) {
      if (at > done) out.push_back({segment.text.substr(done, at - done), false});
      out.push_back({with, true});
      done = at + what.size();
    }
    if (done < segment.text.size() || segment.settled)
      out.push_back({segment.text.substr(done), segment.settled});
  }
  return out;
}

}  // namespace

Str ReplaceStrings::call(Context& context, Str text, Dynamic lookups, Dynamic rewrites) {
  const dynamic::Node* from = array_of(lookups, *context.arena);
  const dynamic::Node* to = array_of(rewrites, *context.arena);
  if (!from || !to || from->size != to->size) return {};
  std::vector<Segment> segments{{text.view(), false}};
  for (uint32_t i = 0; i < from->size; ++i) {
    const dynamic::Node& what = from->items[i];
    if (what.kind != dynamic::Kind::String || what.size == 0) continue;
    bool rewritten = to->items[i].kind == dynamic::Kind::String;
    segments = settle_matches(segments, what.str(), rewritten ? to->items[i].str() : what.str());
  }
  std::string out;
  for (const Segment& segment : segments) {
    if (out.size() > kMaxText) break;
    out.append(segment.text);
  }
  return context.arena->copy(std::string_view(out));
}

Str repeat_text(Context& context, Str text, int64_t times, Str separator) {
  constexpr int64_t kMostTimes = 1024;
  std::string out;
  for (int64_t i = 0; i < std::min(times, kMostTimes) && out.size() <= kMaxText; ++i) {
    if (i) out.append(separator.view());
    out.append(text.view());
  }
  return context.arena->copy(std::string_view(out));
}

Str RegexQuote::call(Context& context, Text text) {
  std::string out;
  for (char c : text.view()) {
    if (std::string_view("\\.+*?()|[]{}^$#&-~").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return context.arena->copy(std::string_view(out));
}

Dynamic CodePoints::call(Context& context, Text text) {
  std::vector<dynamic::Node> codes;
  const char* end = text.data + text.size;
  for (const char* at = text.data; at != end;) {
    simd::Character character = simd::decode_character(at, end);
    codes.push_back(
        long_node(character.code >= simd::kInvalidByte ? 0xFFFD : static_cast<int64_t>(character.code)));
    at += character.size;
  }
  return array_value(codes, *context.arena);
}

Str TextOfCodePoints::call(Context& context, Variadic<Value> values) {
  std::string out;
  auto append = [&](const dynamic::Node& node) {
    utf8proc_uint8_t encoded[4];
    bool valid = node.kind == dynamic::Kind::Long && node.l >= 0 && node.l <= 0x10FFFF &&
                 utf8proc_codepoint_valid(static_cast<utf8proc_int32_t>(node.l));
    if (valid)
      out.append(reinterpret_cast<char*>(encoded),
                 static_cast<size_t>(utf8proc_encode_char(static_cast<utf8proc_int32_t>(node.l), encoded)));
    return valid;
  };
  for (size_t i = 0; i < values.size; ++i) {
    dynamic::Node node = node_of(values[i], *context.arena);
    if (node.kind != dynamic::Kind::Array) {
      if (!append(node)) return {};
      continue;
    }
    for (uint32_t item = 0; item < node.size; ++item)
      if (!append(node.items[item])) return {};
  }
  return context.arena->copy(std::string_view(out));
}

namespace {

constexpr std::string_view kByteUnits[] = {"Bytes", "KB", "MB", "GB", "TB", "PB", "EB"};
constexpr int kNumByteUnits = 7;

}  // namespace

ByteUnit* ByteUnit::read(Str name, const char** error) {
  auto result = std::make_unique<ByteUnit>();
  if (name.size == 0) return result.release();
  for (int i = 0; i < kNumByteUnits; ++i)
    if (name.view() == kByteUnits[i]) result->index = i;
  *error = "the unit is none of Bytes, KB, MB, GB, TB, PB, EB";
  return result->index < 0 ? nullptr : result.release();
}

Str format_bytes(double size, int64_t precision, int unit, Arena& arena) {
  if (!std::isfinite(size) || precision < 0 || precision > 15) return {};
  if (unit < 0)
    for (unit = 0; unit + 1 < kNumByteUnits && std::fabs(size) >= std::ldexp(1.0, 10 * (unit + 1));) ++unit;
  Nullable<double> rounded = RoundTo::call(std::ldexp(size, -10 * unit), precision);
  char number[400];
  auto [end, failure] =
      std::to_chars(number, number + sizeof number, rounded.value, std::chars_format::fixed);
  std::string out(number, end);
  return arena.copy(std::string_view(out.append(" ").append(kByteUnits[unit])));
}

}  // namespace kqlc::functions
