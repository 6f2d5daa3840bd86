// SPDX-License-Identifier: Apache-2.0
//
// The reader's work. What print() writes in two ways (a form for people, one for exact bits) is read in both.
#include "compiler/ir/literal_reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "compiler/plan/schema.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/guid.h"

namespace kqlc::ir {

namespace {

constexpr int kMaxNesting = 1000;

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_mark(char c) { return std::memchr("()[]{},:\"~", c, 10) != nullptr; }

bool read_hex(std::string_view digits, uint64_t& out) {
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
  return error == std::errc() && end == digits.data() + digits.size() && digits.size() == 16;
}

template <class T>
bool read_whole(std::string_view text, T& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool read_real(std::string_view text, double& out) {
  uint64_t bits = 0;
  if (text.starts_with("0x")) {
    if (!read_hex(text.substr(2), bits)) return false;
    out = std::bit_cast<double>(bits);
    return true;
  }
  return read_whole(text, out);
}

bool read_decimal(std::string_view text, Decimal& out) {
  if (text.starts_with("0x"))
    return text.size() == 34 && read_hex(text.substr(2, 16), out.high) && read_hex(text.substr(18), out.low);
  auto value = decimal::read(text);
  if (value) out = *value;
  return value.has_value();
}

bool read_ticks(std::string_view text, bool date, int64_t& out) {
  constexpr std::string_view kTicks = "ticks ";
  if (text.starts_with(kTicks)) return read_whole(text.substr(kTicks.size()), out);
  if (date) {
    auto value = datetime::read_datetime(text);
    if (value) out = value->ticks;
    return value.has_value();
  }
  auto value = datetime::read_timespan(text);
  if (value) out = value->ticks;
  return value.has_value();
}

bool find_exact_type(std::string_view name, Type& type) {
  for (int i = 0; i < kNumTypes; ++i)
    if (type_name(static_cast<Type>(i)) == name) return type = static_cast<Type>(i), true;
  return false;
}

}  // namespace

size_t LiteralReader::line() const {
  return 1 + static_cast<size_t>(
                 std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
}

bool LiteralReader::fail(const std::string& problem) {
  if (problem_.empty()) problem_ = problem.empty() ? "wrong text" : problem;
  return false;
}

void LiteralReader::skip_blanks() {
  while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
}

std::string_view LiteralReader::word() {
  skip_blanks();
  size_t begin = at_;
  while (at_ < text_.size() && !is_blank(text_[at_]) && !is_mark(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

std::string_view LiteralReader::peek_word() {
  size_t before = at_;
  std::string_view next = word();
  at_ = before;
  return next;
}

bool LiteralReader::take_word(std::string_view wanted) {
  if (peek_word() != wanted) return false;
  word();
  return true;
}

bool LiteralReader::expect(std::string_view wanted) {
  return take_word(wanted) || fail("`" + std::string(wanted) + "` is missing");
}

bool LiteralReader::peek(char mark) {
  size_t at = at_;
  while (at < text_.size() && is_blank(text_[at])) ++at;
  return at < text_.size() && text_[at] == mark;
}

bool LiteralReader::take(char mark) {
  if (!peek(mark)) return false;
  skip_blanks();
  ++at_;
  return true;
}

bool LiteralReader::expect_mark(char mark) {
  return take(mark) || fail(std::string("`") + mark + "` is missing");
}

bool LiteralReader::line_ends() {
  size_t at = at_;
  while (at < text_.size() && is_blank(text_[at]) && text_[at] != '\n') ++at;
  return at == text_.size() || text_[at] == '\n';
}

bool LiteralReader::at_end() {
  skip_blanks();
  return at_ == text_.size();
}

bool LiteralReader::read_long(int64_t& out) { return read_whole(word(), out) || fail("a number is missing"); }

bool LiteralReader::read_unsigned(std::string_view digits, uint64_t& out) { return read_whole(digits, out); }

bool LiteralReader::read_type(Type& type) {
  return find_exact_type(word(), type) || fail("a type is missing");
}

bool LiteralReader::read_quoted(std::string& out) {
  if (!expect_mark('"')) return false;
  for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
    if (text_[at_] != '\\') {
      out += text_[at_];
      continue;
    }
    if (++at_ == text_.size()) break;
    if (text_[at_] != 'x') {
      out += text_[at_];
      continue;
    }
    unsigned byte = 0;
    if (text_.size() - at_ < 3) return fail("a text without end");
    auto [end, error] = std::from_chars(text_.data() + at_ + 1, text_.data() + at_ + 3, byte, 16);
    if (error != std::errc() || end != text_.data() + at_ + 3) return fail("a wrong escape");
    out += static_cast<char>(byte);
    at_ += 2;
  }
  if (at_ == text_.size()) return fail("a text without end");
  ++at_;
  return true;
}

// What stands up to the closing bracket, which is taken.
std::string_view LiteralReader::inside_brackets() {
  size_t begin = at_, end = text_.find(')', at_);
  if (end == std::string_view::npos) {
    fail("`)` is missing");
    return {};
  }
  at_ = end + 1;
  return text_.substr(begin, end - begin);
}

bool LiteralReader::starts_literal() {
  if (peek('"')) return true;
  std::string_view next = peek_word();
  Type type = Type::Bool;
  return next == "true" || next == "false" || next == "null" || find_exact_type(next, type);
}

bool LiteralReader::read_literal(Cell& cell, Type& type) {
  if (peek('"')) {
    std::string text;
    if (!read_quoted(text)) return false;
    type = Type::String;
    cell = make_cell(arena_->copy(std::string_view(text)));
    return true;
  }
  std::string_view name = word();
  if (name == "true" || name == "false") {
    type = Type::Bool;
    cell = make_cell(name == "true");
    return true;
  }
  if (!expect_mark('(')) return false;
  if (name == "null") return read_null(inside_brackets(), cell, type);
  if (name != "dynamic") return read_scalar(name, inside_brackets(), cell, type);
  dynamic::Node node;
  if (!read_node(node, 0) || !expect_mark(')')) return false;
  type = Type::Dynamic;
  auto* place = static_cast<dynamic::Node*>(arena_->allocate(sizeof node));
  cell = make_cell(Dynamic{::new (place) dynamic::Node(node)});
  return true;
}

bool LiteralReader::read_null(std::string_view text, Cell& cell, Type& type) {
  if (!ok() || !find_exact_type(text, type) || type == Type::String) return fail("a null of no type");
  cell = null_cell(type);
  return true;
}

bool LiteralReader::read_scalar(std::string_view name, std::string_view text, Cell& cell, Type& type) {
  if (!ok() || !find_exact_type(name, type)) return fail("no such literal");
  cell = Cell();
  cell.valid = true;
  bool good = false;
  switch (type) {
    case Type::Int:
      good = read_whole(text, cell.i);
      break;
    case Type::Long:
      good = read_whole(text, cell.l);
      break;
    case Type::Real:
      good = read_real(text, cell.d);
      break;
    case Type::Decimal:
      cell.m = {};
      good = read_decimal(text, cell.m);
      break;
    case Type::DateTime:
    case Type::TimeSpan:
      good = read_ticks(text, type == Type::DateTime, cell.l);
      break;
    case Type::Guid:
      if (auto value = guid::read(text)) {
        cell = make_cell(*value);
        good = true;
      }
      break;
    default:
      break;
  }
  return good || fail("`" + std::string(text) + "` is no " + std::string(name));
}

bool LiteralReader::read_node(dynamic::Node& node, int depth) {
  if (depth > kMaxNesting) return fail("nested too deeply");
  if (take('[')) return read_array(node, depth);
  if (take('{')) return read_bag(node, depth);
  bool json = take_word("json");
  if (!json && !peek('"')) return read_node_word(node);
  std::string text;
  if (!read_quoted(text)) return false;
  Str copy = arena_->copy(std::string_view(text));
  node.kind = json ? dynamic::Kind::Json : dynamic::Kind::String;
  node.text = copy.data;
  node.size = static_cast<uint32_t>(copy.size);
  return true;
}

bool LiteralReader::read_array(dynamic::Node& node, int depth) {
  std::vector<dynamic::Node> items;
  while (ok() && !take(']')) {
    if (!items.empty() && !expect_mark(',')) return false;
    dynamic::Node item;
    if (!read_node(item, depth + 1)) return false;
    items.push_back(item);
  }
  auto* place = arena_->allocate_array<dynamic::Node>(items.size());
  std::uninitialized_copy(items.begin(), items.end(), place);
  node = dynamic::array_of(place, items.size());
  return ok();
}

bool LiteralReader::read_bag(dynamic::Node& node, int depth) {
  std::vector<dynamic::Entry> entries;
  while (ok() && !take('}')) {
    if (!entries.empty() && !expect_mark(',')) return false;
    dynamic::Entry entry;
    std::string key;
    if (!read_quoted(key) || !expect_mark(':') || !read_node(entry.value, depth + 1)) return false;
    entry.key = arena_->copy(std::string_view(key));
    entries.push_back(entry);
  }
  auto* place = arena_->allocate_array<dynamic::Entry>(entries.size());
  std::uninitialized_copy(entries.begin(), entries.end(), place);
  node = dynamic::bag_of(place, entries.size());
  return ok();
}

bool LiteralReader::read_node_word(dynamic::Node& node) {
  if (take_word("null")) return node.kind = dynamic::Kind::Null, true;
  Cell cell;
  Type type = Type::String;
  if (!read_literal(cell, type) || !cell.valid || type == Type::Dynamic) return fail("no dynamic value");
  node = dynamic::node_of_cell(cell, type, *arena_);
  return true;
}

}  // namespace kqlc::ir
