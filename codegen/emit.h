// SPDX-License-Identifier: Apache-2.0
//
// The emitter: an input of a phase becomes one LLVM function. In: the input, the phase's sink, and the shape
// of the columns it is made for. Out: a function in the module that loops over the selected rows, and the
// literals and recipes of prepared states that it addresses by index through Run. Values are Cells in stack
// slots; after inlining LLVM breaks them up. An expression is computed where a row first needs it, and its
// value is used again wherever that place dominates: what is computed in a branch is known in that branch
// only. Columns and projections are computed on the row's main line.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "codegen/unit.h"
#include "compiler/pipelines/pipelines.h"

namespace kqlc::codegen {

// Returns the symbol of a function row's entry.
using SlotName = std::function<std::string(size_t slot, bool prepared)>;

class Emitter {
 public:
  Emitter(llvm::Module& module, const ir::Ir& ir, SlotName slot_name, Constants& constants);
  // `shape`: of each column of the input, or none for a function that takes every encoding.
  void emit(const pipelines::Input& input, const ir::Op* sink, const std::string& name, const Shape& shape);

 private:
  llvm::Value* make_slot(size_t cells = 1);
  llvm::Value* cell_at(llvm::Value* cells, size_t index);
  void copy(llvm::Value* to, llvm::Value* from);
  llvm::Value* is_valid(llvm::Value* cell);
  llvm::Value* load_bool(llvm::Value* cell);
  llvm::BasicBlock* make_block(const char* name);

  void emit_loop();
  void emit_row(llvm::BasicBlock* next);
  void emit_sink();
  void need(size_t level, ir::ExprId id);
  size_t columns_since(size_t level) const;
  void need_column(size_t level, size_t column);
  llvm::Value* load_column(size_t column);
  llvm::Value* evaluate(size_t level, ir::ExprId id);
  llvm::Value* compute(size_t level, const ir::Expr& expr);
  llvm::Value* evaluate_literal(const exec::Constant& literal);
  llvm::Value* evaluate_call(size_t level, const ir::Expr& expr);
  llvm::Value* evaluate_logic(size_t level, const ir::Expr& expr, bool decisive);
  llvm::Value* evaluate_case(size_t level, const ir::Expr& expr);
  llvm::Value* evaluate_coalesce(size_t level, const ir::Expr& expr);

  llvm::Module& module_;
  const ir::Ir& query_;
  SlotName slot_name_;
  Constants& constants_;
  llvm::IRBuilder<> ir_;
  const pipelines::Input* input_ = nullptr;
  const Shape* shape_ = nullptr;
  const ir::Op* sink_ = nullptr;
  llvm::Function* function_ = nullptr;
  llvm::Value* literal_table_ = nullptr;
  llvm::Value* prepared_table_ = nullptr;
  llvm::Value* row_ = nullptr;
  std::map<std::pair<size_t, size_t>, llvm::Value*>
      columns_;  // (steps done, column) -> Cell, on the main line
  // (projections done, expression) -> Cell, for each branch that is open; the first is the main line.
  std::vector<std::map<std::pair<size_t, ir::ExprId>, llvm::Value*>> known_;
};

}  // namespace kqlc::codegen
