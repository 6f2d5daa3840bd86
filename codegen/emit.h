// SPDX-License-Identifier: Apache-2.0
//
// The emitter: an input of a phase becomes one LLVM function. In: the input, the phase's sink, and the shape
// of the columns it is made for. Out: a function in the module that loops over the selected rows and
// addresses literals and prepared states by index through Run. What it looks at stands in the outline
// (outline.h). Values are Cells in stack slots; after inlining LLVM breaks them up. An expression is computed
// where a row first needs it, and its value is used again wherever that place dominates: what is computed in
// a branch is known in that branch only. Columns and projections are computed on the row's main line. A join
// makes that line a loop over the matches of the row; what needs no right column is computed before the loop.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codegen/unit.h"
#include "compiler/pipelines/pipelines.h"

namespace kqlc::codegen {

// Returns the symbol of a function row's entry.
using SlotName = std::function<std::string(size_t slot, bool prepared)>;

class Emitter {
 public:
  Emitter(llvm::Module& module, const ir::Ir& ir, SlotName slot_name, const Constants& constants);
  // `shape`: of each column of the input, or none for a function that takes every encoding.
  void emit(const Loop& loop, const std::string& name, const Shape& shape);

 private:
  llvm::Value* make_slot(size_t cells = 1);
  llvm::Value* cell_at(llvm::Value* cells, size_t index);
  void copy(llvm::Value* to, llvm::Value* from);
  llvm::Value* is_valid(llvm::Value* cell);
  llvm::Value* load_bool(llvm::Value* cell);
  llvm::BasicBlock* make_block(const char* name);

  void emit_loop();
  void emit_row(llvm::BasicBlock* next);
  llvm::Value* context_member(uint64_t offset);
  // Emits a join. Returns where a row goes that is dropped behind it: to the next match, where there may be
  // several.
  llvm::BasicBlock* emit_join(size_t level, llvm::BasicBlock* next);
  llvm::Value* emit_probe(size_t level, llvm::Value* count);
  llvm::BasicBlock* emit_matches(size_t level, llvm::Value* first, llvm::Value* count,
                                 llvm::BasicBlock* next);
  void compute_before_matches(size_t level);
  // A column of the right side of a join that conditions behind it compare with values of the left row.
  struct Band {
    size_t column = 0;  // of the right side
    std::optional<ir::ExprId> low, high;
  };
  std::optional<Band> find_band(size_t level) const;
  void bound(size_t level, ir::ExprId column, std::string_view comparison, ir::ExprId value,
             std::optional<Band>& band) const;
  llvm::Value* emit_narrow(size_t level, llvm::Value* first, llvm::Value* count);
  size_t num_left_columns(size_t level) const;
  std::vector<bool> read_after(size_t level, size_t num_columns) const;
  bool has_matches() const;
  void emit_sink();
  void need(size_t level, ir::ExprId id);
  size_t columns_since(size_t level) const;
  bool is_scanned(size_t level, ir::ExprId id) const;
  bool is_scanned_column(size_t level, size_t column) const;
  size_t known_since(size_t level, ir::ExprId id) const;
  void need_column(size_t level, size_t column);
  llvm::Value* load_column(size_t column);
  llvm::Value* make_column(size_t step, size_t column);
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
  const Constants& constants_;
  llvm::IRBuilder<> ir_;
  const pipelines::Input* input_ = nullptr;
  const Shape* shape_ = nullptr;
  const ir::Op* sink_ = nullptr;
  const std::vector<uint32_t>* tables_ = nullptr;
  std::vector<int> last_columns_;           // by expression: the last column it reads, -1 where none
  std::map<size_t, llvm::Value*> matches_;  // by step: the right row that a join has found
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
