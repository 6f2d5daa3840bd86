// SPDX-License-Identifier: Apache-2.0
//
// Kernel: a compiled rule, ready to take rows. In: an image (program.h) and the table of compiled functions,
// from the JIT or from an object file alike; then Batches, on any number of threads with one State each. Out:
// after merging and sealing, the rows of each result. The C interface (kernel_abi.h) and the program's own
// scans both stand on this class.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/stopwatch.h"
#include "runtime/exec/cost.h"
#include "runtime/exec/program.h"
#include "runtime/exec/run.h"
#include "runtime/exec/team.h"
#include "runtime/simd/conditions.h"

namespace kqlc::exec {

class Kernel;
class State;

// Where the compiled functions are. `choose` may give another, equal function for the encodings at hand.
class Code {
 public:
  virtual ~Code() = default;
  // `columns` are those that the function reads; nullptr when it reads Cells. `num_rows`: how many rows it
  // will look at. Returns nullptr where the code cannot be made; problem() says why.
  virtual PipelineFunction choose(uint32_t function, const Column* columns, size_t num_columns,
                                  int64_t num_rows) = 0;
  virtual std::string problem() const { return ""; }
};

// A table of functions that never changes, as an object file has it.
class FixedCode : public Code {
 public:
  explicit FixedCode(const PipelineFunction* functions) : functions_(functions) {}
  PipelineFunction choose(uint32_t function, const Column*, size_t, int64_t) override {
    return functions_[function];
  }

 private:
  const PipelineFunction* functions_;
};

struct KernelOptions {
  int64_t now = 0;          // query time, ticks
  size_t memory_limit = 0;  // bytes that all states together may keep; 0: no limit
  size_t threads = 1;       // that share the work where states are merged and results are made
  // Of whoever feeds the kernel: once it is set, loops that take long end as if the kernel was cancelled, and
  // a kernel that streams() has the rows before.
  const std::atomic<bool>* stop = nullptr;
};

// The rows of one result. Cells live in `arena`.
struct Rows {
  std::vector<Field> schema;
  size_t num_rows = 0;
  LargeVector<Cell> cells;  // row by row
  std::shared_ptr<Arena> arena;

  const Cell& at(size_t row, size_t column) const { return cells[row * schema.size() + column]; }
};

// What one consume call is given besides the batch.
struct BatchUse {
  // For each atom of the input the rows for which it holds, decided elsewhere; nullptr for the whole or for
  // an atom: decided here.
  const uint64_t* const* atoms = nullptr;
  // The rows to look at, one bit a row; nullptr: all.
  const uint64_t* rows = nullptr;
};

class Kernel : public std::enable_shared_from_this<Kernel> {
 public:
  // Errors: those of read_image; Format: a constant that its function refuses.
  static Result<std::shared_ptr<Kernel>> open(std::string_view image, std::shared_ptr<Code> code,
                                              const KernelOptions& options);
  ~Kernel();

  const Program& program() const { return program_; }
  // True when the rows of a part of the input are part of the result: what a cancelled scan has may be shown.
  bool streams() const;

  // A kernel has one phase or several: the right side of a join is complete before the left one begins. In
  // each phase its inputs are consumed on any number of states, the states are merged into one, and
  // end_phase() is called for it; the next phase begins with states made from that one.
  size_t num_phases() const { return num_phases_; }
  size_t phase_of_input(size_t input) const { return input_phases_[input]; }

  // What an atom of an input asks of its column, for those who decide it for several kernels.
  simd::Condition describe(const Atom& atom) const;

  // One state a thread. May be called from any thread.
  std::shared_ptr<State> create_state() const;
  // A further state for the phase in which `merged` is, which has ended those before.
  std::shared_ptr<State> create_state(const State& merged) const;
  // Takes the rows of a batch. Positions must grow from batch to batch of an input of one state. Nothing of
  // the batch is kept but texts in its stable memory. Returns false when this state wants no more: it has all
  // rows it needs, it failed, or the kernel was cancelled.
  bool consume(State& state, size_t input, const Batch& batch, const BatchUse& use = {}) const;
  // Moves everything of `from` into `into`; an error as well. Requires: neither is sealed, both are in the
  // same phase.
  void merge(State& into, State& from) const;
  // Ends the inputs of the phase: runs what stands between it and the next one, and makes the tables of its
  // joins.
  void end_phase(State& state) const;
  // Ends all inputs and computes the results; the state does not change any more and threads may share it.
  void seal(State& state) const;
  // The rows of a result, which have nothing of any batch. Seals the state if that was not done. Errors: what
  // stopped this state (a limit, a failed assertion, a cancel), unless `partial`, with which a kernel that
  // streams() gives the rows it has; Io: stable memory of a batch lost bytes.
  // Whoever alone has the state may take the cells.
  Result<std::shared_ptr<Rows>> finish(State& state, size_t result, bool partial = false) const;

  // A state as bytes that hold no addresses, and back, in this or another process that runs the same image.
  std::string serialize(const State& state) const;
  // Errors: Format: the bytes are no state of this kernel.
  Result<std::shared_ptr<State>> deserialize(std::string_view bytes) const;

  // Makes every consume return false from now on; from any thread.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  // Bytes that all states keep, as of the last batch of each.
  size_t memory() const { return memory_.load(std::memory_order_relaxed); }

 private:
  friend class State;
  static constexpr int64_t kRowsAtOnce = 16'384;  // between two looks at the limits
  // Sets as many bits.
  static void select_all(std::vector<uint64_t>& bits, int64_t num_rows);
  // What the code that runs next makes goes into `sink`.
  static void feed(Run& run, Sink& sink);

  Kernel() = default;
  Result<void> prepare();
  PipelineFunction code_for(State& state, uint32_t function, const Column* columns, size_t num_columns,
                            int64_t num_rows) const;
  bool select_rows(State& state, const Pipeline& pipeline, const Batch& batch, const BatchUse& use) const;
  bool null_holds(State& state, const Atom& atom) const;
  bool no_value_holds(State& state, const Atom& atom, const Batch& batch) const;
  bool select_marked(State& state, const Pipeline& pipeline, const Batch& batch) const;
  void run_batch(State& state, const Pipeline& pipeline, const Batch& batch, const BatchUse& use,
                 uint64_t position) const;
  // Runs the loop over some rows at a time, so that a limit or a cancel is noticed in between.
  void run_parts(State& state, const Pipeline& pipeline, PipelineFunction code, const Batch& batch,
                 uint64_t position) const;
  template <class RunPart>
  void share(State& state, size_t parts, size_t threads, const RunPart& run) const;
  void run_rows(State& state, const Pipeline& pipeline, const Cell* cells, int64_t num_rows) const;
  void run_sink(State& state, const Pipeline& pipeline) const;
  // Returns whether further rows matter.
  bool run_cells(State& state, const Pipeline& pipeline, const Cell* cells, int64_t rows,
                 uint64_t position) const;
  void run_range(State& state, const Pipeline& pipeline, const Rows& bounds) const;
  void run_pipeline(State& state, const Pipeline& pipeline) const;
  void build_table(State& state, uint32_t sink) const;
  void detach(State& state, Rows& rows) const;
  std::shared_ptr<Rows> rows_of(State& state, uint32_t sink) const;
  void find_phases();
  void account(State& state) const;
  Team make_team(State& state) const;
  std::string_view find_largest(const State& state) const;

  Program program_;
  uint64_t identity_ = 0;  // of the image
  std::shared_ptr<Code> code_;
  KernelOptions options_;
  std::vector<bool> joins_;  // by sink: several pipelines fill it
  size_t num_phases_ = 1;
  std::vector<size_t> input_phases_;
  std::vector<size_t> input_uses_;  // how many pipelines read an input
  std::vector<size_t> pipeline_phases_;
  std::vector<size_t> sink_phases_;  // in which a sink gets its last rows
  std::vector<size_t> sink_uses_;    // how many pipelines and results have its rows
  std::vector<Cell> literals_;
  std::vector<const void*> prepared_;
  SinkSpec mark_spec_;
  // Whether a loop is to end between two batches of its rows.
  bool is_stopped() const {
    return cancelled_.load(std::memory_order_relaxed) ||
           (options_.stop && options_.stop->load(std::memory_order_relaxed));
  }

  std::atomic<bool> cancelled_{false};
  mutable std::atomic<size_t> memory_{0};
};

// What one thread has gathered. Its first error stays.
class State {
 public:
  explicit State(std::shared_ptr<const Kernel> kernel);
  ~State();
  const std::optional<Error>& error() const { return error_; }
  bool sealed() const { return sealed_; }
  size_t phase() const { return phase_; }
  // From now on charges this state's work to `cost`, which outlives it, by the watch of whichever thread uses
  // the state.
  void measure(Stopwatch& watch, KernelCost& cost);
  // Counts what is kept, and looks whether the kernel was cancelled; for loops that may take long.
  void check_limits();
  // Where kqlc_narrow leaves the matches of a row, by sink.
  JoinScratch& narrowed(size_t sink) { return narrowed_[sink]; }

 private:
  friend class Kernel;
  void fail(ErrorCode code, std::string message) {
    if (!error_) error_ = Error{code, std::move(message)};
  }
  // Lets a pipeline's counter run while the result lives.
  Measured measure_pipeline(const Pipeline& pipeline) {
    return {watch_, watch_ ? &cost_of(pipeline).nanoseconds : nullptr};
  }
  PipelineCost& cost_of(const Pipeline& pipeline);
  // From now on what `kept_` grows by is that of the sink.
  void fill(size_t sink);

  std::shared_ptr<const Kernel> kernel_;
  Arena scratch_;
  std::shared_ptr<Arena> kept_ = std::make_shared<Arena>();
  std::vector<Sink> sinks_;
  Sink mark_sink_;
  Run run_;
  std::vector<uint64_t> selection_, bits_;
  size_t phase_ = 0;
  bool owns_tables_ = true;                               // or another state does
  std::vector<std::shared_ptr<const JoinTable>> tables_;  // by sink
  std::vector<JoinScratch> narrowed_;                     // by sink
  std::vector<std::shared_ptr<Rows>> done_;               // by sink: its rows, once something has asked
  std::vector<std::shared_ptr<Rows>> results_;
  std::optional<Error> error_;
  bool sealed_ = false;
  Stopwatch* watch_ = nullptr;  // nullptr: nothing is measured
  KernelCost* cost_ = nullptr;
  size_t counted_ = 0;  // this state's share of Kernel::memory_
  // By sink, how much of `kept_` is its; the last to be filled has what came since.
  std::vector<size_t> shares_;
  size_t filled_ = 0;
  size_t shared_out_ = 0;  // of `kept_`
};

}  // namespace kqlc::exec
