// SPDX-License-Identifier: Apache-2.0
//
// Wall time is read from the clock that is never set.
#include "cli/profile.h"

#include <fmt/format.h>

#include <ctime>

namespace kqlc::cli {

namespace {

uint64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

std::vector<PipelineName> name_pipelines(const exec::Program& program) {
  constexpr std::string_view sinks[] = {"rows", "groups", "count", "table of a join", "mark"};
  std::vector<PipelineName> out;
  for (const exec::Pipeline& pipeline : program.pipelines) {
    std::string from = "constant rows";
    if (pipeline.kind == exec::SourceKind::Input) from = program.inputs[pipeline.source].table;
    if (pipeline.kind == exec::SourceKind::Sink) from = fmt::format("sink {}", pipeline.source);
    if (pipeline.kind == exec::SourceKind::Range) from = "range";
    const SinkSpec& sink = program.sinks[pipeline.sink];
    out.push_back({fmt::format("{} -> {}{} {}", from, sink.sort_keys.empty() ? "" : "sorted ",
                               sinks[static_cast<size_t>(sink.kind)], pipeline.sink),
                   pipeline.kind == exec::SourceKind::Input});
  }
  return out;
}

uint64_t wall_nanoseconds() { return read_clock(CLOCK_MONOTONIC); }
uint64_t process_nanoseconds() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace kqlc::cli
