// SPDX-License-Identifier: Apache-2.0
//
// A walk over all of a value, depth first; the parser tells what is wrong with the structure, we what is
// wrong with words, numbers and escapes.
#include "runtime/archive/json_strict.h"

#include <string>

#include "runtime/archive/json_rows.h"

namespace kqlc::archive {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int kMaxDepth = 1024;

// Whether JSON knows the escapes in the text between quotes; it ends at the quote or at `end`.
const char* problem_of_text(const char* text, const char* end) {
  const char* close = text;
  bool escaped = false;
  for (; close < end && *close != '"'; ++close) {
    if (*close == '\\') escaped = true, ++close;
  }
  if (close >= end) return "a string without end";
  std::string out(escaped ? close - text : 0, '\0');
  bool known = !escaped || unescape_json({text, static_cast<size_t>(close - text)}, out.data()) >= 0;
  return known ? nullptr : "an escape that JSON does not know";
}

const char* problem_of_object(ondemand::value value, const char* end, int depth) {
  ondemand::object object;
  if (auto error = value.get_object().get(object)) return message_of(error);
  for (auto item : object) {
    ondemand::field field;
    if (auto error = std::move(item).get(field)) return message_of(error);
    if (const char* problem = problem_of_text(field.key().raw(), end)) return problem;
    if (const char* problem = problem_of(field.value(), end, depth + 1)) return problem;
  }
  return nullptr;
}

const char* problem_of_array(ondemand::value value, const char* end, int depth) {
  ondemand::array array;
  if (auto error = value.get_array().get(array)) return message_of(error);
  for (auto item : array) {
    ondemand::value element;
    if (auto error = std::move(item).get(element)) return message_of(error);
    if (const char* problem = problem_of(element, end, depth + 1)) return problem;
  }
  return nullptr;
}

}  // namespace

const char* problem_of(ondemand::value value, const char* end, int depth) {
  if (depth > kMaxDepth) return message_of(simdjson::DEPTH_ERROR);
  std::string_view token = trim_end(value.raw_json_token());
  if (token.front() == '{') return problem_of_object(value, end, depth);
  if (token.front() == '[') return problem_of_array(value, end, depth);
  if (token.front() == '"') return problem_of_text(token.data() + 1, end);
  bool known = token == "null" || token == "true" || token == "false" || is_json_number(token);
  return known ? nullptr : "an unquoted word that is no number";
}

}  // namespace kqlc::archive
