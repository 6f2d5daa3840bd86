// SPDX-License-Identifier: Apache-2.0
//
// The bodies of the functions that look for positions. In: texts. Out: positions in characters.
#include "runtime/functions/search.h"

#include "runtime/functions/node_builders.h"
#include "runtime/functions/string.h"

namespace kqlc::functions {

Nullable<TextRange> text_range(Str text, int64_t start, int64_t length) {
  if (length < -1) return {};
  if (start < 0) start = std::max<int64_t>(0, start + count_characters(text));
  uint64_t begin = offset_of_character(text, start);
  Str rest(text.data + begin, text.size - begin);
  return TextRange{rest, start, length < 0 ? rest.size + 1 : offset_of_character(rest, length)};
}

Nullable<int64_t> find_text(Str text, Str what, int64_t start, int64_t length, int64_t occurrence) {
  Nullable<TextRange> range = text_range(text, start, length);
  if (!range.valid || occurrence < 0) return {};
  std::string_view rest = range.value.rest.view();
  for (size_t at = rest.find(what.view()); at < range.value.limit; at = rest.find(what.view(), at + 1))
    if (--occurrence <= 0) return range.value.start + count_characters(Str(rest.data(), at));
  return int64_t{-1};
}

Nullable<int64_t> find_regex(const Regex& regex, Str text, int64_t start, int64_t length,
                             int64_t occurrence) {
  if (start < 0 || occurrence < 0) return {};
  Nullable<TextRange> range = text_range(text, start, length);
  if (!range.valid) return {};
  Str rest = range.value.rest;
  Nullable<Str> match = regex.find(rest, occurrence < 1 ? 1 : occurrence);
  uint64_t at = match.valid ? static_cast<uint64_t>(match.value.data - rest.data) : range.value.limit;
  return at < range.value.limit ? start + count_characters(Str(rest.data, at)) : int64_t{-1};
}

int64_t CountOf::call(Str text, Str what) {
  if (what.size == 0) return 0;
  int64_t count = 0;
  for (size_t at = text.view().find(what.view()); at != std::string_view::npos;
       at = text.view().find(what.view(), at + 1))
    ++count;
  return count;
}

CountKind* CountKind::read(Str what, Str kind, Arena& arena, const char** error) {
  auto result = std::make_unique<CountKind>();
  if (kind.view() == "normal") return result.release();
  if (kind.view() != "regex") {
    *error = "the kind is either 'normal' or 'regex'";
    return nullptr;
  }
  result->regex.reset(Regex::compile(what, arena, error));
  return result->regex ? result.release() : nullptr;
}

Nullable<int64_t> HasAnyIndex::call(Context& context, Str text, Dynamic needles) {
  const dynamic::Node* array = array_of(needles, *context.arena);
  if (!array) return {};
  for (uint32_t i = 0; i < array->size; ++i)
    if (simd::has(text, dynamic::to_text(&array->items[i], *context.arena))) return static_cast<int64_t>(i);
  return int64_t{-1};
}

}  // namespace kqlc::functions
