// SPDX-License-Identifier: Apache-2.0
//
// Pipelines: an Ir cut where rows have to be gathered. In: an Ir. Out: phases, each with one sink and one or
// several inputs; an input is a source (a table, constant rows, a range, or what an earlier phase gathered)
// and the filters, projections and joins its rows go through. A union is no sink: its inputs become inputs of
// the phase above it. The right side of a join is a phase of its own, gathered for looking up; its left side
// streams through the join. Leading filters that a whole column can decide (`string column has "constant"`)
// stand apart as atoms.
//
// Order: the rows of a phase come input by input, each input's in its own order. So a row's place is the pair
// (number of the input, position in the input); sinks order by it, and by the order in which joins make rows
// of one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "runtime/base/result.h"

namespace kqlc::pipelines {

struct Step {
  enum class Kind : uint8_t {
    Filter,   // exprs: all must be true
    Project,  // exprs: one a column
    Join,     // op: the join, phase: its right side
  } kind = Kind::Filter;
  std::vector<ir::ExprId> exprs;
  const ir::Op* op = nullptr;
  size_t phase = 0;
};

enum class SourceKind : uint8_t { Scan, Rows, Range, Phase };

struct Input {
  SourceKind source = SourceKind::Scan;
  const ir::Op* op = nullptr;     // Scan, Rows, Range
  size_t phase = 0;               // Phase: which one; it is an earlier one
  ir::Schema schema;              // of the source, all of it is read
  std::vector<ir::ExprId> atoms;  // over a Scan's columns; decided before the row loop
  std::vector<Step> steps;
  ir::Schema result;  // of what reaches the sink
};

struct Phase {
  std::vector<Input> inputs;  // all give the same columns
  // What gathers: summarize, distinct, count, take, sort, top, or a join its right side; nullptr: the rows as
  // they come.
  const ir::Op* sink = nullptr;
  ir::Schema schema;  // of what reaches the sink
  ir::Schema result;  // of what the sink hands on
};

struct Pipelines {
  std::shared_ptr<const ir::Ir> ir;  // what the pointers and ids are about
  std::vector<Phase> phases;         // each after those it reads; the last gives the result
};

// Splits an Ir. Errors: Unsupported, naming what is too large for a native form.
Result<Pipelines> split(std::shared_ptr<const ir::Ir> ir);

// The phases as text, for a person.
std::string print(const Pipelines& pipelines);

}  // namespace kqlc::pipelines
