// SPDX-License-Identifier: Apache-2.0
//
// Pipelines: a Plan cut where rows have to be gathered. In: a result node of a Plan. Out: a chain of pipelines, each a
// source, filters and projections, and a sink; the first reads a table (or constant rows), each other one the rows
// of the sink before. Only the columns that are read are listed, and leading filters that a whole column can decide
// (`string column has "constant"`) stand apart as atoms.
#pragma once

#include <vector>

#include "compiler/plan/plan.h"
#include "runtime/base/result.h"

namespace kqlc::pipelines {

struct Step {
  bool filter = false;
  std::vector<plan::ExprId> exprs;  // filter: all must be true; else one a column
};

struct Pipeline {
  const plan::Node* source = nullptr;  // Scan or Rows; nullptr: the rows of the pipeline before
  size_t source_width = 0;             // columns the source has
  std::vector<int> columns;            // of the source, those that are read, growing
  std::vector<plan::ExprId> atoms;     // over source columns; decided before the row loop
  std::vector<Step> steps;
  const plan::Node* sink = nullptr;    // what gathers; nullptr: the rows as they come
  plan::Schema schema;                 // of what reaches the sink
  plan::Schema result;                 // of what the sink hands on
};

// Splits the plan below `node`. Errors: Unsupported, naming the operator that has no native form.
Result<std::vector<Pipeline>> split(const plan::Plan& plan, plan::NodeId node);

// Marks the columns of the input that an expression reads.
void mark_columns(const plan::Plan& plan, plan::ExprId id, std::vector<bool>& columns);

}  // namespace kqlc::pipelines
