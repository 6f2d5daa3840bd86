// SPDX-License-Identifier: Apache-2.0
//
// push_limits: take moves through projections and into the inputs of a union (where it stays above as well); two takes
// are the smaller one; sort and take become top, which keeps only so many rows. take is the first rows in input order,
// so it never moves through what drops, groups or orders rows.
#include <algorithm>

#include "compiler/ir/passes.h"

namespace kqlc::ir {

namespace {

OpId push_back(Ir& ir, Op op) {
  ir.ops.push_back(std::move(op));
  return static_cast<OpId>(ir.ops.size() - 1);
}

Op make_take(const Ir& ir, OpId input, int64_t limit) {
  Op take;
  take.kind = OpKind::Take;
  take.schema = ir.ops[input].schema;
  take.inputs = {input};
  take.limit = limit;
  return take;
}

// Whether rows come from here that already are few enough.
bool gives_at_most(const Ir& ir, OpId id, int64_t limit) {
  while (ir.ops[id].kind == OpKind::Project) id = ir.ops[id].inputs[0];
  const Op& op = ir.ops[id];
  return (op.kind == OpKind::Take || op.kind == OpKind::Top || op.kind == OpKind::Rows) && op.limit <= limit;
}

// Moves the take `id` one operator down. Returns whether it did.
bool push(Ir& ir, OpId id, const std::vector<uint32_t>& uses) {
  OpId below = ir.ops[id].inputs[0];
  if (below < uses.size() && uses[below] != 1) return false;
  const int64_t limit = ir.ops[id].limit;
  switch (ir.ops[below].kind) {
    case OpKind::Project: {
      // The take becomes the projection, over a take of the projection's input.
      OpId take = push_back(ir, make_take(ir, ir.ops[below].inputs[0], limit));
      Op project = ir.ops[below];
      project.inputs = {take};
      ir.ops[id] = std::move(project);
      return true;
    }
    case OpKind::Take: case OpKind::Top: {
      Op less = ir.ops[below];
      less.limit = std::min(less.limit, limit);
      ir.ops[id] = std::move(less);
      return true;
    }
    case OpKind::Sort: {
      Op top = ir.ops[below];
      top.kind = OpKind::Top;
      top.limit = limit;
      ir.ops[id] = std::move(top);
      return true;
    }
    case OpKind::Union: {
      bool moved = false;
      for (size_t i = 0; i < ir.ops[below].inputs.size(); ++i) {
        OpId input = ir.ops[below].inputs[i];
        if (gives_at_most(ir, input, limit)) continue;
        OpId take = push_back(ir, make_take(ir, input, limit));
        ir.ops[below].inputs[i] = take;
        moved = true;
      }
      return moved;
    }
    default: return false;
  }
}

}  // namespace

void push_limits(Ir& ir) {
  for (bool moved = true; moved;) {
    moved = false;
    std::vector<uint32_t> uses = count_uses(ir);
    for (size_t id = uses.size(); id-- > 0;)
      if (ir.ops[id].kind == OpKind::Take) moved |= push(ir, static_cast<OpId>(id), uses);
    compact(ir);
  }
}

}  // namespace kqlc::ir
