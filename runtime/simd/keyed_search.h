// SPDX-License-Identifier: Apache-2.0
//
// KeyedSearch: where in JSON text the values of a few keys stand. In: names of keys, text. Out: stretches of
// the text, which hold all of these values. Where many pieces are looked for, and all of them in such values,
// it is quicker to find the keys and to search their values than to search every byte.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/simd/kernels.h"

namespace kqlc::simd {

// What has to be looked at for the values of the keys.
struct KeyedField {
  enum class Kind : uint8_t {
    Value,    // a value, a copy of which begins at `copy`
    Hit,      // one that holds a piece
    Line,     // anything may stand in the line: the value is no text, number, bool or null
    Certain,  // the line has to be read; as found: an escape that counts, maybe of a key's name
  };
  Kind kind;
  const char* place;  // of the key, or of the escape
  size_t copy;        // of what is no value: where the next value's copy begins
};

// The fields of a text in their order, with copies of the values.
struct KeyedFields {
  std::vector<KeyedField> fields;
  std::unique_ptr<char[]> values;  // one after the other; behind each a quote
  size_t values_size = 0, capacity = 0;
};

class KeyedSearch {
 public:
  // Whether keys of these names can be found: few, each a word of ASCII letters, digits and `_`, which JSON
  // writes in one way (but for escapes).
  static bool fits(const std::set<std::string>& names);

  // `escapes` are those that count for the values; of those that stand for characters of the names all count.
  // The keys are looked for by those of their bytes that are rare in `sample`. Requires: fits(names).
  KeyedSearch(const std::set<std::string>& names, const EscapeFilter& escapes, std::string_view sample);

  // Finds the fields that begin in [begin, end). The copies of values that hold an escaped quote may go on
  // behind them.
  void find_fields(const char* begin, const char* end, KeyedFields* found) const;

 private:
  void add_field(const char* place, size_t which, const char* end, KeyedFields* found) const;

  std::vector<std::unique_ptr<char[]>> storage_;
  std::vector<SearchNeedle> needles_;
  MultiNeedle keys_{};
};

}  // namespace kqlc::simd
