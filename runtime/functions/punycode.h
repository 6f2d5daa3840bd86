// SPDX-License-Identifier: Apache-2.0
//
// Punycode: text of any letters as letters, digits and hyphens, and back; the same for the labels of a domain
// name, which bear `xn--` then. In: text. Out: text; what does not decode gives the empty text. Letters are
// neither folded nor composed, as the pages' examples show. Sources: RFC 3492; the page of each function.
#pragma once

#include "runtime/functions/function.h"

namespace kqlc::functions {

struct PunycodeFromString {
  static constexpr Spec spec{
      .name = "punycode_from_string",
      .doc = "the text in Punycode",
      .page = "punycode-from-string-function",
      .examples = {"punycode_from_string('académie-française') == 'acadmie-franaise-npb1a'",
                   "punycode_from_string('艺术') == 'cqv902d'"}};
  static Str call(Context& context, Str text);
};
struct PunycodeToString {
  static constexpr Spec spec{
      .name = "punycode_to_string",
      .doc = "the text that Punycode stands for",
      .page = "punycode-to-string-function",
      .examples = {"punycode_to_string('acadmie-franaise-npb1a') == 'académie-française'",
                   "punycode_to_string('é') == ''"}};
  static Str call(Context& context, Str text);
};
struct PunycodeDomainFromString {
  static constexpr Spec spec{
      .name = "punycode_domain_from_string",
      .doc = "the domain name with the labels that begin with xn-- decoded",
      .page = "punycode-domain-from-string-function",
      .examples = {"punycode_domain_from_string('xn--Ge-mia.Bulg.edu') == 'Gáe.Bulg.edu'",
                   "punycode_domain_from_string('xn--Ry-lja8c.xn--Jng-uta63a.xn--Bng-9ka.com') == "
                   "'Rúyì.Jīngū.Bàng.com'"}};
  static Str call(Context& context, Str text);
};
struct PunycodeDomainToString {
  static constexpr Spec spec{.name = "punycode_domain_to_string",
                             .doc = "the domain name with the labels that hold other letters encoded",
                             .page = "punycode-domain-to-string-function",
                             .examples = {"punycode_domain_to_string('Lê Lợi。Thuận Thiên。com') == "
                                          "'xn--L Li-gpa4517b.xn--Thun Thin-s4a7194f.com'",
                                          "punycode_domain_to_string(\"Kaledvoulc'h.Artorījos.edu\") == "
                                          "\"Kaledvoulc'h.xn--Artorjos-ejb.edu\""}};
  static Str call(Context& context, Str text);
};

using PunycodeFunctions =
    List<PunycodeFromString, PunycodeToString, PunycodeDomainFromString, PunycodeDomainToString>;

}  // namespace kqlc::functions
