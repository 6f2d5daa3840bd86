// SPDX-License-Identifier: Apache-2.0
//
// A Port is a kernel's input within a pass: where its columns stand in the union, and which threads want no
// more rows. Threads share nothing but the plan of the pass, so a batch is handed on without locks.
#include "cli/shared_scan.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <numeric>
#include <set>

#include "cli/interrupt.h"
#include "cli/shared_conditions.h"
#include "compiler/ir/late_columns.h"
#include "runtime/base/cache_line.h"
#include "runtime/base/side_by_side.h"
#include "runtime/exec/kernel.h"

namespace kqlc::cli {

struct SharedScan::Member {
  const codegen::Kernel* kernel = nullptr;
  Job* job = nullptr;
  bool finds_rows = false;
  std::vector<std::shared_ptr<codegen::KernelState>> states;  // by thread
};

namespace {

// Charges the columns that somebody has made to a counter of its own.
class MeasuredLoader : public ColumnLoader {
 public:
  MeasuredLoader(ColumnLoader& loader, Stopwatch& watch, uint64_t& cost)
      : loader_(loader), watch_(watch), cost_(cost) {}
  bool load(size_t column, const uint64_t* selection) override {
    Measured decoding(&watch_, &cost_);
    return loader_.load(column, selection);
  }
  bool find_range(size_t column, int64_t* least, int64_t* greatest) override {
    return loader_.find_range(column, least, greatest);
  }
  bool find_values(size_t column, Column* values, int64_t* size) override {
    Measured decoding(&watch_, &cost_);
    return loader_.find_values(column, values, size);
  }
  bool find_rows(size_t column, const uint64_t* selection, const TextFilter& filter,
                 uint64_t* rows) override {
    Measured decoding(&watch_, &cost_);
    return loader_.find_rows(column, selection, filter, rows);
  }

 private:
  ColumnLoader& loader_;
  Stopwatch& watch_;
  uint64_t& cost_;
};

// The place of a column in `schema`, put there if it is not yet.
size_t place_of(plan::Schema& schema, const plan::ColumnDef& column) {
  auto found = std::find_if(schema.begin(), schema.end(), [&](const plan::ColumnDef& known) {
    return known.name == column.name && known.type == column.type;
  });
  if (found != schema.end()) return static_cast<size_t>(found - schema.begin());
  schema.push_back(column);
  return schema.size() - 1;
}

// The time of a row: the first of the columns that is not null.
bool is_in(const TimeRange& bounds, const Column* columns, const std::vector<size_t>& places, int64_t row) {
  for (size_t place : places) {
    Cell cell = load(columns[place], Type::DateTime, columns[place].encoding, row);
    if (cell.valid) return bounds.contains(cell.l);
  }
  return false;
}

// Marks the rows in bounds. Returns whether there are any.
bool find_in_bounds(const TimeRange& bounds, const Batch& batch, const std::vector<size_t>& places,
                    std::vector<uint64_t>& rows) {
  for (size_t place : places)
    if (batch.loader && !batch.loader->load(place, nullptr)) return false;
  rows.assign(static_cast<size_t>((batch.num_rows + 63) / 64), 0);
  bool any = false;
  for (int64_t row = 0; row < batch.num_rows; ++row) {
    if (!is_in(bounds, batch.columns, places, row)) continue;
    rows[static_cast<size_t>(row) / 64] |= uint64_t{1} << (row % 64);
    any = true;
  }
  return any;
}

// In a port, the place of the column of row locators (ir::kRowColumn).
constexpr size_t kRowPlace = SIZE_MAX;

// The locators of a batch's rows as a column. `rows` is what they lie in where the batch has none.
Column row_column(const Batch& batch, std::vector<uint64_t>& rows) {
  Column column;
  column.type = Type::Long;
  column.encoding = Encoding::Fixed64;
  column.values = batch.locators;
  if (batch.locators) return column;
  bool known =
      rows.size() == static_cast<size_t>(batch.num_rows) && !rows.empty() && rows[0] == batch.position;
  if (!known) rows.resize(static_cast<size_t>(batch.num_rows));
  if (!known) std::iota(rows.begin(), rows.end(), batch.position);
  column.values = rows.data();
  return column;
}

}  // namespace

// A table, the kernels that read it, and what their rows look like.
struct SharedScan::Pass {
  // What a thread writes for each batch.
  struct alignas(kCacheLine) PortThread {
    std::vector<Column> columns;
    std::vector<uint64_t> rows;          // locators of rows that follow one by one
    std::vector<uint64_t> inside;        // the rows in bounds
    std::vector<const uint64_t*> atoms;  // the rows of each atom
    bool done = false;                   // further batches change nothing
  };
  struct Port {
    Member* member = nullptr;
    size_t input = 0;
    Need needs;                       // what a row of use must hold
    std::vector<size_t> places;       // of the kernel's columns in the union; kRowPlace
    std::vector<size_t> time_places;  // of the row's time; empty: every row is in bounds
    std::vector<PortThread> threads;
  };
  struct alignas(kCacheLine) PassThread {
    std::vector<TimeRange> times;  // those that rows had in each column that is tracked
    std::vector<size_t> chosen;    // ports that the batch has rows for
    size_t open_ports = 0;
    PassProfile::Thread cost;
  };

  TableScan scan;
  std::vector<Port> ports;
  std::unique_ptr<SharedConditions> conditions;  // of several ports: their atoms, by number of the port
  // A column that rules put time conditions on, and these.
  struct Tracked {
    size_t place;
    std::vector<TimeRange> windows;
    // Whether further times tell nothing that anybody asks: which windows hold none of them.
    bool is_settled_by(const TimeRange& times) const {
      return times != kNoTimes && std::ranges::none_of(windows, [&](const TimeRange& window) {
               return window.is_apart_from(times);
             });
    }
  };
  std::vector<Tracked> tracked;
  std::vector<PassThread> threads;
  std::atomic<size_t> open_threads{0};
  Profile* profile = nullptr;  // of the scan; nullptr: nothing is measured

  class PortColumns;

  void track(const std::string& name, const TimeRange& window);
  void share_conditions(size_t threads);
  bool take(int thread, const Batch& batch);
  bool take_measured(int thread, Batch batch);
  Stopwatch* watch(size_t thread) const { return profile ? &profile->watches[thread] : nullptr; }
  void note_times(size_t thread, const Batch& batch);
  bool choose(size_t number, size_t thread, const Batch& batch);
  void make_code(size_t thread);
  bool show(size_t number, size_t thread, const Batch& batch);
};

// The columns of a kernel among those of a batch; made when the kernel asks for them where the batch makes
// them so.
class SharedScan::Pass::PortColumns : public ColumnLoader {
 public:
  PortColumns(Port& port, size_t thread, const Batch& batch)
      : places_(port.places), columns_(port.threads[thread].columns), batch_(batch) {
    columns_.resize(places_.size());
    for (size_t i = 0; i < places_.size(); ++i)
      columns_[i] =
          places_[i] == kRowPlace ? row_column(batch, port.threads[thread].rows) : batch.columns[places_[i]];
  }

  bool load(size_t column, const uint64_t* selection) override {
    if (places_[column] == kRowPlace) return true;
    if (!batch_.loader->load(places_[column], selection)) return false;
    columns_[column] = batch_.columns[places_[column]];
    return true;
  }

  bool find_values(size_t column, Column* values, int64_t* size) override {
    return places_[column] != kRowPlace && batch_.loader->find_values(places_[column], values, size);
  }

  bool find_rows(size_t column, const uint64_t* selection, const TextFilter& filter,
                 uint64_t* rows) override {
    if (places_[column] == kRowPlace) return false;
    if (!batch_.loader->find_rows(places_[column], selection, filter, rows)) return false;
    columns_[column] = batch_.columns[places_[column]];
    return true;
  }

 private:
  const std::vector<size_t>& places_;
  std::vector<Column>& columns_;
  const Batch& batch_;
};

// Whether any row of a batch can be of use to a kernel.
bool SharedScan::Pass::choose(size_t number, size_t thread, const Batch& batch) {
  Port& port = ports[number];
  JobThread* cost = profile ? &port.member->job->profile->threads[thread] : nullptr;
  if (cost) {
    cost->rows += static_cast<uint64_t>(batch.num_rows);
    ++cost->batches;
    ++cost->passed_batches;
  }
  PortThread& own = port.threads[thread];
  if (conditions && !conditions->select(thread, number, batch, own.atoms)) return false;
  if (!port.time_places.empty()) {
    Measured bounding(watch(thread), cost ? &cost->bounds : nullptr);
    if (!find_in_bounds(port.member->job->bounds, batch, port.time_places, own.inside)) return false;
  }
  if (cost) --cost->passed_batches;
  return true;
}

// Makes the code of the chosen kernels that have none.
void SharedScan::Pass::make_code(size_t thread) {
  std::vector<const codegen::Kernel*> kernels;
  std::vector<Member*> members;
  for (size_t number : threads[thread].chosen) {
    if (ports[number].member->kernel->has_code()) continue;
    members.push_back(ports[number].member);
    kernels.push_back(members.back()->kernel);
  }
  if (kernels.empty()) return;
  uint64_t all = 0;  // of which other threads than this one have done a part
  Measured making(watch(thread), &all);
  const std::vector<uint64_t> costs = codegen::Kernel::make_code(kernels, threads.size());
  for (size_t i = 0; profile && i < members.size(); ++i)
    members[i]->job->profile->threads[thread].kernel.code += costs[i];
}

// Shows a batch to a kernel that it was chosen for. Returns whether it wants more.
bool SharedScan::Pass::show(size_t number, size_t thread, const Batch& batch) {
  Port& port = ports[number];
  exec::BatchUse use;
  const PortThread& own = port.threads[thread];
  if (conditions) use.atoms = own.atoms.data();
  if (!port.time_places.empty()) use.rows = own.inside.data();
  PortColumns columns(port, thread, batch);
  Batch shown = batch;
  shown.loader = batch.loader ? &columns : nullptr;
  shown.columns = own.columns.data();
  shown.num_columns = own.columns.size();
  return port.member->kernel->consume(*port.member->states[thread], port.input, shown, use);
}

// Keeps the least and the greatest time of the batch in the columns that rules put conditions on, as long as
// a window seems to hold none.
void SharedScan::Pass::note_times(size_t index, const Batch& batch) {
  PassThread& own = threads[index];
  Measured noting(watch(index), profile ? &own.cost.times : nullptr);
  for (size_t i = 0; i < tracked.size(); ++i) {
    if (tracked[i].is_settled_by(own.times[i])) continue;
    const size_t place = tracked[i].place;
    TimeRange known;
    if (batch.loader && batch.loader->find_range(place, &known.from, &known.to)) {
      include(own.times[i], known);
      continue;
    }
    if (batch.loader && !batch.loader->load(place, nullptr)) continue;
    const Column& column = batch.columns[place];
    TimeRange found = kNoTimes;
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      const Cell cell = load(column, Type::DateTime, column.encoding, row);
      if (!cell.valid) continue;
      found.from = std::min(found.from, cell.l);
      found.to = std::max(found.to, cell.l);
    }
    include(own.times[i], found);
  }
}

// A thread whose kernels are all done reads on, unhurt, until the others are: theirs may be the earlier rows.
bool SharedScan::Pass::take(int thread, const Batch& batch) {
  auto index = static_cast<size_t>(thread);
  note_times(index, batch);
  PassThread& own = threads[index];
  if (own.open_ports == 0) return open_threads != 0;
  if (conditions) conditions->begin(index);
  own.chosen.clear();
  for (size_t i = 0; i < ports.size(); ++i)
    if (!ports[i].threads[index].done && choose(i, index, batch)) own.chosen.push_back(i);
  make_code(index);
  for (size_t i : own.chosen) {
    if (show(i, index, batch)) continue;
    ports[i].threads[index].done = true;
    if (--own.open_ports == 0) --open_threads;
  }
  return open_threads != 0;
}

// What no step inside charges to itself is deciding for all and handing on.
bool SharedScan::Pass::take_measured(int thread, Batch batch) {
  auto index = static_cast<size_t>(thread);
  PassProfile::Thread& cost = threads[index].cost;
  Stopwatch& own = profile->watches[index];
  Measured taking(&own, &cost.shared);
  if (!batch.loader) return take(thread, batch);
  MeasuredLoader loader(*batch.loader, own, cost.decode);
  batch.loader = &loader;
  return take(thread, batch);
}

SharedScan::SharedScan(Tables& tables, int threads, Profile* profile)
    : tables_(tables), threads_(threads), profile_(profile) {}
SharedScan::~SharedScan() = default;

void SharedScan::add(const codegen::Kernel& kernel, Job& job, bool finds_rows) {
  auto member = std::make_unique<Member>();
  member->kernel = &kernel;
  member->job = &job;
  member->finds_rows = finds_rows;
  members_.push_back(std::move(member));
}

// Lets the times be kept that a job's conditions and bounds ask for.
void SharedScan::track_times(const Member& member, Pass& pass) {
  for (const ScanTimes& scan : member.job->scan_times)
    if (scan.table == pass.scan.table)
      for (const TimeCondition& condition : scan.conditions) pass.track(condition.column, condition.range);
  const TimeRange& bounds = member.job->bounds;
  if (bounds.is_bounded())
    for (const std::string& column : tables_.time_columns_of(pass.scan.table)) pass.track(column, bounds);
}

// A kernel alone decides its atoms itself, each only for the rows that the one before has left.
void SharedScan::Pass::share_conditions(size_t threads) {
  if (ports.size() < 2) return;
  conditions = std::make_unique<SharedConditions>(threads);
  for (const Port& port : ports) conditions->add(port.member->kernel->native(), port.input, port.places);
  conditions->prepare();
}

// Lets the times of a column be kept, if it is read.
void SharedScan::Pass::track(const std::string& name, const TimeRange& window) {
  auto found = std::ranges::find_if(scan.columns, [&](const plan::ColumnDef& column) {
    return column.name == name && column.type == Type::DateTime;
  });
  if (found == scan.columns.end()) return;
  auto place = static_cast<size_t>(found - scan.columns.begin());
  auto known = std::ranges::find(tracked, place, &Tracked::place);
  if (known == tracked.end()) known = tracked.insert(known, {place, {}});
  known->windows.push_back(window);
}

// What a kernel's input and the bounds of its job ask of a row.
Need SharedScan::needs_of(const codegen::KernelInput& input, const TimeRange& bounds) {
  if (!bounds.is_bounded()) return input.needs;
  const std::vector<std::string>& columns = tables_.time_columns_of(input.table);
  if (columns.empty()) return input.needs;
  return need_all({need_range(columns, Type::DateTime, bounds.from, bounds.to), input.needs});
}

void SharedScan::add_port(Member& member, size_t input, Pass& pass) {
  const codegen::KernelInput& wanted = member.kernel->inputs()[input];
  Pass::Port port;
  port.member = &member;
  port.input = input;
  for (const plan::ColumnDef& column : wanted.columns)
    port.places.push_back(
        member.finds_rows && column.name == ir::kRowColumn ? kRowPlace : place_of(pass.scan.columns, column));
  if (member.job->bounds.is_bounded())
    for (const std::string& name : tables_.time_columns_of(wanted.table))
      port.time_places.push_back(place_of(pass.scan.columns, {name, Type::DateTime}));
  port.threads.resize(static_cast<size_t>(threads_));
  port.needs = needs_of(wanted, member.job->bounds);
  pass.ports.push_back(std::move(port));
}

// The last phase in which a kernel needs a table.
std::map<std::string, size_t> SharedScan::last_phases() const {
  std::map<std::string, size_t> last;
  for (const auto& member : members_)
    for (const codegen::KernelInput& input : member->kernel->inputs())
      last[input.table] = std::max(last[input.table], input.phase);
  return last;
}

// The passes of a phase. A kernel of a single phase can wait for any.
std::vector<std::unique_ptr<SharedScan::Pass>> SharedScan::collect_passes(size_t phase) {
  std::map<std::string, std::unique_ptr<Pass>> passes;
  std::map<std::string, size_t> last = last_phases();
  for (auto& member : members_) {
    if (member->job->error) continue;
    std::set<std::string> tables;
    for (size_t input = 0; input < member->kernel->inputs().size(); ++input) {
      const std::string& table = member->kernel->inputs()[input].table;
      bool can_wait = member->kernel->num_phases() == 1;
      if ((can_wait ? last[table] : member->kernel->inputs()[input].phase) != phase) continue;
      auto& pass = passes[table];
      if (!pass) pass = std::make_unique<Pass>();
      pass->scan.table = table;
      add_port(*member, input, *pass);
      tables.insert(table);
    }
    for (const std::string& table : tables) track_times(*member, *passes[table]);
  }
  std::vector<std::unique_ptr<Pass>> out;
  for (auto& [table, pass] : passes) out.push_back(std::move(pass));
  return out;
}

Result<void> SharedScan::measure_pass(Pass& pass) {
  PassProfile& out = profile_->passes.emplace_back();
  out.table = pass.scan.table;
  pass.profile = profile_;
  const uint64_t before = profile_->total();
  WallTime wall(&out.wall);
  auto read = tables_.scan(
      pass.scan, threads_, [&](int thread, const Batch& batch) { return pass.take_measured(thread, batch); },
      &out.report);
  for (const Pass::PassThread& thread : pass.threads) out.threads.push_back(thread.cost);
  const uint64_t inside = profile_->total() - before;
  out.read = out.report.nanoseconds - std::min(inside, out.report.nanoseconds);
  return read;
}

// Returns false when a mapped file lost bytes under the kernels: their states may hold wrong rows.
bool SharedScan::run_pass(Pass& pass) {
  pass.scan.prefilters.clear();
  for (const Pass::Port& port : pass.ports)
    pass.scan.prefilters.push_back(port.member->kernel->inputs()[port.input].prefilter);
  std::vector<Need> needs;
  for (Pass::Port& port : pass.ports) needs.push_back(std::move(port.needs));
  pass.scan.needs = need_any(std::move(needs));
  pass.share_conditions(static_cast<size_t>(threads_));
  pass.threads.resize(static_cast<size_t>(threads_));
  for (Pass::PassThread& thread : pass.threads) {
    thread.times.assign(pass.tracked.size(), kNoTimes);
    thread.open_ports = pass.ports.size();
  }
  pass.open_threads = static_cast<size_t>(threads_);
  auto read =
      profile_ ? measure_pass(pass) : tables_.scan(pass.scan, threads_, [&](int thread, const Batch& batch) {
        return pass.take(thread, batch);
      });
  if (!read.ok() && read.error().code == ErrorCode::Io && tables_.is_mapping()) return false;
  for (const Pass::PassThread& thread : pass.threads)
    for (size_t i = 0; i < pass.tracked.size(); ++i)
      tables_.note_times(pass.scan.table, pass.scan.columns[pass.tracked[i].place].name, thread.times[i]);
  for (const Pass::Port& port : pass.ports)
    if (!read.ok()) port.member->job->error = read.error();
  return true;
}

bool SharedScan::run_passes() {
  for (auto& member : members_) {
    member->states.clear();
    for (int i = 0; i < threads_; ++i) member->states.push_back(member->kernel->create_state());
    measure(*member);
  }
  size_t num_phases = 1;
  for (auto& member : members_) num_phases = std::max(num_phases, member->kernel->num_phases());
  const auto inodes = num_phases > 1 ? tables_.find_inodes() : std::vector<std::pair<int64_t, int64_t>>();
  for (size_t phase = 0; phase < num_phases && !interrupted(); ++phase) {
    if (phase > 0) end_phase(phase - 1);
    if (phase > 0 && tables_.find_inodes() != inodes) fail_joins();
    auto passes = collect_passes(phase);
    if (!std::ranges::all_of(passes, [&](auto& pass) { return run_pass(*pass); })) return false;
  }
  return true;
}

// Both sides of a join are to be of the same archive.
void SharedScan::fail_joins() {
  for (auto& member : members_)
    if (member->kernel->num_phases() > 1 && !member->job->error)
      member->job->error =
          Error{ErrorCode::Io, "a file was replaced or deleted between two passes over the archive"};
}

// Kernels that need a further phase get the tables of their joins.
void SharedScan::end_phase(size_t phase) {
  for (auto& member : members_)
    if (phase + 1 < member->kernel->num_phases() && !member->job->error) {
      Measured ending(watch(), member->job->cost(Step::Merge));
      member->kernel->end_phase(member->states);
      measure(*member);
    }
}

// Lets the states of a member charge what they do to its job's profile.
void SharedScan::measure(Member& member) {
  if (!profile_) return;
  std::vector<JobThread>& threads = member.job->profile->threads;
  threads.resize(member.states.size());
  member.job->profile->pipelines = name_pipelines(member.kernel->native().program());
  for (size_t i = 0; i < member.states.size(); ++i)
    member.states[i]->measure(profile_->watches[i], threads[i].kernel);
}

// Ends a member on one of the threads. Returns false when a mapped file lost bytes of which the kernel kept
// texts.
bool SharedScan::finish(Member& member, size_t thread) {
  if (member.job->error) return true;
  for (size_t i = 0; profile_ && i < member.states.size(); ++i)
    member.states[i]->measure(*watch(thread), member.job->profile->threads[i].kernel);
  {
    Measured merging(watch(thread), member.job->cost(Step::Merge));
    for (size_t i = 1; i < member.states.size(); ++i)
      member.kernel->merge(*member.states[0], *member.states[i]);
  }
  Measured finishing(watch(thread), member.job->cost(Step::Finish));
  if (profile_) *member.job->cost(Step::CodeO2) += member.kernel->take_background_time();
  codegen::KernelRows rows = member.kernel->finish(*member.states[0]);
  member.states.clear();
  if (rows.error && rows.error->code == ErrorCode::Io && tables_.is_mapping()) return false;
  take_rows(*member.job, std::move(rows));
  return true;
}

// Returns false when what was mapped lost bytes while it was used.
bool SharedScan::run_once() {
  {
    WallTime scanning(profile_ ? &profile_->wall.scan : nullptr);
    if (!run_passes()) return false;
  }
  WallTime finishing(profile_ ? &profile_->wall.finish : nullptr);
  std::atomic<bool> whole{true};
  side_by_side(members_.size(), static_cast<size_t>(threads_), [&](size_t i, size_t thread) {
    if (!finish(*members_[i], thread)) whole = false;
  });
  return whole;
}

// What a mapped file lost is found by reading: then it is an error of that file alone.
void SharedScan::run() {
  if (run_once()) return;
  tables_.stop_mapping();
  run_once();
}

}  // namespace kqlc::cli
