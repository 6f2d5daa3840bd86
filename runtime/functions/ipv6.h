// SPDX-License-Identifier: Apache-2.0
//
// IPv6 addresses, with IPv4 ones as part of them (::ffff:a.b.c.d). In: text with an optional /prefix. Out:
// truth values, order, canonical text; null or the empty text where the text is no address. A prefix behind
// an IPv4 form counts IPv4 bits. Sources: the page of each function.
#pragma once

#include <array>

#include "runtime/functions/function.h"
#include "runtime/value/dynamic.h"

namespace kqlc::functions {

struct Ipv6 {
  std::array<uint8_t, 16> bytes{};
  int prefix = 128;      // bits that count, 0..128
  bool is_ipv4 = false;  // written a.b.c.d
};
Nullable<Ipv6> read_ipv6(Str text);

// <0, 0 or >0 by the bits that the smallest of the three prefixes keeps; null unless both are addresses.
// `prefix` counts IPv4 bits when both are IPv4 and it is at most 32.
Nullable<int64_t> compare_ipv6(Str a, Str b, int64_t prefix);
// Eight groups of four digits, cut to the smaller prefix; empty for what is no address.
Str canonical_ipv6(Str text, int64_t prefix, Arena& arena);

struct Ipv6ComparePrefix {
  static constexpr Spec spec{
      .name = "ipv6_compare",
      .doc = "order of two addresses by the bits of the smallest prefix",
      .page = "ipv6-compare-function",
      .examples = {"ipv6_compare('192.168.1.1', '192.168.1.0', 31) == 0",
                   "ipv6_compare('fe80::85d:e82c:9446:7994', 'fe80::85d:e82c:9446:7995', 127) == 0",
                   "ipv6_compare('::ffff:c0a8:0101', '192.168.1.255', 120) == 0",
                   "ipv6_compare('::192.168.1.1/30', '192.168.1.255/24', 127) == 0"}};
  static Nullable<int64_t> call(Str a, Str b, int64_t prefix) { return compare_ipv6(a, b, prefix); }
};
struct Ipv6Compare {
  static constexpr Spec spec{
      .name = "ipv6_compare",
      .doc = "order of two addresses by the bits of the smaller prefix",
      .page = "ipv6-compare-function",
      .examples = {"ipv6_compare('192.168.1.1/24', '::ffff:c0a8:01ff') == 0",
                   "ipv6_compare('fe80::85d:e82c:9446:7994/120', 'fe80::85d:e82c:9446:7998') == 0"}};
  static Nullable<int64_t> call(Str a, Str b) { return compare_ipv6(a, b, 128); }
};
struct Ipv6IsMatchPrefix {
  static constexpr Spec spec{
      .name = "ipv6_is_match",
      .doc = "whether two addresses agree in the bits of the smallest prefix",
      .page = "ipv6-is-match-function",
      .examples = {"ipv6_is_match('fe80::85d:e82c:9446:7994/127', 'fe80::85d:e82c:9446:7998', 120)",
                   "ipv6_is_match('192.168.1.1', '192.168.1.255', 24)"}};
  static Nullable<bool> call(Str a, Str b, int64_t prefix) {
    Nullable<int64_t> order = compare_ipv6(a, b, prefix);
    return order.valid ? Nullable<bool>(order.value == 0) : Nullable<bool>();
  }
};
struct Ipv6IsMatch {
  static constexpr Spec spec{.name = "ipv6_is_match",
                             .doc = "whether two addresses agree in the bits of the smaller prefix",
                             .page = "ipv6-is-match-function",
                             .examples = {"ipv6_is_match('192.168.1.1', '::ffff:c0a8:0101')",
                                          "ipv6_is_match('::192.168.1.1/30', '192.168.1.255/24')"}};
  static Nullable<bool> call(Str a, Str b) { return Ipv6IsMatchPrefix::call(a, b, 128); }
};
struct Ipv6IsInRange {
  static constexpr Spec spec{.name = "ipv6_is_in_range",
                             .doc = "whether an address lies in a range",
                             .page = "ipv6-is-in-range-function",
                             .examples = {"ipv6_is_in_range('a5e:f127:8a9d:146d:e102:b5d3:c755:abcd', "
                                          "'a5e:f127:8a9d:146d:e102:b5d3:c755:0000/112')",
                                          "ipv6_is_in_range('a5e:f127:8a9d:146d:e102:b5d3:c755:abcd', "
                                          "'a5e:f127:8a9d:146d:e102:b5d3:c755:abcd')",
                                          "ipv6_is_in_range('a5e:f127:8a9d:146d:e102:b5d3:c755:abcd', "
                                          "'0:0:0:0:0:ffff:c0a8:ac/60') == false"}};
  static Nullable<bool> call(Str ip, Str range) { return Ipv6IsMatchPrefix::call(ip, range, 128); }
};
struct Ipv6IsInAnyRange {
  static constexpr Spec spec{
      .name = "ipv6_is_in_any_range",
      .doc = "whether an address lies in one of the ranges",
      .page = "ipv6-is-in-any-range-function",
      .examples = {"ipv6_is_in_any_range('a5e:f127:8a9d:146d:e102:b5d3:c755:abcd', "
                   "'0:0:0:0:0:ffff:c0a8:ac/60', 'a5e:f127:8a9d:146d:e102:b5d3:c755:0000/112')"}};
  static Nullable<bool> call(Str ip, Variadic<Str> ranges);
};
struct Ipv6IsInAnyRangeDynamic {
  static constexpr Spec spec{.name = "ipv6_is_in_any_range",
                             .doc = "whether an address lies in one of the ranges of an array",
                             .page = "ipv6-is-in-any-range-function",
                             .examples = {"ipv6_is_in_any_range('a5e:f127:8a9d:146d:e102:b5d3:c755:abcd', "
                                          "dynamic(['a5e:f127:8a9d:146d:e102:b5d3:c755:0000/112']))"}};
  static Nullable<bool> call(Context& context, Str ip, Dynamic ranges);
};
struct ParseIpv6 {
  static constexpr Spec spec{
      .name = "parse_ipv6",
      .doc = "the address in eight groups, cut to its prefix",
      .page = "parse-ipv6-function",
      .examples = {"parse_ipv6('192.168.255.255/24') == '0000:0000:0000:0000:0000:ffff:c0a8:ff00'",
                   "parse_ipv6('') == ''"}};
  static Str call(Context& context, Str text) { return canonical_ipv6(text, 128, *context.arena); }
};
struct ParseIpv6Mask {
  static constexpr Spec spec{
      .name = "parse_ipv6_mask",
      .doc = "the address in eight groups, cut to the smaller prefix",
      .page = "parse-ipv6-mask-function",
      .examples = {
          "parse_ipv6_mask('192.168.255.255/24', 124) == '0000:0000:0000:0000:0000:ffff:c0a8:ff00'",
          "parse_ipv6_mask('fe80::85d:e82c:9446:7994/120', 124) == 'fe80:0000:0000:0000:085d:e82c:9446:7900'",
          "parse_ipv6_mask('::192.168.255.255/24', 128) == '0000:0000:0000:0000:0000:0000:c0a8:ff00'"}};
  static Str call(Context& context, Str text, int64_t prefix) {
    return canonical_ipv6(text, prefix, *context.arena);
  }
};

using Ipv6Functions = List<Ipv6Compare, Ipv6ComparePrefix, Ipv6IsMatch, Ipv6IsMatchPrefix, Ipv6IsInRange,
                           Ipv6IsInAnyRange, Ipv6IsInAnyRangeDynamic, ParseIpv6, ParseIpv6Mask>;

}  // namespace kqlc::functions
