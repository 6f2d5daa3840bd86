// SPDX-License-Identifier: Apache-2.0
//
// Steps that took nothing in any rule have no column. Rules that took most stand first.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "cli/explain_profile.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/table_width.h"
#include "runtime/base/printable.h"

namespace kqlc::cli {

namespace {

double milliseconds(uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

struct Amount {
  std::string_view name;  // heading in the table, key in JSON
  uint64_t value = 0;     // ns where it is a time
};

// A job's profile with its threads added up.
struct JobLine {
  std::string rule;
  std::vector<Amount> steps;  // CPU
  uint64_t cpu = 0;
  JobThread all;
  uint64_t rows_kept = 0, rows_out = 0;
  const JobProfile* profile = nullptr;
};

JobThread sum_threads(const JobProfile& profile) {
  JobThread sum;
  for (const JobThread& thread : profile.threads) {
    sum.kernel.add(thread.kernel);
    sum.bounds += thread.bounds;
    sum.rows += thread.rows;
    sum.batches += thread.batches;
    sum.passed_batches += thread.passed_batches;
  }
  return sum;
}

JobLine line_of(std::string rule, const Job& job) {
  constexpr std::string_view names[] = {"parse", "bind",   "optimise", "emit",     "O2",
                                        "merge", "finish", "fetch",    "reference"};
  JobLine line;
  line.rule = std::move(rule);
  line.profile = job.profile.get();
  line.all = sum_threads(*job.profile);
  line.rows_out = job.rows.rows.size();
  for (size_t i = 0; i < kNumSteps; ++i) line.steps.push_back({names[i], job.profile->steps[i]});
  line.steps.push_back({"O0", line.all.kernel.code});
  line.steps.push_back({"bounds", line.all.bounds});
  uint64_t kernel = 0;
  for (size_t i = 0; i < line.all.kernel.pipelines.size(); ++i) {
    kernel += line.all.kernel.pipelines[i].nanoseconds;
    line.all.passed_batches += line.all.kernel.pipelines[i].passed_batches;
    if (job.profile->pipelines[i].reads_input) line.rows_kept += line.all.kernel.pipelines[i].rows;
  }
  line.steps.push_back({"kernel", kernel});
  for (const Amount& step : line.steps) line.cpu += step.value;
  return line;
}

std::vector<JobLine> lines_of(const RuleScan& scan) {
  std::vector<JobLine> lines;
  for (size_t i = 0; i < scan.files.rules.size(); ++i)
    for (size_t job : scan.jobs_of[i])
      lines.push_back(line_of(rule_key(scan.files.rules[i]), scan.jobs[job]));
  std::ranges::stable_sort(lines, std::greater<>(), &JobLine::cpu);
  return lines;
}

std::vector<Amount> stages_of(const StageTimes& wall) {
  return {{"open", wall.open}, {"compile", wall.compile}, {"kernels", wall.kernels},
          {"scan", wall.scan}, {"finish", wall.finish},   {"write", wall.write}};
}

PassProfile::Thread sum_threads(const PassProfile& pass) {
  PassProfile::Thread sum;
  for (const PassProfile::Thread& thread : pass.threads) {
    sum.decode += thread.decode;
    sum.shared += thread.shared;
    sum.times += thread.times;
  }
  return sum;
}

std::vector<Amount> steps_of(const PassProfile& pass) {
  PassProfile::Thread sum = sum_threads(pass);
  return {{"read", pass.read}, {"decode", sum.decode}, {"shared", sum.shared}, {"times", sum.times}};
}

std::vector<Amount> counts_of(const PassProfile& pass) {
  const archive::ScanReport& report = pass.report;
  return {{"files", report.files},
          {"bytes", report.bytes},
          {"rows", report.rows},
          {"lines", report.lines},
          {"files_passed_over", report.skipped_files},
          {"files_passed_over_by_terms", report.skipped_by_terms},
          {"row_groups_passed_over", report.skipped_groups},
          {"blocks_passed_over", report.skipped_blocks}};
}

std::string print_times(const std::vector<Amount>& times) {
  std::string out;
  for (const Amount& time : times)
    out += fmt::format("{}{} {:.2f}", out.empty() ? "" : ", ", time.name, milliseconds(time.value));
  return out;
}

std::string print_pass(const PassProfile& pass) {
  const archive::ScanReport& report = pass.report;
  std::string out = fmt::format("pass over {}: {:.2f} ms, {}, {:.1f} MB, {} handed on\n",
                                printable(pass.table), milliseconds(pass.wall), counted(report.files, "file"),
                                static_cast<double>(report.bytes) / 1e6, counted(report.rows, "row"));
  out += "  CPU ms: " + print_times(steps_of(pass)) + "\n";
  if (report.lines) out += fmt::format("  {} parsed\n", counted(report.lines, "line"));
  auto passed = [&](uint64_t count, std::string_view noun, std::string_view why) {
    if (count) out += fmt::format("  passed over: {} by {}\n", counted(count, noun), why);
  };
  passed(report.skipped_files, "chunk", "their statistics");
  passed(report.skipped_by_terms, "chunk", "their terms");
  passed(report.skipped_groups, "row group", "their statistics");
  passed(report.skipped_blocks, "block", "the literals that a line must hold (512 KiB each, or the file)");
  return out;
}

// The table of rules: texts by row, the first row the headings.
std::vector<std::vector<std::string>> table_of(const std::vector<JobLine>& lines) {
  std::vector<std::vector<std::string>> table{{"rule", "CPU ms"}};
  for (const JobLine& line : lines)
    table.push_back({printable(line.rule), fmt::format("{:.2f}", milliseconds(line.cpu))});
  auto add = [&](std::string_view name, auto text) {
    table[0].emplace_back(name);
    for (size_t i = 0; i < lines.size(); ++i) table[i + 1].push_back(text(lines[i]));
  };
  for (size_t step = 0; !lines.empty() && step < lines[0].steps.size(); ++step)
    if (std::ranges::any_of(lines, [&](const JobLine& line) { return line.steps[step].value > 0; }))
      add(lines[0].steps[step].name,
          [&](const JobLine& line) { return fmt::format("{:.2f}", milliseconds(line.steps[step].value)); });
  add("rows in", [](const JobLine& line) { return std::to_string(line.all.rows); });
  add("kept", [](const JobLine& line) { return std::to_string(line.rows_kept); });
  add("rows out", [](const JobLine& line) { return std::to_string(line.rows_out); });
  add("batches", [](const JobLine& line) { return std::to_string(line.all.batches); });
  add("passed over", [](const JobLine& line) { return std::to_string(line.all.passed_batches); });
  return table;
}

constexpr size_t kMostPipelines = 20;

// The loops that took most.
std::string print_pipelines(const std::vector<JobLine>& lines) {
  struct Entry {
    exec::PipelineCost cost;
    std::string text;
  };
  std::vector<Entry> entries;
  for (const JobLine& line : lines)
    for (size_t i = 0; i < line.all.kernel.pipelines.size(); ++i)
      entries.push_back(
          {line.all.kernel.pipelines[i], printable(line.profile->pipelines[i].text + "  " + line.rule)});
  std::ranges::stable_sort(
      entries, [](const Entry& a, const Entry& b) { return a.cost.nanoseconds > b.cost.nanoseconds; });
  std::string out;
  for (size_t i = 0; i < std::min(entries.size(), kMostPipelines); ++i)
    out += fmt::format("  {:10.2f} ms  {:>12} rows  {}\n", milliseconds(entries[i].cost.nanoseconds),
                       entries[i].cost.rows, entries[i].text);
  return out.empty() ? out : "loops that took most CPU\n" + out;
}

std::string print_table(const std::vector<std::vector<std::string>>& table) {
  std::vector<size_t> widths(table[0].size(), 0);
  for (const auto& row : table)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const auto& row : table) {
    out += fmt::format("{:<{}}", row[0], widths[0]);
    for (size_t i = 1; i < row.size(); ++i) out += fmt::format("{:>{}}", row[i], widths[i] + kColumnGap);
    out += '\n';
  }
  return out;
}

std::string cut_lines(const std::string& text, size_t width) {
  if (width == 0) return text;
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    out += cut_text(text.substr(begin, end - begin), width) + "\n";
    begin = end + 1;
  }
  return out;
}

std::string json_times(const std::vector<Amount>& times) {
  std::string out;
  for (const Amount& time : times)
    out += fmt::format("{}\"{}\":{:.6f}", out.empty() ? "" : ",", time.name, milliseconds(time.value));
  return "{" + out + "}";
}

std::string json_line(const JobLine& line) {
  std::string loops;
  for (size_t i = 0; i < line.all.kernel.pipelines.size(); ++i)
    loops += fmt::format("{}{{\"loop\":{},\"cpu_ms\":{:.6f},\"rows\":{}}}", loops.empty() ? "" : ",",
                         json_string(line.profile->pipelines[i].text),
                         milliseconds(line.all.kernel.pipelines[i].nanoseconds),
                         line.all.kernel.pipelines[i].rows);
  return fmt::format(
      "{{\"rule\":{},\"engine\":\"{}\",\"cpu_ms\":{:.6f},\"steps\":{},\"rows_in\":{},\"rows_kept\":{},\"rows_"
      "out\":{},"
      "\"batches\":{},\"batches_passed_over\":{},\"loops\":[{}]}}",
      json_string(line.rule), line.profile->reference ? "reference" : "native", milliseconds(line.cpu),
      json_times(line.steps), line.all.rows, line.rows_kept, line.rows_out, line.all.batches,
      line.all.passed_batches, loops);
}

std::string json_pass(const PassProfile& pass) {
  std::string counts;
  for (const Amount& count : counts_of(pass)) counts += fmt::format(",\"{}\":{}", count.name, count.value);
  return fmt::format("{{\"table\":{},\"wall_ms\":{:.6f},\"steps\":{}{}}}", json_string(pass.table),
                     milliseconds(pass.wall), json_times(steps_of(pass)), counts);
}

uint64_t sum_cpu(const std::vector<JobLine>& lines, const Profile& profile) {
  uint64_t sum = profile.write;
  for (const JobLine& line : lines) sum += line.cpu;
  for (const PassProfile& pass : profile.passes)
    for (const Amount& step : steps_of(pass)) sum += step.value;
  return sum;
}

}  // namespace

std::string print_profile(const RuleScan& scan, const Profile& profile, size_t width) {
  std::vector<JobLine> lines = lines_of(scan);
  std::string out = "wall ms: " + print_times(stages_of(profile.wall)) + "\n";
  out += fmt::format("CPU ms: {:.2f} on {}, of that writing {:.2f}\n", milliseconds(sum_cpu(lines, profile)),
                     counted(profile.watches.size(), "thread"), milliseconds(profile.write));
  for (const PassProfile& pass : profile.passes) out += print_pass(pass);
  return cut_lines(out + print_table(table_of(lines)) + print_pipelines(lines), width);
}

std::string profile_json(const RuleScan& scan, const Profile& profile) {
  std::vector<JobLine> lines = lines_of(scan);
  std::string passes, rules;
  for (const PassProfile& pass : profile.passes) passes += (passes.empty() ? "" : ",") + json_pass(pass);
  for (const JobLine& line : lines) rules += (rules.empty() ? "" : ",") + json_line(line);
  return fmt::format(
      "{{\"threads\":{},\"wall_ms\":{},\"cpu_ms\":{:.6f},\"write_cpu_ms\":{:.6f},\"passes\":[{}],\"rules\":[{"
      "}]}}\n",
      profile.watches.size(), json_times(stages_of(profile.wall)), milliseconds(sum_cpu(lines, profile)),
      milliseconds(profile.write), passes, rules);
}

}  // namespace kqlc::cli
