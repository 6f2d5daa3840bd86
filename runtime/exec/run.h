// SPDX-License-Identifier: Apache-2.0
//
// Run: what a compiled pipeline is called with. In: context, literals, prepared states, the sink. Out: rows
// in the sink. Generated code reads the members by their offsets and calls the two functions by name; it
// holds no address.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "runtime/exec/column.h"
#include "runtime/functions/function.h"
#include "runtime/value/dynamic.h"

namespace kqlc {

class JoinTable;
class Sink;
namespace exec {
class State;
}

struct Run {
  Context context;
  const Cell* literals = nullptr;
  const void* const* prepared = nullptr;
  Cell* row = nullptr;  // where the sink wants its next row
  Sink* sink = nullptr;
  const std::shared_ptr<const JoinTable>* tables = nullptr;  // by sink; those of joins that are complete
  exec::State* state = nullptr;                              // whose limits hold
  uint64_t unchecked = 0;                                    // matches since the limits were looked at
  size_t next_check = 0;  // bytes of the state arena from which on they are looked at again
};
static_assert(offsetof(Run, context) == 0);

// What texts of before lie at may be gone from here on.
inline void begin_run(Context& context) { context.run = std::max(context.run + 1, 1u); }

// `source`: the columns of the batch, or Cells row by row. `selection`: one bit a row, those to look at.
using PipelineFunction = void (*)(Run* run, const void* source, const uint64_t* selection, int64_t num_rows,
                                  uint64_t position);

// How a column lies in memory, as one number: its encoding, whether it has nulls, and the same of its
// dictionary. A function compiled for a shape reads only columns of that shape, without a branch on the
// encoding.
inline constexpr uint32_t kAnyShape = 0xFFFFFFFF;
inline constexpr uint32_t kShapeNulls = 0x80;
inline uint32_t shape_of(const Column& column) {
  uint32_t shape = static_cast<uint32_t>(column.encoding) | (column.validity ? kShapeNulls : 0);
  return column.encoding == Encoding::Dictionary ? shape | shape_of(*column.dictionary) << 8 : shape;
}

// Returns `column` as one whose encoding and nulls the compiler knows.
inline Column shaped(const Column& column, uint32_t shape) {
  Column out = column;
  out.encoding = static_cast<Encoding>(shape & 0x7F);
  if (!(shape & kShapeNulls)) out.validity = nullptr;
  return out;
}

// Reads one value of a column; `values` is its dictionary, where it has one.
inline void load_cell(Context& context, const Column& from, const Column& values, Type type, int64_t row,
                      Cell* out) {
  if (type != Type::String && type != Type::Dynamic) {
    *out = load(from, type, from.encoding, row);
    return;
  }
  Str text;
  uint32_t code = 0;
  if (from.encoding == Encoding::Dictionary) {
    int64_t place = row + from.offset;
    if (!from.validity || bit_at(from.validity, place)) {
      const auto value = static_cast<const int32_t*>(from.values)[place];
      text = load_str(values, values.encoding, value);
      code = static_cast<uint32_t>(value) + 1;
    }
  } else {
    text = load_str(from, from.encoding, row);
  }
  *out = type == Type::String ? make_cell(text) : dynamic::lazy_cell(text, *context.arena);
  if (type == Type::String) out->code = code;
}

// Reads one value of a batch. `shape` is that of the column, or kAnyShape.
inline void load_cell(Context& context, const Column* columns, int64_t column, int32_t type, uint32_t shape,
                      int64_t row, Cell* out) {
  const Column& from = columns[column];
  const Column& values = from.dictionary ? *from.dictionary : from;
  if (shape == kAnyShape)
    load_cell(context, from, values, static_cast<Type>(type), row, out);
  else
    load_cell(context, shaped(from, shape), shaped(values, shape >> 8), static_cast<Type>(type), row, out);
}

extern "C" {
void kqlc_load(Context* context, const Column* columns, int64_t column, int32_t type, uint32_t shape,
               int64_t row, Cell* out);
// Hands the row at Run::row to the sink, and sets that for the next one. A row is its columns, or for groups
// the keys and then the arguments of all aggregates.
void kqlc_sink(Run* run);
// Begins a row of which joins may make many: sets Context::match to 0, and lets go of what the rows before
// have made once that is much.
void kqlc_begin_row(Run* run);
// Looks up the rows of the join table of a sink that match the keys of a left row. Returns where pointers to
// them stand and how many there are; none once a limit was hit or no further row matters. With `outer` a row
// without a match gets one of nulls.
const Cell* const* kqlc_probe(Run* run, uint64_t sink, const Cell* keys, uint64_t outer, uint64_t* count);
// Of the `*count` matches that kqlc_probe returned: those among which all are whose column is at least `low`
// and at most `high`; nullptr: no bound. None where a bound is null, since nothing compares with that. Valid
// until the next call for the same sink.
const Cell* const* kqlc_narrow(Run* run, uint64_t sink, const Cell* const* matches, uint64_t column,
                               const Cell* low, const Cell* high, uint64_t* count);
}

}  // namespace kqlc
