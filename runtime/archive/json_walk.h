// SPDX-License-Identifier: Apache-2.0
//
// RowWalk: the wanted values of a line of NDJSON, without a parser. In: the index of a buffer, a line of it,
// the keys to look for. Out: the values as they stand in the text, or that a parser has to look at the line.
// The one idea: in valid JSON only the quotes matter, keys come in the order of the line before, so a row is
// read by jumping from quote to quote and comparing each key with the one expected. What is taken is exactly
// what JsonRows would take; whatever is unusual (escaped or repeated keys, wrappers, `properties` before
// `category`, structure that does not fit) is left to it, and so is every line that may be malformed.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/archive/json_keys.h"
#include "runtime/simd/json_index.h"

namespace kqlc::archive {

// What a line holds. Values are raw JSON: strings with their quotes.
struct FlatRow {
  struct Value {
    int32_t column;
    std::string_view token;
  };
  std::vector<Value> values;  // in the order of the text, each column at most once
  std::string_view category, time, timestamp, type;
  bool is_envelope = false;
  size_t inner_begin = 0, inner_end = 0;  // of `values`, those that stand in `properties`
};

class RowWalk {
 public:
  // `outer` tells what the keys of a line's object mean, `inner` those of an envelope's row.
  RowWalk(size_t num_columns, KeyTable& outer, KeyTable& inner);

  // Reads the object that is `line`, without blanks around it. False: the line is the parser's. Requires: the
  // line is a part of the text whose `quotes` they are, holds no byte below 0x20 and is UTF-8; kPadding
  // readable bytes behind it. `row` is valid as long as the text.
  bool walk(simd::Quotes quotes, std::string_view line, FlatRow* row);

 private:
  const char* walk_object(const char* place, KeyTable& keys);
  const char* walk_properties(const char* place, Action action);
  const char* read_key(const char* place, KeyTable& keys, KeyTable::Key** key);
  const char* skip_value(const char* place);
  const char* skip_string(const char* place);
  const char* skip_nested(const char* place);
  const char* skip_nested_key(const char* place);
  bool keep(Action action, std::string_view token);
  bool keep_special(Special special, std::string_view token);

  KeyTable& outer_;
  KeyTable& inner_;
  std::vector<uint64_t> seen_;  // by column, the number of the line that last had it
  uint64_t line_number_ = 0;
  simd::Quotes quotes_;
  const char* end_ = nullptr;
  FlatRow* row_ = nullptr;
};

}  // namespace kqlc::archive
