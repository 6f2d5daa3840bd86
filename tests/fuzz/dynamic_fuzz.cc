// SPDX-License-Identifier: Apache-2.0
//
// Any text as a dynamic value: what is printed parses back to an equal value with the same text and the same hash.
#include <string>

#include "runtime/base/check.h"
#include "runtime/value/dynamic.h"

using namespace kqlc;

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
  KQLC_CHECK(dynamic::equal(*value.node, *again.node, arena), "a value equals what is read from its text");
  KQLC_CHECK(dynamic::hash(*value.node, arena) == dynamic::hash(*again.node, arena), "equal values have one hash");
  dynamic::member(value, Str("a"), arena);
  dynamic::element(value, -1, arena);
  return 0;
}
