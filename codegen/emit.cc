// SPDX-License-Identifier: Apache-2.0
//
// The emitter's code. A Cell is 24 bytes of which only byte 16 (valid) and the payload of bool are looked at
// here; everything else is done by the functions' own entries.
#include "codegen/emit.h"

#include <algorithm>
#include <unordered_map>

#include "runtime/aggregates/state.h"
#include "runtime/base/check.h"
#include "runtime/exec/run.h"

namespace kqlc::codegen {

using ir::Expr;
using ir::ExprId;
using ir::ExprKind;
using llvm::BasicBlock;
using llvm::Value;
using pipelines::Step;

namespace {

constexpr uint64_t kValidAt = offsetof(Cell, valid), kCodeAt = offsetof(Cell, code);

// Whether a step is a join whose rows have the right columns, too: a loop over matches.
bool adds_columns(const Step& step) {
  return step.kind == Step::Kind::Join && plan::has_right_columns(step.op->join);
}

// An expression that is used in several branches is written out in each of them while it is no larger than
// this; otherwise it is computed before them, or the code could grow without bounds.
constexpr uint64_t kMaxRepeated = 64;

}  // namespace

Emitter::Emitter(llvm::Module& module, const ir::Ir& ir, SlotName slot_name, const Constants& constants)
    : module_(module),
      query_(ir),
      slot_name_(std::move(slot_name)),
      constants_(constants),
      ir_(module.getContext()) {
  for (const Expr& expr : query_.exprs) {
    int last = expr.kind == ExprKind::Column ? expr.column : -1;
    for (ExprId arg : expr.args) last = std::max(last, last_columns_[arg]);
    last_columns_.push_back(last);
  }
}

Value* Emitter::make_slot(size_t cells) {
  llvm::IRBuilder<> entry(&function_->getEntryBlock(), function_->getEntryBlock().begin());
  auto* slot =
      entry.CreateAlloca(llvm::ArrayType::get(ir_.getInt8Ty(), sizeof(Cell) * std::max<size_t>(1, cells)));
  slot->setAlignment(llvm::Align(8));
  return slot;
}

Value* Emitter::cell_at(Value* cells, size_t index) {
  return index ? ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), cells, index * sizeof(Cell)) : cells;
}

void Emitter::copy(Value* to, Value* from) {
  ir_.CreateMemCpy(to, llvm::Align(8), from, llvm::Align(8), sizeof(Cell));
}

Value* Emitter::is_valid(Value* cell) {
  Value* byte =
      ir_.CreateLoad(ir_.getInt8Ty(), ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), cell, kValidAt));
  return ir_.CreateICmpNE(byte, ir_.getInt8(0));
}

Value* Emitter::load_bool(Value* cell) {
  return ir_.CreateICmpNE(ir_.CreateLoad(ir_.getInt8Ty(), cell), ir_.getInt8(0));
}

BasicBlock* Emitter::make_block(const char* name) {
  return BasicBlock::Create(module_.getContext(), name, function_);
}

void Emitter::emit(const Loop& loop, const std::string& name, const Shape& shape) {
  input_ = &loop.input;
  shape_ = &shape;
  sink_ = loop.sink;
  tables_ = &loop.tables;
  columns_.clear();
  matches_.clear();
  known_.assign(1, {});
  auto* pointer = ir_.getPtrTy();
  auto* type = llvm::FunctionType::get(
      ir_.getVoidTy(), {pointer, pointer, pointer, ir_.getInt64Ty(), ir_.getInt64Ty()}, false);
  function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module_);
  function_->addFnAttr("target-cpu", "x86-64");
  function_->addFnAttr(llvm::Attribute::NoUnwind);
  emit_loop();
}

// for each word of the selection: while (bits) { row = 64 * word + lowest bit; ... }
void Emitter::emit_loop() {
  BasicBlock *entry = make_block("entry"), *start = make_block("start"), *words = make_block("words"),
             *load = make_block("load"), *bits = make_block("bits"), *body = make_block("row"),
             *next_word = make_block("next_word"), *done = make_block("done");
  auto* word_type = ir_.getInt64Ty();
  ir_.SetInsertPoint(entry);
  ir_.CreateBr(start);
  ir_.SetInsertPoint(start);
  Value* run = function_->getArg(0);
  auto member = [&](uint64_t offset) {
    return ir_.CreateLoad(ir_.getPtrTy(), ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), run, offset));
  };
  literal_table_ = member(offsetof(Run, literals));
  prepared_table_ = member(offsetof(Run, prepared));
  Value* num_words = ir_.CreateLShr(ir_.CreateAdd(function_->getArg(3), ir_.getInt64(63)), 6);
  ir_.CreateBr(words);
  ir_.SetInsertPoint(words);
  auto* word = ir_.CreatePHI(word_type, 2);
  word->addIncoming(ir_.getInt64(0), start);
  ir_.CreateCondBr(ir_.CreateICmpULT(word, num_words), load, done);
  ir_.SetInsertPoint(load);
  Value* selected = ir_.CreateLoad(word_type, ir_.CreateInBoundsGEP(word_type, function_->getArg(2), word));
  ir_.CreateBr(bits);
  ir_.SetInsertPoint(bits);
  auto* left = ir_.CreatePHI(word_type, 2);
  left->addIncoming(selected, load);
  ir_.CreateCondBr(ir_.CreateICmpEQ(left, ir_.getInt64(0)), next_word, body);
  ir_.SetInsertPoint(body);
  Value* lowest = ir_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, left, ir_.getTrue());
  row_ = ir_.CreateAdd(ir_.CreateShl(word, 6), lowest);
  Value* rest = ir_.CreateAnd(left, ir_.CreateSub(left, ir_.getInt64(1)));
  BasicBlock* next_row = make_block("next_row");
  emit_row(next_row);
  ir_.SetInsertPoint(next_row);
  left->addIncoming(rest, next_row);
  ir_.CreateBr(bits);
  ir_.SetInsertPoint(next_word);
  word->addIncoming(ir_.CreateAdd(word, ir_.getInt64(1)), next_word);
  ir_.CreateBr(words);
  ir_.SetInsertPoint(done);
  ir_.CreateRetVoid();
}

Value* Emitter::context_member(uint64_t offset) {
  return ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), function_->getArg(0),
                                        offsetof(Run, context) + offset);
}

void Emitter::emit_row(BasicBlock* next) {
  ir_.CreateStore(ir_.CreateAdd(function_->getArg(4), row_), context_member(offsetof(Context, position)));
  if (has_matches()) {
    auto* type = llvm::FunctionType::get(ir_.getVoidTy(), {ir_.getPtrTy()}, false);
    ir_.CreateCall(module_.getOrInsertFunction("kqlc_begin_row", type), {function_->getArg(0)});
  }
  for (size_t level = 0; level < input_->steps.size(); ++level) {
    if (input_->steps[level].kind == Step::Kind::Join) next = emit_join(level, next);
    if (input_->steps[level].kind != Step::Kind::Filter) continue;
    for (ExprId id : input_->steps[level].exprs) {
      need(level, id);
      Value* passes = evaluate(level, id);
      BasicBlock* passed = make_block("passed");
      ir_.CreateCondBr(ir_.CreateAnd(is_valid(passes), load_bool(passes)), passed, next);
      ir_.SetInsertPoint(passed);
    }
  }
  emit_sink();
  ir_.CreateBr(next);
}

// Whether rows of one source row have to be told apart.
bool Emitter::has_matches() const {
  return std::ranges::any_of(input_->steps, [](const Step& step) { return adds_columns(step); });
}

size_t Emitter::num_left_columns(size_t level) const {
  return query_.ops[input_->steps[level].op->inputs[0]].schema.size();
}

BasicBlock* Emitter::emit_join(size_t level, BasicBlock* next) {
  llvm::IRBuilder<> entry(&function_->getEntryBlock(), function_->getEntryBlock().begin());
  Value* place = entry.CreateAlloca(ir_.getInt64Ty());
  Value* first = emit_probe(level, place);
  auto go_on_if = [&](bool any) {
    Value* none = ir_.CreateICmpEQ(ir_.CreateLoad(ir_.getInt64Ty(), place), ir_.getInt64(0));
    BasicBlock* matched = make_block("matched");
    ir_.CreateCondBr(none, any ? next : matched, any ? matched : next);
    ir_.SetInsertPoint(matched);
  };
  go_on_if(input_->steps[level].op->join != ir::JoinKind::LeftAnti);
  if (!adds_columns(input_->steps[level])) return next;
  compute_before_matches(level);
  if (find_band(level)) {
    first = emit_narrow(level, first, place);
    go_on_if(true);
  }
  return emit_matches(level, first, ir_.CreateLoad(ir_.getInt64Ty(), place), next);
}

// Calls kqlc_probe with the row's keys; the number of matches goes to `count`.
Value* Emitter::emit_probe(size_t level, Value* count) {
  const ir::Op& join = *input_->steps[level].op;
  Value* keys = make_slot(join.join_keys.size());
  for (size_t i = 0; i < join.join_keys.size(); ++i) {
    auto column = static_cast<size_t>(join.join_keys[i].left);
    need_column(level, column);
    copy(cell_at(keys, i), columns_.at({level, column}));
  }
  auto* pointer = ir_.getPtrTy();
  auto* int64 = ir_.getInt64Ty();
  auto* type = llvm::FunctionType::get(pointer, {pointer, int64, pointer, int64, pointer}, false);
  return ir_.CreateCall(module_.getOrInsertFunction("kqlc_probe", type),
                        {function_->getArg(0), ir_.getInt64((*tables_)[level]), keys,
                         ir_.getInt64(join.join == ir::JoinKind::LeftOuter), count});
}

// Takes `column comparison value` for a bound if it is one of the band's column, and may be looked at before
// the matches.
void Emitter::bound(size_t level, ExprId column, std::string_view comparison, ExprId value,
                    std::optional<Band>& band) const {
  const Expr &right = query_.exprs[column], &left = query_.exprs[value];
  const auto num_left = num_left_columns(level);
  const bool is_number = aggregates::orders_as_long(right.type);
  if (right.kind != ExprKind::Column || static_cast<size_t>(right.column) < num_left || !is_number) return;
  if (left.type != right.type || last_columns_[value] >= static_cast<int>(num_left) || !left.deterministic ||
      left.may_fail)
    return;
  const size_t place = static_cast<size_t>(right.column) - num_left;
  if (band && band->column != place) return;
  if (!band) band = Band{place, {}, {}};
  if (comparison == ">" || comparison == ">=") band->low = value;
  if (comparison == "<" || comparison == "<=") band->high = value;
}

// From the conditions that stand right behind the join.
std::optional<Emitter::Band> Emitter::find_band(size_t level) const {
  std::optional<Band> band;
  for (size_t i = level + 1; i < input_->steps.size() && input_->steps[i].kind == Step::Kind::Filter; ++i)
    for (ExprId id : input_->steps[i].exprs) {
      const Expr& call = query_.exprs[id];
      if (call.kind != ExprKind::Call || call.args.size() != 2 || !call.function->spec.operators[0]) continue;
      const std::string_view name = call.function->spec.operators[0];
      const std::map<std::string_view, std::string_view> turned = {
          {">", "<"}, {">=", "<="}, {"<", ">"}, {"<=", ">="}};
      if (!turned.contains(name)) continue;
      bound(level, call.args[0], name, call.args[1], band);
      bound(level, call.args[1], turned.at(name), call.args[0], band);
    }
  return band;
}

// Leaves out matches that such conditions would drop; they are asked of all others.
Value* Emitter::emit_narrow(size_t level, Value* first, Value* count) {
  const Band band = *find_band(level);
  auto* pointer = ir_.getPtrTy();
  auto* int64 = ir_.getInt64Ty();
  auto value_of = [&](std::optional<ExprId> id) -> Value* {
    if (!id) return llvm::ConstantPointerNull::get(pointer);
    need(level, *id);
    return evaluate(level, *id);
  };
  Value *low = value_of(band.low), *high = value_of(band.high);
  auto* type =
      llvm::FunctionType::get(pointer, {pointer, int64, pointer, int64, pointer, pointer, pointer}, false);
  return ir_.CreateCall(module_.getOrInsertFunction("kqlc_narrow", type),
                        {function_->getArg(0), ir_.getInt64((*tables_)[level]), first,
                         ir_.getInt64(band.column), low, high, count});
}

// do { ... } while (++match != end): the insertion point is in the loop afterwards.
BasicBlock* Emitter::emit_matches(size_t level, Value* first, Value* count, BasicBlock* next) {
  const uint64_t stride = sizeof(const Cell*);
  Value* end = ir_.CreateInBoundsGEP(ir_.getInt8Ty(), first, ir_.CreateMul(count, ir_.getInt64(stride)));
  BasicBlock *before = ir_.GetInsertBlock(), *body = make_block("match"), *advance = make_block("next_match");
  ir_.CreateBr(body);
  ir_.SetInsertPoint(body);
  auto* match = ir_.CreatePHI(ir_.getPtrTy(), 2);
  ir_.SetInsertPoint(advance);
  Value* following = ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), match, stride);
  ir_.CreateCondBr(ir_.CreateICmpNE(following, end), body, next);
  match->addIncoming(first, before);
  match->addIncoming(following, advance);
  ir_.SetInsertPoint(body);
  matches_[level] = ir_.CreateLoad(ir_.getPtrTy(), match);
  return advance;
}

// The left columns that are read later, and arguments in the conditions behind the join that read no others.
void Emitter::compute_before_matches(size_t level) {
  const size_t num_left = num_left_columns(level);
  std::vector<bool> read = read_after(level + 1, num_left);
  for (size_t column = 0; column < num_left; ++column)
    if (read[column]) need_column(level, column);
  auto is_left = [&](ExprId id) { return last_columns_[id] < static_cast<int>(num_left); };
  for (size_t i = level + 1; i < input_->steps.size() && input_->steps[i].kind == Step::Kind::Filter; ++i)
    for (ExprId id : ir::expressions_below(query_, input_->steps[i].exprs)) {
      if (query_.exprs[id].kind != ExprKind::Call || is_left(id)) continue;
      for (ExprId arg : query_.exprs[id].args) {
        const Expr& value = query_.exprs[arg];
        if (value.kind != ExprKind::Call || !is_left(arg) || !value.deterministic || value.may_fail) continue;
        need(level, arg);
        evaluate(level, arg);
      }
    }
}

// Which of the first columns of the rows at a step are read from there on.
std::vector<bool> Emitter::read_after(size_t level, size_t num_columns) const {
  std::vector<bool> read;
  auto mark = [&](ExprId root) {
    read.resize(std::max(read.size(), static_cast<size_t>(last_columns_[root] + 1)));
    ir::mark_columns(query_, root, read);
  };
  auto result = [&] {
    read.resize(num_columns);
    return read;
  };
  for (; level < input_->steps.size(); ++level) {
    const Step& step = input_->steps[level];
    for (ExprId id : step.exprs) mark(id);
    if (step.kind == Step::Kind::Project) return result();
    if (step.kind != Step::Kind::Join) continue;
    for (const ir::JoinKey& key : step.op->join_keys) {
      read.resize(std::max(read.size(), static_cast<size_t>(key.left) + 1));
      read[static_cast<size_t>(key.left)] = true;
    }
  }
  if (sink_ && sink_->kind == ir::OpKind::Summarize) {
    for (ExprId id : ir::roots_of(*sink_)) mark(id);
  } else if (!sink_ || sink_->kind != ir::OpKind::Count) {
    read.assign(num_columns, true);
  }
  return result();
}

void Emitter::emit_sink() {
  size_t level = input_->steps.size();
  std::vector<Value*> cells;
  std::vector<bool> from_scan;  // by cell
  if (sink_ && sink_->kind == ir::OpKind::Summarize) {
    std::vector<ExprId> exprs = ir::roots_of(*sink_);
    for (ExprId id : exprs) need(level, id);
    for (ExprId id : exprs) {
      cells.push_back(evaluate(level, id));
      from_scan.push_back(is_scanned(level, id));
    }
  } else if (!sink_ || sink_->kind != ir::OpKind::Count) {
    for (size_t column = 0; column < input_->result.size(); ++column) {
      need_column(level, column);
      cells.push_back(columns_.at({level, column}));
      from_scan.push_back(is_scanned_column(level, column));
    }
  }
  auto* pointer = ir_.getPtrTy();
  Value* row = ir_.CreateLoad(
      pointer, ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), function_->getArg(0), offsetof(Run, row)));
  for (size_t i = 0; i < cells.size(); ++i) {
    copy(cell_at(row, i), cells[i]);
    if (from_scan[i]) continue;  // other codes are of other dictionaries, or of batches before
    Value* code = ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), cell_at(row, i), kCodeAt);
    ir_.CreateStore(ir_.getInt32(0), code);
  }
  auto* type = llvm::FunctionType::get(ir_.getVoidTy(), {pointer}, false);
  ir_.CreateCall(module_.getOrInsertFunction("kqlc_sink", type), {function_->getArg(0)});
  if (!has_matches()) return;
  Value* match = context_member(offsetof(Context, match));
  ir_.CreateStore(ir_.CreateAdd(ir_.CreateLoad(ir_.getInt64Ty(), match), ir_.getInt64(1)), match);
}

// Computes on the main line what `root` needs before it: its columns, and what it would otherwise repeat too
// often.
void Emitter::need(size_t level, ExprId root) {
  const ir::ExprSet ids = ir::expressions_below(query_, root);
  std::unordered_map<ExprId, size_t> uses;
  std::unordered_map<ExprId, uint64_t> size;  // of the code, if nothing is known before
  for (ExprId id : ids)
    for (ExprId arg : query_.exprs[id].args) ++uses[arg];
  for (ExprId id : ids) {
    const Expr& expr = query_.exprs[id];
    if (expr.kind == ExprKind::Column) need_column(level, static_cast<size_t>(expr.column));
    size[id] = 1;
    for (ExprId arg : expr.args) size[id] += size[arg];
    if (uses[id] < 2 || size[id] <= kMaxRepeated || !expr.deterministic || expr.may_fail) continue;
    evaluate(level, id);
    size[id] = 1;
  }
}

// Whether an expression is a column of the scan as it is.
bool Emitter::is_scanned(size_t level, ExprId id) const {
  const Expr& expr = query_.exprs[id];
  return expr.kind == ExprKind::Column && is_scanned_column(level, static_cast<size_t>(expr.column));
}

bool Emitter::is_scanned_column(size_t level, size_t column) const {
  for (;;) {
    level = columns_since(level);
    if (level == 0) return input_->source == pipelines::SourceKind::Scan;
    const Step& step = input_->steps[--level];
    if (adds_columns(step)) {
      if (column >= num_left_columns(level)) return false;
      continue;
    }
    const Expr& expr = query_.exprs[step.exprs[column]];
    if (expr.kind != ExprKind::Column) return false;
    column = static_cast<size_t>(expr.column);
  }
}

// The number of steps up to the last one that makes columns: filters leave them as they are.
size_t Emitter::columns_since(size_t level) const {
  auto makes_columns = [](const Step& step) {
    return step.kind == Step::Kind::Project || adds_columns(step);
  };
  while (level > 0 && !makes_columns(input_->steps[level - 1])) --level;
  return level;
}

// The same for an expression, which a join leaves as it is when it reads left columns only.
size_t Emitter::known_since(size_t level, ExprId id) const {
  level = columns_since(level);
  while (level > 0 && adds_columns(input_->steps[level - 1]) &&
         last_columns_[id] < static_cast<int>(num_left_columns(level - 1)))
    level = columns_since(level - 1);
  return level;
}

void Emitter::need_column(size_t level, size_t column) {
  if (columns_.count({level, column})) return;
  size_t below = columns_since(level);
  if (!columns_.count({below, column})) {
    Value* cell = below == 0 ? load_column(column) : make_column(below - 1, column);
    columns_[{below, column}] = cell;
  }
  columns_[{level, column}] = columns_.at({below, column});
}

// A column that a projection computes or a join puts beside the left ones.
Value* Emitter::make_column(size_t step, size_t column) {
  if (!adds_columns(input_->steps[step])) {
    ExprId id = input_->steps[step].exprs[column];
    need(step, id);
    return evaluate(step, id);
  }
  const size_t num_left = num_left_columns(step);
  if (column >= num_left) return cell_at(matches_.at(step), column - num_left);
  need_column(step, column);
  return columns_.at({step, column});
}

Value* Emitter::load_column(size_t column) {
  if (input_->source != pipelines::SourceKind::Scan) {
    Value* start = ir_.CreateMul(row_, ir_.getInt64(input_->schema.size() * sizeof(Cell)));
    return cell_at(ir_.CreateInBoundsGEP(ir_.getInt8Ty(), function_->getArg(1), start), column);
  }
  Value* out = make_slot();
  auto* pointer = ir_.getPtrTy();
  auto *int32 = ir_.getInt32Ty(), *int64 = ir_.getInt64Ty();
  auto* type = llvm::FunctionType::get(ir_.getVoidTy(),
                                       {pointer, pointer, int64, int32, int32, int64, pointer}, false);
  auto kql_type = static_cast<uint32_t>(input_->schema[column].type);
  uint32_t shape = shape_->empty() ? kAnyShape : (*shape_)[column];
  ir_.CreateCall(module_.getOrInsertFunction("kqlc_load", type),
                 {function_->getArg(0), function_->getArg(1), ir_.getInt64(column), ir_.getInt32(kql_type),
                  ir_.getInt32(shape), row_, out});
  return out;
}

Value* Emitter::evaluate(size_t level, ExprId id) {
  const Expr& expr = query_.exprs[id];
  if (expr.kind == ExprKind::Column) return columns_.at({level, static_cast<size_t>(expr.column)});
  if (expr.kind == ExprKind::Literal) return evaluate_literal({expr.type, expr.literal});
  std::pair<size_t, ExprId> key{known_since(level, id), id};
  for (const auto& branch : known_)
    if (auto found = branch.find(key); found != branch.end()) return found->second;
  Value* out = compute(level, expr);
  if (expr.deterministic) known_.back()[key] = out;
  return out;
}

Value* Emitter::compute(size_t level, const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::Call:
      return evaluate_call(level, expr);
    case ExprKind::And:
      return evaluate_logic(level, expr, false);
    case ExprKind::Or:
      return evaluate_logic(level, expr, true);
    case ExprKind::Case:
      return evaluate_case(level, expr);
    case ExprKind::Coalesce:
      return evaluate_coalesce(level, expr);
    default:
      KQLC_UNREACHABLE("expression kind");
  }
}

// Literals stay in a table, so that rules of one shape have the same code.
Value* Emitter::evaluate_literal(const exec::Constant& literal) {
  return cell_at(literal_table_, constants_.find_literal(literal));
}

Value* Emitter::evaluate_call(size_t level, const Expr& expr) {
  std::vector<Value*> cells;
  for (ExprId arg : expr.args) cells.push_back(evaluate(level, arg));
  Value* args = cells.size() == 1 ? cells[0] : make_slot(cells.size());
  if (cells.size() > 1)
    for (size_t i = 0; i < cells.size(); ++i) copy(cell_at(args, i), cells[i]);
  Value* out = make_slot();
  auto* pointer = ir_.getPtrTy();
  Value* state = llvm::ConstantPointerNull::get(pointer);
  if (expr.prepared) {
    Arena values;
    uint32_t recipe = constants_.find_recipe(make_recipe(query_, expr, values));
    state = ir_.CreateLoad(pointer, ir_.CreateConstInBoundsGEP1_64(pointer, prepared_table_, recipe));
  }
  auto slot = static_cast<size_t>(expr.function - function_table().data());
  auto* type =
      llvm::FunctionType::get(ir_.getVoidTy(), {pointer, pointer, pointer, ir_.getInt64Ty(), pointer}, false);
  ir_.CreateCall(module_.getOrInsertFunction(slot_name_(slot, expr.prepared != nullptr), type),
                 {function_->getArg(0), state, args, ir_.getInt64(cells.size()), out});
  return out;
}

// Kleene's logic: an operand equal to `decisive` settles the result, else a null operand makes it null.
Value* Emitter::evaluate_logic(size_t level, const Expr& expr, bool decisive) {
  Value *out = make_slot(), *seen_null = make_slot();
  Value* valid_byte = ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), out, kValidAt);
  BasicBlock* done = make_block("logic_done");
  ir_.CreateStore(ir_.getInt8(0), seen_null);
  size_t outside = known_.size();
  for (size_t i = 0; i < expr.args.size(); ++i) {
    if (i == 1) known_.emplace_back();  // from here on a row may have left
    Value* cell = evaluate(level, expr.args[i]);
    BasicBlock *valid = make_block("valid"), *null = make_block("null"), *settled = make_block("settled"),
               *next = make_block("operand");
    ir_.CreateCondBr(is_valid(cell), valid, null);
    ir_.SetInsertPoint(null);
    ir_.CreateStore(ir_.getInt8(1), seen_null);
    ir_.CreateBr(next);
    ir_.SetInsertPoint(valid);
    ir_.CreateCondBr(ir_.CreateICmpEQ(load_bool(cell), ir_.getInt1(decisive)), settled, next);
    ir_.SetInsertPoint(settled);
    ir_.CreateStore(ir_.getInt8(decisive), out);
    ir_.CreateStore(ir_.getInt8(1), valid_byte);
    ir_.CreateBr(done);
    ir_.SetInsertPoint(next);
  }
  known_.resize(outside);
  ir_.CreateStore(ir_.getInt8(!decisive), out);
  ir_.CreateStore(ir_.CreateXor(ir_.CreateLoad(ir_.getInt8Ty(), seen_null), ir_.getInt8(1)), valid_byte);
  ir_.CreateBr(done);
  ir_.SetInsertPoint(done);
  return out;
}

Value* Emitter::evaluate_case(size_t level, const Expr& expr) {
  Value* out = make_slot();
  BasicBlock* done = make_block("case_done");
  size_t i = 0, outside = known_.size();
  for (; i + 1 < expr.args.size(); i += 2) {
    Value* condition = evaluate(level, expr.args[i]);
    BasicBlock *then = make_block("then"), *otherwise = make_block("otherwise");
    ir_.CreateCondBr(ir_.CreateAnd(is_valid(condition), load_bool(condition)), then, otherwise);
    ir_.SetInsertPoint(then);
    known_.emplace_back();
    copy(out, evaluate(level, expr.args[i + 1]));
    known_.pop_back();
    ir_.CreateBr(done);
    ir_.SetInsertPoint(otherwise);
    if (i == 0) known_.emplace_back();
  }
  copy(out, evaluate(level, expr.args[i]));
  known_.resize(outside);
  ir_.CreateBr(done);
  ir_.SetInsertPoint(done);
  return out;
}

Value* Emitter::evaluate_coalesce(size_t level, const Expr& expr) {
  Value* out = make_slot();
  BasicBlock* done = make_block("coalesce_done");
  size_t outside = known_.size();
  for (size_t i = 0; i < expr.args.size(); ++i) {
    if (i == 1) known_.emplace_back();
    Value* cell = evaluate(level, expr.args[i]);
    Value* has_value = is_valid(cell);
    if (expr.type == Type::String) {
      Value* size = ir_.CreateLoad(
          ir_.getInt64Ty(), ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), cell, offsetof(Str, size)));
      has_value = ir_.CreateAnd(has_value, ir_.CreateICmpNE(size, ir_.getInt64(0)));
    }
    BasicBlock *take = make_block("take"), *next = make_block("next");
    ir_.CreateCondBr(has_value, take, next);
    ir_.SetInsertPoint(take);
    copy(out, cell);
    ir_.CreateBr(done);
    ir_.SetInsertPoint(next);
  }
  known_.resize(outside);
  copy(out, evaluate_literal({expr.type, null_cell(expr.type)}));
  ir_.CreateBr(done);
  ir_.SetInsertPoint(done);
  return out;
}

}  // namespace kqlc::codegen
