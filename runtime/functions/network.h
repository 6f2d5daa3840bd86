// SPDX-License-Identifier: Apache-2.0
//
// IPv4 addresses and URLs. In: text such as "10.1.2.3" or "10.1.2.0/24". Out: truth values, numbers, bags;
// null where the text is no address. Sources: the page of each function.
#pragma once

#include <algorithm>

#include "runtime/functions/function.h"
#include "runtime/value/dynamic.h"

namespace kqlc::functions {

struct Ipv4 {
  uint32_t address = 0;
  int prefix = 32;  // bits that count, 0..32
};
// Reads four decimal numbers and an optional /prefix.
Nullable<Ipv4> read_ipv4(Str text);
constexpr uint32_t ipv4_mask(int64_t prefix) { return prefix <= 0 ? 0 : ~uint32_t{0} << (32 - prefix); }

// <0, 0 or >0 by the bits that the smallest of the three prefixes keeps; null unless both are addresses.
Nullable<int64_t> compare_ipv4(Str a, Str b, int64_t prefix);

struct Ipv4IsPrivate {
  static constexpr Spec spec{
      .name = "ipv4_is_private",
      .doc = "whether the address lies in 10/8, 172.16/12 or 192.168/16",
      .page = "ipv4-is-private-function",
      .examples = {"ipv4_is_private('192.168.1.1/24') == true", "ipv4_is_private('10.1.2.3/24') == true",
                   "ipv4_is_private('202.1.2.3') == false", "ipv4_is_private('127.0.0.1') == false"}};
  static Nullable<bool> call(Str text) {
    Nullable<Ipv4> ip = read_ipv4(text);
    if (!ip.valid) return {};
    uint32_t address = ip.value.address & ipv4_mask(ip.value.prefix);
    return address >> 24 == 10 || address >> 20 == (172u << 4 | 1) || address >> 16 == (192u << 8 | 168);
  }
};
struct Ipv4IsMatchPrefix {
  static constexpr Spec spec{.name = "ipv4_is_match",
                             .doc = "whether two addresses agree in the bits of the smallest prefix",
                             .page = "ipv4-is-match-function",
                             .examples = {"ipv4_is_match('192.168.1.1', '192.168.1.255', 24) == true",
                                          "ipv4_is_match('192.168.1.1', '192.168.1.255', 30) == false"}};
  static Nullable<bool> call(Str a, Str b, int64_t prefix) {
    Nullable<int64_t> order = compare_ipv4(a, b, prefix);
    return order.valid ? Nullable<bool>(order.value == 0) : Nullable<bool>();
  }
};
struct Ipv4IsMatch {
  static constexpr Spec spec{.name = "ipv4_is_match",
                             .doc = "whether two addresses agree in the bits of the smaller prefix",
                             .page = "ipv4-is-match-function",
                             .examples = {"ipv4_is_match('127.0.0.1', '127.0.0.1') == true",
                                          "ipv4_is_match('192.168.1.1', '192.168.1.255') == false",
                                          "ipv4_is_match('192.168.1.1/24', '192.168.1.255/24') == true"}};
  static Nullable<bool> call(Str a, Str b) { return Ipv4IsMatchPrefix::call(a, b, 32); }
};
struct Ipv4ComparePrefix {
  static constexpr Spec spec{.name = "ipv4_compare",
                             .doc = "order of two addresses by the bits of the smallest prefix",
                             .page = "ipv4-compare-function"};
  static Nullable<int64_t> call(Str a, Str b, int64_t prefix) { return compare_ipv4(a, b, prefix); }
};
struct Ipv4Compare {
  static constexpr Spec spec{.name = "ipv4_compare",
                             .doc = "order of two addresses by the bits of the smaller prefix",
                             .page = "ipv4-compare-function",
                             .examples = {"ipv4_compare('192.168.1.1', '192.168.1.255') == -1",
                                          "ipv4_compare('192.168.1.255/24', '192.168.1.1') == 0"}};
  static Nullable<int64_t> call(Str a, Str b) { return compare_ipv4(a, b, 32); }
};
struct Ipv4IsInRange {
  static constexpr Spec spec{.name = "ipv4_is_in_range",
                             .doc = "whether an address lies in a range",
                             .page = "ipv4-is-in-range-function",
                             .examples = {"ipv4_is_in_range('192.168.1.6', '192.168.1.1/24') == true",
                                          "ipv4_is_in_range('192.168.1.1', '192.168.2.255/24') == false"}};
  static Nullable<bool> call(Str ip, Str range) { return Ipv4IsMatchPrefix::call(ip, range, 32); }
};
struct Ipv4IsInAnyRange {
  static constexpr Spec spec{
      .name = "ipv4_is_in_any_range",
      .doc = "whether an address lies in one of the ranges",
      .page = "ipv4-is-in-any-range-function",
      .examples = {"ipv4_is_in_any_range('192.168.1.6', '192.168.1.1/24', '10.0.0.1/8') == true"}};
  static Nullable<bool> call(Str ip, Variadic<Str> ranges);
};
struct Ipv4IsInAnyRangeDynamic {
  static constexpr Spec spec{
      .name = "ipv4_is_in_any_range",
      .doc = "whether an address lies in one of the ranges of an array",
      .page = "ipv4-is-in-any-range-function",
      .examples = {"ipv4_is_in_any_range('127.0.0.1', dynamic(['127.0.0.1', '192.168.1.1'])) == true"}};
  static Nullable<bool> call(Context& context, Str ip, Dynamic ranges);
};
struct ParseIpv4 {
  static constexpr Spec spec{
      .name = "parse_ipv4",
      .doc = "the address as a number, cut to its prefix",
      .page = "parse-ipv4-function",
      .examples = {"parse_ipv4('192.168.1.1') == 3232235777", "parse_ipv4('192.168.1.1/24') == 3232235776"}};
  static Nullable<int64_t> call(Str text) {
    Nullable<Ipv4> ip = read_ipv4(text);
    if (!ip.valid) return {};
    return static_cast<int64_t>(ip.value.address & ipv4_mask(ip.value.prefix));
  }
};
struct ParseIpv4Mask {
  static constexpr Spec spec{.name = "parse_ipv4_mask",
                             .doc = "the address as a number, cut to a prefix",
                             .page = "parse-ipv4-mask-function",
                             .examples = {"parse_ipv4_mask('127.0.0.1', 24) == 2130706432"}};
  static Nullable<int64_t> call(Str text, int64_t prefix) {
    Nullable<Ipv4> ip = read_ipv4(text);
    if (!ip.valid || prefix < 0 || prefix > 32) return {};
    return static_cast<int64_t>(ip.value.address & ipv4_mask(std::min<int64_t>(prefix, ip.value.prefix)));
  }
};
struct Ipv4NetmaskSuffix {
  static constexpr Spec spec{
      .name = "ipv4_netmask_suffix",
      .doc = "the prefix length of an address, 32 without one",
      .page = "ipv4-netmask-suffix-function",
      .examples = {"ipv4_netmask_suffix('10.1.2.3/24') == 24", "ipv4_netmask_suffix('192.1.168.2') == 32"}};
  static Nullable<int64_t> call(Str text) {
    Nullable<Ipv4> ip = read_ipv4(text);
    return ip.valid ? Nullable<int64_t>(ip.value.prefix) : Nullable<int64_t>();
  }
};

struct ParseUrl {
  static constexpr Spec spec{
      .name = "parse_url",
      .doc = "the parts of an absolute URL as a bag; query parameters as a bag in it",
      .page = "parse-url-function",
      .examples = {"tostring(parse_url('scheme://username:password@host:1234/this/is/a/"
                   "path?k1=v1&k2=v2#fragment')) == "
                   "'{\"Scheme\":\"scheme\",\"Host\":\"host\",\"Port\":\"1234\",\"Path\":\"/this/is/a/"
                   "path\",\"Username\":\"username\",\"Password\":\"password\",\"Query "
                   "Parameters\":{\"k1\":\"v1\",\"k2\":\"v2\"},\"Fragment\":\"fragment\"}'"}};
  static Dynamic call(Context& context, Str url);
};
struct ParseUrlQuery {
  static constexpr Spec spec{.name = "parse_urlquery",
                             .doc = "the parameters of a URL's query as a bag",
                             .page = "parse-url-query-function",
                             .examples = {"tostring(parse_urlquery('k1=v1&k2=v2&k3=v3')) == '{\"Query "
                                          "Parameters\":{\"k1\":\"v1\",\"k2\":\"v2\",\"k3\":\"v3\"}}'"}};
  static Dynamic call(Context& context, Str query);
};
// The arguments of a command line, by the rules of CommandLineToArgvW on Windows.
struct ParseCommandLine {
  static constexpr Spec spec{.name = "parse_command_line",
                             .doc = "the arguments of a Windows command line as an array",
                             .page = "parse-command-line-function",
                             .examples = {"tostring(parse_command_line('echo \"hello world!\" print$?', "
                                          "'windows')) == '[\"echo\",\"hello world!\",\"print$?\"]'"}};
  struct Kind {};
  using State = Kind;
  static constexpr uint32_t prepared_mask = 2;
  static State* prepare(const Cell* args, size_t, Arena&, const char** error);
  static Dynamic call_prepared(Context& context, const State&, Str text, Str);
};

using NetworkFunctions = List<Ipv4IsPrivate, Ipv4IsMatch, Ipv4IsMatchPrefix, Ipv4Compare, Ipv4ComparePrefix,
                              Ipv4IsInRange, Ipv4IsInAnyRange, Ipv4IsInAnyRangeDynamic, ParseIpv4,
                              ParseIpv4Mask, Ipv4NetmaskSuffix, ParseUrl, ParseUrlQuery, ParseCommandLine>;

}  // namespace kqlc::functions
