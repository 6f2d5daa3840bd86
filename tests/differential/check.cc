// SPDX-License-Identifier: Apache-2.0
//
// The reference executor over the tables in memory is the oracle. Shrinking takes the first smaller query
// that still fails in the same way of running, until there is none.
#include "tests/differential/check.h"

#include "cli/compile.h"
#include "compiler/ir/ir.h"
#include "runtime/simd/targets.h"
#include "runtime/value/datetime.h"
#include "tests/differential/generate.h"
#include "tests/engines/run.h"

namespace kqlc::differential {

namespace {

using engines::Answer;
using engines::TableData;
using engines::Way;

constexpr int kMostShrinkSteps = 400;

struct Trial {
  std::vector<TableData> tables;
  plan::Schemas schemas;
  std::vector<Way> ways;
  bool optimised = false;
};

std::vector<Way> make_ways(Random& random) {
  static constexpr int64_t sizes[] = {1, 2, 7, 63, 64, 65, 1000};
  std::vector<Way> ways;
  auto targets = simd::available_targets();
  for (int i = 0; i < 2; ++i)
    ways.push_back({random.pick(engines::kAllTexts), random.pick(sizes),
                    1 + static_cast<int>(random.below(3)), random.pick(targets)->name});
  return ways;
}

Trial make_trial(uint64_t seed, bool optimised) {
  static constexpr size_t sizes[] = {0, 1, 3, 20, 70, 130};
  Random random(seed * 2 + 1);
  Trial trial;
  trial.optimised = optimised;
  for (const char* name : {"T", "U"}) {
    trial.tables.push_back(make_table(name, random.pick(sizes), random));
    trial.schemas.add(name, trial.tables.back().schema);
  }
  trial.ways = make_ways(random);
  return trial;
}

cli::Compiled compile(const std::string& text, const plan::Schemas& schemas) {
  return cli::compile({"query", text, text, {}}, schemas,
                      datetime::read_datetime("2023-07-19T12:34:56.7890123Z")->ticks);
}

void count_names(const plan::Plan& plan, Tally& tally) {
  for (const plan::Expr& expr : plan.exprs)
    if (expr.kind == plan::ExprKind::Call)
      ++tally.used[expr.function->spec.operators[0] ? expr.function->spec.operators[0]
                                                    : expr.function->spec.name];
  for (const plan::Node& node : plan.nodes)
    for (const auto& use : node.aggregates) ++tally.used[use.aggregate->spec.name];
}

// The Ir before and after its passes is sound, and its text reads back as the same text. Returns what is
// wrong, or "".
std::string check_ir(const plan::Plan& plan) {
  ir::Ir ir = ir::build(plan, plan.results[0]);
  for (const char* when : {"before", "after"}) {
    if (when == std::string("after")) ir::optimize(ir);
    if (auto problem = ir::verify(ir)) return std::string("ir ") + when + " the passes: " + *problem;
    std::string text = ir::print(ir);
    auto again = ir::parse(text);
    if (!again.ok())
      return std::string("ir ") + when + " the passes does not read back: " + again.error().message + "\n" +
             text;
    if (std::string printed = ir::print(again.value()); printed != text)
      return "ir reads back as\n" + printed + "not\n" + text;
  }
  return "";
}

// Some functions end a query with an error for some arguments, and so does a limit; whether a row that is
// filtered out, or a column that nobody reads, gets as far as that is free.
bool may_fail(const plan::Plan& plan) {
  for (const plan::Expr& expr : plan.exprs)
    if (expr.kind == plan::ExprKind::Call && expr.function->spec.may_fail) return true;
  return false;
}

// Returns true where the query shows a difference, which is then described.
bool differs(const Trial& trial, const std::string& text, Tally* tally, Finding& finding) {
  cli::Compiled compiled = compile(text, trial.schemas);
  if (!compiled.ok()) {
    if (tally) {
      ++tally->rejected;
      ++tally->rejections[compiled.diagnostics.all()[0].message];
    }
    return false;
  }
  if (compiled.plan.results.size() != 1) return false;
  if (std::string problem = check_ir(compiled.plan); !problem.empty()) {
    finding = {0, text, "ir", problem};
    return true;
  }
  Answer expected = engines::run_reference(compiled.plan, 0, trial.tables);
  auto agrees = [&](const Answer& got, const std::string& name) {
    bool may_differ = expected.is_limit || got.is_limit || may_fail(compiled.plan);
    if (expected.error.empty() != got.error.empty() && may_differ) return true;
    std::string difference = engines::compare(expected, got);
    if (!difference.empty()) finding = {0, text, name, difference};
    return difference.empty();
  };
  bool first = true;
  for (codegen::Engine level : {codegen::Engine::O0, codegen::Engine::O2}) {
    if (level == codegen::Engine::O2 && !trial.optimised) break;
    auto native = engines::Native::compile(compiled.plan, 0, level);
    std::string name = level == codegen::Engine::O0 ? "jit O0" : "jit O2";
    if (!native.ok()) {
      if (native.error().code == ErrorCode::Unsupported) {
        if (tally) ++tally->no_kernel;
        return false;
      }
      finding = {0, text, name, native.error().message};
      return true;
    }
    if (tally && first) {
      ++tally->queries;
      tally->rows += expected.rows.size();
      count_names(compiled.plan, *tally);
    }
    first = false;
    for (const Way& way : trial.ways)
      if (!agrees(native.value().run(trial.tables, way), name + ", " + way.name())) return true;
  }
  if (auto late = engines::Late::compile(compiled.plan, 0, codegen::Engine::O0)) {
    if (tally) ++tally->late;
    for (const Way& way : trial.ways)
      if (!agrees(late->run(trial.tables, way), "late columns, " + way.name())) return true;
  }
  return false;
}

void shrink(Trial& trial, Query query, Finding& finding) {
  int steps = 0;
  for (bool progress = true; progress;) {
    progress = false;
    for (Query& candidate : smaller(query)) {
      if (++steps > kMostShrinkSteps) return;
      if (!differs(trial, print(candidate), nullptr, finding)) continue;
      query = std::move(candidate);
      progress = true;
      break;
    }
    for (TableData& table : trial.tables)
      for (size_t half : {0, 1}) {
        if (table.rows.size() < 2) continue;
        auto rows = table.rows;
        size_t middle = rows.size() / 2;
        table.rows = half ? std::vector(rows.begin() + static_cast<long>(middle), rows.end())
                          : std::vector(rows.begin(), rows.begin() + static_cast<long>(middle));
        if (differs(trial, print(query), nullptr, finding)) {
          progress = true;
        } else {
          table.rows = std::move(rows);
        }
      }
  }
}

}  // namespace

std::string Finding::render() const {
  return "seed " + std::to_string(seed) + ": the reference executor (-) and " + engine + " (+) differ\n" +
         query + "\n" + difference + "\n";
}

bool check_seed(uint64_t seed, bool optimised, Tally& tally, Finding& finding) {
  Trial trial = make_trial(seed, optimised);
  Random random(seed * 2);
  Query query = Generator(random, trial.tables).make_query();
  if (!differs(trial, print(query), &tally, finding)) return true;
  Finding smallest = finding;
  shrink(trial, query, smallest);
  finding = smallest;
  finding.seed = seed;
  return false;
}

}  // namespace kqlc::differential
