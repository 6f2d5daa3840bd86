// SPDX-License-Identifier: Apache-2.0
//
// Any text as a dynamic value: what is printed parses back to the same text, and, where all its numbers are
// finite (JSON has no others: they come back as text), to an equal value with the same hash.
#include <cmath>
#include <string>

#include "runtime/base/check.h"
#include "runtime/value/dynamic.h"

using namespace kqlc;

namespace {

bool finite(const dynamic::Node& node, Arena& arena) {
  using dynamic::Kind;
  bool out = node.kind != Kind::Real || std::isfinite(node.d);
  for (uint32_t i = 0; node.kind == Kind::Array && out && i < node.size; ++i)
    out = finite(node.items[i], arena);
  for (uint32_t i = 0; node.kind == Kind::Bag && out && i < node.size; ++i)
    out = finite(node.entries[i].value, arena);
  const dynamic::Node* inside = node.kind == Kind::Json ? dynamic::resolve({&node}, arena) : nullptr;
  return out && (!inside || finite(*inside, arena));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 65536) return 0;
  Arena arena;
  Str text(reinterpret_cast<const char*>(data), size);
  Dynamic value = dynamic::parse(text, arena);
  if (!value.node) return 0;
  Str printed = dynamic::print(value.node, arena);
  Dynamic again = dynamic::parse(printed, arena);
  KQLC_CHECK(again.node != nullptr, "what is printed is a value");
  KQLC_CHECK(dynamic::print(again.node, arena).view() == printed.view(), "printing is stable");
  if (!finite(*value.node, arena)) return 0;
  KQLC_CHECK(dynamic::equal(*value.node, *again.node, arena), "a value equals what is read from its text");
  KQLC_CHECK(dynamic::hash(*value.node, arena) == dynamic::hash(*again.node, arena),
             "equal values have one hash");
  dynamic::member(value, Str("a"), arena);
  dynamic::element(value, -1, arena);
  return 0;
}
