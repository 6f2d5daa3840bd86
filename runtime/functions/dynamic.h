// SPDX-License-Identifier: Apache-2.0
//
// Functions of dynamic values: parsing, access by path, arrays and bags. In: dynamic values or JSON text.
// Out: dynamic values; what is not there is null, never an error. Sources: the page of each function.
#pragma once

#include "runtime/functions/function.h"
#include "runtime/functions/node_builders.h"

namespace kqlc::functions {

struct ParseJson {
  static constexpr Spec spec{.name = "parse_json",
                             .aliases = {"todynamic", "parsejson", "toobject"},
                             .result_name = ResultName::FirstArgument,
                             .doc = "JSON text as a dynamic value",
                             .page = "parse-json-function"};
  static Dynamic call(Context& context, Str text) { return dynamic::parse(text, *context.arena); }
};
struct ParseJsonDynamic {
  static constexpr Spec spec{.name = "parse_json",
                             .aliases = {"todynamic", "parsejson", "toobject"},
                             .result_name = ResultName::FirstArgument,
                             .doc = "the dynamic value itself; a string in it is parsed",
                             .page = "parse-json-function"};
  static Dynamic call(Context& context, Dynamic value) {
    const dynamic::Node* node = dynamic::resolve(value, *context.arena);
    if (node && node->kind == dynamic::Kind::String)
      return dynamic::parse({node->text, node->size}, *context.arena);
    return {node};
  }
};
struct Member {
  static constexpr Spec spec{.name = "dynamic_member",
                             .doc = "the property of a bag: value.key, value['key']",
                             .page = "scalar-data-types/dynamic"};
  static Dynamic call(Context& context, Dynamic value, Str key) {
    return dynamic::member(value, key, *context.arena);
  }
};
struct Element {
  static constexpr Spec spec{.name = "dynamic_element",
                             .doc = "the element of an array: value[index]",
                             .page = "scalar-data-types/dynamic"};
  static Dynamic call(Context& context, Dynamic value, int64_t index) {
    return dynamic::element(value, index, *context.arena);
  }
};
struct ArrayLength {
  static constexpr Spec spec{.name = "array_length",
                             .aliases = {"arraylength"},
                             .doc = "number of elements; null for what is no array",
                             .page = "array-length-function"};
  static Nullable<int64_t> call(Context& context, Dynamic value) {
    const dynamic::Node* node = dynamic::resolve(value, *context.arena);
    if (!node || node->kind != dynamic::Kind::Array) return {};
    return static_cast<int64_t>(node->size);
  }
};

// What the binder puts around a scalar where a function takes any value.
template <class T>
struct DynamicOf {
  static constexpr Spec spec{.name = "dynamic_of",
                             .doc = "the scalar as a dynamic value of its kind",
                             .page = "scalar-data-types/dynamic"};
  static Dynamic call(Context& context, T value) {
    return dynamic::from_cell(make_cell(value), TypeOf<T>::type, *context.arena);
  }
};

struct PackArray {
  static constexpr Spec spec{.name = "pack_array",
                             .doc = "the values as an array",
                             .page = "pack-array-function",
                             .examples = {"tostring(pack_array(1, 'a', true)) == '[1,\"a\",true]'"}};
  static Dynamic call(Context& context, Variadic<Value> values);
};
struct BagPack {
  static constexpr Spec spec{.name = "bag_pack",
                             .aliases = {"pack", "pack_dictionary"},
                             .may_fail = true,
                             .doc = "keys and values, in turn, as a bag",
                             .page = "pack-function",
                             .examples = {"tostring(bag_pack('a', 1, 'b', 'x')) == '{\"a\":1,\"b\":\"x\"}'"}};
  static Dynamic call(Context& context, Variadic<Value> pairs);
};
// What pack_all(true) becomes.
struct BagPackFilled {
  static constexpr Spec spec{
      .name = "bag_pack_filled",
      .may_fail = true,
      .doc = "bag_pack without keys whose value is null or the empty text",
      .page = "pack-all-function",
      .examples = {"tostring(bag_pack_filled('a', 1, 'b', '', 'c', long(null))) == '{\"a\":1}'"}};
  static Dynamic call(Context& context, Variadic<Value> pairs);
};
struct BagKeys {
  static constexpr Spec spec{
      .name = "bag_keys",
      .doc = "the keys at the top of a bag; null for what is none",
      .page = "bag-keys-function",
      .examples = {"tostring(bag_keys(parse_json('{\"a\":1,\"b\":{\"c\":2}}'))) == '[\"a\",\"b\"]'"}};
  static Dynamic call(Context& context, Dynamic value);
};
struct BagHasKey {
  static constexpr Spec spec{.name = "bag_has_key",
                             .doc = "whether a bag has the key, or the path of keys $.a.b",
                             .page = "bag-has-key-function",
                             .examples = {"bag_has_key(parse_json('{\"a\":1}'), 'a') == true",
                                          "bag_has_key(parse_json('{\"a\":{\"b\":1}}'), '$.a.b')",
                                          "bag_has_key(parse_json('{\"a\":[1]}'), '$.a[0]') == false"}};
  static bool call(Context& context, Dynamic value, Str key);
};
struct BagMerge {
  static constexpr Spec spec{.name = "bag_merge",
                             .doc = "the bags joined; of equal keys the leftmost counts",
                             .page = "bag-merge-function",
                             .examples = {"tostring(bag_merge(parse_json('{\"a\":1}'), "
                                          "parse_json('{\"a\":2,\"b\":3}'))) == '{\"a\":1,\"b\":3}'"}};
  static Dynamic call(Context& context, Variadic<Nullable<Dynamic>> bags);
};
struct ArrayConcat {
  static constexpr Spec spec{
      .name = "array_concat",
      .doc = "the elements of all arrays; null when one is no array",
      .page = "array-concat-function",
      .examples = {"tostring(array_concat(pack_array(1, 2), pack_array(3))) == '[1,2,3]'"}};
  static Dynamic call(Context& context, Variadic<Dynamic> arrays);
};
struct ArraySlice {
  static constexpr Spec spec{
      .name = "array_slice",
      .doc = "the elements from start to end, both included; negative counts from the end",
      .page = "array-slice-function",
      .examples = {"tostring(array_slice(parse_json('[1,2,3]'), 1, 2)) == '[2,3]'",
                   "tostring(array_slice(parse_json('[1,2,3,4,5]'), -3, -2)) == '[3,4]'"}};
  static Dynamic call(Context& context, Dynamic value, int64_t start, int64_t end);
};
struct ArrayReverse {
  static constexpr Spec spec{.name = "array_reverse",
                             .doc = "the elements in reverse order",
                             .page = "array-reverse-function",
                             .examples = {"tostring(array_reverse(parse_json('[1,2,3]'))) == '[3,2,1]'"}};
  static Dynamic call(Context& context, Dynamic value);
};
struct ArraySum {
  static constexpr Spec spec{.name = "array_sum",
                             .doc = "sum of the numbers; null when an element is none",
                             .page = "array-sum-function",
                             .examples = {"array_sum(parse_json('[1,2,3,4]')) == 10"}};
  static Nullable<double> call(Context& context, Dynamic value);
};
struct StrcatArray {
  static constexpr Spec spec{.name = "strcat_array",
                             .doc = "the elements as text with a separator between them",
                             .page = "strcat-array-function",
                             .examples = {"strcat_array(parse_json('[1,2,3]'), '->') == '1->2->3'"}};
  static Str call(Context& context, Dynamic value, Str separator);
};

// Index of the first element from `start` on that equals `wanted`, or -1.
int64_t find_element(const dynamic::Node& array, const dynamic::Node& wanted, uint32_t start, Arena& arena);

enum class SetOperation { Union, Intersect, Difference };
Dynamic combine_sets(Context& context, SetOperation operation, Variadic<Dynamic> sets);
template <SetOperation operation>
struct CombineSets {
  static constexpr const char* kNames[3] = {"set_union", "set_intersect", "set_difference"};
  static constexpr const char* kPages[3] = {"set-union-function", "set-intersect-function",
                                            "set-difference-function"};
  static constexpr const char* kDocs[3] = {
      "the different elements of all arrays", "the different elements that all arrays have",
      "the different elements of the first array that the others have not"};
  static constexpr int kIndex = static_cast<int>(operation);
  static constexpr Spec spec{.name = kNames[kIndex], .doc = kDocs[kIndex], .page = kPages[kIndex]};
  static Dynamic call(Context& context, Variadic<Dynamic> sets) {
    return combine_sets(context, operation, sets);
  }
};
struct SetHasElement {
  static constexpr Spec spec{.name = "set_has_element",
                             .doc = "whether an array holds the value",
                             .page = "set-has-element-function",
                             .examples = {"set_has_element(parse_json('[\"this\",\"is\"]'), 'is') == true"}};
  static Nullable<bool> call(Context& context, Dynamic value, Value wanted);
};
struct JaccardIndex {
  static constexpr Spec spec{
      .name = "jaccard_index",
      .doc = "size of the intersection by size of the union of two sets",
      .page = "jaccard-index-function",
      .examples = {"jaccard_index(parse_json('[1,2,3]'), parse_json('[1,2,3,4]')) == 0.75"}};
  static Nullable<double> call(Context& context, Dynamic a, Dynamic b);
};

template <class T>
struct RangeStep {
  static constexpr Spec spec{.name = "range",
                             .doc = "start, start + step, ... up to stop, as an array of at most 1,048,576",
                             .page = "range-function",
                             .examples = {"tostring(range(1, 8, 3)) == '[1,4,7]'"}};
  using Step = std::conditional_t<std::is_same_v<T, DateTime>, TimeSpan, T>;
  static Dynamic call(Context& context, T start, T stop, Step step);
};
// Without a step: 1 of numbers, an hour of times.
template <class T>
struct RangeOfOnes {
  static constexpr bool kTime = std::is_same_v<T, DateTime> || std::is_same_v<T, TimeSpan>;
  static constexpr Spec spec{
      .name = "range",
      .doc = "start, start + 1, ... up to stop; times grow by an hour",
      .page = "range-function",
      .examples = {kTime ? "array_length(range(1h, 5h)) == 5" : "tostring(range(1, 3)) == '[1,2,3]'"}};
  static Dynamic call(Context& context, T start, T stop) {
    if constexpr (kTime) {
      return RangeStep<T>::call(context, start, stop, TimeSpan{36'000'000'000});  // ticks
    } else {
      return RangeStep<T>::call(context, start, stop, 1);
    }
  }
};

// A JSONPath of plain steps: $.a.b[0]['c'].
struct JsonPath {
  struct Step {
    Str key;
    int64_t index = 0;
    bool is_index = false;
  };
  std::vector<Step> steps;
  static JsonPath* parse(Str path, Arena& arena, const char** error);
};
struct ExtractJson {
  static constexpr Spec spec{
      .name = "extract_json",
      .aliases = {"extractjson"},
      .doc = "what a JSONPath leads to, as text",
      .page = "extract-json-function",
      .examples = {"extract_json('$.name', '{\"name\":\"John\",\"age\":30}') == 'John'",
                   "extractjson('$.a[1].b', '{\"a\":[1,{\"b\":2}]}') == '2'"}};
  using State = JsonPath;
  static constexpr uint32_t prepared_mask = 1;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return JsonPath::parse(args[0].s, arena, error);
  }
  static Str call_prepared(Context& context, const State& path, Str, Text json);
};

using DynamicFunctions =
    List<ParseJson, ParseJsonDynamic, Member, Element, ArrayLength, DynamicOf<bool>, DynamicOf<int32_t>,
         DynamicOf<int64_t>, DynamicOf<double>, DynamicOf<kqlc::Decimal>, DynamicOf<DateTime>,
         DynamicOf<TimeSpan>, DynamicOf<Guid>, DynamicOf<Str>, PackArray, BagPack, BagPackFilled, BagKeys,
         BagHasKey, BagMerge, ArrayConcat, ArraySlice, ArrayReverse, ArraySum, StrcatArray,
         CombineSets<SetOperation::Union>, CombineSets<SetOperation::Intersect>,
         CombineSets<SetOperation::Difference>, SetHasElement, JaccardIndex, RangeStep<int64_t>,
         RangeStep<double>, RangeStep<DateTime>, RangeStep<TimeSpan>, RangeOfOnes<int64_t>,
         RangeOfOnes<DateTime>, RangeOfOnes<TimeSpan>, ExtractJson>;

}  // namespace kqlc::functions
