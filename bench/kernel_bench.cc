// SPDX-License-Identifier: Apache-2.0
//
// The speed of compiled rules: how long the seed rule takes to compile, and rules over batches in memory,
// beside the reference executor on the same rows. In: 200,000 rows made here, the same on every run. Out:
// rows a second. Names read compile/<rule>/<level>, kernel/<target>/<rule>/<encoding>/<hits> and
// reference/<rule>/<hits>; hits never, rare (1 row in 1,000), common (1 in 2). Every result is checked
// against the rows put in.
#include <benchmark/benchmark.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "codegen/kernel.h"
#include "compiler/reference/execute.h"
#include "compiler/syntax/tree.h"
#include "runtime/simd/targets.h"

namespace kqlc::codegen {
namespace {

constexpr int64_t kRows = 200'000;
constexpr int64_t kBatchRows = 16'384;
constexpr int64_t kDevices = 500;
constexpr int64_t kNow = 639'000'000'000'000'000;
constexpr const char* kNames[] = {"never", "rare", "common"};
constexpr int64_t kEvery[] = {0, 1000, 2};

struct Rule {
  const char* name;
  const char* text;
};
constexpr Rule kRules[] = {
    // The query of rules/hunting/rmm_DistantDesktop_createproc.yaml.
    {"seed",
     "Events | where Timestamp between (now(-5d) .. now()) | where Company has 'Distant Software' and "
     "Product has 'Distant Desktop' | summarize FirstSeen=min(Timestamp), LastSeen=max(Timestamp), "
     "Report=make_set(ReportId), Count=count() by DeviceId, DeviceName"},
    {"count", "Events | where Company has 'distant software' | summarize Count=count() by DeviceId"},
    {"arithmetic",
     "Events | where Company =~ 'distant software' and ReportId % 2 >= 0 "
     "| extend Late = bin(Timestamp, 1h) | summarize Last=max(Late), Count=count() by DeviceId"},
};

plan::Plan bind_rule(const char* text) {
  plan::Schemas schemas;
  schemas.add("Events", {{"Timestamp", Type::DateTime},
                         {"DeviceId", Type::String},
                         {"DeviceName", Type::String},
                         {"Company", Type::String},
                         {"Product", Type::String},
                         {"ReportId", Type::Long}});
  source::Diagnostics diagnostics;
  syntax::SyntaxTree tree = syntax::parse(text, diagnostics);
  plan::Plan plan;
  plan::BindOptions options;
  options.now = kNow;
  plan::bind(tree, schemas, options, diagnostics, plan);
  return plan;
}

// Texts by code, as a dictionary column and as the plain column of the same rows.
struct Texts {
  std::vector<std::string> values;
  std::vector<int32_t> codes;
  std::string value_bytes, row_bytes;
  std::vector<int32_t> value_offsets{0}, row_offsets{0};
  Column dictionary, plain, coded;

  void finish() {
    for (const std::string& value : values) {
      value_bytes += value;
      value_offsets.push_back(static_cast<int32_t>(value_bytes.size()));
    }
    for (int32_t code : codes) {
      row_bytes += values[static_cast<size_t>(code)];
      row_offsets.push_back(static_cast<int32_t>(row_bytes.size()));
    }
    set(dictionary, value_offsets, value_bytes);
    set(plain, row_offsets, row_bytes);
    coded.encoding = Encoding::Dictionary;
    coded.values = codes.data();
    coded.dictionary = &dictionary;
    coded.dictionary_size = static_cast<int64_t>(values.size());
  }

  static void set(Column& column, const std::vector<int32_t>& offsets, const std::string& bytes) {
    column.encoding = Encoding::Utf8;
    column.values = offsets.data();
    column.data = bytes.data();
  }
};

// The table; every n-th row is a hit of all rules, others have another company.
struct Events {
  std::vector<int64_t> timestamps, reports;
  std::map<std::string, Texts> texts;
  int64_t hits = 0;

  explicit Events(int64_t every) {
    for (int64_t number = 0; number < kDevices; ++number) {
      texts["DeviceId"].values.push_back("id-" + std::to_string(number * 7919));
      texts["DeviceName"].values.push_back("machine-" + std::to_string(number) + ".example.org");
    }
    texts["Company"].values = {"Distant Software", "Distant Softwares", "Contoso Ltd.",
                               "Microsoft Corporation", ""};
    texts["Product"].values = {"Distant Desktop", "Windows Operating System", "Office"};
    for (int64_t row = 0; row < kRows; ++row) {
      const bool hit = every && row % every == every / 2;
      hits += hit;
      timestamps.push_back(kNow - row % 1000 * 10'000'000);
      reports.push_back(row % 64);
      const auto device = static_cast<int32_t>(row * 31 % kDevices);
      texts["DeviceId"].codes.push_back(device);
      texts["DeviceName"].codes.push_back(device);
      texts["Company"].codes.push_back(hit ? 0 : static_cast<int32_t>(1 + row % 4));
      texts["Product"].codes.push_back(hit ? 0 : static_cast<int32_t>(row % 3));
    }
    for (auto& [name, text] : texts) text.finish();
  }
  Events(const Events&) = delete;

  Column column(const std::string& name, bool coded, int64_t offset) const {
    Column result;
    if (auto found = texts.find(name); found != texts.end()) {
      result = coded ? found->second.coded : found->second.plain;
    } else {
      result.encoding = Encoding::Fixed64;
      result.type = name == "Timestamp" ? Type::DateTime : Type::Long;
      result.values = name == "Timestamp" ? timestamps.data() : reports.data();
    }
    result.offset = offset;
    return result;
  }
};

void check(benchmark::State& state, const plan::Schema& schema, const RowList& rows,
           int64_t hits) {
  int64_t counted = 0;
  for (size_t column = 0; column < schema.size(); ++column)
    if (schema[column].name == "Count")
      for (const auto& row : rows) counted += row[column].l;
  if (counted != hits) state.SkipWithError("wrong answer");
}

void compile_rule(benchmark::State& state, Rule rule, Engine engine) {
  const plan::Plan plan = bind_rule(rule.text);
  for (auto _ : state) {
    auto kernel = Kernel::compile(plan, plan.results[0], {engine});
    if (!kernel.ok()) return state.SkipWithError(kernel.error().message.c_str());
    if (kernel.value()->inputs().size() != 1) return state.SkipWithError("no input");
  }
}

KernelRows run_kernel(const Kernel& kernel, const Events& events, bool coded) {
  auto kept = kernel.create_state();
  for (int64_t start = 0; start < kRows; start += kBatchRows) {
    std::vector<Column> columns;
    for (const auto& column : kernel.inputs()[0].columns)
      columns.push_back(events.column(column.name, coded, start));
    kernel.consume(*kept, 0,
                   Batch{std::min(kBatchRows, kRows - start), static_cast<uint64_t>(start), columns.data(),
                         columns.size()});
  }
  return kernel.finish(*kept);
}

void kernel(benchmark::State& state, const char* target, Rule rule, bool coded, int64_t every) {
  simd::force_target(target);
  const Events events(every);
  const plan::Plan plan = bind_rule(rule.text);
  auto kernel = Kernel::compile(plan, plan.results[0], {Engine::O2});
  if (!kernel.ok()) return state.SkipWithError(kernel.error().message.c_str());
  KernelRows rows;
  for (auto _ : state) rows = run_kernel(*kernel.value(), events, coded);
  if (rows.error) return state.SkipWithError(rows.error->message.c_str());
  check(state, rows.schema, rows.rows, events.hits);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kRows);
}

void reference(benchmark::State& state, Rule rule, int64_t every) {
  const Events events(every);
  const plan::Plan plan = bind_rule(rule.text);
  auto reader = [&](const std::string&, const plan::Schema& schema, const std::vector<bool>&,
                    const kqlc::reference::RowSink& sink) -> Result<void> {
    std::vector<Column> columns;
    for (const auto& column : schema) columns.push_back(events.column(column.name, false, 0));
    std::vector<Cell> cells(columns.size());
    for (int64_t row = 0; row < kRows; ++row) {
      for (size_t i = 0; i < columns.size(); ++i)
        cells[i] = load(columns[i], schema[i].type, columns[i].encoding, row);
      if (!sink(cells.data(), static_cast<uint64_t>(row))) break;
    }
    return {};
  };
  for (auto _ : state) {
    auto rows = kqlc::reference::execute(plan, 0, reader);
    if (!rows.ok()) return state.SkipWithError(rows.error().message.c_str());
    check(state, rows.value().schema, rows.value().rows, events.hits);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kRows);
}

void register_rule(const Rule& rule) {
  const std::string name = rule.name;
  for (const auto& [engine, text] : {std::pair{Engine::O0, "O0"}, std::pair{Engine::O2, "O2"}})
    benchmark::RegisterBenchmark(("compile/" + name + "/" + text).c_str(), compile_rule, rule, engine)
        ->Unit(benchmark::kMillisecond);
  for (size_t rate = 0; rate < std::size(kNames); ++rate) {
    for (const simd::Kernels* target : simd::available_targets())
      for (bool coded : {false, true})
        benchmark::RegisterBenchmark((std::string("kernel/") + target->name + "/" + name +
                                      (coded ? "/dictionary/" : "/plain/") + kNames[rate])
                                         .c_str(),
                                     kernel, target->name, rule, coded, kEvery[rate])
            ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("reference/" + name + "/" + kNames[rate]).c_str(), reference, rule,
                                 kEvery[rate])
        ->Unit(benchmark::kMillisecond);
  }
}

const bool registered = [] {
  for (const Rule& rule : kRules) register_rule(rule);
  return true;
}();

}  // namespace
}  // namespace kqlc::codegen
