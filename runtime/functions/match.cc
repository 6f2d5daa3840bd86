// SPDX-License-Identifier: Apache-2.0
//
// The border to rure, the C interface of Rust's regex crate: compiled once a constant, shared by threads.
#include "runtime/functions/match.h"

#include <rure.h>

#include <cstdio>
#include <memory>
#include <string>

namespace kqlc::functions {

namespace {

constexpr size_t kMaxGroups = 16;

const uint8_t* bytes(Str text) { return reinterpret_cast<const uint8_t*>(text.data ? text.data : ""); }

struct Captures {
  explicit Captures(rure* expression) : captures(rure_captures_new(expression)) {}
  ~Captures() { rure_captures_free(captures); }
  rure_captures* captures;
};

}  // namespace

std::vector<simd::Pattern> patterns_of(simd::Match match, simd::Case letter_case, const Cell* args,
                                       size_t num_args) {
  std::vector<simd::Pattern> patterns;
  for (size_t i = 0; i < num_args; ++i)
    patterns.push_back({match, letter_case, std::string(args[i].s.view())});
  return patterns;
}

std::vector<simd::Pattern> patterns_of(simd::Match match, simd::Case letter_case, const Cell& array,
                                       Arena& arena) {
  std::vector<simd::Pattern> patterns;
  const dynamic::Node* node = array.valid ? dynamic::resolve(Dynamic{array.node}, arena) : nullptr;
  auto add = [&](const dynamic::Node* item) {
    patterns.push_back({match, letter_case, std::string(dynamic::to_text(item, arena).view())});
  };
  if (node && node->kind != dynamic::Kind::Array) add(node);
  for (uint32_t i = 0; node && node->kind == dynamic::Kind::Array && i < node->size; ++i)
    add(&node->items[i]);
  return patterns;
}

Regex::~Regex() { rure_free(expression); }

Regex* Regex::compile(Str pattern, Arena& arena, const char** error) {
  rure_error* message = rure_error_new();
  rure* compiled = rure_compile(bytes(pattern), pattern.size, RURE_FLAG_UNICODE, nullptr, message);
  if (!compiled) {
    std::string text = rure_error_message(message);
    *error =
        static_cast<const char*>(std::memcpy(arena.allocate(text.size() + 1), text.c_str(), text.size() + 1));
    rure_error_free(message);
    return nullptr;
  }
  rure_error_free(message);
  auto regex = std::make_unique<Regex>(compiled);
  Captures captures(compiled);
  if (rure_captures_len(captures.captures) > kMaxGroups + 1) {
    *error = "a regular expression may have at most 16 groups";
    return nullptr;
  }
  return regex.release();
}

bool Regex::matches(Str text) const { return rure_is_match(expression, bytes(text), text.size, 0); }

Nullable<Str> Regex::extract(Str text, int64_t group) const {
  Captures captures(expression);
  rure_match match{};
  if (!rure_find_captures(expression, bytes(text), text.size, 0, captures.captures) || group < 0 ||
      !rure_captures_at(captures.captures, static_cast<size_t>(group), &match))
    return {};
  return Str(text.data + match.start, match.end - match.start);
}

Nullable<Str> Regex::find(Str text, int64_t occurrence) const {
  rure_iter* iterator = rure_iter_new(expression);
  rure_match match{};
  bool found = false;
  for (; occurrence > 0; --occurrence) {
    found = rure_iter_next(iterator, bytes(text), text.size, &match);
    if (!found) break;
  }
  rure_iter_free(iterator);
  return found ? Nullable<Str>(Str(text.data + match.start, match.end - match.start)) : Nullable<Str>();
}

int64_t Regex::count(Str text) const {
  rure_iter* iterator = rure_iter_new(expression);
  rure_match match{};
  int64_t matches = 0;
  while (rure_iter_next(iterator, bytes(text), text.size, &match)) ++matches;
  rure_iter_free(iterator);
  return matches;
}

Str Regex::replace(Str text, Str with, Arena& arena) const {
  std::string out;
  size_t done = 0;
  Captures captures(expression);
  rure_iter* iterator = rure_iter_new(expression);
  while (rure_iter_next_captures(iterator, bytes(text), text.size, captures.captures)) {
    rure_match whole{};
    rure_captures_at(captures.captures, 0, &whole);
    out.append(text.data + done, whole.start - done);
    for (size_t i = 0; i < with.size && out.size() <= kMaxText; ++i) {
      char c = with.data[i];
      bool group = c == '\\' && i + 1 < with.size && with.data[i + 1] >= '0' && with.data[i + 1] <= '9';
      if (!group) {
        out += c;
        continue;
      }
      rure_match part{};
      if (rure_captures_at(captures.captures, static_cast<size_t>(with.data[++i] - '0'), &part))
        out.append(text.data + part.start, part.end - part.start);
    }
    done = whole.end;
    if (out.size() > kMaxText) break;
  }
  rure_iter_free(iterator);
  if (done == 0 && out.empty()) return text;
  out.append(text.data + done, text.size - done);
  return arena.copy(std::string_view(out));
}

}  // namespace kqlc::functions
