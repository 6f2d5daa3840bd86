// SPDX-License-Identifier: Apache-2.0
//
// Need: what the columns of a row must hold for the row to be of use to a rule. In: what the compiler reads
// off the conditions that stand on a scan. Out: a tree that readers ask of what they know of many rows at
// once (least and greatest values, terms), to pass over those of which none can be of use. It says less than
// the conditions: whatever it cannot say holds for every row.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "runtime/simd/conditions.h"
#include "runtime/value/type.h"

namespace kqlc {

struct Need {
  enum class Kind : uint8_t {
    All,    // each of `parts`; without parts every row
    Any,    // one of `parts`
    Range,  // the first of `columns` that is not null (a text: not "") lies in [from, to]
    Text,   // the text of columns[0] holds `condition`, which is not negated
  };
  Kind kind = Kind::All;
  std::vector<Need> parts;
  std::vector<std::string> columns;
  Type type =
      Type::String;  // of the columns; of Text: String, or Dynamic, which is asked as tostring() has it
  // DateTime: ticks; Bool: 0 and 1; Real: real_order(). Types without an order here have the whole range.
  int64_t from = std::numeric_limits<int64_t>::min();
  int64_t to = std::numeric_limits<int64_t>::max();
  simd::Condition condition;

  bool holds_always() const { return kind == Kind::All && parts.empty(); }
};

inline Need need_range(std::vector<std::string> columns, Type type, int64_t from, int64_t to) {
  Need need;
  need.kind = Need::Kind::Range;
  need.columns = std::move(columns);
  need.type = type;
  need.from = from;
  need.to = to;
  return need;
}

// What says nothing is left out.
inline Need need_all(std::vector<Need> parts) {
  std::erase_if(parts, [](const Need& part) { return part.holds_always(); });
  if (parts.size() == 1) return std::move(parts[0]);
  Need need;
  need.parts = std::move(parts);
  return need;
}

// One part that says nothing spoils the others.
inline Need need_any(std::vector<Need> parts) {
  for (const Need& part : parts)
    if (part.holds_always()) return {};
  if (parts.size() == 1) return std::move(parts[0]);
  Need need;
  need.kind = Need::Kind::Any;
  need.parts = std::move(parts);
  return need;
}

// Numbers reals as they are ordered, equal ones alike. Requires: not NaN.
inline int64_t real_order(double value) {
  const auto bits = std::bit_cast<int64_t>(value == 0 ? 0.0 : value);
  return bits < 0 ? std::numeric_limits<int64_t>::min() - bits : bits;
}

}  // namespace kqlc
