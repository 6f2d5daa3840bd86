// SPDX-License-Identifier: Apache-2.0
//
// Reading, comparing and printing IPv6 addresses; inet_pton knows their grammar. In: text. Out: addresses or
// text.
#include "runtime/functions/ipv6.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "runtime/functions/network.h"
#include "runtime/functions/node_builders.h"

namespace kqlc::functions {

namespace {

constexpr int kIpv4Offset = 96;  // where the IPv4 bits begin

void cut_to(std::array<uint8_t, 16>& bytes, int64_t prefix) {
  for (int64_t i = 0; i < 16; ++i) {
    int64_t kept = std::clamp<int64_t>(prefix - i * 8, 0, 8);
    bytes[static_cast<size_t>(i)] &= static_cast<uint8_t>(0xFF00 >> kept);
  }
}

// ::a.b.c.d compares as ::ffff:a.b.c.d does.
bool is_compatible(const Ipv6& ip) {
  return std::all_of(ip.bytes.begin(), ip.bytes.begin() + 12, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

Nullable<Ipv6> read_ipv6(Str text) {
  Ipv6 ip;
  if (Nullable<Ipv4> v4 = read_ipv4(text); v4.valid) {
    ip.is_ipv4 = true;
    ip.prefix = kIpv4Offset + v4.value.prefix;
    ip.bytes[10] = ip.bytes[11] = 0xFF;
    for (int i = 0; i < 4; ++i)
      ip.bytes[static_cast<size_t>(12 + i)] = static_cast<uint8_t>(v4.value.address >> (24 - 8 * i));
    return ip;
  }
  constexpr size_t kLongest = 45;
  std::string address(text.view().substr(0, text.view().find('/')));
  if (address.size() > kLongest || address.find('\0') != std::string::npos ||
      inet_pton(AF_INET6, address.c_str(), ip.bytes.data()) != 1)
    return {};
  if (address.size() == text.size) return ip;
  std::string_view prefix = text.view().substr(address.size() + 1);
  auto [end, error] = std::from_chars(prefix.data(), prefix.data() + prefix.size(), ip.prefix);
  if (error != std::errc() || end != prefix.data() + prefix.size() || ip.prefix < 0) return {};
  bool dotted = address.find('.') != std::string::npos;
  if (ip.prefix > (dotted ? 32 : 128)) return {};
  if (dotted) ip.prefix += kIpv4Offset;
  return ip;
}

Nullable<int64_t> compare_ipv6(Str a, Str b, int64_t prefix) {
  Nullable<Ipv6> left = read_ipv6(a), right = read_ipv6(b);
  if (!left.valid || !right.valid || prefix < 0 || prefix > 128) return {};
  if (left.value.is_ipv4 && right.value.is_ipv4 && prefix <= 32) prefix += kIpv4Offset;
  for (Ipv6* ip : {&left.value, &right.value}) {
    const Ipv6& other = ip == &left.value ? right.value : left.value;
    if (other.is_ipv4 && is_compatible(*ip)) ip->bytes[10] = ip->bytes[11] = 0xFF;
  }
  prefix = std::min<int64_t>({prefix, left.value.prefix, right.value.prefix});
  cut_to(left.value.bytes, prefix);
  cut_to(right.value.bytes, prefix);
  return left.value.bytes < right.value.bytes ? -1 : left.value.bytes > right.value.bytes ? 1 : 0;
}

Str canonical_ipv6(Str text, int64_t prefix, Arena& arena) {
  Nullable<Ipv6> ip = read_ipv6(text);
  if (!ip.valid || prefix < 0 || prefix > 128) return {};
  cut_to(ip.value.bytes, std::min<int64_t>(prefix, ip.value.prefix));
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < 16; ++i) {
    if (i && i % 2 == 0) out += ':';
    out += kDigits[ip.value.bytes[i] >> 4];
    out += kDigits[ip.value.bytes[i] & 15];
  }
  return arena.copy(std::string_view(out));
}

Nullable<bool> Ipv6IsInAnyRange::call(Str ip, Variadic<Str> ranges) {
  if (!read_ipv6(ip).valid) return {};
  for (size_t i = 0; i < ranges.size; ++i)
    if (Nullable<bool> inside = Ipv6IsInRange::call(ip, ranges[i]); inside.valid && inside.value) return true;
  return false;
}

Nullable<bool> Ipv6IsInAnyRangeDynamic::call(Context& context, Str ip, Dynamic ranges) {
  const dynamic::Node* array = array_of(ranges, *context.arena);
  if (!array || !read_ipv6(ip).valid) return {};
  for (uint32_t i = 0; i < array->size; ++i) {
    Str range = dynamic::to_text(&array->items[i], *context.arena);
    if (Nullable<bool> inside = Ipv6IsInRange::call(ip, range); inside.valid && inside.value) return true;
  }
  return false;
}

}  // namespace kqlc::functions
