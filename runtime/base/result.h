// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: the error channel for the environment (files, memory, disk, a library's refusal). In: a value or
// an Error. Out: the same, to be asked with ok(). An Error carries a code that the program maps to its exit
// status and a message that gains context on the way up. Never used for a rule author's mistake or for bad
// data.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "runtime/base/check.h"

namespace kqlc {

enum class ErrorCode {
  Io,           // a file or stream could not be read or written
  Format,       // a file is not what it claims to be
  Unsupported,  // valid, but not something this program can do
  Limit,        // memory or time limit reached; the result is partial
  Cancelled,    // interrupted by the user
  Usage,        // wrong use of the program
  Internal,     // a bug of ours, found without a crash
};

struct Error {
  ErrorCode code = ErrorCode::Io;
  std::string message;

  // Returns the error with `context: ` before its message.
  Error with_context(std::string_view context) && {
    message = std::string(context) + ": " + message;
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : content_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : content_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return content_.index() == 0; }
  // Requires: ok().
  T& value() & {
    KQLC_CHECK(ok(), "value() of a failed Result");
    return std::get<0>(content_);
  }
  const T& value() const& {
    KQLC_CHECK(ok(), "value() of a failed Result");
    return std::get<0>(content_);
  }
  T&& value() && {
    KQLC_CHECK(ok(), "value() of a failed Result");
    return std::get<0>(std::move(content_));
  }
  // Requires: !ok().
  Error& error() {
    KQLC_CHECK(!ok(), "error() of a successful Result");
    return std::get<1>(content_);
  }
  const Error& error() const {
    KQLC_CHECK(!ok(), "error() of a successful Result");
    return std::get<1>(content_);
  }

 private:
  std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_; }
  // Requires: !ok().
  Error& error() {
    KQLC_CHECK(!ok(), "error() of a successful Result");
    return *error_;
  }
  const Error& error() const {
    KQLC_CHECK(!ok(), "error() of a successful Result");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace kqlc

// Evaluates `expression`, a Result; returns its error from the enclosing function, else goes on.
#define KQLC_TRY(expression)                                       \
  do {                                                             \
    if (auto kqlc_try = (expression); !kqlc_try.ok()) [[unlikely]] \
      return std::move(kqlc_try.error());                          \
  } while (false)

#define KQLC_CONCAT_(a, b) a##b
#define KQLC_CONCAT(a, b) KQLC_CONCAT_(a, b)
#define KQLC_TRY_ASSIGN_(result, target, expression) \
  auto result = (expression);                        \
  if (!result.ok()) [[unlikely]]                     \
    return std::move(result.error());                \
  target = std::move(result).value()
// Evaluates `expression`, a Result<T>; assigns its value to `target` or returns its error.
#define KQLC_TRY_ASSIGN(target, expression) \
  KQLC_TRY_ASSIGN_(KQLC_CONCAT(kqlc_result_, __LINE__), target, expression)
