// SPDX-License-Identifier: Apache-2.0
//
// Reading numbers from text.
#include "runtime/functions/convert.h"

#include <string>

namespace kqlc::functions {

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || (text.front() >= '\t' && text.front() <= '\r')))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || (text.back() >= '\t' && text.back() <= '\r')))
    text.remove_suffix(1);
  return text;
}

Nullable<int64_t> read_long(Str text) {
  std::string_view view = trim_blanks(text.view());
  bool plus = view.starts_with('+');
  if (plus) view.remove_prefix(1);
  if (view.starts_with("0x") || view.starts_with("0X")) {
    uint64_t bits = 0;
    auto [end, error] = std::from_chars(view.data() + 2, view.data() + view.size(), bits, 16);
    if (error != std::errc() || end != view.data() + view.size()) return {};
    return static_cast<int64_t>(bits);
  }
  int64_t value = 0;
  auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc() || end != view.data() + view.size()) return {};
  return value;
}

Nullable<double> read_real(Str text) {
  std::string_view view = trim_blanks(text.view());
  if (view.starts_with('+')) view.remove_prefix(1);
  double value = 0;
  auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (view.empty() || end != view.data() + view.size()) return {};
  if (error == std::errc::result_out_of_range) return std::strtod(std::string(view).c_str(), nullptr);
  if (error != std::errc()) return {};
  return value;
}

}  // namespace kqlc::functions
