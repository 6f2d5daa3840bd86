// SPDX-License-Identifier: Apache-2.0
//
// push_limits: take moves through projections and into the inputs of a union (where it stays above as well);
// two takes are the smaller one; sort and take become top, which keeps only so many rows. take is the first
// rows in input order, so it never moves through what drops, groups or orders rows.
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
  const Op& op = ir.ops[id];
  return (op.kind == OpKind::Take || op.kind == OpKind::Top || op.kind == OpKind::Rows) && op.limit <= limit;
}

class LimitPusher {
 public:
  explicit LimitPusher(Ir& ir) : ir_(ir), uses_(count_uses(ir)) {}

  void run() {
    for (size_t id = uses_.size(); id-- > 0;) {
      open_.push_back(static_cast<OpId>(id));
      while (!open_.empty()) {
        OpId take = open_.back();
        open_.pop_back();
        bool is_used = take >= uses_.size() || uses_[take] != 0;
        if (is_used && ir_.ops[take].kind == OpKind::Take) push(take);
      }
    }
    compact(ir_);
  }

 private:
  void push(OpId id) {
    OpId below = ir_.ops[id].inputs[0];
    if (below < uses_.size() && uses_[below] != 1) return;
    const int64_t limit = ir_.ops[id].limit;
    switch (ir_.ops[below].kind) {
      case OpKind::Project:
        return swap(id, below, limit);
      case OpKind::Union:
        return copy_into(below, limit);
      case OpKind::Take:
      case OpKind::Top:
      case OpKind::Sort:
        break;
      default:
        return;
    }
    Op joined = ir_.ops[below];
    joined.limit = joined.kind == OpKind::Sort ? limit : std::min(joined.limit, limit);
    if (joined.kind == OpKind::Sort) joined.kind = OpKind::Top;
    ir_.ops[id] = std::move(joined);
    // Nobody else uses what was below, and of a thousand takes each need not go all the way down.
    if (below < uses_.size()) uses_[below] = 0;
    open_.push_back(id);
  }

  // The take becomes the projection, over a take of the projection's input.
  void swap(OpId id, OpId below, int64_t limit) {
    OpId take = push_back(ir_, make_take(ir_, ir_.ops[below].inputs[0], limit));
    Op project = ir_.ops[below];
    project.inputs = {take};
    ir_.ops[id] = std::move(project);
    open_.push_back(take);
  }

  void copy_into(OpId below, int64_t limit) {
    for (size_t i = 0; i < ir_.ops[below].inputs.size(); ++i) {
      OpId input = ir_.ops[below].inputs[i];
      if (gives_at_most(ir_, input, limit)) continue;
      OpId take = push_back(ir_, make_take(ir_, input, limit));
      ir_.ops[below].inputs[i] = take;
      open_.push_back(take);
    }
  }

  Ir& ir_;
  std::vector<uint32_t> uses_;
  std::vector<OpId> open_;  // takes to be pushed on
};

}  // namespace

void push_limits(Ir& ir) { LimitPusher(ir).run(); }

}  // namespace kqlc::ir
