// SPDX-License-Identifier: Apache-2.0
//
// The buffers of an ArrowArray. In: an array with its type. Out: validity, integers, codes and offsets of a
// place, a place being a row of the buffers (the array's offset is in it); and the verifier that they rely
// on. Source: Arrow columnar format, "Physical memory layout".
#pragma once

#include <string>

#include "runtime/base/result.h"
#include "runtime/exec/arrow_in.h"

namespace kqlc::exec {

inline constexpr int64_t kMaxRows = int64_t{1} << 40;

inline Error malformed(const char* what) { return {ErrorCode::Format, std::string("Arrow array: ") + what}; }

template <class T>
const T* buffer(const ArrowArray& array, int64_t index) {
  return static_cast<const T*>(array.buffers[index]);
}
inline const uint8_t* validity_of(const ArrowType& type, const ArrowArray& array) {
  if (type.kind == ArrowKind::Null || array.null_count == 0) return nullptr;
  return buffer<uint8_t>(array, 0);
}
inline bool is_valid(const ArrowType& type, const ArrowArray& array, int64_t place) {
  const uint8_t* validity = validity_of(type, array);
  return type.kind != ArrowKind::Null && (!validity || bit_at(validity, place));
}

inline int64_t read_integer(const void* values, int64_t place, int64_t width, bool with_sign) {
  switch (width) {
    case 1:
      return with_sign ? static_cast<const int8_t*>(values)[place]
                       : static_cast<const uint8_t*>(values)[place];
    case 2:
      return with_sign ? static_cast<const int16_t*>(values)[place]
                       : static_cast<const uint16_t*>(values)[place];
    case 4:
      return with_sign ? static_cast<const int32_t*>(values)[place]
                       : static_cast<int64_t>(static_cast<const uint32_t*>(values)[place]);
    default:
      return static_cast<const int64_t*>(values)[place];
  }
}
inline int64_t code_at(const ArrowType& type, const ArrowArray& array, int64_t place) {
  return read_integer(array.buffers[1], place, type.width, type.code_signed);
}

// Start and end of a variable-sized value.
inline int64_t offset_at(const ArrowType& type, const ArrowArray& array, int64_t place) {
  bool large = type.kind == ArrowKind::LargeText || type.kind == ArrowKind::LargeList;
  return large ? buffer<int64_t>(array, 1)[place] : buffer<int32_t>(array, 1)[place];
}

// Verifies that the array is one of the type with at least `rows` rows. Errors: Format.
Result<void> verify(const ArrowType& type, const ArrowArray& array, int64_t rows);

}  // namespace kqlc::exec
