// SPDX-License-Identifier: Apache-2.0
//
// The longer bodies of the text functions.
#include "runtime/functions/string.h"

#include <utf8proc.h>

#include <string>
#include <vector>

namespace kqlc::functions {

namespace {

// Size in bytes of the character at `at`; 1 for a byte that begins none.
uint64_t character_size(Str text, uint64_t at) {
  unsigned char c = static_cast<unsigned char>(text.data[at]);
  uint64_t size = c < 0x80 ? 1 : c >= 0xF0 && c < 0xF8 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
  if (at + size > text.size) return 1;
  for (uint64_t i = 1; i < size; ++i)
    if ((static_cast<unsigned char>(text.data[at + i]) & 0xC0) != 0x80) return 1;
  return size;
}

}  // namespace

int64_t count_characters(Str text) {
  int64_t count = 0;
  for (uint64_t at = 0; at < text.size; at += character_size(text, at)) ++count;
  return count;
}

uint64_t offset_of_character(Str text, int64_t index) {
  uint64_t at = 0;
  for (; index > 0 && at < text.size; --index) at += character_size(text, at);
  return at;
}

namespace {

// The simple case mapping of Unicode. Sharp s and the dotless and dotted i of Turkish stay, as .NET's
// invariant culture leaves them.
utf8proc_int32_t other_case(utf8proc_int32_t code, bool upper) {
  constexpr utf8proc_int32_t kSharpS = 0xdf, kDottedCapitalI = 0x130, kDotlessI = 0x131;
  if (code == kSharpS || code == kDottedCapitalI || code == kDotlessI) return code;
  return upper ? utf8proc_toupper(code) : utf8proc_tolower(code);
}

}  // namespace

Str change_case(Str text, bool upper, Arena& arena) {
  std::string out;
  out.reserve(text.size);
  for (uint64_t at = 0; at < text.size;) {
    unsigned char c = static_cast<unsigned char>(text.data[at]);
    if (c < 0x80) {
      bool letter = upper ? (c >= 'a' && c <= 'z') : (c >= 'A' && c <= 'Z');
      out += static_cast<char>(letter ? c ^ 32 : c);
      ++at;
      continue;
    }
    uint64_t size = character_size(text, at);
    utf8proc_int32_t code = 0;
    if (utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data + at),
                         static_cast<utf8proc_ssize_t>(size), &code) > 0) {
      utf8proc_uint8_t encoded[4];
      auto written = utf8proc_encode_char(other_case(code, upper), encoded);
      out.append(reinterpret_cast<char*>(encoded), static_cast<size_t>(written));
    } else {
      out.append(text.data + at, size);
    }
    at += size;
  }
  return arena.copy(std::string_view(out));
}

Str cut(Str text, int64_t start, int64_t length) {
  if (start < 0) {
    // A negative start counts from the end.
    start += count_characters(text);
    if (start < 0) start = 0;
  }
  if (length <= 0) return {};
  uint64_t begin = offset_of_character(text, start);
  Str rest(text.data + begin, text.size - begin);
  return {rest.data, offset_of_character(rest, length)};
}

Str StrcatDelim::call(Context& context, Str separator, Variadic<Text> parts) {
  std::string out;
  for (size_t i = 0; i < parts.size && out.size() <= kMaxText; ++i) {
    if (i) out.append(separator.view());
    out.append(parts[i].view());
  }
  return context.arena->copy(std::string_view(out));
}

Str ReplaceString::call(Context& context, Str text, Str what, Str with) {
  if (what.size == 0) return text;
  std::string out;
  std::string_view view = text.view();
  size_t done = 0;
  for (size_t at = view.find(what.view()); at != std::string_view::npos; at = view.find(what.view(), done)) {
    out.append(view.substr(done, at - done)).append(with.view());
    done = at + what.size;
    if (out.size() > kMaxText) break;
  }
  if (done == 0) return text;
  out.append(view.substr(done));
  return context.arena->copy(std::string_view(out));
}

namespace {

std::vector<std::string_view> split_parts(Str text, Str separator) {
  std::vector<std::string_view> parts;
  std::string_view view = text.view();
  if (separator.size == 0) return {view};
  size_t done = 0;
  for (size_t at = view.find(separator.view()); at != std::string_view::npos;
       at = view.find(separator.view(), done)) {
    parts.push_back(view.substr(done, at - done));
    done = at + separator.size;
  }
  parts.push_back(view.substr(done));
  return parts;
}

Dynamic array_of(const std::vector<std::string_view>& parts, Arena& arena) {
  auto* items = arena.allocate_array<dynamic::Node>(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    ::new (items + i) dynamic::Node();
    items[i].kind = dynamic::Kind::String;
    items[i].text = parts[i].data();
    items[i].size = static_cast<uint32_t>(parts[i].size());
  }
  return dynamic::from_node(dynamic::array_of(items, parts.size()), arena);
}

}  // namespace

Dynamic Split::call(Context& context, Str text, Str separator) {
  return array_of(split_parts(text, separator), *context.arena);
}

Dynamic SplitPart::call(Context& context, Str text, Str separator, int64_t index) {
  std::vector<std::string_view> parts = split_parts(text, separator);
  if (index < 0 || index >= static_cast<int64_t>(parts.size())) return array_of({}, *context.arena);
  return array_of({parts[static_cast<size_t>(index)]}, *context.arena);
}

Str Reverse::call(Context& context, Text text) {
  if (text.size == 0) return {};
  char* out = static_cast<char*>(context.arena->allocate(text.size));
  uint64_t end = text.size;
  for (uint64_t at = 0; at < text.size;) {
    uint64_t size = character_size(text, at);
    std::memcpy(out + end - size, text.data + at, size);
    end -= size;
    at += size;
  }
  return {out, text.size};
}

}  // namespace kqlc::functions
