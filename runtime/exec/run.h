// SPDX-License-Identifier: Apache-2.0
//
// Run: what a compiled pipeline is called with. In: context, literals, prepared states, the sink. Out: rows in the
// sink. Generated code reads the members by their offsets and calls the two functions by name; it holds no address.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/exec/column.h"
#include "runtime/functions/function.h"
#include "runtime/value/dynamic.h"

namespace kqlc {

class Sink;

struct Run {
  Context context;
  const Cell* literals = nullptr;
  const void* const* prepared = nullptr;
  Sink* sink = nullptr;
};
static_assert(offsetof(Run, context) == 0);

// `source`: the columns of the batch, or Cells row by row. `selection`: one bit a row, those to look at.
using PipelineFunction = void (*)(Run* run, const void* source, const uint64_t* selection, int64_t num_rows,
                                  uint64_t position);

// Reads one value of a batch, whatever its encoding.
inline void load_cell(Context& context, const Column* columns, int64_t column, int32_t type, int64_t row, Cell* out) {
  const Column& from = columns[column];
  *out = static_cast<Type>(type) == Type::Dynamic ? dynamic::load_dynamic(from, from.encoding, row, *context.arena)
                                                  : load(from, static_cast<Type>(type), from.encoding, row);
}

extern "C" {
void kqlc_load(Context* context, const Column* columns, int64_t column, int32_t type, int64_t row, Cell* out);
// Hands a row to the sink: its columns, or for groups the keys and then the arguments of all aggregates.
void kqlc_sink(Run* run, const Cell* row);
}

}  // namespace kqlc
