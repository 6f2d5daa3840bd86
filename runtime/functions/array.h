// SPDX-License-Identifier: Apache-2.0
//
// Functions that reorder, cut and pair arrays, and change bags key by key. In: dynamic arrays and bags. Out:
// new ones whose elements are shared with the old; null for what is no array or no bag. Sources: the page of
// each function.
#pragma once

#include <memory>

#include "runtime/functions/arithmetic.h"
#include "runtime/functions/dynamic.h"
#include "runtime/functions/function.h"

namespace kqlc::functions {

// The elements moved left by `count`: turned around the ends, or with `fill` in the places left.
Dynamic rotate_array(Dynamic value, int64_t count, Arena& arena);
Dynamic shift_array(Dynamic value, int64_t count, Value fill, Arena& arena);

template <bool right>
struct ArrayRotate {
  static constexpr Spec spec{
      .name = right ? "array_rotate_right" : "array_rotate_left",
      .doc = "the elements turned around the ends by so many places",
      .page = right ? "array-rotate-right-function" : "array-rotate-left-function",
      .examples = {right ? "tostring(array_rotate_right(dynamic([1,2,3,4,5]), 2)) == '[4,5,1,2,3]'"
                         : "tostring(array_rotate_left(dynamic([1,2,3,4,5]), 2)) == '[3,4,5,1,2]'",
                   right ? "tostring(array_rotate_right(dynamic([1,2,3,4,5]), -2)) == '[3,4,5,1,2]'"
                         : "tostring(array_rotate_left(dynamic([1,2,3,4,5]), -2)) == '[4,5,1,2,3]'"}};
  static Dynamic call(Context& context, Dynamic array, int64_t count) {
    return rotate_array(array, right ? wrap_subtract(0, count) : count, *context.arena);
  }
};
template <bool right>
struct ArrayShiftFill {
  static constexpr Spec spec{
      .name = right ? "array_shift_right" : "array_shift_left",
      .doc = "the elements moved by so many places, a value in the places left",
      .page = right ? "array-shift-right-function" : "array-shift-left-function",
      .examples = {right ? "tostring(array_shift_right(dynamic([1,2,3,4,5]), 2, -1)) == '[-1,-1,1,2,3]'"
                         : "tostring(array_shift_left(dynamic([1,2,3,4,5]), 2, -1)) == '[3,4,5,-1,-1]'",
                   right ? "tostring(array_shift_right(dynamic([1,2,3,4,5]), -2, -1)) == '[3,4,5,-1,-1]'"
                         : "tostring(array_shift_left(dynamic([1,2,3,4,5]), -2, -1)) == '[-1,-1,1,2,3]'"}};
  static Dynamic call(Context& context, Dynamic array, int64_t count, Value fill) {
    return shift_array(array, right ? wrap_subtract(0, count) : count, fill, *context.arena);
  }
};
template <bool right>
struct ArrayShift {
  static constexpr Spec spec{
      .name = right ? "array_shift_right" : "array_shift_left",
      .doc = "the elements moved by so many places, null in the places left",
      .page = right ? "array-shift-right-function" : "array-shift-left-function",
      .examples = {right ? "tostring(array_shift_right(dynamic([1,2,3]), 1)) == '[null,1,2]'"
                         : "tostring(array_shift_left(dynamic([1,2,3,4,5]), 2)) == '[3,4,5,null,null]'"}};
  static Dynamic call(Context& context, Dynamic array, int64_t count) {
    return ArrayShiftFill<right>::call(context, array, count, {});
  }
};

Dynamic sort_array(Dynamic value, bool descending, bool nulls_last, Arena& arena);
template <bool descending>
struct ArraySortNulls {
  static constexpr Spec spec{
      .name = descending ? "array_sort_desc" : "array_sort_asc",
      .doc = "the elements in order; nulls where the second argument says: true for last",
      .page = descending ? "array-sort-desc-function" : "array-sort-asc-function",
      .examples = {descending
                       ? "tostring(array_sort_desc(dynamic(['blue', null]), false)) == '[null,\"blue\"]'"
                       : "tostring(array_sort_asc(dynamic(['blue', null]), false)) == '[null,\"blue\"]'"}};
  static Dynamic call(Context& context, Dynamic array, bool nulls_last) {
    return sort_array(array, descending, nulls_last, *context.arena);
  }
};
template <bool descending>
struct ArraySort {
  static constexpr Spec spec{
      .name = descending ? "array_sort_desc" : "array_sort_asc",
      .doc = "the elements in order, nulls last; numbers and times before texts before guids",
      .page = descending ? "array-sort-desc-function" : "array-sort-asc-function",
      .examples = {descending ? "tostring(array_sort_desc(dynamic([null,'blue','yellow','green',null]))) == "
                                "'[\"yellow\",\"green\",\"blue\",null,null]'"
                              : "tostring(array_sort_asc(dynamic([null,'blue','yellow','green',null]))) == "
                                "'[\"blue\",\"green\",\"yellow\",null,null]'",
                   descending ? "tostring(array_sort_desc(dynamic([1,3,4,5,2]))) == '[5,4,3,2,1]'"
                              : "tostring(array_sort_asc(dynamic([1,3,4,5,2]))) == '[1,2,3,4,5]'"}};
  static Dynamic call(Context& context, Dynamic array) {
    return sort_array(array, descending, true, *context.arena);
  }
};

// The binder's form for several arrays; its columns are the elements of the result.
Dynamic sort_arrays(Variadic<Value> values, bool descending, bool nulls_last, Arena& arena);
template <bool descending>
struct ArraySortAll {
  static constexpr Spec spec{
      .name = descending ? "array_sort_desc_all" : "array_sort_asc_all",
      .doc = "the arrays, all in the order of the first; null for one of another length",
      .page = descending ? "array-sort-desc-function" : "array-sort-asc-function",
      .examples = {descending ? "tostring(array_sort_desc_all(true, dynamic([1,2]), dynamic(['a','b']))) == "
                                "'[[2,1],[\"b\",\"a\"]]'"
                              : "tostring(array_sort_asc_all(true, dynamic([2,1]), dynamic(['a','b']))) == "
                                "'[[1,2],[\"b\",\"a\"]]'"}};
  static Dynamic call(Context& context, bool nulls_last, Variadic<Value> arrays) {
    return sort_arrays(arrays, descending, nulls_last, *context.arena);
  }
};

struct ArraySplit {
  static constexpr Spec spec{
      .name = "array_split",
      .doc = "the array cut at an index, as an array of two",
      .page = "array-split-function",
      .examples = {"tostring(array_split(dynamic([1,2,3,4,5]), 2)) == '[[1,2],[3,4,5]]'"}};
  static Dynamic call(Context& context, Dynamic array, int64_t index);
};
struct ArraySplitMany {
  static constexpr Spec spec{
      .name = "array_split",
      .doc = "the array cut at each of the indices",
      .page = "array-split-function",
      .examples = {"tostring(array_split(dynamic([1,2,3,4,5]), dynamic([1,3]))) == '[[1],[2,3],[4,5]]'"}};
  static Dynamic call(Context& context, Dynamic array, Dynamic indices);
};
struct ArrayIff {
  static constexpr Spec spec{
      .name = "array_iff",
      .aliases = {"array_iif"},
      .doc = "for each condition the element of the second or the third argument",
      .page = "array-iff-function",
      .examples = {
          "tostring(array_iff(dynamic([true,false,true]), dynamic([1,2,3]), dynamic([4,5,6]))) == '[1,5,3]'",
          "tostring(array_iff(dynamic([1,0,50]), 'yes', 'no')) == '[\"yes\",\"no\",\"yes\"]'",
          "tostring(array_iff(dynamic(['some', null]), 1, 0)) == '[null,null]'"}};
  static Dynamic call(Context& context, Dynamic conditions, Value when_true, Value when_false);
};
struct Zip {
  static constexpr Spec spec{
      .name = "zip",
      .may_fail = true,
      .doc =
          "the first elements of all arrays as an array, the second ones, ...; null where an array has ended",
      .page = "zip-function",
      .examples = {"tostring(zip(dynamic([1,3,5]), dynamic([2,4,6]))) == '[[1,2],[3,4],[5,6]]'",
                   "tostring(zip(dynamic([1,2]), dynamic(['a']))) == '[[1,\"a\"],[2,null]]'"}};
  static Dynamic call(Context& context, Variadic<Value> arrays);
};
struct Repeat {
  static constexpr Spec spec{.name = "repeat",
                             .result_name = ResultName::Prefix,
                             .result_prefix = "repeat",
                             .doc = "the value so many times as an array, at most 1,048,576",
                             .page = "repeat-function",
                             .examples = {"tostring(repeat(1, 3)) == '[1,1,1]'", "isnull(repeat(1, -1))"}};
  static Dynamic call(Context& context, Value value, int64_t count);
};
// The elements to look at in array_index_of are `length` from `start` on, as in indexof.
Nullable<int64_t> find_in_array(Dynamic value, Value wanted, int64_t start, int64_t length,
                                int64_t occurrence, Arena& arena);
struct ArrayIndexOf {
  static constexpr Spec spec{.name = "array_index_of",
                             .doc = "position of the first equal element, or -1",
                             .page = "array-index-of-function",
                             .examples = {"array_index_of(dynamic(['this', 'is', 'an']), 'an') == 2"}};
  static Nullable<int64_t> call(Context& context, Dynamic array, Value wanted) {
    return find_in_array(array, wanted, 0, -1, 1, *context.arena);
  }
};
struct ArrayIndexOfFrom {
  static constexpr Spec spec{
      .name = "array_index_of",
      .doc = "position of the first equal element from a position on, or -1",
      .page = "array-index-of-function",
      .examples = {
          "array_index_of(dynamic(['this', 'is', 'an', 'example', 'an', 'example']), 'an', -3) == 4",
          "array_index_of(dynamic(['this', 'is', 'an', 'example', 'an', 'example']), 'is', -4) == -1"}};
  static Nullable<int64_t> call(Context& context, Dynamic array, Value wanted, int64_t start) {
    return find_in_array(array, wanted, start, -1, 1, *context.arena);
  }
};
struct ArrayIndexOfWithin {
  static constexpr Spec spec{
      .name = "array_index_of",
      .doc = "position of the first equal element in a range, or -1",
      .page = "array-index-of-function",
      .examples = {
          "array_index_of(dynamic(['this', 'is', 'an', 'example', 'an', 'example']), 'example', 1, 3) == 3",
          "array_index_of(dynamic(['this', 'is', 'an', 'example', 'an', 'example']), 'example', 1, 2) == -1",
          "array_index_of(dynamic(['this', 'is', 'an', 'example', 'an', 'example']), 'example', 2, -1) == "
          "3"}};
  static Nullable<int64_t> call(Context& context, Dynamic array, Value wanted, int64_t start,
                                int64_t length) {
    return find_in_array(array, wanted, start, length, 1, *context.arena);
  }
};
struct ArrayIndexOfNth {
  static constexpr Spec spec{
      .name = "array_index_of",
      .doc = "position of a later equal element in a range, or -1",
      .page = "array-index-of-function",
      .examples = {
          "array_index_of(dynamic(['this', 'is', 'an', 'example', 'an', 'example']), 'an', 1, -1, 2) == 4",
          "array_index_of(dynamic(['this', 'is', 'an', 'example', 'an', 'example']), 'an', 1, -1, 3) == -1"}};
  static Nullable<int64_t> call(Context& context, Dynamic array, Value wanted, int64_t start, int64_t length,
                                int64_t occurrence) {
    return find_in_array(array, wanted, start, length, occurrence, *context.arena);
  }
};

struct BagZip {
  static constexpr Spec spec{
      .name = "bag_zip",
      .doc = "an array of keys and one of values as a bag; keys that are no text are left out",
      .page = "bag-zip",
      .examples = {
          "tostring(bag_zip(dynamic(['a', 'b', 'c']), dynamic([1, '2', 3.4]))) == "
          "'{\"a\":1,\"b\":\"2\",\"c\":3.4}'",
          "tostring(bag_zip(dynamic(['a', 8, 'b']), dynamic([1, '2', 2.5]))) == '{\"a\":1,\"b\":2.5}'",
          "tostring(bag_zip(dynamic(['a', 8, 'b']), dynamic(1))) == '{\"a\":null,\"b\":null}'"}};
  static Dynamic call(Context& context, Dynamic keys, Value values);
};
// A key of bag_set_key and bag_remove_keys: a name at the top, or a JSONPath of names.
struct KeyPath {
  std::vector<Str> names;
  static KeyPath* prepare_one(Str key, Arena& arena, const char** error);
};
struct BagSetKey {
  static constexpr Spec spec{.name = "bag_set_key",
                             .doc = "the bag with a key, or a JSONPath of keys, set to a value",
                             .page = "bag-set-key-function",
                             .examples = {"tostring(bag_set_key(dynamic({'key1': 1, 'key3': 'abc'}), 'key3', "
                                          "3)) == '{\"key1\":1,\"key3\":3}'",
                                          "tostring(bag_set_key(dynamic({'key1': 123}), '$.key2.prop1', "
                                          "'abc')) == '{\"key1\":123,\"key2\":{\"prop1\":\"abc\"}}'"}};
  using State = KeyPath;
  static constexpr uint32_t prepared_mask = 2;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return KeyPath::prepare_one(args[1].s, arena, error);
  }
  static Dynamic call_prepared(Context& context, const State& path, Dynamic bag, Str, Value value);
};
struct BagRemoveKeys {
  static constexpr Spec spec{
      .name = "bag_remove_keys",
      .doc = "the bag without some keys, or JSONPaths of keys",
      .page = "bag-remove-keys-function",
      .examples = {"tostring(bag_remove_keys(dynamic({'key1': 123, 'key2': 'abc'}), dynamic(['key2', "
                   "'key4']))) == '{\"key1\":123}'",
                   "tostring(bag_remove_keys(dynamic({'key1': 123, 'key2': {'prop1': 'abc', 'prop2': 'xyz'}, "
                   "'key3': [100, 200]}), dynamic(['$.key2.prop1', 'key3']))) == "
                   "'{\"key1\":123,\"key2\":{\"prop2\":\"xyz\"}}'"}};
  static Dynamic call(Context& context, Dynamic bag, Dynamic keys);
};
struct TreePath {
  static constexpr Spec spec{
      .name = "treepath",
      .result_name = ResultName::Prefix,
      .result_prefix = "tree",
      .doc = "the paths to all values of a bag; of arrays the first element stands for all",
      .page = "treepath-function",
      .examples = {
          "tostring(treepath(parse_json('{\"a\":\"b\", \"c\":123}'))) == '[\"[\\'a\\']\",\"[\\'c\\']\"]'",
          "array_length(treepath(parse_json('{\"prop1\":[1,2,3,4], \"prop2\":\"value2\"}'))) == 3",
          "tostring(treepath(parse_json('{\"listProperty\":[100,200,300,\"abcde\",{\"x\":\"y\"}]}'))) == "
          "'[\"[\\'listProperty\\']\",\"[\\'listProperty\\'][0]\",\"[\\'listProperty\\'][0][\\'x\\']\"]'"}};
  static Dynamic call(Context& context, Dynamic value);
};
struct DynamicToJson {
  static constexpr Spec spec{.name = "dynamic_to_json",
                             .doc = "the value as JSON with the keys of bags in order",
                             .page = "dynamic-to-json-function",
                             .examples = {"dynamic_to_json(dynamic({'b': 1, 'a': [2, {'d': 3, 'c': 4}]})) == "
                                          "'{\"a\":[2,{\"c\":4,\"d\":3}],\"b\":1}'",
                                          "dynamic_to_json(123) == '123'"}};
  static Str call(Context& context, Value value);
};
template <class T>
struct GetType {
  static constexpr Spec spec{.name = "gettype",
                             .result_name = ResultName::Prefix,
                             .result_prefix = "type",
                             .doc = "the name of the value's type at run time",
                             .page = "gettype-function",
                             .examples = {"gettype(111) == 'long'", "gettype('a') == 'string'",
                                          "gettype(parse_json(' {\"abc\":1} ')) == 'dictionary'"}};
  static Str call(Context& context, Nullable<T> value) {
    if (!value.valid) return Str("null");
    if constexpr (std::is_same_v<T, Dynamic>) {
      return type_of_node(node_of(value.value, *context.arena));
    } else {
      return Str(type_name(TypeOf<T>::type));
    }
  }
  static Str type_of_node(const dynamic::Node& node) {
    constexpr std::string_view names[] = {"null",     "bool", "long",    "real",  "string",     "datetime",
                                          "timespan", "guid", "decimal", "array", "dictionary", ""};
    return Str(names[static_cast<int>(node.kind)]);
  }
};
template <class... T>
using TypeNames = List<GetType<T>...>;
using ArrayFunctions =
    Join<List<ArrayRotate<false>, ArrayRotate<true>, ArrayShift<false>, ArrayShift<true>,
              ArrayShiftFill<false>, ArrayShiftFill<true>, ArraySort<false>, ArraySort<true>,
              ArraySortAll<false>, ArraySortAll<true>, ArraySortNulls<false>, ArraySortNulls<true>,
              ArraySplit, ArraySplitMany, ArrayIff, Zip, Repeat, ArrayIndexOf, ArrayIndexOfFrom,
              ArrayIndexOfWithin, ArrayIndexOfNth, BagZip, BagSetKey, BagRemoveKeys, TreePath, DynamicToJson>,
         TypeNames<bool, int32_t, int64_t, double, kqlc::Decimal, DateTime, TimeSpan, Guid, Str, Dynamic>>;

}  // namespace kqlc::functions
