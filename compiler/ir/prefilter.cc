// SPDX-License-Identifier: Apache-2.0
//
// add_prefilters: what the text of an event must hold for its row to pass the filters that stand on a scan.
// In: an Ir. Out: scans with groups of literals: of each group one literal must occur. Raw NDJSON is then
// parsed only where they do.
//
// A missed row is the worst mistake, so only this counts: a string operator whose needle must stand in a
// column that is read as it is. The column may hold text of any origin: a string (in which JSON may write any
// character as an escape: simd::LineFilter knows), or a number, a bool or nested JSON, taken over as it is
// but for its blanks. So of a needle only a run of characters is used that stand alike in all of them (a
// quote or a slash does not), and a letter other than e must be among them, so that no number is meant that
// may be written in another way. Values that other types are read from (datetime, guid, numbers) never count,
// nor text inside a dynamic value, which may be escaped twice.
#include <algorithm>
#include <cctype>
#include <cstring>

#include "compiler/ir/passes.h"
#include "runtime/value/dynamic.h"

namespace kqlc::ir {

namespace {

using Group = std::vector<simd::Literal>;
using Groups = std::vector<Group>;

constexpr size_t kMinLiteral = 3;
constexpr size_t kMaxLiterals = 64;  // of a group: beyond it a search costs more than it saves
constexpr size_t kMaxGroups = 16;    // of a scan
constexpr int kMaxNesting = 64;      // of and and or

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Whether a character stands alike wherever the text came from: no control character, quote, slash or
// backslash, which JSON writes in several ways, and none of the marks between which nested JSON may have
// blanks.
bool stands_alike(char c) { return c >= 0x20 && c < 0x7f && !std::strchr("\"\\/,:[]{}", c); }

// Returns the longest part of a needle that stands in an event as it is. Blanks only between other
// characters, where nested JSON can have them only inside a text. In a needle that is not ASCII k and s may
// mean the Kelvin sign and the long s, which are the same without regard to case.
std::string plain_part(std::string_view needle) {
  bool ascii = is_ascii(needle);
  auto fits = [&](char c) { return stands_alike(c) && (ascii || ((c | 0x20) != 'k' && (c | 0x20) != 's')); };
  std::string_view best;
  for (size_t begin = 0; begin < needle.size();) {
    size_t end = begin;
    while (end < needle.size() && fits(needle[end])) ++end;
    std::string_view part = needle.substr(begin, end - begin);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    bool letter =
        std::any_of(part.begin(), part.end(), [](char c) { return is_letter(c) && (c | 0x20) != 'e'; });
    if (letter && part.size() > best.size()) best = part;
    begin = end + 1;
  }
  return best.size() >= kMinLiteral ? std::string(best) : std::string();
}

// How an operator's needles bind a row that passes it.
enum class Rule : uint8_t { None, All, Any };

// Functions over string columns whose needles must stand in the column, by operator.
Rule rule_of(const Function& function) {
  if (!function.spec.operators[0] || function.params[0].type != Type::String) return Rule::None;
  std::string_view name = function.spec.operators[0];
  for (std::string_view known :
       {"==", "=~", "has", "has_cs", "hasprefix", "hasprefix_cs", "hassuffix", "hassuffix_cs", "contains",
        "contains_cs", "startswith", "startswith_cs", "endswith", "endswith_cs", "has_all"})
    if (name == known) return Rule::All;
  for (std::string_view known : {"in", "in~", "has_any", "contains_any"})
    if (name == known) return Rule::Any;
  return Rule::None;
}

class Finder {
 public:
  explicit Finder(const Ir& ir) : ir_(ir) {}

  // Groups that the row must satisfy for the condition to be true; none where nothing is known.
  Groups find(ExprId id, int depth = 0) {
    const Expr& expr = ir_.exprs[id];
    if (expr.kind == ExprKind::Call) return find_call(expr);
    if (depth > kMaxNesting || (expr.kind != ExprKind::And && expr.kind != ExprKind::Or)) return {};
    if (auto known = known_.find(id); known != known_.end()) return known->second;
    Groups out = expr.kind == ExprKind::And ? find_and(expr, depth) : find_or(expr, depth);
    known_.emplace(id, out);
    return out;
  }

 private:
  Groups find_and(const Expr& expr, int depth) {
    Groups out;
    for (ExprId arg : expr.args)
      for (Group& group : find(arg, depth + 1))
        if (out.size() < kMaxGroups) out.push_back(std::move(group));
    return out;
  }

  // One operand is true, which one is not known: of each the best group, joined. One that says nothing spoils
  // it.
  Groups find_or(const Expr& expr, int depth) {
    Group joined;
    for (ExprId arg : expr.args) {
      Groups groups = find(arg, depth + 1);
      if (groups.empty()) return {};
      Group& best = *std::max_element(groups.begin(), groups.end(),
                                      [](const Group& a, const Group& b) { return worth(a) < worth(b); });
      for (simd::Literal& literal : best) add(joined, std::move(literal.text));
      if (joined.size() > kMaxLiterals) return {};
    }
    return {joined};
  }

  // The shortest literal decides how seldom a group is found.
  static size_t worth(const Group& group) {
    size_t shortest = ~size_t{0};
    for (const simd::Literal& literal : group) shortest = std::min(shortest, literal.text.size());
    return shortest * 4 / (group.size() + 3);
  }

  static void add(Group& group, std::string text) {
    for (const simd::Literal& known : group)
      if (known.text == text) return;
    // Ignoring case is sound for the operators that look at it, too.
    group.push_back({std::move(text), simd::Case::Ignored});
  }

  Groups find_call(const Expr& call) const {
    Rule rule = rule_of(*call.function);
    if (rule == Rule::None || call.args.size() < 2) return {};
    std::vector<std::string> needles;
    bool swapped = is_column(call.args[1]) && call.args.size() == 2 &&
                   std::string_view(call.function->spec.operators[0]) == "==";
    if (!is_column(call.args[0]) && !swapped) return {};
    if (swapped) {
      if (!add_needles(call.args[0], needles)) return {};
    } else {
      for (size_t i = 1; i < call.args.size(); ++i)
        if (!add_needles(call.args[i], needles)) return {};
    }
    Groups out;
    Group any;
    for (const std::string& needle : needles) {
      std::string part = plain_part(needle);
      if (rule == Rule::All && !part.empty() && out.size() < kMaxGroups)
        out.push_back({{part, simd::Case::Ignored}});
      if (rule == Rule::Any && part.empty()) return {};
      if (rule == Rule::Any) add(any, std::move(part));
      if (any.size() > kMaxLiterals) return {};
    }
    if (rule == Rule::Any && !any.empty()) out.push_back(std::move(any));
    return out;
  }

  bool is_column(ExprId id) const {
    return ir_.exprs[id].kind == ExprKind::Column && ir_.exprs[id].type == Type::String;
  }

  // Adds the texts of a literal: a string, or the elements of an array. Returns false where they are not all
  // known.
  bool add_needles(ExprId id, std::vector<std::string>& needles) const {
    const Expr& expr = ir_.exprs[id];
    if (expr.kind != ExprKind::Literal || !expr.literal.valid) return false;
    if (expr.type == Type::String) {
      needles.emplace_back(expr.literal.s.view());
      return true;
    }
    if (expr.type != Type::Dynamic) return false;
    Arena arena;
    const dynamic::Node* node = dynamic::resolve(Dynamic{expr.literal.node}, arena);
    if (!node || node->kind != dynamic::Kind::Array) return false;
    for (uint32_t i = 0; i < node->size; ++i)
      needles.emplace_back(dynamic::to_text(&node->items[i], arena).view());
    return true;
  }

  const Ir& ir_;
  std::unordered_map<ExprId, Groups> known_;  // of and and or, which may be used many times
};

}  // namespace

void add_prefilters(Ir& ir) {
  std::vector<uint32_t> uses = count_uses(ir);
  Finder finder(ir);
  for (const Op& filter : ir.ops) {
    if (filter.kind != OpKind::Filter) continue;
    Op& scan = ir.ops[filter.inputs[0]];
    if (scan.kind != OpKind::Scan || uses[filter.inputs[0]] != 1) continue;
    scan.prefilter.clear();
    for (ExprId condition : filter.exprs)
      for (Group& group : finder.find(condition))
        if (scan.prefilter.size() < kMaxGroups) scan.prefilter.push_back(std::move(group));
  }
}

}  // namespace kqlc::ir
