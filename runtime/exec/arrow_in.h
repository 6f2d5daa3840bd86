// SPDX-License-Identifier: Apache-2.0
//
// Arrow batches from outside become Columns. In: an ArrowSchema once, then ArrowArrays of that schema. Out:
// the columns that an input of a kernel reads: borrowed where the layout is one that kernels know, converted
// into an arena otherwise; a value that does not fit its column is null and counted. Arrays come from other
// programs: offsets, codes and child lengths are verified and text is checked to be UTF-8 before anything
// relies on it. What the format does not say cannot be verified: that buffers are as long as it requires.
// Source: Arrow columnar format; C data interface, "Data type description - format strings".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/arena.h"
#include "runtime/base/result.h"
#include "runtime/exec/arrow_abi.h"
#include "runtime/exec/column.h"
#include "runtime/exec/program.h"

namespace kqlc::exec {

enum class ArrowKind : uint8_t {
  Null,
  Bool,
  SignedInt,
  UnsignedInt,
  Half,
  Float,
  Double,
  Text,
  LargeText,
  TextView,
  FixedBinary,
  Decimal,
  Time,  // an instant or a span: `span` says which
  List,
  LargeList,
  FixedList,
  Struct,
  Map,
  Dictionary,
};

// A type as a format string gives it.
struct ArrowType {
  ArrowKind kind = ArrowKind::Null;
  std::string name;                  // of the field
  int64_t width = 0;                 // bytes a value; of FixedList: items a row
  int32_t scale = 0;                 // Decimal
  int64_t multiply = 1, divide = 1;  // Time: ticks = value * multiply / divide
  bool span = false;                 // Time
  bool code_signed = true;           // Dictionary; its width is that of a code
  std::vector<ArrowType> children;   // Dictionary: the type of the values
};

// Reads a schema. Errors: Unsupported: a type that is not read; Format: a malformed schema.
Result<ArrowType> read_schema(const ArrowSchema& schema);

class ArrowInput {
 public:
  // Finds `columns` by name among the fields of a struct. Errors: those of read_schema, for the columns that
  // are read.
  static Result<ArrowInput> bind(const ArrowSchema& schema, const std::vector<Field>& columns);
  // Makes the columns of a batch; what is converted lives in `arena`. Errors: Format: the array is none of
  // this schema.
  Result<void> read(const ArrowArray& batch, Arena& arena, std::vector<Column>& columns);
  // Values that did not fit, so far.
  uint64_t unconverted() const { return unconverted_; }

 private:
  struct Source {
    Type type;
    int64_t child = -1;  // -1: missing
    ArrowType arrow;
  };
  std::vector<Source> sources_;
  int64_t num_children_ = 0;
  uint64_t unconverted_ = 0;
};

}  // namespace kqlc::exec
