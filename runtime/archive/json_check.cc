// SPDX-License-Identifier: Apache-2.0
//
// One walk from the first byte to the last; the brackets that are open stand in a string, so depth has no
// bound.
#include "runtime/archive/json_check.h"

#include <string>

#include "runtime/archive/json_text.h"

namespace kqlc::archive {
namespace {

class Checker {
 public:
  explicit Checker(std::string_view text) : place_(text.data()), end_(text.data() + text.size()) {}

  const char* check() {
    skip_blanks();
    while (true) {
      if (next() == '{' || next() == '[') {
        closers_.push_back(*place_++ == '{' ? '}' : ']');
        skip_blanks();
        if (next() != closers_.back()) {
          if (const char* problem = read_key()) return problem;
          continue;
        }
      } else if (const char* problem = next() == '"' ? read_string() : read_scalar()) {
        return problem;
      }
      close_brackets();
      if (closers_.empty()) return place_ == end_ ? nullptr : "text after the end of the JSON value";
      if (next() != ',') return "a comma or a closing bracket is missing";
      ++place_;
      skip_blanks();
      if (const char* problem = read_key()) return problem;
    }
  }

 private:
  char next() const { return place_ < end_ ? *place_ : '\0'; }
  void skip_blanks() {
    while (place_ < end_ && is_json_blank(*place_)) ++place_;
  }

  // Reads the brackets that close behind a value.
  void close_brackets() {
    skip_blanks();
    while (!closers_.empty() && next() == closers_.back()) {
      closers_.pop_back();
      ++place_;
      skip_blanks();
    }
  }

  // In an object, reads a key and its colon.
  const char* read_key() {
    if (closers_.back() != '}') return nullptr;
    if (next() != '"') return "a key is no string";
    if (const char* problem = read_string()) return problem;
    skip_blanks();
    if (next() != ':') return "a colon is missing";
    ++place_;
    skip_blanks();
    return nullptr;
  }

  const char* read_string() {
    const char* place = place_ + 1;
    while (true) {
      while (place < end_ && is_plain(*place)) ++place;
      if (place == end_) return "a string without end";
      if (*place == '"') break;
      if (*place != '\\') return "a control character in a string";
      place = skip_json_escape(place + 1, end_);
      if (!place) return "an escape that JSON does not know";
    }
    place_ = place + 1;
    return nullptr;
  }

  const char* read_scalar() {
    const char* stop = place_;
    while (stop < end_ && !is_json_blank(*stop) && !is_structural(*stop)) ++stop;
    const std::string_view token(place_, static_cast<size_t>(stop - place_));
    if (token.empty()) return "a value is missing";
    place_ = stop;
    bool known = token == "null" || token == "true" || token == "false" || is_json_number(token);
    return known ? nullptr : "an unquoted word that is no number";
  }

  static bool is_plain(char byte) {
    return byte != '"' && byte != '\\' && static_cast<unsigned char>(byte) >= 0x20;
  }
  static bool is_structural(char byte) {
    return byte == ',' || byte == ':' || byte == '"' || byte == '[' || byte == ']' || byte == '{' ||
           byte == '}';
  }

  const char* place_;
  const char* end_;
  std::string closers_;  // of the brackets that are open, outermost first
};

}  // namespace

const char* problem_of_json(std::string_view text) { return Checker(text).check(); }

}  // namespace kqlc::archive
