// SPDX-License-Identifier: Apache-2.0
//
// The border to rure, the C interface of Rust's regex crate: compiled once while somebody has it, shared by
// threads.
#include "runtime/functions/match.h"

#include <rure.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

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

namespace {

// Of a message of several lines, which show the pattern and point into it, the last one says what is wrong.
std::string last_line(std::string_view message) {
  constexpr std::string_view kBefore = "\nerror: ";
  const size_t place = message.rfind(kBefore);
  return std::string(place == message.npos ? message : message.substr(place + kBefore.size()));
}

// The expressions that somebody has, by their pattern: binding a rule compiles an expression to see whether
// it is right, and its kernel needs it again, as do other rules.
class KnownExpressions {
 public:
  // Returns nullptr with the reason in `error` where the pattern is wrong.
  std::shared_ptr<rure> find_or_compile(Str pattern, std::string& error) {
    const std::string key(pattern.view());
    {
      std::lock_guard lock(mutex_);
      if (auto known = expressions_.find(key); known != expressions_.end())
        if (auto expression = known->second.lock()) return expression;
    }
    rure_error* message = rure_error_new();
    rure* compiled = rure_compile(bytes(pattern), pattern.size, RURE_FLAG_UNICODE, nullptr, message);
    if (!compiled) error = "wrong regular expression: " + last_line(rure_error_message(message));
    rure_error_free(message);
    if (!compiled) return nullptr;
    std::shared_ptr<rure> expression(compiled, [this, key](rure* last) { drop(key, last); });
    std::lock_guard lock(mutex_);
    expressions_[key] = expression;
    return expression;
  }

 private:
  void drop(const std::string& key, rure* last) {
    {
      std::lock_guard lock(mutex_);
      auto known = expressions_.find(key);
      if (known != expressions_.end() && known->second.expired()) expressions_.erase(known);
    }
    rure_free(last);
  }

  std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<rure>> expressions_;
};

// Never destroyed: expressions may outlive what is destroyed at the end of the process.
KnownExpressions& known_expressions() {
  static KnownExpressions& known = *new KnownExpressions;
  return known;
}

}  // namespace

Regex* Regex::compile(Str pattern, Arena& arena, const char** error) {
  std::string message;
  std::shared_ptr<rure> compiled = known_expressions().find_or_compile(pattern, message);
  if (!compiled) {
    *error = arena.copy(Str(std::string_view(message.c_str(), message.size() + 1))).data;
    return nullptr;
  }
  Captures captures(compiled.get());
  if (rure_captures_len(captures.captures) > kMaxGroups + 1) {
    *error = "a regular expression may have at most 16 groups";
    return nullptr;
  }
  return new Regex(std::move(compiled));
}

Str copy_for_rure(Str text) {
  static thread_local std::vector<char> copy;
  if (copy.size() < text.size) copy.resize(std::max<size_t>(text.size, 2 * copy.size()));
  if (text.size) std::memcpy(copy.data(), text.data, text.size);
  return {copy.data(), text.size};
}

// One search without an end to find: there is no second one that it could contradict.
bool Regex::matches(Str text) const { return rure_is_match(expression.get(), bytes(text), text.size, 0); }

Nullable<Str> Regex::extract(Str text, int64_t group) const {
  const Str copy = copy_for_rure(text);
  Captures captures(expression.get());
  rure_match match{};
  if (!rure_find_captures(expression.get(), bytes(copy), copy.size, 0, captures.captures) || group < 0 ||
      !rure_captures_at(captures.captures, static_cast<size_t>(group), &match))
    return {};
  return Str(text.data + match.start, match.end - match.start);
}

Nullable<Str> Regex::find(Str text, int64_t occurrence) const {
  const Str copy = copy_for_rure(text);
  rure_iter* iterator = rure_iter_new(expression.get());
  rure_match match{};
  bool found = false;
  for (; occurrence > 0; --occurrence) {
    found = rure_iter_next(iterator, bytes(copy), copy.size, &match);
    if (!found) break;
  }
  rure_iter_free(iterator);
  return found ? Nullable<Str>(Str(text.data + match.start, match.end - match.start)) : Nullable<Str>();
}

int64_t Regex::count(Str text) const {
  const Str copy = copy_for_rure(text);
  rure_iter* iterator = rure_iter_new(expression.get());
  rure_match match{};
  int64_t matches = 0;
  while (rure_iter_next(iterator, bytes(copy), copy.size, &match)) ++matches;
  rure_iter_free(iterator);
  return matches;
}

Str Regex::replace(Str text, Str with, Arena& arena) const {
  const Str original = text;
  text = copy_for_rure(text);
  std::string out;
  size_t done = 0;
  Captures captures(expression.get());
  rure_iter* iterator = rure_iter_new(expression.get());
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
  if (done == 0 && out.empty()) return original;
  out.append(text.data + done, text.size - done);
  return arena.copy(std::string_view(out));
}

}  // namespace kqlc::functions
