// SPDX-License-Identifier: Apache-2.0
//
// JSON text becomes nodes in an arena, in a single pass. Our own parser and not simdjson's because nodes must
// keep numbers as Kusto types them (long, else real), need no padding behind the text, and most texts are
// short.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/value/dynamic.h"

namespace kqlc::dynamic {

namespace {

class Parser {
 public:
  Parser(std::string_view text, Arena& arena)
      : next_(text.data()), end_(text.data() + text.size()), arena_(arena) {}

  std::optional<Node> parse_document() {
    Node node;
    skip_blanks();
    if (!parse_value(node, 0)) return std::nullopt;
    skip_blanks();
    if (next_ != end_) return std::nullopt;
    return node;
  }

 private:
  void skip_blanks() {
    while (next_ != end_ && (*next_ == ' ' || *next_ == '\n' || *next_ == '\r' || *next_ == '\t')) ++next_;
  }
  bool take(char c) {
    if (next_ == end_ || *next_ != c) return false;
    ++next_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (static_cast<size_t>(end_ - next_) < word.size() || std::memcmp(next_, word.data(), word.size()) != 0)
      return false;
    next_ += word.size();
    return true;
  }

  bool parse_value(Node& out, int depth) {
    if (next_ == end_) return false;
    switch (*next_) {
      case '{':
        return depth < kMaxDepth && parse_bag(out, depth);
      case '[':
        return depth < kMaxDepth && parse_array(out, depth);
      case '"': {
        Str text;
        if (!parse_string(text)) return false;
        out.kind = Kind::String;
        out.text = text.data;
        out.size = static_cast<uint32_t>(text.size);
        return true;
      }
      case 't':
        out.kind = Kind::Bool;
        out.b = true;
        return take_word("true");
      case 'f':
        out.kind = Kind::Bool;
        out.b = false;
        return take_word("false");
      case 'n':
        out.kind = Kind::Null;
        return take_word("null");
      default:
        return parse_number(out);
    }
  }

  bool parse_number(Node& out) {
    const char* start = next_;
    take('-');
    const char* digits = next_;
    while (next_ != end_ && *next_ >= '0' && *next_ <= '9') ++next_;
    if (next_ == digits || (*digits == '0' && next_ - digits > 1)) return false;
    bool whole = true;
    if (take('.')) {
      whole = false;
      const char* fraction = next_;
      while (next_ != end_ && *next_ >= '0' && *next_ <= '9') ++next_;
      if (next_ == fraction) return false;
    }
    if (next_ != end_ && (*next_ | 32) == 'e') {
      whole = false;
      ++next_;
      if (!take('+')) take('-');
      const char* exponent = next_;
      while (next_ != end_ && *next_ >= '0' && *next_ <= '9') ++next_;
      if (next_ == exponent) return false;
    }
    if (whole && std::from_chars(start, next_, out.l).ec == std::errc()) {
      out.kind = Kind::Long;
      return true;
    }
    out.kind = Kind::Real;
    auto [end, error] = std::from_chars(start, next_, out.d);
    if (error == std::errc::result_out_of_range)
      out.d = std::strtod(std::string(start, next_).c_str(), nullptr);
    return true;
  }

  static void append_utf8(char*& out, uint32_t code) {
    if (code < 0x80) {
      *out++ = static_cast<char>(code);
    } else if (code < 0x800) {
      *out++ = static_cast<char>(0xC0 | code >> 6);
      *out++ = static_cast<char>(0x80 | (code & 63));
    } else if (code < 0x10000) {
      *out++ = static_cast<char>(0xE0 | code >> 12);
      *out++ = static_cast<char>(0x80 | (code >> 6 & 63));
      *out++ = static_cast<char>(0x80 | (code & 63));
    } else {
      *out++ = static_cast<char>(0xF0 | code >> 18);
      *out++ = static_cast<char>(0x80 | (code >> 12 & 63));
      *out++ = static_cast<char>(0x80 | (code >> 6 & 63));
      *out++ = static_cast<char>(0x80 | (code & 63));
    }
  }
  bool parse_hex4(uint32_t& code) {
    if (end_ - next_ < 4) return false;
    auto [end, error] = std::from_chars(next_, next_ + 4, code, 16);
    if (error != std::errc() || end != next_ + 4) return false;
    next_ += 4;
    return true;
  }
  bool parse_escape(char*& out) {
    if (next_ == end_) return false;
    char c = *next_++;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        *out++ = c;
        return true;
      case 'b':
        *out++ = '\b';
        return true;
      case 'f':
        *out++ = '\f';
        return true;
      case 'n':
        *out++ = '\n';
        return true;
      case 'r':
        *out++ = '\r';
        return true;
      case 't':
        *out++ = '\t';
        return true;
      case 'u':
        break;
      default:
        return false;
    }
    uint32_t code = 0, low = 0;
    if (!parse_hex4(code)) return false;
    if (code >= 0xD800 && code < 0xDC00 && end_ - next_ >= 6 && next_[0] == '\\' && next_[1] == 'u') {
      const char* before = next_;
      next_ += 2;
      if (parse_hex4(low) && low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else {
        next_ = before;
      }
    }
    append_utf8(out, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
    return true;
  }

  // Strings without escapes stay where they are in the text.
  bool parse_string(Str& out) {
    ++next_;
    const char* start = next_;
    while (next_ != end_ && *next_ != '"' && *next_ != '\\' && static_cast<unsigned char>(*next_) >= 0x20)
      ++next_;
    if (next_ != end_ && *next_ == '"') {
      out = {start, static_cast<uint64_t>(next_++ - start)};
      return true;
    }
    const char* close = next_;
    while (close != end_ && *close != '"') close += (*close == '\\' && end_ - close > 1) ? 2 : 1;
    if (close == end_) return false;
    char* copy = static_cast<char*>(arena_.allocate(static_cast<size_t>(close - start) + 1));
    char* write = copy;
    for (const char* c = start; c != next_; ++c) *write++ = *c;
    while (next_ != end_ && *next_ != '"') {
      if (static_cast<unsigned char>(*next_) < 0x20) return false;
      if (*next_ == '\\') {
        ++next_;
        if (!parse_escape(write)) return false;
      } else {
        *write++ = *next_++;
      }
    }
    if (!take('"')) return false;
    out = {copy, static_cast<uint64_t>(write - copy)};
    return true;
  }

  bool parse_array(Node& out, int depth) {
    ++next_;
    std::vector<Node> items;
    skip_blanks();
    if (!take(']')) {
      do {
        skip_blanks();
        if (!parse_value(items.emplace_back(), depth + 1)) return false;
        skip_blanks();
      } while (take(','));
      if (!take(']')) return false;
    }
    Node* copy = arena_.allocate_array<Node>(items.size());
    std::copy(items.begin(), items.end(), copy);
    out = array_of(copy, items.size());
    return true;
  }

  // Of a key given twice the last value counts. Few keys are compared one by one; `places` holds those of
  // many.
  static void put(std::vector<Entry>& entries, std::unordered_map<std::string_view, size_t>& places,
                  const Entry& entry) {
    constexpr size_t kFew = 32;
    size_t place = entries.size();
    if (entries.size() < kFew) {
      for (place = 0; place < entries.size() && entries[place].key.view() != entry.key.view();) ++place;
    } else {
      if (places.empty())
        for (size_t i = 0; i < entries.size(); ++i) places.emplace(entries[i].key.view(), i);
      place = places.try_emplace(entry.key.view(), entries.size()).first->second;
    }
    if (place == entries.size())
      entries.push_back(entry);
    else
      entries[place].value = entry.value;
  }

  bool parse_bag(Node& out, int depth) {
    ++next_;
    std::vector<Entry> entries;
    std::unordered_map<std::string_view, size_t> places;
    skip_blanks();
    if (!take('}')) {
      do {
        skip_blanks();
        Entry entry;
        if (next_ == end_ || *next_ != '"' || !parse_string(entry.key)) return false;
        skip_blanks();
        if (!take(':')) return false;
        skip_blanks();
        if (!parse_value(entry.value, depth + 1)) return false;
        put(entries, places, entry);
        skip_blanks();
      } while (take(','));
      if (!take('}')) return false;
    }
    Entry* copy = arena_.allocate_array<Entry>(entries.size());
    std::copy(entries.begin(), entries.end(), copy);
    out = bag_of(copy, entries.size());
    return true;
  }

  const char* next_;
  const char* end_;
  Arena& arena_;
};

// Returns the greatest number of brackets that are open at once in a text whose brackets balance, else 0.
int depth_of(std::string_view text) {
  int open = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && in_string) {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      deepest = std::max(deepest, ++open);
    } else if (!in_string && (c == ']' || c == '}') && --open < 0) {
      return 0;
    }
  }
  return open == 0 && !in_string ? deepest : 0;
}

}  // namespace

bool is_too_deep(std::string_view text) {
  if (text.size() <= 2 * kMaxDepth) return false;
  const auto opening = std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; });
  return opening > kMaxDepth && depth_of(text) > kMaxDepth;
}

std::optional<Node> parse_strict(Str text, Arena& arena) {
  return Parser(text.view(), arena).parse_document();
}

}  // namespace kqlc::dynamic
