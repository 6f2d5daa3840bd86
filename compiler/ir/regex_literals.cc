// SPDX-License-Identifier: Apache-2.0
//
// Each part of a pattern is known by what it can match: exactly these texts, or anything, which begins with
// one of these. In a sequence exact parts are multiplied; where that ends (a class, a repetition), what has
// come together and the beginnings of the next part are texts of which each match contains one, and the best
// such list is kept. Texts are cut to a few characters before there would be too many. Letters stand in lower
// case, with the two others that are the same without regard to case: the Kelvin sign (k) and the long s.
#include "compiler/ir/regex_literals.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>
#include <set>

#include "runtime/simd/unicode.h"

namespace kqlc::ir {

namespace {

using Texts = std::set<std::string>;

constexpr size_t kMostCharacters = 32;  // of a class that is written out
constexpr size_t kMostTexts = 512;      // of a part, before they are cut
constexpr size_t kMostBytes = 64;       // of a text
constexpr int kMaxDepth = 100;

// The blanks of \s.
constexpr uint32_t kBlanks[] = {0x9,    0xa,    0xb,    0xc,    0xd,    0x20,   0x85,   0xa0,   0x1680,
                                0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
                                0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000};

std::string utf8(uint32_t code) {
  std::string out;
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
  return out;
}

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string first_characters(std::string_view text, size_t count) {
  size_t end = 0;
  while (end < text.size() && count--) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  }
  return std::string(text.substr(0, end));
}

// What a part of a pattern can match.
struct Part {
  bool exact = true;
  Texts texts{""};                // all of it; where it is not exact, the beginnings of all of it
  std::vector<std::string> best;  // texts of which each match contains one; empty: nothing is known
};

Part anything() { return {false, {""}, {}}; }
Part exactly(Texts texts) { return {true, std::move(texts), {}}; }

// The shortest text decides how seldom one is found.
size_t worth(const std::vector<std::string>& texts) {
  size_t shortest = kMostBytes;
  for (const std::string& text : texts) shortest = std::min(shortest, count_characters(text));
  return texts.empty() ? 0 : shortest * 64 / (texts.size() + 63);
}

// The texts, cut where that makes them so few that it is worth it, without those that hold another.
std::vector<std::string> make_few(const Texts& texts, size_t least) {
  std::vector<std::string> best;
  size_t longest = 0;
  for (const std::string& text : texts) {
    if (count_characters(text) < least) return {};
    longest = std::max(longest, count_characters(text));
  }
  for (size_t length = std::min(longest, kMostCharacters); length >= std::max<size_t>(least, 1); --length) {
    std::vector<std::string> sorted, kept;  // beginnings have the order of the texts
    for (const std::string& text : texts)
      if (std::string cut = first_characters(text, length); sorted.empty() || sorted.back() != cut)
        sorted.push_back(std::move(cut));
    std::ranges::stable_sort(sorted, {}, &std::string::size);
    size_t shorter = 0;  // of those kept; texts of one size do not hold each other
    for (const std::string& text : sorted) {
      if (kept.size() > kMostRegexLiterals) break;
      if (!kept.empty() && kept.back().size() < text.size()) shorter = kept.size();
      const auto holds = [&](const std::string& known) { return text.find(known) != text.npos; };
      if (std::none_of(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(shorter), holds))
        kept.push_back(text);
    }
    if (kept.size() <= kMostRegexLiterals && worth(kept) > worth(best)) best = std::move(kept);
    if (worth(best) >= length) break;  // none is worth more than its shortest text is long
  }
  return best;
}

// Too many texts, or too long ones, become beginnings.
void shorten(Part& part) {
  auto cut_to = [&](size_t length) {
    Texts cut;
    for (const std::string& text : part.texts) cut.insert(first_characters(text, length));
    part.texts = std::move(cut);
    part.exact = false;
  };
  if (std::ranges::any_of(part.texts, [](const std::string& text) { return text.size() > kMostBytes; }))
    cut_to(kMostBytes / 4);
  for (size_t length = kMostBytes / 8; part.texts.size() > kMostTexts; length /= 2) cut_to(length);
}

Part join(const Part& a, const Part& b) {
  Part out{a.exact && b.exact, {}, {}};
  for (const std::string& begin : a.texts)
    for (const std::string& end : b.texts) {
      out.texts.insert(begin + end);
      if (out.texts.size() > kMostTexts * kMostCharacters) return anything();
    }
  shorten(out);
  return out;
}

class Reader {
 public:
  Reader(std::string_view pattern, size_t least) : rest_(pattern), least_(least) {}

  std::vector<std::string> read() {
    read_flags_ahead();
    Part whole = read_choice(0);
    if (failed_ || !rest_.empty()) return {};
    return list_of(whole);
  }

 private:
  bool at(std::string_view text) const { return rest_.starts_with(text); }
  bool take(std::string_view text) {
    if (!at(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  Part fail() {
    failed_ = true;
    rest_ = {};
    return anything();
  }

  void improve(std::vector<std::string>& best, std::vector<std::string> texts) const {
    if (worth(texts) > worth(best)) best = std::move(texts);
  }
  std::vector<std::string> list_of(const Part& part) const {
    std::vector<std::string> best = part.best;
    improve(best, make_few(part.texts, least_));
    return best;
  }

  void read_flags_ahead();
  Part read_choice(int depth);
  Part read_sequence(int depth);
  Part read_repeated(int depth);
  Part repeat(Part part, uint32_t least, uint32_t most) const;
  bool read_bounds(uint32_t& least, uint32_t& most);
  Part read_one(int depth);
  Part read_group(int depth);
  Part read_escape();
  Part read_class();
  bool read_class_item(Texts& texts, bool& known);
  std::optional<uint32_t> read_character();
  std::optional<uint32_t> read_escaped_character();
  std::optional<uint32_t> read_hex(size_t digits);
  Part one_character(uint32_t code) const;

  std::string_view rest_;
  size_t least_;
  bool caseless_ = false;  // somewhere in the pattern
  bool failed_ = false;
};

// Flags of any place count for the whole: that loses nothing but a few short lists.
void Reader::read_flags_ahead() {
  for (size_t place = 0; (place = rest_.find("(?", place)) != rest_.npos; place += 2)
    for (size_t i = place + 2;
         i < rest_.size() && (std::isalpha(static_cast<unsigned char>(rest_[i])) || rest_[i] == '-'); ++i)
      caseless_ |= rest_[i] == 'i';
}

Part Reader::read_choice(int depth) {
  if (depth > kMaxDepth) return fail();
  Part out = read_sequence(depth);
  while (!failed_ && take("|")) {
    Part other = read_sequence(depth);
    const std::vector<std::string> first = list_of(out), second = list_of(other);
    Part both{out.exact && other.exact, out.texts, {}};
    both.texts.insert(other.texts.begin(), other.texts.end());
    if (!first.empty() && !second.empty()) {
      Texts either(first.begin(), first.end());
      either.insert(second.begin(), second.end());
      both.best = make_few(either, least_);
    }
    shorten(both);
    out = std::move(both);
  }
  return out;
}

// `run` is what stands side by side up to here, of which all is known.
Part Reader::read_sequence(int depth) {
  Part whole = exactly({""}), run = exactly({""});
  std::vector<std::string> best;
  while (!failed_ && !rest_.empty() && !at("|") && !at(")")) {
    const Part next = read_repeated(depth);
    improve(best, next.best);
    if (whole.exact) whole = join(whole, next);
    run = join(run, next);
    if (run.exact) continue;
    improve(best, make_few(run.texts, least_));
    run = exactly({""});
  }
  improve(best, make_few(run.texts, least_));
  whole.best = std::move(best);
  return whole;
}

Part Reader::read_repeated(int depth) {
  Part part = read_one(depth);
  while (!failed_) {
    uint32_t least = 0, most = ~0u;
    if (take("*")) {
    } else if (take("+")) {
      least = 1;
    } else if (take("?")) {
      most = 1;
    } else if (at("{")) {
      if (!read_bounds(least, most)) return fail();
    } else {
      return part;
    }
    take("?");  // as few as can be: the same matches
    part = repeat(std::move(part), least, most);
  }
  return part;
}

Part Reader::repeat(Part part, uint32_t least, uint32_t most) const {
  if (least == 0) {
    if (most != 1 || !part.exact) return anything();
    part.texts.insert("");
    part.best.clear();
    return part;
  }
  Part out = part;
  for (uint32_t i = 1; i < least && out.exact && i < kMostBytes; ++i) out = join(out, part);
  if (least != most || least > kMostBytes) out.exact = false;
  out.best = list_of(part);
  improve(out.best, make_few(out.texts, least_));
  return out;
}

// {n}, {n,} and {n,m}.
bool Reader::read_bounds(uint32_t& least, uint32_t& most) {
  take("{");
  auto number = [&](uint32_t& out) {
    size_t digits = 0;
    for (out = 0; !rest_.empty() && std::isdigit(static_cast<unsigned char>(rest_[0])) && digits < 6;
         ++digits) {
      out = out * 10 + static_cast<uint32_t>(rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return digits > 0;
  };
  if (!number(least)) return false;
  most = least;
  if (take(",")) {
    most = ~0u;
    if (!at("}") && !number(most)) return false;
  }
  return take("}");
}

Part Reader::one_character(uint32_t code) const {
  if (code >= 0x80) return caseless_ ? anything() : exactly({utf8(code)});
  const char c = static_cast<char>(std::tolower(static_cast<int>(code)));
  Texts texts{std::string(1, c)};
  if (caseless_ && c == 'k') texts.insert(utf8(0x212A));
  if (caseless_ && c == 's') texts.insert(utf8(0x17F));
  return exactly(std::move(texts));
}

Part Reader::read_one(int depth) {
  if (take("(")) return read_group(depth);
  if (take("[")) return read_class();
  if (take("\\")) return read_escape();
  if (take(".")) return anything();
  if (take("^") || take("$")) return exactly({""});
  if (at("*") || at("+") || at("?") || at("{")) return fail();
  const auto code = read_character();
  return code ? one_character(*code) : fail();
}

// Named or not, with flags or without.
Part Reader::read_group(int depth) {
  if (take("?P<") || take("?<")) {
    const size_t end = rest_.find('>');
    if (end == rest_.npos || end == 0 ||
        !(std::isalpha(static_cast<unsigned char>(rest_[0])) || rest_[0] == '_'))
      return fail();
    rest_.remove_prefix(end + 1);
  } else if (take("?")) {
    while (take("i") || take("s") || take("m") || take("U") || take("-")) {
    }
    if (take(")")) return exactly({""});
    if (!take(":")) return fail();
  }
  Part out = read_choice(depth + 1);
  return take(")") ? out : fail();
}

std::optional<uint32_t> Reader::read_character() {
  const simd::Character character = simd::decode_character(rest_.data(), rest_.data() + rest_.size());
  if (rest_.empty() || character.code >= simd::kInvalidByte) return std::nullopt;
  rest_.remove_prefix(character.size);
  return character.code;
}

std::optional<uint32_t> Reader::read_hex(size_t digits) {
  const bool braces = take("{");
  uint32_t code = 0;
  size_t count = 0;
  for (;
       !rest_.empty() && std::isxdigit(static_cast<unsigned char>(rest_[0])) && count < (braces ? 6 : digits);
       ++count) {
    const char c = rest_[0];
    code = code * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    rest_.remove_prefix(1);
  }
  if (count == 0 || (!braces && count != digits) || (braces && !take("}"))) return std::nullopt;
  return code;
}

// Behind a backslash; none where it is no single character.
std::optional<uint32_t> Reader::read_escaped_character() {
  const std::pair<char, uint32_t> named[] = {{'n', 0xa}, {'t', 9},   {'r', 0xd},
                                             {'f', 0xc}, {'v', 0xb}, {'a', 7}};
  if (rest_.empty()) return std::nullopt;
  const char c = rest_[0];
  if (std::ispunct(static_cast<unsigned char>(c)) && c != '<' && c != '>') {
    rest_.remove_prefix(1);
    return static_cast<uint32_t>(c);
  }
  for (auto [name, code] : named)
    if (take(std::string_view(&name, 1))) return code;
  if (take("x")) return read_hex(2);
  if (take("u")) return read_hex(4);
  if (take("U")) return read_hex(8);
  return std::nullopt;
}

Part Reader::read_escape() {
  if (take("s")) {
    Texts blanks;
    for (uint32_t blank : kBlanks) blanks.insert(utf8(blank));
    return exactly(std::move(blanks));
  }
  if (take("A") || take("z")) return exactly({""});
  if (take("b") || take("B")) return at("{") ? fail() : exactly({""});
  if (take("d") || take("D") || take("S") || take("w") || take("W")) return anything();
  if (take("p") || take("P")) {
    if (take("{")) {
      const size_t end = rest_.find('}');
      if (end == rest_.npos) return fail();
      rest_.remove_prefix(end + 1);
    } else if (!read_character()) {
      return fail();
    }
    return anything();
  }
  const auto code = read_escaped_character();
  return code ? one_character(*code) : fail();
}

// Adds a character, a range or a set of a class; `known` becomes false where it cannot be written out.
bool Reader::read_class_item(Texts& texts, bool& known) {
  std::optional<uint32_t> first;
  if (take("\\")) {
    if (at("s") || at("d") || at("D") || at("S") || at("w") || at("W") || at("p") || at("P")) {
      const bool is_blank = at("s");
      const Part set = read_escape();
      known &= is_blank;
      texts.insert(set.texts.begin(), set.texts.end());
      return !failed_;
    }
    first = read_escaped_character();
  } else {
    first = read_character();
  }
  if (!first) return false;
  uint32_t last = *first;
  if (at("-") && !at("-]")) {
    take("-");
    const auto end = take("\\") ? read_escaped_character() : read_character();
    if (!end || *end < *first) return false;
    last = *end;
  }
  if (last - *first >= kMostCharacters || last >= 0x80) {
    known &= last == *first && !caseless_;
    if (known) texts.insert(utf8(*first));
    return true;
  }
  for (uint32_t code = *first; code <= last; ++code) {
    const Part one = one_character(code);
    texts.insert(one.texts.begin(), one.texts.end());
  }
  return true;
}

// Sets of sets are left alone.
Part Reader::read_class() {
  const bool negated = take("^");
  Texts texts;
  bool known = !negated, first = true;
  while (!rest_.empty() && (first || !at("]"))) {
    first = false;
    if (at("[") || at("&&") || at("--") || at("~~") || !read_class_item(texts, known)) return fail();
  }
  if (!take("]")) return fail();
  return known && texts.size() <= kMostCharacters ? exactly(std::move(texts)) : anything();
}

}  // namespace

std::vector<std::string> required_literals(std::string_view pattern, size_t least) {
  return Reader(pattern, least).read();
}

}  // namespace kqlc::ir
