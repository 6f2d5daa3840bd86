// SPDX-License-Identifier: Apache-2.0
//
// Functions of dynamic values: parsing, access by path, arrays and bags. In: dynamic values or JSON text. Out: dynamic
// values; what is not there is null, never an error. Sources: the page of each function.
#pragma once

#include "runtime/functions/function.h"
#include "runtime/value/dynamic.h"

namespace kqlc::functions {

struct ParseJson {
  static constexpr Spec spec{.name = "parse_json", .aliases = {"todynamic", "parsejson", "toobject"}, .doc = "JSON text as a dynamic value", .page = "parse-json-function"};
  static Dynamic call(Context& context, Str text) { return dynamic::parse(text, *context.arena); }
};
struct ParseJsonDynamic {
  static constexpr Spec spec{.name = "parse_json", .aliases = {"todynamic", "parsejson", "toobject"}, .doc = "the dynamic value itself; a string in it is parsed", .page = "parse-json-function"};
  static Dynamic call(Context& context, Dynamic value) {
    const dynamic::Node* node = dynamic::resolve(value, *context.arena);
    if (node && node->kind == dynamic::Kind::String) return dynamic::parse({node->text, node->size}, *context.arena);
    return {node};
  }
};
struct Member {
  static constexpr Spec spec{.name = "dynamic_member", .doc = "the property of a bag: value.key, value['key']", .page = "scalar-data-types/dynamic"};
  static Dynamic call(Context& context, Dynamic value, Str key) { return dynamic::member(value, key, *context.arena); }
};
struct Element {
  static constexpr Spec spec{.name = "dynamic_element", .doc = "the element of an array: value[index]", .page = "scalar-data-types/dynamic"};
  static Dynamic call(Context& context, Dynamic value, int64_t index) { return dynamic::element(value, index, *context.arena); }
};
struct ArrayLength {
  static constexpr Spec spec{.name = "array_length", .aliases = {"arraylength"}, .doc = "number of elements; null for what is no array", .page = "array-length-function"};
  static Nullable<int64_t> call(Context& context, Dynamic value) {
    const dynamic::Node* node = dynamic::resolve(value, *context.arena);
    if (!node || node->kind != dynamic::Kind::Array) return {};
    return static_cast<int64_t>(node->size);
  }
};

using DynamicFunctions = List<ParseJson, ParseJsonDynamic, Member, Element, ArrayLength>;

}  // namespace kqlc::functions
