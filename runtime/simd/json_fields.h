// SPDX-License-Identifier: Apache-2.0
//
// find_fields: where the values of a few keys stand in one JSON line, without parsing the rest. In: a line
// that is one JSON object, and keys. Out: a span of the line per key. Built on the structural index of the
// kernels (64 bytes at a time: quotes, backslashes, structural characters). Not a validator: it sees
// structure, not the inside of values. What it cannot decide exactly (escaped or repeated keys, unbalanced
// structure) it hands back to the full parser.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kqlc::simd {

// A key of the object itself, or, with a parent, of the object that is the value of that key: "properties",
// "Name".
struct FieldKey {
  std::string_view parent;  // "": a key of the line's object
  std::string_view name;
};

enum class FieldScan : uint8_t {
  Done,       // spans hold the values; a key that is absent has an empty span with data() == nullptr
  NeedsParse  // not an object, or not decidable here: parse the line
};

// Reusable memory of the scan; one per thread.
struct FieldIndex {
  std::vector<uint32_t> offsets;
};

// Finds keys.size() values; values[i] is the raw JSON text of keys[i], quotes included, without surrounding
// white space. Requires: values.size() == keys.size(); line.size() < 2^32.
FieldScan find_fields(std::string_view line, std::span<const FieldKey> keys,
                      std::span<std::string_view> values, FieldIndex& index);

}  // namespace kqlc::simd
