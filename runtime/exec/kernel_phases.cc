// SPDX-License-Identifier: Apache-2.0
//
// What a kernel runs between and after its inputs: pipelines over the rows of sinks, tables of joins,
// results. Threads share the rows of a large sink, each with a state of its own, as they share an input.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "runtime/aggregates/state.h"
#include "runtime/base/threads.h"
#include "runtime/exec/kernel.h"

namespace kqlc::exec {

namespace {

// Rows of a sink that are worth a thread.
constexpr int64_t kLeastRowsOfThread = 16'384;

}  // namespace

// Runs run(state, part, cells) for all parts, in turn by threads that have a state and some cells each; the
// states are merged then. A thread ends when its state has failed or run() returns false.
template <class RunPart>
void Kernel::share(State& state, size_t parts, size_t threads, const RunPart& run) const {
  std::atomic<size_t> next = 0;
  const auto work = [&](State& own) {
    LargeVector<Cell> cells;
    for (size_t part = 0; !own.error_ && (part = next.fetch_add(1)) < parts;)
      if (!run(own, part, cells)) return;
  };
  std::vector<std::shared_ptr<State>> others;
  for (size_t i = 1; i < std::min(options_.threads, threads); ++i) {
    others.push_back(create_state(state));
    others.back()->run_.context.arena = others.back()->kept_.get();
  }
  on_threads(1 + others.size(), [&](size_t i) { work(i ? *others[i - 1] : state); });
  for (auto& other : others) merge(state, *other);
}

// In parts, so that a limit or a cancel is noticed and better code may take over.
void Kernel::run_rows(State& state, const Pipeline& pipeline, const Cell* cells, int64_t num_rows) const {
  const auto parts = static_cast<size_t>((num_rows + kRowsAtOnce - 1) / kRowsAtOnce);
  if (state.watch_) state.cost_of(pipeline).rows += static_cast<uint64_t>(num_rows);
  share(state, parts, static_cast<size_t>(num_rows / kLeastRowsOfThread),
        [&](State& own, size_t part, LargeVector<Cell>&) {
          const int64_t begin = static_cast<int64_t>(part) * kRowsAtOnce;
          return run_cells(own, pipeline, cells + begin * pipeline.width,
                           std::min(kRowsAtOnce, num_rows - begin), static_cast<uint64_t>(begin));
        });
}

// Over the rows of a sink that nobody else asks for: whoever makes a part of them takes it.
void Kernel::run_sink(State& state, const Pipeline& pipeline) const {
  Sink& source = state.sinks_[pipeline.source];
  state.fill(pipeline.source);
  const Sink::Order order = [&] {
    Team team = make_team(state);
    return source.order(team);
  }();
  if (state.watch_) state.cost_of(pipeline).rows += order.num_rows();
  const size_t threads = order.num_rows() / kLeastRowsOfThread;
  share(state, order.num_parts(), threads, [&](State& own, size_t part, LargeVector<Cell>& cells) {
    const size_t rows = order.rows_of(part);
    if (cells.size() < rows * pipeline.width) cells.resize(rows * pipeline.width);
    source.finish_part(own.run_.context, order, part, cells.data());
    return rows == 0 ||
           run_cells(own, pipeline, cells.data(), static_cast<int64_t>(rows), order.place_of(part));
  });
  source.end_order(state.run_.context);
}

bool Kernel::run_cells(State& state, const Pipeline& pipeline, const Cell* cells, int64_t rows,
                       uint64_t position) const {
  position |= uint64_t{pipeline.branch} << (64 - kBranchBits);
  Sink& sink = state.sinks_[pipeline.sink];
  if (sink.full(position)) return false;
  select_all(state.selection_, rows);
  // An arena of its own for these rows: its size is what functions bound. What they made lives on with the
  // state.
  Arena part;
  Arena* all = std::exchange(state.run_.context.arena, &part);
  state.run_.context.match = 0;
  begin_run(state.run_.context);
  state.fill(pipeline.sink);
  feed(state.run_, sink);
  if (PipelineFunction code = code_for(state, pipeline.function, nullptr, 0, rows))
    code(&state.run_, cells, state.selection_.data(), rows, position);
  sink.flush(state.run_.context);
  state.run_.context.arena = all;
  all->adopt(part);
  if (is_stopped()) state.fail(ErrorCode::Cancelled, "cancelled");
  account(state);
  return !state.error_;
}

// The values from, from + step, ... that do not pass `to`; none where one of the three is null or the step is
// 0.
void Kernel::run_range(State& state, const Pipeline& pipeline, const Rows& bounds) const {
  if (bounds.num_rows != 1) return;
  const Cell &from = bounds.cells[0], &to = bounds.cells[1], &step = bounds.cells[2];
  if (!from.valid || !to.valid || !step.valid) return;
  bool real = program_.sinks[pipeline.source].types[0] == Type::Real;
  if (real ? !(step.d != 0) || std::isnan(step.d) : step.l == 0) return;
  std::vector<Cell> cells;
  Cell value = from;
  auto inside = [&] {
    return real ? (step.d > 0 ? value.d <= to.d : value.d >= to.d)
                : (step.l > 0 ? value.l <= to.l : value.l >= to.l);
  };
  bool more = inside();
  for (uint64_t done = 0; more;) {
    cells.clear();
    while (more && cells.size() < kRowsAtOnce) {
      cells.push_back(value);
      if (real) value.d = from.d + static_cast<double>(done + cells.size()) * step.d;
      more = (real || !__builtin_add_overflow(value.l, step.l, &value.l)) && inside();
    }
    if (state.watch_) state.cost_of(pipeline).rows += cells.size();
    if (!run_cells(state, pipeline, cells.data(), static_cast<int64_t>(cells.size()), done)) return;
    done += cells.size();
  }
}

// The rows of a sink that gets no more.
std::shared_ptr<Rows> Kernel::rows_of(State& state, uint32_t sink) const {
  std::shared_ptr<Rows>& rows = state.done_[sink];
  if (rows) return rows;
  rows = std::make_shared<Rows>();
  rows->arena = state.kept_;
  state.fill(sink);
  Team team = make_team(state);
  rows->num_rows = state.sinks_[sink].finish(team, rows->cells);
  return rows;
}

void Kernel::build_table(State& state, uint32_t sink) const {
  if (state.tables_[sink]) return;
  Team team = make_team(state);
  state.tables_[sink] = state.sinks_[sink].build_table(team);
}

// One that reads no input.
void Kernel::run_pipeline(State& state, const Pipeline& pipeline) const {
  Measured running = state.measure_pipeline(pipeline);
  for (uint32_t sink : pipeline.probes) build_table(state, sink);
  if (pipeline.kind == SourceKind::Rows) run_rows(state, pipeline, pipeline.rows.data(), pipeline.num_rows);
  if (pipeline.kind == SourceKind::Sink) {
    if (program_.sinks[pipeline.source].kind != SinkSpec::Kind::Count && sink_uses_[pipeline.source] == 1)
      return run_sink(state, pipeline);
    std::shared_ptr<Rows> rows = rows_of(state, pipeline.source);
    run_rows(state, pipeline, rows->cells.data(), static_cast<int64_t>(rows->num_rows));
  }
  if (pipeline.kind == SourceKind::Range) run_range(state, pipeline, *rows_of(state, pipeline.source));
  account(state);
}

void Kernel::end_phase(State& state) const {
  KQLC_CHECK(state.phase_ < num_phases_, "a phase that there is not");
  Context& context = state.run_.context;
  Arena* scratch = std::exchange(context.arena, state.kept_.get());  // cells go from sink to sink
  for (size_t i = 0; i < program_.pipelines.size(); ++i) {
    const Pipeline& pipeline = program_.pipelines[i];
    if (state.error_ && !streams()) break;
    if (pipeline.kind != SourceKind::Input && pipeline_phases_[i] == state.phase_)
      run_pipeline(state, pipeline);
  }
  for (uint32_t sink = 0; sink < program_.sinks.size() && !state.error_; ++sink)
    if (program_.sinks[sink].kind == SinkSpec::Kind::Build && sink_phases_[sink] == state.phase_)
      build_table(state, sink);
  context.arena = scratch;
  ++state.phase_;
  account(state);
}

void Kernel::seal(State& state) const {
  if (state.sealed_) return;
  while (state.phase_ < num_phases_) end_phase(state);
  state.sealed_ = true;
  state.run_.context.arena = state.kept_.get();
  for (const ResultSet& result : program_.results) {
    if (state.error_ && !streams()) break;
    std::shared_ptr<Rows> rows = rows_of(state, result.sink);
    rows->schema = result.schema;
    detach(state, *rows);
    state.results_.push_back(std::move(rows));
  }
  if (const StableMemory* torn = state.kept_->find_torn()) {
    state.error_ = torn->loss();
    state.results_.clear();
  }
  state.kept_->let_go();
  account(state);
}

// Copies what rows have of others' memory. A dynamic value may have it anywhere within.
void Kernel::detach(State& state, Rows& rows) const {
  if (!state.kept_->keeps_others()) return;
  const size_t width = rows.schema.size();
  Team team = make_team(state);
  team.over_all(rows.num_rows, kRowsAtOnce, [&](Context& context, size_t begin, size_t end) {
    for (size_t i = begin * width; i < end * width; ++i) {
      Cell& cell = rows.cells[i];
      const Type type = rows.schema[i % width].type;
      if (type == Type::String && state.kept_->is_others(cell.s)) cell.s = context.state_arena->copy(cell.s);
      if (type == Type::Dynamic) cell = aggregates::keep(cell, type, *context.state_arena);
    }
  });
}

}  // namespace kqlc::exec
