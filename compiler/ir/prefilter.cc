// SPDX-License-Identifier: Apache-2.0
//
// add_prefilters: what the text of an event must hold for its row to pass the filters that stand on a scan.
// In: an Ir, whose filters needs.cc reads. Out: scans with groups of literals: of each group one literal must
// occur. Raw NDJSON is then parsed only where they do.
//
// A missed row is the worst mistake, so only this counts: a string operator whose needle must stand in a
// column that is read as it is. The column may hold text of any origin: a string (in which JSON may write any
// character as an escape: simd::LineFilter knows), or a number, a bool or nested JSON, taken over as it is
// but for its blanks. So of a needle only a run of characters is used that stand alike in all of them (a
// quote or a slash does not), and one that no number has must be among them, since numbers may be written in
// other ways. Values that other types are read from (datetime, guid, numbers) never count,
// nor text inside a dynamic value, which may be escaped twice.
#include <algorithm>
#include <cctype>
#include <cstring>

#include "compiler/ir/needs.h"
#include "compiler/ir/passes.h"
#include "runtime/simd/unicode.h"

namespace kqlc::ir {

namespace {

using Group = std::vector<simd::Literal>;
using Groups = std::vector<Group>;

constexpr size_t kMinLiteral = 3;    // characters
constexpr size_t kMaxLiterals = 64;  // of a group: beyond it a search costs more than it saves
constexpr size_t kMaxGroups = 16;    // of a scan

// Whether a character stands alike wherever the text came from: no quote, slash or backslash, which JSON
// writes in several ways, and none of the marks between which nested JSON may have blanks. Blanks and control
// characters stand in nested JSON only inside a text. Others than ASCII only where no other character is the
// same without regard to case; in a needle that has such, k and s may mean the Kelvin sign and the long s.
bool stands_alike(uint32_t code, bool ascii) {
  if (code >= 0x80) return code < simd::kInvalidByte && simd::is_caseless(code);
  if (!ascii && ((code | 0x20) == 'k' || (code | 0x20) == 's')) return false;
  return code != 0 && code != 0x7f && !std::strchr("\"\\/,:[]{}", static_cast<char>(code));
}

// Whether a number may be written with it.
bool is_in_numbers(uint32_t code) {
  return code < 0x80 &&
         (std::isdigit(static_cast<int>(code)) || std::strchr("+-.eE", static_cast<char>(code)));
}

// Returns the longest part of a needle that stands in an event as it is, and means no number.
std::string plain_part(std::string_view needle) {
  const bool ascii = simd::is_ascii(needle);
  const char* end = needle.data() + needle.size();
  std::string_view best;
  for (const char* place = needle.data(); place != end;) {
    const char* begin = place;
    size_t characters = 0;
    bool is_number = true;
    simd::Character next{};
    for (; place != end; place += next.size, ++characters) {
      next = simd::decode_character(place, end);
      if (!stands_alike(next.code, ascii)) break;
      is_number &= is_in_numbers(next.code);
    }
    const std::string_view part(begin, static_cast<size_t>(place - begin));
    if (!is_number && characters >= kMinLiteral && part.size() > best.size()) best = part;
    if (place != end) place += next.size;
  }
  return std::string(best);
}

// The same text in another column is no literal more.
void add_literal(Group& group, simd::Literal literal) {
  const auto known = std::ranges::find(group, literal.text, &simd::Literal::text);
  if (known == group.end())
    group.push_back(std::move(literal));
  else if (known->keys.empty() || literal.keys.empty())
    known->keys.clear();
  else
    known->keys.merge(literal.keys);
}

// The shortest literal decides how seldom a group is found.
size_t worth(const Group& group) {
  size_t shortest = ~size_t{0};
  for (const simd::Literal& literal : group) shortest = std::min(shortest, literal.text.size());
  return shortest * 4 / (group.size() + 3);
}

Groups groups_of(const Need& need);

Groups groups_of_all(const std::vector<Need>& parts) {
  Groups out;
  for (const Need& part : parts)
    for (Group& group : groups_of(part))
      if (out.size() < kMaxGroups) out.push_back(std::move(group));
  return out;
}

// One part is true, which one is not known: of each the best group, joined. One that says nothing spoils it.
Groups groups_of_any(const std::vector<Need>& parts) {
  Group joined;
  for (const Need& part : parts) {
    Groups groups = groups_of(part);
    if (groups.empty()) return {};
    Group& best = *std::max_element(groups.begin(), groups.end(),
                                    [](const Group& a, const Group& b) { return worth(a) < worth(b); });
    for (simd::Literal& literal : best) add_literal(joined, std::move(literal));
    if (joined.size() > kMaxLiterals) return {};
  }
  return {joined};
}

Groups groups_of_text(const std::string& column, const simd::Condition& condition) {
  Groups out;
  Group any;
  for (const simd::Pattern& pattern : condition.patterns) {
    // Ignoring case is sound for the operators that look at it, too.
    simd::Literal literal{plain_part(pattern.text), simd::Case::Ignored, {column}};
    const bool says_nothing = literal.text.empty();
    if (condition.all && !says_nothing && out.size() < kMaxGroups) out.push_back({literal});
    if (condition.all) continue;
    if (says_nothing) return {};
    add_literal(any, std::move(literal));
    if (any.size() > kMaxLiterals) return {};
  }
  if (!any.empty()) out.push_back(std::move(any));
  return out;
}

// Groups that a row must hold to meet `need`; none where nothing is known.
Groups groups_of(const Need& need) {
  switch (need.kind) {
    case Need::Kind::All:
      return groups_of_all(need.parts);
    case Need::Kind::Any:
      return groups_of_any(need.parts);
    case Need::Kind::Text:
      return need.type == Type::String ? groups_of_text(need.columns[0], need.condition) : Groups();
    default:
      return {};
  }
}

}  // namespace

void add_prefilters(Ir& ir) {
  std::vector<uint32_t> uses = count_uses(ir);
  for (const Op& filter : ir.ops) {
    if (filter.kind != OpKind::Filter) continue;
    Op& scan = ir.ops[filter.inputs[0]];
    if (scan.kind == OpKind::Scan && uses[filter.inputs[0]] == 1)
      scan.prefilter = groups_of(find_needs(ir, filter.exprs, scan.schema));
  }
}

}  // namespace kqlc::ir
