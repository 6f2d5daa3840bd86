// SPDX-License-Identifier: Apache-2.0
//
// The kernel over inputs: pipelines run batch by batch into each thread's sinks (kernel_phases.cc has the
// others). Atoms are decided a column at a time and make the selection that the row
// loop walks.
#include "runtime/exec/kernel.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "runtime/aggregates/state.h"
#include "runtime/base/memory_limit.h"

namespace kqlc::exec {

namespace {

constexpr size_t kBytesBetweenChecks = size_t{8} << 20;

int64_t count_bits(const std::vector<uint64_t>& bits) {
  int64_t count = 0;
  for (uint64_t word : bits) count += std::popcount(word);
  return count;
}

// An atom as readers ask it of texts.
class AtomFilter : public TextFilter {
 public:
  AtomFilter(const Function& function, const void* prepared) : function_(function), prepared_(prepared) {}
  void filter(const StringColumn& texts, uint64_t* rows) const override {
    function_.filter(prepared_, texts, rows);
  }

 private:
  const Function& function_;
  const void* prepared_;
};

// Makes the selected rows of a column readable.
bool load_column(const Batch& batch, size_t column, const std::vector<uint64_t>& selection) {
  return !batch.loader || batch.loader->load(column, selection.data());
}

}  // namespace

void Kernel::select_all(std::vector<uint64_t>& bits, int64_t num_rows) {
  bits.assign(static_cast<size_t>((num_rows + 63) / 64), ~uint64_t{0});
  if (num_rows % 64) bits.back() = (uint64_t{1} << (num_rows % 64)) - 1;
}

void Kernel::feed(Run& run, Sink& sink) {
  run.sink = &sink;
  run.row = sink.next_row(run.context);
}

State::State(std::shared_ptr<const Kernel> kernel)
    : kernel_(std::move(kernel)), mark_sink_(kernel_->mark_spec_) {
  for (const SinkSpec& spec : kernel_->program_.sinks) sinks_.emplace_back(spec);
  run_.context.arena = &scratch_;
  run_.context.state_arena = kept_.get();
  run_.context.now = kernel_->options_.now;
  run_.literals = kernel_->literals_.data();
  run_.prepared = kernel_->prepared_.data();
  tables_.resize(sinks_.size());
  done_.resize(sinks_.size());
  narrowed_.resize(sinks_.size());
  shares_.resize(sinks_.size());
  run_.tables = tables_.data();
  run_.state = this;
}

State::~State() { kernel_->memory_.fetch_sub(counted_, std::memory_order_relaxed); }

Result<std::shared_ptr<Kernel>> Kernel::open(std::string_view image, std::shared_ptr<Code> code,
                                             const KernelOptions& options) {
  std::shared_ptr<Kernel> kernel(new Kernel);
  KQLC_TRY_ASSIGN(kernel->program_, read_image(image));
  kernel->identity_ = XXH3_64bits(image.data(), image.size());
  kernel->code_ = std::move(code);
  kernel->options_ = options;
  kernel->mark_spec_.kind = SinkSpec::Kind::Mark;
  kernel->joins_.resize(kernel->program_.sinks.size());
  for (const Pipeline& pipeline : kernel->program_.pipelines)
    if (pipeline.branch) kernel->joins_[pipeline.sink] = true;
  kernel->find_phases();
  for (const Constant& literal : kernel->program_.literals) kernel->literals_.push_back(literal.cell);
  KQLC_TRY(kernel->prepare());
  return kernel;
}

Result<void> Kernel::prepare() {
  for (const Recipe& recipe : program_.recipes) {
    const Function& function = function_table()[recipe.function];
    std::vector<Cell> args;
    for (const Constant& argument : recipe.args) args.push_back(argument.cell);
    const char* error = nullptr;
    void* prepared = function.prepare(args.data(), args.size(), *program_.arena, &error);
    if (!prepared)
      return Error{ErrorCode::Format,
                   std::string(function.spec.name) + ": " + (error ? error : "its constants are wrong")};
    prepared_.push_back(prepared);
  }
  return {};
}

Kernel::~Kernel() {
  for (size_t i = 0; i < prepared_.size(); ++i)
    function_table()[program_.recipes[i].function].destroy(const_cast<void*>(prepared_[i]));
}

bool Kernel::streams() const {
  for (const SinkSpec& sink : program_.sinks)
    if (!sink.streams()) return false;
  return true;
}

// An input that looks rows up waits until they are there; what reads no input runs as soon as it can.
void Kernel::find_phases() {
  sink_phases_.assign(program_.sinks.size(), 0);
  sink_uses_.assign(program_.sinks.size(), 0);
  input_phases_.assign(program_.inputs.size(), 0);
  input_uses_.assign(program_.inputs.size(), 0);
  for (const Pipeline& pipeline : program_.pipelines) {
    const bool from_input = pipeline.kind == SourceKind::Input;
    size_t phase = 0;
    if (pipeline.kind == SourceKind::Sink || pipeline.kind == SourceKind::Range)
      phase = sink_phases_[pipeline.source];
    for (uint32_t sink : pipeline.probes) phase = std::max(phase, sink_phases_[sink] + (from_input ? 1 : 0));
    pipeline_phases_.push_back(phase);
    sink_phases_[pipeline.sink] = std::max(sink_phases_[pipeline.sink], phase);
    if (from_input) input_phases_[pipeline.source] = phase;
    if (from_input) ++input_uses_[pipeline.source];
    if (pipeline.kind == SourceKind::Sink || pipeline.kind == SourceKind::Range)
      ++sink_uses_[pipeline.source];
    num_phases_ = std::max(num_phases_, phase + 1);
  }
  for (const ResultSet& result : program_.results) ++sink_uses_[result.sink];
}

simd::Condition Kernel::describe(const Atom& atom) const {
  simd::Condition condition;
  function_table()[program_.recipes[atom.recipe].function].describe(prepared_[atom.recipe], &condition);
  return condition;
}

std::shared_ptr<State> Kernel::create_state() const { return std::make_shared<State>(shared_from_this()); }

std::shared_ptr<State> Kernel::create_state(const State& merged) const {
  std::shared_ptr<State> state = create_state();
  state->phase_ = merged.phase_;
  state->owns_tables_ = false;
  state->tables_ = merged.tables_;
  state->run_.tables = state->tables_.data();
  if (merged.error_) state->fail(merged.error_->code, merged.error_->message);
  return state;
}

// The code of a function; a state for which there is none fails.
PipelineFunction Kernel::code_for(State& state, uint32_t function, const Column* columns, size_t num_columns,
                                  int64_t num_rows) const {
  Measured making(state.watch_, state.watch_ ? &state.cost_->code : nullptr);
  PipelineFunction code = code_->choose(function, columns, num_columns, num_rows);
  if (!code) state.fail(ErrorCode::Internal, code_->problem());
  return code;
}

// Whether an atom holds for a row without a value.
bool Kernel::null_holds(State& state, const Atom& atom) const {
  const Recipe& recipe = program_.recipes[atom.recipe];
  std::vector<Cell> args;
  for (const Constant& argument : recipe.args) args.push_back(argument.cell);
  args[0] = null_cell(Type::String);
  Cell passes;
  function_table()[recipe.function].invoke_prepared(state.run_.context, prepared_[atom.recipe], args.data(),
                                                    args.size(), &passes);
  return passes.valid && passes.b;
}

// Whether an atom holds for no row, as the values tell that the rows of its column have.
bool Kernel::no_value_holds(State& state, const Atom& atom, const Batch& batch) const {
  Column values;
  int64_t size = 0;
  if (!batch.loader || !batch.loader->find_values(atom.column, &values, &size)) return false;
  state.bits_.assign(static_cast<size_t>((size + 63) / 64), 0);
  const Recipe& recipe = program_.recipes[atom.recipe];
  function_table()[recipe.function].filter(prepared_[atom.recipe], StringColumn{values, size},
                                           state.bits_.data());
  return count_bits(state.bits_) == 0 && !null_holds(state, atom);
}

// Sets the selection to the rows for which all atoms hold. Returns whether there are any.
bool Kernel::select_rows(State& state, const Pipeline& pipeline, const Batch& batch,
                         const BatchUse& use) const {
  if (batch.num_rows <= 0) return false;
  if (use.rows)
    state.selection_.assign(use.rows, use.rows + (batch.num_rows + 63) / 64);
  else
    select_all(state.selection_, batch.num_rows);
  const std::vector<Atom>& atoms = program_.inputs[pipeline.source].atoms;
  for (size_t a = 0; a < atoms.size(); ++a) {
    const Recipe& recipe = program_.recipes[atoms[a].recipe];
    const Function& function = function_table()[recipe.function];
    const void* prepared = prepared_[atoms[a].recipe];
    const Column& column = batch.columns[atoms[a].column];
    const uint64_t* holds = use.atoms ? use.atoms[a] : nullptr;
    if (!holds && no_value_holds(state, atoms[a], batch)) return false;
    if (!holds && batch.loader && input_uses_[pipeline.source] == 1) {
      state.bits_.assign(state.selection_.size(), 0);
      const AtomFilter filter(function, prepared);
      if (batch.loader->find_rows(atoms[a].column, state.selection_.data(), filter, state.bits_.data()))
        holds = state.bits_.data();
    }
    if (!holds && !load_column(batch, atoms[a].column, state.selection_)) return false;
    if (!holds && column.encoding == Encoding::Missing) {
      if (!null_holds(state, atoms[a])) return false;
      continue;
    }
    if (!holds) {
      state.bits_.assign(state.selection_.size(), 0);
      function.filter(prepared, StringColumn{column, batch.num_rows}, state.bits_.data());
      holds = state.bits_.data();
    }
    uint64_t any = 0;
    for (size_t i = 0; i < state.selection_.size(); ++i) any |= state.selection_[i] &= holds[i];
    if (!any) return false;
  }
  return true;
}

// Takes those rows out of the selection whose dictionary value fails a marked predicate. Whatever cannot be
// decided stays in: the filter in the pipeline looks at it again. Returns whether there are any rows.
bool Kernel::select_marked(State& state, const Pipeline& pipeline, const Batch& batch) const {
  for (const Mark& mark : pipeline.marks) {
    if (!load_column(batch, mark.column, state.selection_)) return false;
    const Column& column = batch.columns[mark.column];
    if (column.encoding != Encoding::Dictionary || column.dictionary_size > count_bits(state.selection_))
      continue;
    std::vector<uint64_t> every;
    select_all(every, column.dictionary_size);
    state.bits_.assign(every.size(), 0);
    state.mark_sink_.mark_into(state.bits_.data());
    Run run = state.run_;
    feed(run, state.mark_sink_);
    std::vector<Column> values(program_.inputs[pipeline.source].columns.size());
    values[mark.column] = *column.dictionary;
    PipelineFunction passes =
        code_for(state, mark.function, values.data(), values.size(), column.dictionary_size);
    if (!passes) return false;
    passes(&run, values.data(), every.data(), column.dictionary_size, 0);
    if (run.context.error) continue;  // of a value that no selected row need have
    const auto* codes = static_cast<const int32_t*>(column.values) + column.offset;
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      if (column.validity && !bit_at(column.validity, row + column.offset)) continue;
      if (!(state.bits_[static_cast<size_t>(codes[row]) / 64] >> (codes[row] % 64) & 1))
        state.selection_[static_cast<size_t>(row) / 64] &= ~(uint64_t{1} << (row % 64));
    }
  }
  return count_bits(state.selection_) > 0;
}

// Runs the loop over the rows that are left of the batch; nothing where a column cannot be read.
void Kernel::run_batch(State& state, const Pipeline& pipeline, const Batch& batch, const BatchUse& use,
                       uint64_t position) const {
  if (!select_rows(state, pipeline, batch, use) || !select_marked(state, pipeline, batch)) {
    if (state.watch_) ++state.cost_of(pipeline).passed_batches;
    return;
  }
  const size_t num_columns = program_.inputs[pipeline.source].columns.size();
  for (size_t i = 0; i < num_columns; ++i)
    if (!load_column(batch, i, state.selection_)) return;
  const int64_t num_rows = count_bits(state.selection_);
  if (state.watch_) state.cost_of(pipeline).rows += static_cast<uint64_t>(num_rows);
  if (PipelineFunction code = code_for(state, pipeline.function, batch.columns, num_columns, num_rows))
    run_parts(state, pipeline, code, batch, position);
}

// A batch may have a million rows, of which each makes values and is kept.
void Kernel::run_parts(State& state, const Pipeline& pipeline, PipelineFunction code, const Batch& batch,
                       uint64_t position) const {
  Context& context = state.run_.context;
  Sink& sink = state.sinks_[pipeline.sink];
  state.fill(pipeline.sink);
  context.match = 0;
  begin_run(context);
  feed(state.run_, sink);
  for (int64_t begin = 0, end = 0; begin < batch.num_rows; begin = end) {
    end = std::min(begin + kRowsAtOnce, batch.num_rows);
    code(&state.run_, batch.columns, state.selection_.data(), end, position);
    if (end == batch.num_rows) break;
    std::fill(state.selection_.begin() + begin / 64, state.selection_.begin() + end / 64, 0);
    state.check_limits();
    if (state.error_ || sink.full(position + static_cast<uint64_t>(end))) break;
    kqlc_begin_row(&state.run_);
  }
  sink.flush(context);
}

bool Kernel::consume(State& state, size_t input, const Batch& batch, const BatchUse& use) const {
  KQLC_CHECK(!state.sealed_, "consume after seal");
  KQLC_CHECK(state.phase_ == input_phases_[input], "an input of another phase");
  if (cancelled_.load(std::memory_order_relaxed)) state.fail(ErrorCode::Cancelled, "cancelled");
  if (state.error_) return false;
  if (batch.stable) state.kept_->hold(*batch.stable);
  bool wants_more = false;
  for (const Pipeline& pipeline : program_.pipelines) {
    if (pipeline.kind != SourceKind::Input || pipeline.source != input) continue;
    Sink& sink = state.sinks_[pipeline.sink];
    uint64_t position = batch.position | uint64_t{pipeline.branch} << (64 - kBranchBits);
    if (sink.full(position)) continue;
    Measured running = state.measure_pipeline(pipeline);
    if (joins_[pipeline.sink] &&
        (batch.position + static_cast<uint64_t>(batch.num_rows)) >> (64 - kBranchBits)) {
      state.fail(ErrorCode::Limit, "a union over more than 65536 files");
      return false;
    }
    run_batch(state, pipeline, batch, use, position);
    state.scratch_.reset();
    wants_more |= !sink.full(position + static_cast<uint64_t>(batch.num_rows));
  }
  account(state);
  return wants_more && !state.error_;
}

// What the state keeps, and whether something failed.
void Kernel::account(State& state) const {
  size_t bytes = state.kept_->bytes();
  for (const Sink& sink : state.sinks_) bytes += sink.bytes();
  // A table is counted by the state that made it, if that is still there.
  for (size_t i = 0; i < state.tables_.size(); ++i)
    if (state.tables_[i] && state.owns_tables_) bytes += state.tables_[i]->bytes();
  for (const std::shared_ptr<Rows>& rows : state.done_)
    if (rows) bytes += rows->cells.capacity() * sizeof(Cell);
  memory_.fetch_add(bytes - state.counted_, std::memory_order_relaxed);
  state.counted_ = bytes;
  if (state.run_.context.error)
    state.fail(state.run_.context.over_limit ? ErrorCode::Limit : ErrorCode::Usage, state.run_.context.error);
  if (options_.memory_limit && memory() > options_.memory_limit && !state.error_) {
    state.fill(state.filled_);
    state.fail(ErrorCode::Limit, say_memory_limit(options_.memory_limit, find_largest(state)));
  }
}

std::string_view Kernel::find_largest(const State& state) const {
  size_t largest = 0, most = 0;
  for (size_t i = 0; i < state.sinks_.size(); ++i) {
    const bool owns_table = state.tables_[i] && state.owns_tables_;
    const size_t bytes =
        state.shares_[i] + state.sinks_[i].bytes() + (owns_table ? state.tables_[i]->bytes() : 0);
    if (bytes > most) largest = i;
    most = std::max(bytes, most);
  }
  return program_.sinks[largest].contents();
}

// The threads that share the work for a state; they may keep what the limit leaves.
Team Kernel::make_team(State& state) const {
  const size_t limit = options_.memory_limit;
  return Team(state.run_.context, options_.threads, limit ? limit - std::min(limit - 1, memory()) : 0);
}

void Kernel::merge(State& into, State& from) const {
  KQLC_CHECK(!into.sealed_ && !from.sealed_, "merge after seal");
  KQLC_CHECK(into.phase_ == from.phase_, "merge of two phases");
  if (from.error_) into.fail(from.error_->code, from.error_->message);
  if (into.error_ && !streams()) return;  // no row of them will be asked for
  from.fill(0);
  for (size_t i = 0; i < into.sinks_.size(); ++i) {
    into.fill(i);
    Team team = make_team(into);
    into.sinks_[i].merge(team, from.sinks_[i]);
    into.shares_[i] += from.shares_[i];
    if (!from.done_[i]) continue;
    into.done_[i] = std::move(from.done_[i]);  // of a phase before, of which one state has the rows
    into.done_[i]->arena = into.kept_;
  }
  into.scratch_.reset();
  into.fill(0);
  into.kept_->adopt(*from.kept_);
  into.shared_out_ = into.kept_->bytes();
  account(from);
  account(into);
}

void State::measure(Stopwatch& watch, KernelCost& cost) {
  watch_ = &watch;
  cost_ = &cost;
  cost.pipelines.resize(kernel_->program().pipelines.size());
}

PipelineCost& State::cost_of(const Pipeline& pipeline) {
  return cost_->pipelines[static_cast<size_t>(&pipeline - kernel_->program().pipelines.data())];
}

void State::fill(size_t sink) {
  if (filled_ < shares_.size()) shares_[filled_] += kept_->bytes() - shared_out_;
  shared_out_ = kept_->bytes();
  filled_ = sink;
}

void State::check_limits() {
  if (kernel_->is_stopped()) fail(ErrorCode::Cancelled, "cancelled");
  kernel_->account(*this);
  run_.next_check = kept_->bytes() + kBytesBetweenChecks;
  if (error_ && run_.sink) run_.sink->close();
}

Result<std::shared_ptr<Rows>> Kernel::finish(State& state, size_t result, bool partial) const {
  if (!state.sealed_ && cancelled_.load(std::memory_order_relaxed))
    state.fail(ErrorCode::Cancelled, "cancelled");
  seal(state);
  const bool has_rows = !state.error_ || (partial && streams() && !state.results_.empty());
  if (!has_rows) return Error(*state.error_);
  KQLC_CHECK(result < state.results_.size(), "number of a result");
  return state.results_[result];
}

}  // namespace kqlc::exec

namespace kqlc {

namespace {

// Matches after which limits are looked at: a few rows may have millions.
constexpr uint64_t kMatchesBetweenChecks = 16'384;
// Bytes of values that the rows before have made.
constexpr size_t kMostKeptOfRows = size_t{16} << 20;

}  // namespace

extern "C" void kqlc_sink(Run* run) {
  run->sink->take_row(run->context);
  if (run->context.state_arena->bytes() > run->next_check) [[unlikely]]
    run->state->check_limits();
  run->row = run->sink->next_row(run->context);
}

extern "C" void kqlc_begin_row(Run* run) {
  run->context.match = 0;
  if (run->context.arena->used() <= kMostKeptOfRows) return;
  run->sink->flush(run->context);
  run->context.arena->reset();
  begin_run(run->context);
  run->row = run->sink->next_row(run->context);
}

extern "C" const Cell* const* kqlc_probe(Run* run, uint64_t sink, const Cell* keys, uint64_t outer,
                                         uint64_t* count) {
  const JoinTable& table = *run->tables[sink];
  JoinMatches matches = table.find(keys);
  run->unchecked += matches.size() + 1;
  if (run->unchecked > kMatchesBetweenChecks) [[unlikely]] {
    run->unchecked = 0;
    run->state->check_limits();
  }
  if (run->state->error() || run->context.error || run->sink->full(run->context.position)) [[unlikely]] {
    *count = 0;
    return nullptr;
  }
  if (matches.empty() && outer) matches = table.nulls();
  *count = matches.size();
  return matches.data();
}

extern "C" const Cell* const* kqlc_narrow(Run* run, uint64_t sink, const Cell* const* matches,
                                          uint64_t column, const Cell* low, const Cell* high,
                                          uint64_t* count) {
  const JoinTable& table = *run->tables[sink];
  if (matches == table.nulls().data()) return matches;
  const uint64_t before = *count;
  JoinMatches found;
  if ((!low || low->valid) && (!high || high->valid))
    found = table.narrow({matches, before}, column, low ? low->l : std::numeric_limits<int64_t>::min(),
                         high ? high->l : std::numeric_limits<int64_t>::max(), run->state->narrowed(sink));
  *count = found.size();
  run->unchecked -= std::min(run->unchecked, before - *count);
  return found.data();
}

}  // namespace kqlc
