// SPDX-License-Identifier: Apache-2.0
//
// Literals: numbers, text, datetime(...), guid(...), dynamic(...). In: the text that stands in the query.
// Out: literal expressions; text that denotes no value of its type is an error. Source: the pages of the
// scalar data types.
#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "compiler/plan/binder.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/guid.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

namespace {

// datetime(2017 - 08 - 01) and datetime(2025, 6, 14) are dates too.
std::optional<Cell> read_datetime_literal(std::string_view text) {
  if (auto value = datetime::read_datetime(text)) return make_cell(*value);
  if (std::count(text.begin(), text.end(), ',') % 2 != 0) return std::nullopt;
  std::string compact;
  auto is_joint = [](char c) { return c == '-' || c == ','; };
  for (size_t i = 0; i < text.size(); ++i) {
    bool beside_joint = (i > 0 && is_joint(text[i - 1])) || (i + 1 < text.size() && is_joint(text[i + 1]));
    if (text[i] == ' ' && beside_joint) continue;
    compact += text[i] == ',' ? '-' : text[i];
  }
  auto value = datetime::read_datetime(compact);
  return value ? std::optional<Cell>(make_cell(*value)) : std::nullopt;
}

// datetime(8:00), datetime("5:00:00 PM"): a time of day, which Kusto takes as one of the day of the query.
std::optional<Cell> read_time_of_day(std::string_view text) {
  bool morning = text.ends_with(" AM"), afternoon = text.ends_with(" PM");
  if (morning || afternoon) text.remove_suffix(3);
  auto is_part = [](char c) { return (c >= '0' && c <= '9') || c == ':' || c == '.'; };
  size_t colon = text.find(':');
  if ((colon != 1 && colon != 2) || !std::all_of(text.begin(), text.end(), is_part)) return std::nullopt;
  auto value = datetime::read_timespan(text);
  if (!value || value->ticks >= datetime::kTicksPerDay) return std::nullopt;
  if (!morning && !afternoon) return make_cell(*value);
  int64_t hour = value->ticks / datetime::kTicksPerHour;
  if (hour < 1 || hour > 12) return std::nullopt;
  int64_t shift = (afternoon ? 12 : 0) - (hour == 12 ? 12 : 0);
  return make_cell(TimeSpan{value->ticks + shift * datetime::kTicksPerHour});
}

std::optional<Cell> read_whole(std::string_view text, Type type) {
  bool hex = text.starts_with("0x");
  std::string_view digits = hex ? text.substr(2) : text;
  int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (type == Type::Long) return make_cell(value);
  if (value != static_cast<int32_t>(value)) return std::nullopt;
  return make_cell(static_cast<int32_t>(value));
}

std::optional<Cell> read_real_literal(std::string_view text) {
  std::string copy(text);
  char* end = nullptr;
  double value = std::strtod(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size()) return std::nullopt;
  return make_cell(value);
}

template <class T>
std::optional<Cell> cell_of(const std::optional<T>& value) {
  return value ? std::optional<Cell>(make_cell(*value)) : std::nullopt;
}

// What stands between the brackets of a typed literal.
std::optional<Cell> read_typed(std::string_view text, Type type) {
  switch (type) {
    case Type::DateTime:
      return read_datetime_literal(text);
    case Type::TimeSpan:
      return cell_of(datetime::read_timespan(text));
    case Type::Guid:
      return cell_of(guid::read(text));
    case Type::Decimal:
      return cell_of(decimal::read(text));
    case Type::Int:
    case Type::Long:
      return read_whole(text, type);
    case Type::Real:
      return read_real_literal(text);
    case Type::Bool:
      if (text == "true" || text == "1") return make_cell(true);
      if (text == "false" || text == "0") return make_cell(false);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

Binder::Scalar Binder::bind_literal(const Syntax& node) {
  auto wrong = [&](std::string_view what) -> Scalar {
    diagnostics_.add(Code::K0205, node.span, "`" + node.text + "` is no " + std::string(what));
    return std::nullopt;
  };
  switch (node.kind) {
    case Kind::String:
      return text_literal(node.text, node.span);
    case Kind::Bool:
      return literal(make_cell(node.text == "true"), Type::Bool, node.span);
    case Kind::Long: {
      int64_t value = 0;
      std::string_view text = node.text;
      bool hex = text.starts_with("0x") || text.starts_with("0X");
      if (hex) text.remove_prefix(2);
      uint64_t bits = 0;
      auto [end, error] = hex ? std::from_chars(text.data(), text.data() + text.size(), bits, 16)
                              : std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size()) return wrong("long");
      return literal(make_cell(hex ? static_cast<int64_t>(bits) : value), Type::Long, node.span);
    }
    case Kind::Real:
      return literal(make_cell(std::strtod(node.text.c_str(), nullptr)), Type::Real, node.span);
    default: {
      auto value = datetime::read_timespan(node.text);
      return value ? Scalar(literal(make_cell(*value), Type::TimeSpan, node.span)) : wrong("timespan");
    }
  }
}

Binder::Scalar Binder::bind_typed(const Syntax& node) {
  Type type = Type::String;
  find_type(node.extra, type);
  if (node.extra == "float") type = Type::Real;
  std::string_view text = node.text;
  if (text == "null" || text.empty()) return literal(null_cell(type), type, node.span);
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
    text = text.substr(1, text.size() - 2);
  if (auto cell = read_typed(text, type)) return literal(*cell, type, node.span);
  if (auto time = type == Type::DateTime ? read_time_of_day(text) : std::nullopt) {
    Scalar now = call("now", {}, node.span);
    Scalar day = now ? call("startofday", {*now}, node.span) : now;
    return day ? call("+", {*day, literal(*time, Type::TimeSpan, node.span)}, node.span, true) : day;
  }
  diagnostics_.add(Code::K0205, node.span, "`" + node.text + "` is no " + std::string(type_name(type)),
                   "to convert a value, use `to" + std::string(type_name(type)) + "(...)`");
  return std::nullopt;
}

bool Binder::dynamic_value(syntax::NodeId id, dynamic::Node& out) {
  const Syntax& node = at(id);
  Arena& arena = *plan_.arena;
  if (node.kind == Kind::Null) return true;
  if (node.kind == Kind::Array) {
    auto* items = arena.allocate_array<dynamic::Node>(node.children.size());
    for (size_t i = 0; i < node.children.size(); ++i)
      if (!dynamic_value(node.children[i], *::new (items + i) dynamic::Node())) return false;
    out = dynamic::array_of(items, node.children.size());
    return true;
  }
  if (node.kind == Kind::Bag) {
    auto* entries = arena.allocate_array<dynamic::Entry>(node.children.size());
    for (size_t i = 0; i < node.children.size(); ++i) {
      ::new (entries + i) dynamic::Entry();
      entries[i].key = arena.copy(std::string_view(at(node.children[i]).text));
      if (!dynamic_value(at(node.children[i]).children[0], entries[i].value)) return false;
    }
    out = dynamic::bag_of(entries, node.children.size());
    return true;
  }
  Scalar value = bind_expr(id, nullptr);
  if (!value) return false;
  auto cell = constant(*value);
  if (!cell) {
    diagnostics_.add(Code::K0205, node.span, "a dynamic literal holds constants only",
                     "use pack_array() or bag_pack()");
    return false;
  }
  out = dynamic::node_of_cell(*cell, type_of(*value), arena);
  return true;
}

Binder::Scalar Binder::bind_dynamic(const Syntax& node, syntax::NodeId id) {
  dynamic::Node value;
  if (!dynamic_value(id, value)) return std::nullopt;
  Cell cell = make_cell(dynamic::from_node(value, *plan_.arena));
  return literal(cell, Type::Dynamic, node.span);
}

}  // namespace kqlc::plan
