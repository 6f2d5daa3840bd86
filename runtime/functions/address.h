// SPDX-License-Identifier: Apache-2.0
//
// IPv4 addresses as text: looked for in a longer text, printed, ranges of them as CIDR blocks. In: text,
// addresses as text or numbers. Out: truth values, text, arrays. Sources: the page of each function.
#pragma once

#include "runtime/functions/function.h"
#include "runtime/functions/network.h"

namespace kqlc::functions {

// Whether the address occurs with no letter or digit beside it; false when `ip` is no address.
bool has_ipv4_text(Str text, Str ip);
// Whether an address that begins with the prefix occurs likewise. A prefix is an address, or one to three
// numbers each followed by a point.
bool has_ipv4_prefix_text(Str text, Str prefix);

template <bool prefix>
struct HasIpv4 {
  static constexpr Spec spec{
      .name = prefix ? "has_ipv4_prefix" : "has_ipv4",
      .doc = prefix ? "whether an address with the prefix occurs in the text"
                    : "whether the address occurs in the text",
      .page = prefix ? "has-ipv4-prefix-function" : "has-ipv4-function",
      .examples = {
          prefix ? "has_ipv4_prefix('05:04:54 127.0.0.1 GET /favicon.ico 404', '127.0.')"
                 : "has_ipv4('05:04:54 127.0.0.1 GET /favicon.ico 404', '127.0.0.1')",
          prefix ? "has_ipv4_prefix('05:04:54 127.0.0.256 GET /favicon.ico 404', '127.0.') == false"
                 : "has_ipv4('05:04:54 127.0.0.256 GET /favicon.ico 404', '127.0.0.256') == false",
          prefix ? "has_ipv4_prefix('05:04:54127.0.0.1 GET /favicon.ico 404', '127.0.') == false"
                 : "has_ipv4('05:04:54127.0.0.1 GET /favicon.ico 404', '127.0.0.1') == false",
          prefix ? "has_ipv4_prefix('05:04:54 127.0.0.1 GET /favicon.ico 404', '127.0') == false" : ""}};
  static bool call(Str text, Str ip) {
    return prefix ? has_ipv4_prefix_text(text, ip) : has_ipv4_text(text, ip);
  }
};
template <bool prefix>
struct HasAnyIpv4 {
  static constexpr Spec spec{
      .name = prefix ? "has_any_ipv4_prefix" : "has_any_ipv4",
      .doc = prefix ? "has_ipv4_prefix for one of the prefixes" : "has_ipv4 for one of the addresses",
      .page = prefix ? "has-any-ipv4-prefix-function" : "has-any-ipv4-function",
      .examples = {prefix ? "has_any_ipv4_prefix('05:04:54 127.0.0.1 GET', '127.0.', '192.168.')"
                          : "has_any_ipv4('05:04:54 127.0.0.1 GET', '127.0.0.1', '127.0.0.2')"}};
  static bool call(Str text, Variadic<Str> ips) {
    for (size_t i = 0; i < ips.size; ++i)
      if (HasIpv4<prefix>::call(text, ips[i])) return true;
    return false;
  }
};
template <bool prefix>
struct HasAnyIpv4Dynamic {
  static constexpr Spec spec{
      .name = prefix ? "has_any_ipv4_prefix" : "has_any_ipv4",
      .doc = prefix ? "has_ipv4_prefix for one of the prefixes of an array"
                    : "has_ipv4 for one of the addresses of an array",
      .page = prefix ? "has-any-ipv4-prefix-function" : "has-any-ipv4-function",
      .examples = {prefix ? "has_any_ipv4_prefix('05:04:54 127.0.0.1 GET', dynamic(['127.0.', '192.168.']))"
                          : "has_any_ipv4('05:04:54 127.0.0.1 GET', dynamic(['127.0.0.1', '127.0.0.2']))"}};
  static bool call(Context& context, Str text, Dynamic ips) {
    const dynamic::Node* array = dynamic::resolve(ips, *context.arena);
    for (uint32_t i = 0; array && array->kind == dynamic::Kind::Array && i < array->size; ++i)
      if (HasIpv4<prefix>::call(text, dynamic::to_text(&array->items[i], *context.arena))) return true;
    return false;
  }
};

Str format_ipv4(Nullable<Ipv4> ip, int64_t prefix, bool with_mask, Arena& arena);
// The address as text or as a number.
inline Nullable<Ipv4> ipv4_of(Str text) { return read_ipv4(text); }
inline Nullable<Ipv4> ipv4_of(int64_t number) {
  if (number < 0 || number > 0xFFFFFFFF) return {};
  return Ipv4{static_cast<uint32_t>(number), 32};
}
template <class T, bool with_mask>
struct FormatIpv4Prefix {
  static constexpr Spec spec{
      .name = with_mask ? "format_ipv4_mask" : "format_ipv4",
      .doc = "the address cut to a prefix, as text; empty for what is no address",
      .page = with_mask ? "format-ipv4-mask-function" : "format-ipv4-function",
      .examples = {with_mask ? "format_ipv4_mask('192.168.1.1', 24) == '192.168.1.0/24'"
                             : "format_ipv4('192.168.1.1', 24) == '192.168.1.0'",
                   with_mask ? "format_ipv4_mask('192.168.1.1/24', 32) == '192.168.1.0/24'"
                             : "format_ipv4('192.168.1.1/24', 32) == '192.168.1.0'",
                   with_mask ? "format_ipv4_mask('192.168.1.1/24', long(-1)) == ''"
                             : "format_ipv4('192.168.1.1/24', long(-1)) == ''"}};
  static Str call(Context& context, T ip, int64_t prefix) {
    return format_ipv4(ipv4_of(ip), prefix, with_mask, *context.arena);
  }
};
template <class T, bool with_mask>
struct FormatIpv4 {
  static constexpr Spec spec{
      .name = with_mask ? "format_ipv4_mask" : "format_ipv4",
      .doc = "the address cut to its own prefix, as text; empty for what is no address",
      .page = with_mask ? "format-ipv4-mask-function" : "format-ipv4-function",
      .examples = {with_mask ? "format_ipv4_mask(3232235777) == '192.168.1.1/32'"
                             : "format_ipv4(3232235777) == '192.168.1.1'"}};
  static Str call(Context& context, T ip) { return format_ipv4(ipv4_of(ip), 32, with_mask, *context.arena); }
};
struct Ipv4RangeToCidrList {
  static constexpr Spec spec{.name = "ipv4_range_to_cidr_list",
                             .doc = "the fewest blocks that make up the range, as an array",
                             .page = "ipv4-range-to-cidr-list-function",
                             .examples = {"tostring(ipv4_range_to_cidr_list('1.1.128.0', '1.1.140.255')) == "
                                          "'[\"1.1.128.0/21\",\"1.1.136.0/22\",\"1.1.140.0/24\"]'"}};
  static Dynamic call(Context& context, Str first, Str last);
};

using AddressFunctions =
    List<HasIpv4<false>, HasIpv4<true>, HasAnyIpv4<false>, HasAnyIpv4<true>, HasAnyIpv4Dynamic<false>,
         HasAnyIpv4Dynamic<true>, FormatIpv4<Str, false>, FormatIpv4<Str, true>, FormatIpv4<int64_t, false>,
         FormatIpv4<int64_t, true>, FormatIpv4Prefix<Str, false>, FormatIpv4Prefix<Str, true>,
         FormatIpv4Prefix<int64_t, false>, FormatIpv4Prefix<int64_t, true>, Ipv4RangeToCidrList>;

}  // namespace kqlc::functions
