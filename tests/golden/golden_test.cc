// SPDX-License-Identifier: Apache-2.0
//
// Runs every case of tests/golden/*/*.test as a GoogleTest case. In: the sections of a case. Out: a failure
// that names the section, or the engine and the way it was run, with a short difference. Each `result` is
// checked on the reference executor and on kernels at O0 and O2, over every encoding, SIMD target and storage
// format; batch sizes and numbers of threads take turns, so that every pair of settings is met without
// running their full product.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "cli/compile.h"
#include "cli/output.h"
#include "compiler/ir/ir.h"
#include "compiler/rule/rule.h"
#include "compiler/syntax/lexer.h"
#include "runtime/aggregates/state.h"
#include "runtime/simd/targets.h"
#include "runtime/value/datetime.h"
#include "runtime/value/dynamic.h"
#include "tests/engines/files.h"
#include "tests/engines/run.h"
#include "tests/golden/case_file.h"

namespace kqlc::golden {
namespace {

using engines::Answer;
using engines::Native;
using engines::Storage;
using engines::TableData;
using engines::Texts;
using engines::Way;

const char* const kFolder = KQLC_SOURCE_DIR "/tests/golden";

std::string read_text(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The program was started with --update.
bool updating() {
  std::string arguments = read_text("/proc/self/cmdline");
  return arguments.find(std::string("\0--update\0", 10)) != std::string::npos;
}

int64_t query_time() { return datetime::read_datetime("2024-03-02T04:05:06.1234567Z")->ticks; }

plan::Schemas load_shipped_schemas() {
  plan::Schemas schemas;
  KQLC_CHECK(schemas.load_folder(KQLC_SOURCE_DIR "/rules/schemas").ok(), "rules/schemas");
  return schemas;
}

// `schema=name:type,...` of a data section.
plan::Schema read_schema(std::string_view text) {
  plan::Schema schema;
  while (!text.empty()) {
    std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    size_t colon = item.find(':');
    Type type = Type::String;
    EXPECT_TRUE(colon != std::string_view::npos && plan::find_type(item.substr(colon + 1), type))
        << "schema: " << item;
    schema.push_back({std::string(item.substr(0, colon)), type});
  }
  return schema;
}

// Runs one case.
class CaseRun {
 public:
  CaseRun(const CaseFile& file, const Case& wanted) : case_(wanted), schemas_(load_shipped_schemas()) {
    for (const Section& section : file.data) add_data(section);
    for (const Section& section : wanted.sections)
      if (section.kind == "data") add_data(section);
  }

  // Returns what each section but the inputs should say, by its place among the sections.
  std::map<size_t, std::string> run() {
    std::map<size_t, std::string> texts;
    for (const Section& section : case_.sections) {
      if (section.kind == "query") compile({"query", section.text, section.text, {}});
      if (section.kind == "rule") read_rule(section.text);
    }
    for (size_t i = 0; i < case_.sections.size(); ++i) {
      const Section& section = case_.sections[i];
      if (section.kind == "tokens") texts[i] = print_tokens();
      if (section.kind == "syntax") texts[i] = syntax::print(compiled_.tree);
      if (section.kind == "plan") texts[i] = plan::print(compiled_.plan);
      if (section.kind == "ir") texts[i] = print_ir();
      if (section.kind == "errors") texts[i] = errors_;
      if (section.kind == "result") texts[i] = run_results();
      if (section.kind == "eval") texts[i] = run_eval(section);
    }
    return texts;
  }

 private:
  void add_data(const Section& section) {
    std::istringstream words(section.arguments);
    std::string name, option;
    words >> name >> option;
    if (option.starts_with("schema=")) schemas_.add(name, read_schema(std::string_view(option).substr(7)));
    const plan::Schema* schema = schemas_.find(name);
    ASSERT_NE(schema, nullptr) << "data " << name << " needs schema=name:type,...";
    auto file = engines::write_ndjson(name, section.text, folder_.path());
    ASSERT_TRUE(file.ok()) << file.error().message;
    TableData table;
    table.name = name;
    table.schema = *schema;
    archive::ScanRequest request;
    for (const auto& column : *schema) request.columns.push_back({column.name, column.type});
    archive::ScanReport report;
    auto scanned = archive::scan_file(
        file.value(), request, [&](int, const Batch& batch) { return keep_rows(batch, table); }, &report);
    ASSERT_TRUE(scanned.ok()) << scanned.error().message;
    ASSERT_FALSE(report.has_bad_data()) << "data " << name;
    tables_.push_back(std::move(table));
  }

  static bool keep_rows(const Batch& batch, TableData& table) {
    for (int64_t r = 0; r < batch.num_rows; ++r) {
      engines::Row row;
      for (size_t i = 0; i < batch.num_columns; ++i) {
        const Column& column = batch.columns[i];
        Type type = table.schema[i].type;
        Cell cell = type == Type::Dynamic ? dynamic::load_dynamic(column, column.encoding, r, *table.arena)
                                          : load(column, type, column.encoding, r);
        row.push_back(aggregates::keep(cell, type, *table.arena));
      }
      table.rows.push_back(std::move(row));
    }
    return true;
  }

  void compile(source::SourceFile source) {
    compiled_ = cli::compile(std::move(source), schemas_, query_time());
    errors_ += cli::render(compiled_);
  }

  void read_rule(const std::string& text) {
    source::Diagnostics diagnostics;
    auto rules = rule::read_rules("rule.yaml", text, diagnostics);
    source::SourceFile whole{"rule.yaml", text, text, {}};
    for (const auto& diagnostic : diagnostics.all()) errors_ += source::render(diagnostic, whole);
    for (const auto& rule : rules) compile(rule.source);
  }

  std::string print_tokens() const {
    static constexpr const char* kNames[] = {"name",     "bracket", "string", "long", "real",
                                             "timespan", "typed",   "symbol", "end"};
    source::Diagnostics ignored;
    std::string out;
    for (const syntax::Token& token : syntax::lex(compiled_.source.query, ignored)) {
      out += std::to_string(token.span.begin) + "-" + std::to_string(token.span.end) + " " +
             kNames[static_cast<size_t>(token.kind)];
      if (!token.type.empty()) out += " " + token.type;
      if (token.kind != syntax::TokenKind::End) out += " " + cli::json_string(token.text);
      out += "\n";
    }
    return out;
  }

  // After all passes; what is printed has to read back.
  std::string print_ir() const {
    if (!compiled_.ok()) return errors_;
    ir::Ir ir = ir::build(compiled_.plan, compiled_.plan.results[0]);
    ir::optimize(ir);
    std::string text = ir::print(ir);
    auto again = ir::parse(text);
    EXPECT_TRUE(again.ok()) << again.error().message;
    if (again.ok()) EXPECT_EQ(ir::print(again.value()), text);
    return text;
  }

  std::string run_results() {
    if (!compiled_.ok()) return errors_;
    std::string out;
    for (size_t result = 0; result < compiled_.plan.results.size(); ++result)
      out += run_result(compiled_.plan, result);
    return out;
  }

  // Checks that all engines agree with the reference executor, whose rows are the text that is compared.
  std::string run_result(const plan::Plan& plan, size_t result) {
    Answer expected = engines::run_reference(plan, result, tables_);
    run_native(plan, result, tables_, expected);
    std::vector<TableData> constant_tables;
    auto scanning = engines::rows_to_tables(plan, constant_tables);
    if (scanning) {
      constant_tables.insert(constant_tables.end(), tables_.begin(), tables_.end());
      agree(expected, engines::run_reference(*scanning, result, constant_tables),
            "reference, rows as a table");
      run_native(*scanning, result, constant_tables, expected);
    }
    return engines::print_answer(expected);
  }

  void run_native(const plan::Plan& plan, size_t result, const std::vector<TableData>& tables,
                  const Answer& expected) {
    static constexpr std::pair<codegen::Engine, const char*> kNative[] = {
        {codegen::Engine::O0, "jit O0"},
        {codegen::Engine::Object, "object O2"},
        {codegen::Engine::Specialised, "jit O2, specialised"}};
    std::vector<std::vector<archive::File>> files;
    if (!tables.empty()) files = write_files(tables);
    if (!files.empty()) agree(expected, engines::run_reference(plan, result, files[0]), "reference, ndjson");
    size_t turn = 0;
    for (auto [engine, name] : kNative) {
      auto native = Native::compile(plan, result, engine);
      if (!native.ok()) {
        ASSERT_EQ(native.error().code, ErrorCode::Unsupported) << name << ": " << native.error().message;
        return;
      }
      for (const Way& way : ways(tables.empty(), turn))
        agree(expected, native.value().run(tables, way), std::string(name) + ", " + way.name());
      // The engines take the formats in turn, NDJSON all of them.
      for (size_t i = 0; i < files.size(); ++i)
        if (i == 0 || i % 3 == turn)
          agree(expected, native.value().run(files[i], {.threads = 1 + static_cast<int>(i + turn) % 3}),
                std::string(name) + ", " + engines::storage_name(engines::kAllStorage[i]));
      ++turn;
    }
    auto late = engines::Late::compile(plan, result, codegen::Engine::O0);
    if (!late) return;
    for (const Way& way : ways(tables.empty(), 0))
      agree(expected, late->run(tables, way), "late columns, " + way.name());
  }

  static std::vector<Way> ways(bool no_tables, size_t turn) {
    if (no_tables) return {Way{}};
    static constexpr std::pair<int64_t, int> kSteps[] = {{1, 1}, {2, 2}, {7, 3}, {64, 1}, {1000, 2}};
    std::vector<Way> out;
    for (size_t i = 0; i < std::size(engines::kAllTexts); ++i)
      for (size_t shift : {turn, turn + 2}) {
        auto [rows, threads] = kSteps[(i + shift) % std::size(kSteps)];
        out.push_back({engines::kAllTexts[i], rows, threads, ""});
      }
    for (const simd::Kernels* target : simd::available_targets())
      for (Texts texts : {Texts::Plain, turn % 2 ? Texts::Dictionary : Texts::View})
        out.push_back({texts, 64, 1, target->name});
    return out;
  }

  // The tables in every storage format, or nothing where their values do not fit.
  std::vector<std::vector<archive::File>> write_files(const std::vector<TableData>& tables) {
    std::vector<std::vector<archive::File>> out;
    if (!std::all_of(tables.begin(), tables.end(), engines::fits_json)) return out;
    for (Storage storage : engines::kAllStorage) {
      auto& files = out.emplace_back();
      for (const TableData& table : tables) {
        auto file = engines::write_file(table, storage, folder_.path());
        EXPECT_TRUE(file.ok()) << engines::storage_name(storage) << ": " << file.error().message;
        if (file.ok()) files.push_back(file.value());
      }
    }
    return out;
  }

  void agree(const Answer& expected, const Answer& got, const std::string& where) {
    std::string difference = engines::compare(expected, got);
    EXPECT_EQ(difference, "") << where << " differs from the reference executor";
  }

  // Each line is an expression and, two blanks or more behind it, its value as JSON.
  std::string run_eval(const Section& section) {
    std::string out;
    std::istringstream lines(section.text);
    for (std::string line; std::getline(lines, line);) {
      size_t value = line.rfind("  ");
      std::string expression = line.substr(0, value);
      expression.erase(expression.find_last_not_of(' ') + 1);
      std::string query = "print value = " + expression;
      cli::Compiled compiled = cli::compile({"query", query, query, {}}, schemas_, query_time());
      out += value == std::string::npos ? expression + "  " : line.substr(0, value + 2);
      if (!compiled.ok()) {
        out += std::string(source::code_info(compiled.diagnostics.all()[0].code).name) + "\n";
        continue;
      }
      std::string answer = run_result(compiled.plan, 0);
      std::string row = answer.substr(answer.find('\n') + 1);
      out += row.size() > 2 ? row.substr(1, row.size() - 3) + "\n" : answer;
    }
    return out;
  }

  const Case& case_;
  plan::Schemas schemas_;
  engines::TemporaryFolder folder_;
  std::vector<TableData> tables_;
  cli::Compiled compiled_;
  std::string errors_;
};

void check_case(const std::string& path, size_t index) {
  auto file = parse_file(read_text(path));
  ASSERT_TRUE(file.ok()) << path << ": " << file.error().message;
  const Case& wanted = file.value().cases[index];
  auto texts = CaseRun(file.value(), wanted).run();
  for (auto place = texts.rbegin(); place != texts.rend(); ++place) {
    const Section& section = wanted.sections[place->first];
    if (engines::same_text(section.text, place->second)) continue;
    if (updating()) {
      std::ofstream(path) << replace_section(file.value(), section, place->second);
      std::cerr << path << ":" << section.first_line << ": rewritten\n";
      file = parse_file(read_text(path));
    } else {
      EXPECT_EQ(section.text, place->second)
          << path << ":" << section.first_line << ": section " << section.kind;
    }
  }
}

class GoldenCase : public ::testing::Test {
 public:
  GoldenCase(std::string path, size_t index) : path_(std::move(path)), index_(index) {}
  void TestBody() override { check_case(path_, index_); }

 private:
  std::string path_;
  size_t index_;
};

class BrokenFile : public ::testing::Test {
 public:
  explicit BrokenFile(std::string message) : message_(std::move(message)) {}
  void TestBody() override { FAIL() << message_; }

 private:
  std::string message_;
};

std::string test_name(const std::string& text) {
  std::string out;
  for (char c : text) out += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return out;
}

std::vector<std::string> all_files() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kFolder))
    if (entry.path().extension() == ".test") paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool register_cases() {
  for (const std::string& path : all_files()) {
    std::string suite =
        "Golden_" + test_name(std::filesystem::relative(path, kFolder).replace_extension().string());
    auto file = parse_file(read_text(path));
    if (!file.ok()) {
      ::testing::RegisterTest(suite.c_str(), "file", nullptr, nullptr, path.c_str(), 1,
                              [message = path + ": " + file.error().message]() -> ::testing::Test* {
                                return new BrokenFile(message);
                              });
      continue;
    }
    std::set<std::string> names;
    for (size_t i = 0; i < file.value().cases.size(); ++i) {
      std::string name = test_name(file.value().cases[i].name);
      if (!names.insert(name).second) name += "_" + std::to_string(i);
      ::testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, path.c_str(),
                              static_cast<int>(file.value().cases[i].line),
                              [path, i]() -> ::testing::Test* { return new GoldenCase(path, i); });
    }
  }
  return true;
}

[[maybe_unused]] const bool kRegistered = register_cases();

// Every diagnostic is drawn by a golden case.
TEST(GoldenCoverage, EveryDiagnosticCode) {
  std::string texts;
  for (const std::string& path : all_files()) {
    auto file = parse_file(read_text(path));
    ASSERT_TRUE(file.ok());
    for (const Case& wanted : file.value().cases)
      for (const Section& section : wanted.sections)
        if (section.kind == "errors") texts += section.text;
  }
#define KQLC_DIAGNOSTIC(code, severity, summary, explanation) \
  EXPECT_NE(texts.find("[" #code "]"), std::string::npos) << #code ": " summary;
#include "compiler/source/diagnostics.def"
#undef KQLC_DIAGNOSTIC
}

}  // namespace
}  // namespace kqlc::golden
