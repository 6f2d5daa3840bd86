// SPDX-License-Identifier: Apache-2.0
//
// The table of one target, made from its vector type. In: the wrapper V. Out: a Kernels that a
// kernels_<target>.cc gives its name. Adding a routine: a member in kernels.h, its template, a line here.
#pragma once

#include "runtime/simd/bytes-inl.h"
#include "runtime/simd/column-inl.h"
#include "runtime/simd/json-inl.h"
#include "runtime/simd/keys-inl.h"
#include "runtime/simd/multi-inl.h"
#include "runtime/simd/packed-inl.h"
#include "runtime/simd/utf8-inl.h"

namespace kqlc::simd {
namespace {

template <class V>
constexpr Kernels make_kernels(const char* name) {
  Kernels table{};
  table.name = name;
  table.vector_bytes = V::kBytes;
  table.matches = &matches<V>;
  table.find = &find<V>;
  table.find_text = &find_text<V>;
  table.equal_caseless = &equal_caseless;
  table.filter_offsets32 = &filter_offsets<V, int32_t>;
  table.filter_offsets64 = &filter_offsets<V, int64_t>;
  table.filter_views = &filter_views<V>;
  table.filter_strs = &filter_strs<V>;
  table.find_any = &find_any<V>;
  table.find_all = &find_all<V>;
  table.find_keys = &find_keys<V>;
  table.find_byte = &find_byte<V>;
  table.find_last_byte = &find_last_byte<V>;
  table.count_byte = &count_byte<V>;
  table.copy_to_quote = &copy_to_quote<V>;
  table.is_utf8 = &is_utf8<V>;
  table.json_lines = &json_lines<V>;
  table.find_codes = &find_codes;
  return table;
}

}  // namespace
}  // namespace kqlc::simd
