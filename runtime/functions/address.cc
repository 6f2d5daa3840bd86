// SPDX-License-Identifier: Apache-2.0
//
// Finding IPv4 addresses in text, and printing them. In: text. Out: truth values and text.
#include "runtime/functions/address.h"

#include <bit>
#include <string>

#include "runtime/functions/node_builders.h"

namespace kqlc::functions {

namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_ipv4_prefix(std::string_view prefix) {
  if (read_ipv4(Str(prefix)).valid && prefix.find('/') == std::string_view::npos) return true;
  size_t points = static_cast<size_t>(std::count(prefix.begin(), prefix.end(), '.'));
  if (points < 1 || points > 3 || prefix.back() != '.') return false;
  std::string whole(prefix);
  for (size_t i = points; i < 3; ++i) whole += "0.";
  return read_ipv4(Str(std::string_view(whole += "0"))).valid;
}

// Each place where `needle` begins with no letter or digit before it; stops at the first that `accept` takes.
template <class Accept>
bool any_occurrence(std::string_view text, std::string_view needle, Accept accept) {
  for (size_t at = text.find(needle); at != std::string_view::npos; at = text.find(needle, at + 1))
    if ((at == 0 || !is_alphanumeric(text[at - 1])) && accept(at)) return true;
  return false;
}

}  // namespace

bool has_ipv4_text(Str text, Str ip) {
  if (!read_ipv4(ip).valid || ip.view().find('/') != std::string_view::npos) return false;
  return any_occurrence(text.view(), ip.view(), [&](size_t at) {
    return at + ip.size == text.size || !is_alphanumeric(text.data[at + ip.size]);
  });
}

bool has_ipv4_prefix_text(Str text, Str prefix) {
  if (!is_ipv4_prefix(prefix.view())) return false;
  return any_occurrence(text.view(), prefix.view(), [&](size_t at) {
    std::string_view rest = text.view().substr(at);
    size_t end = 0;
    for (int points = 0;
         end < rest.size() && ((rest[end] >= '0' && rest[end] <= '9') || (rest[end] == '.' && points < 3));
         ++end)
      points += rest[end] == '.';
    return read_ipv4(Str(rest.substr(0, end))).valid && (end == rest.size() || !is_alphanumeric(rest[end]));
  });
}

Str format_ipv4(Nullable<Ipv4> ip, int64_t prefix, bool with_mask, Arena& arena) {
  if (!ip.valid || prefix < 0 || prefix > 32) return {};
  prefix = std::min<int64_t>(prefix, ip.value.prefix);
  uint32_t address = ip.value.address & ipv4_mask(prefix);
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8)
    out += std::to_string(address >> shift & 255) + (shift ? "." : "");
  if (with_mask) out += "/" + std::to_string(prefix);
  return arena.copy(std::string_view(out));
}

Dynamic Ipv4RangeToCidrList::call(Context& context, Str first, Str last) {
  Nullable<Ipv4> from = read_ipv4(first), to = read_ipv4(last);
  if (!from.valid || !to.valid) return {};
  std::vector<dynamic::Node> blocks;
  uint64_t at = from.value.address, end = uint64_t{to.value.address} + 1;
  while (at < end) {
    int free_bits = at == 0 ? 32 : std::min(32, std::countr_zero(at));
    while ((at + (uint64_t{1} << free_bits)) > end) --free_bits;
    Str block = format_ipv4(Ipv4{static_cast<uint32_t>(at), 32 - free_bits}, 32, true, *context.arena);
    blocks.push_back(string_node(block.view()));
    at += uint64_t{1} << free_bits;
  }
  return array_value(blocks, *context.arena);
}

}  // namespace kqlc::functions
