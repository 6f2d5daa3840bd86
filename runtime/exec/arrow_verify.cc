// SPDX-License-Identifier: Apache-2.0
//
// Verifying looks at everything that is read of an array: lengths, buffers, offsets, views, codes, children.
// Making columns then relies on it.
#include "runtime/exec/arrow_layout.h"

namespace kqlc::exec {

namespace {

constexpr int64_t kMaxWeightless = int64_t{1} << 20;

int64_t buffers_of(ArrowKind kind) {
  switch (kind) {
    case ArrowKind::Null:
      return 0;
    case ArrowKind::FixedList:
    case ArrowKind::Struct:
      return 1;
    case ArrowKind::Text:
    case ArrowKind::LargeText:
    case ArrowKind::TextView:
      return 3;
    default:
      return 2;
  }
}

// Bytes that a value's address must be a multiple of.
int64_t alignment_of(const ArrowType& type) {
  switch (type.kind) {
    case ArrowKind::List:
    case ArrowKind::Map:
      return 4;
    case ArrowKind::TextView:
      return 4;
    case ArrowKind::FixedBinary:
    case ArrowKind::Decimal:
      return 1;
    case ArrowKind::Bool:
      return 1;
    default:
      return type.width ? type.width : 1;
  }
}

Result<void> verify_offsets(const ArrowType& type, const ArrowArray& array, int64_t most) {
  int64_t end = array.offset + array.length;
  int64_t last = offset_at(type, array, array.offset);
  if (last < 0) return malformed("an offset is negative");
  for (int64_t place = array.offset + 1; place <= end; ++place) {
    int64_t next = offset_at(type, array, place);
    if (next < last) return malformed("offsets do not grow");
    last = next;
  }
  return last <= most ? Result<void>() : Result<void>(malformed("an offset is out of bounds"));
}

Result<void> verify_views(const ArrowType& type, const ArrowArray& array) {
  int64_t num_data = array.n_buffers - 3;
  const auto* sizes = buffer<int64_t>(array, array.n_buffers - 1);
  if (num_data > 0 && !sizes) return malformed("the sizes of a view's buffers are missing");
  for (int64_t place = array.offset; place < array.offset + array.length; ++place) {
    if (!is_valid(type, array, place)) continue;
    const int32_t* view = buffer<int32_t>(array, 1) + place * 4;
    if (view[0] < 0) return malformed("a view is shorter than nothing");
    if (view[0] <= 12) continue;
    bool inside = view[2] >= 0 && view[2] < num_data && view[3] >= 0 &&
                  int64_t{view[3]} + view[0] <= sizes[view[2]] && array.buffers[2 + view[2]];
    if (!inside) return malformed("a view is out of bounds");
  }
  return {};
}

Result<void> verify_dictionary(const ArrowType& type, const ArrowArray& array) {
  if (!array.dictionary) return malformed("the dictionary is missing");
  KQLC_TRY(verify(type.children[0], *array.dictionary, 0));
  int64_t size = array.dictionary->length;
  for (int64_t place = array.offset; place < array.offset + array.length; ++place) {
    if (!is_valid(type, array, place)) continue;
    int64_t code = code_at(type, array, place);
    if (code < 0 || code >= size) return malformed("a code is not in the dictionary");
  }
  return {};
}

// Values that take no bytes: their number says nothing about the memory behind them.
bool is_weightless(const ArrowType& type) {
  switch (type.kind) {
    case ArrowKind::Null:
      return true;
    case ArrowKind::FixedBinary:
      return type.width == 0;
    case ArrowKind::FixedList:
      return type.width == 0 || is_weightless(type.children[0]);
    case ArrowKind::Struct:
      for (const ArrowType& child : type.children)
        if (!is_weightless(child)) return false;
      return true;
    default:
      return false;
  }
}

Result<void> verify_children(const ArrowType& type, const ArrowArray& array, int64_t rows) {
  auto count = static_cast<int64_t>(type.children.size());
  if (array.n_children != count || (count > 0 && !array.children))
    return malformed("wrong number of children");
  for (int64_t i = 0; i < count; ++i) {
    if (!array.children[i]) return malformed("a child is missing");
    const ArrowType& child = type.children[static_cast<size_t>(i)];
    if (type.kind != ArrowKind::Struct && is_weightless(child) && array.children[i]->length > kMaxWeightless)
      return malformed("a list of too many nulls");
    KQLC_TRY(verify(child, *array.children[i], rows));
  }
  return {};
}

}  // namespace

Result<void> verify(const ArrowType& type, const ArrowArray& array, int64_t rows) {
  if (array.length < 0 || array.offset < 0 || array.length > kMaxRows || array.offset > kMaxRows)
    return malformed("length or offset is wrong");
  if (array.length < rows) return malformed("a child is too short");
  int64_t buffers = buffers_of(type.kind);
  if (array.n_buffers < buffers || (buffers > 0 && !array.buffers)) return malformed("buffers are missing");
  if (type.kind == ArrowKind::TextView && array.n_buffers < 3) return malformed("buffers are missing");
  if (buffers > 0 && !array.buffers[0] && array.null_count > 0)
    return malformed("nulls without a validity bitmap");
  if (array.length == 0) return {};
  bool has_values = buffers > 1;
  if (has_values && !array.buffers[1]) return malformed("a buffer is missing");
  if (has_values &&
      reinterpret_cast<uintptr_t>(array.buffers[1]) % static_cast<uintptr_t>(alignment_of(type)) != 0)
    return malformed("a buffer is not aligned");
  switch (type.kind) {
    case ArrowKind::Text:
    case ArrowKind::LargeText: {
      KQLC_TRY(verify_offsets(type, array, INT64_MAX));
      bool empty =
          offset_at(type, array, array.offset) == offset_at(type, array, array.offset + array.length);
      return array.buffers[2] || empty ? Result<void>() : Result<void>(malformed("a buffer is missing"));
    }
    case ArrowKind::TextView:
      return verify_views(type, array);
    case ArrowKind::Dictionary:
      return verify_dictionary(type, array);
    case ArrowKind::List:
    case ArrowKind::LargeList:
    case ArrowKind::Map:
      KQLC_TRY(verify_children(type, array, 0));
      return verify_offsets(type, array, array.children[0]->length);
    case ArrowKind::FixedList:
      if (type.width && array.offset + array.length > kMaxRows / type.width)
        return malformed("length or offset is wrong");
      return verify_children(type, array, (array.offset + array.length) * type.width);
    case ArrowKind::Struct:
      return verify_children(type, array, array.offset + array.length);
    default:
      return {};
  }
}

}  // namespace kqlc::exec
