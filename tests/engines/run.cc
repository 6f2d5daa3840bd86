// SPDX-License-Identifier: Apache-2.0
//
// Batches are dealt to the states in turn, each state on a thread of its own; states merge in another order
// than that of the input, which may not show.
#include "tests/engines/run.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <thread>

#include "cli/output.h"
#include "compiler/reference/execute.h"
#include "runtime/aggregates/state.h"
#include "runtime/simd/targets.h"
#include "runtime/value/dynamic.h"

namespace kqlc::engines {

namespace {

bool close(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  return std::isfinite(a) && std::isfinite(b) &&
         std::fabs(a - b) <= 1e-12 * std::max(std::fabs(a), std::fabs(b));
}

bool same_value(const Cell& a, const Cell& b, Type type, Arena& arena) {
  if (type == Type::String) return a.s.view() == b.s.view();
  if (a.valid != b.valid) return false;
  if (!a.valid) return true;
  if (type == Type::Real) return close(a.d, b.d);
  if (type == Type::Dynamic)
    return same_text(dynamic::print(a.node, arena).view(), dynamic::print(b.node, arena).view());
  return aggregates::same_cell(a, b, type, arena);
}

const TableData* find_table(const std::vector<TableData>& tables, const std::string& name) {
  for (const TableData& table : tables)
    if (table.name == name) return &table;
  return nullptr;
}

// Those of a table, and those that say it row by row.
std::vector<archive::File> files_of(const std::vector<archive::File>& files, const std::string& table) {
  std::vector<archive::File> out;
  for (const archive::File& file : files)
    if (file.table.empty() || file.table == table) out.push_back(file);
  return out;
}

Answer to_answer(Result<reference::Rows> rows) {
  Answer out;
  if (!rows.ok()) {
    out.error = rows.error().message;
    out.is_limit = rows.error().code == ErrorCode::Limit;
    return out;
  }
  out.schema = rows.value().schema;
  for (RowList::Row row : rows.value().rows) out.rows.emplace_back(row.begin(), row.end());
  out.arenas.push_back(rows.value().arena);
  return out;
}

Answer to_answer(codegen::KernelRows rows) {
  Answer out;
  if (rows.error) {
    out.error = rows.error->message;
    out.is_limit = rows.error->code == ErrorCode::Limit;
    return out;
  }
  out.schema = rows.schema;
  for (RowList::Row row : rows.rows) out.rows.emplace_back(row.begin(), row.end());
  out.arenas.push_back(rows.arena);
  return out;
}

codegen::KernelRows finish(const codegen::Kernel& kernel,
                           std::vector<std::shared_ptr<codegen::KernelState>>& states) {
  size_t last = states.size() - 1;  // not the first, so that order cannot come from merging
  for (size_t i = 0; i < last; ++i) kernel.merge(*states[last], *states[i]);
  return kernel.finish(*states[last]);
}

// The places of the rows of a table as a column, for kernels that find rows.
Column row_column(const std::vector<int64_t>& rows, int64_t first) {
  Column column;
  column.type = Type::Long;
  column.encoding = Encoding::Fixed64;
  column.values = rows.data();
  column.offset = first;
  return column;
}

void feed(const codegen::Kernel& kernel, size_t input, codegen::KernelState& state, const EncodedTable& table,
          const Way& way, int thread) {
  std::vector<int64_t> rows(static_cast<size_t>(table.num_rows()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  for (int64_t start = thread * way.batch_rows; start < table.num_rows();
       start += way.batch_rows * way.threads) {
    std::vector<Column> columns;
    for (const auto& column : kernel.inputs()[input].columns)
      columns.push_back(column.name == ir::kRowColumn ? row_column(rows, start)
                                                      : table.column(column.name, column.type, start));
    Batch batch{std::min(way.batch_rows, table.num_rows() - start), static_cast<uint64_t>(start),
                columns.data(), columns.size()};
    batch.stable = table.stable();
    if (!kernel.consume(state, input, batch)) return;
  }
}

// Sets a SIMD target and restores the one before.
class ForcedTarget {
 public:
  explicit ForcedTarget(const std::string& name) : before_(simd::kernels()) {
    if (!name.empty()) KQLC_CHECK(simd::force_target(name), "no such SIMD target here");
  }
  ~ForcedTarget() { simd::active_kernels.store(&before_); }

 private:
  const simd::Kernels& before_;
};

}  // namespace

std::string Way::name() const {
  return std::string(texts_name(texts)) + ", batches of " + std::to_string(batch_rows) + ", " +
         std::to_string(threads) + " threads" + (simd.empty() ? "" : ", " + simd);
}

std::string FileWay::name() const {
  static constexpr const char* kMappings[] = {"nothing mapped", "archives mapped", "all mapped"};
  const char* filter = !prefilters ? "own prefilter" : prefilters->empty() ? "no prefilter" : "a prefilter";
  return std::to_string(threads) + " threads, " + kMappings[static_cast<size_t>(mapping)] + ", " + filter +
         (simd.empty() ? "" : ", " + simd);
}

bool same_text(std::string_view a, std::string_view b) {
  auto number_at = [](std::string_view text, size_t at) {
    size_t end = text.find_first_not_of("0123456789+-.eE", at);
    return text.substr(at, end == std::string_view::npos ? end : end - at);
  };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    bool digit =
        std::isdigit(static_cast<unsigned char>(a[i])) && std::isdigit(static_cast<unsigned char>(b[j]));
    if (digit) {
      std::string left(number_at(a, i)), right(number_at(b, j));
      bool real =
          left.find_first_of(".eE") != std::string::npos || right.find_first_of(".eE") != std::string::npos;
      if (left != right &&
          !(real && close(std::strtod(left.c_str(), nullptr), std::strtod(right.c_str(), nullptr))))
        return false;
      i += left.size();
      j += right.size();
    } else if (a[i++] != b[j++]) {
      return false;
    }
  }
  return i == a.size() && j == b.size();
}

std::string print_answer(const Answer& answer) {
  if (!answer.error.empty()) return "error: " + answer.error + "\n";
  std::string out;
  for (const auto& column : answer.schema)
    out += (out.empty() ? "" : ", ") + column.name + ":" + std::string(type_name(column.type));
  out += "\n";
  for (const Row& row : answer.rows) {
    out += "[";
    for (size_t i = 0; i < row.size(); ++i) {
      out += i ? "," : "";
      cli::append_json_value(out, row[i], answer.schema[i].type);
    }
    out += "]\n";
  }
  return out;
}

std::string compare(const Answer& expected, const Answer& got) {
  if (!expected.error.empty() || !got.error.empty())
    return expected.error.empty() == got.error.empty()
               ? ""
               : "expected " + (expected.error.empty() ? "rows" : expected.error) + ", got " +
                     (got.error.empty() ? "rows" : got.error);
  bool same_schema = expected.schema.size() == got.schema.size();
  for (size_t i = 0; same_schema && i < got.schema.size(); ++i)
    same_schema =
        expected.schema[i].name == got.schema[i].name && expected.schema[i].type == got.schema[i].type;
  if (!same_schema)
    return "columns differ:\n- " + print_answer({expected.schema, {}, {}, ""}) + "+ " +
           print_answer({got.schema, {}, {}, ""});
  Arena arena;
  for (size_t row = 0; row < std::max(expected.rows.size(), got.rows.size()); ++row) {
    bool same = row < expected.rows.size() && row < got.rows.size();
    std::string where;
    for (size_t i = 0; same && i < got.schema.size(); ++i)
      if (!same_value(expected.rows[row][i], got.rows[row][i], got.schema[i].type, arena)) {
        same = false;
        where = ", column " + got.schema[i].name;
      }
    if (same) continue;
    auto row_text = [&](const Answer& answer) {
      if (row >= answer.rows.size()) return std::string("no row\n");
      std::string text = print_answer({answer.schema, {answer.rows[row]}, {}, ""});
      return text.substr(text.find('\n') + 1);
    };
    return "row " + std::to_string(row) + where + " (" + std::to_string(expected.rows.size()) +
           " rows expected, " + std::to_string(got.rows.size()) + " given):\n- " + row_text(expected) + "+ " +
           row_text(got);
  }
  return "";
}

Answer run_reference(const plan::Plan& plan, size_t result, const std::vector<TableData>& tables) {
  auto reader = [&](const std::string& name, const plan::Schema& schema, const std::vector<bool>& needed,
                    const reference::RowSink& sink) -> Result<void> {
    const TableData* table = find_table(tables, name);
    if (!table) return {};
    std::vector<int> places;
    for (const auto& column : schema) {
      places.push_back(-1);
      for (size_t i = 0; i < table->schema.size(); ++i)
        if (table->schema[i].name == column.name) places.back() = static_cast<int>(i);
    }
    for (size_t row = 0; row < table->rows.size(); ++row) {
      Row cells;
      for (size_t i = 0; i < schema.size(); ++i)
        cells.push_back(places[i] < 0 || !needed[i] ? null_cell(schema[i].type)
                                                    : table->rows[row][static_cast<size_t>(places[i])]);
      if (!sink(cells.data(), row)) break;
    }
    return {};
  };
  return to_answer(reference::execute(plan, result, reader));
}

Answer run_reference(const plan::Plan& plan, size_t result, const std::vector<archive::File>& files) {
  auto reader = [&](const std::string& name, const plan::Schema& schema, const std::vector<bool>&,
                    const reference::RowSink& sink) -> Result<void> {
    archive::ScanRequest request;
    request.table = name;
    for (const auto& column : schema) request.columns.push_back({column.name, column.type});
    auto take_batch = [&](int, const Batch& batch) {
      Arena arena;
      for (int64_t row = 0; row < batch.num_rows; ++row) {
        Row cells;
        for (size_t i = 0; i < schema.size(); ++i) {
          const Column& column = batch.columns[i];
          cells.push_back(schema[i].type == Type::Dynamic
                              ? dynamic::load_dynamic(column, column.encoding, row, arena)
                              : load(column, schema[i].type, column.encoding, row));
        }
        if (!sink(cells.data(), batch.position + static_cast<uint64_t>(row))) return false;
      }
      return true;
    };
    archive::ScanReport report;
    KQLC_TRY(archive::scan_files(files_of(files, name), request, {}, take_batch, &report));
    return report.errors.empty() ? Result<void>() : report.errors[0];
  };
  return to_answer(reference::execute(plan, result, reader));
}

Result<Native> Native::compile(const plan::Plan& plan, size_t result, codegen::Engine engine) {
  Native out;
  KQLC_TRY_ASSIGN(out.kernel_,
                  codegen::Kernel::compile(plan, plan.results[result], {.engine = engine, .threads = 3}));
  return out;
}

namespace {

codegen::KernelRows run_kernel(const codegen::Kernel& kernel, const std::vector<TableData>& tables,
                               const Way& way) {
  ForcedTarget target(way.simd);
  std::vector<std::shared_ptr<codegen::KernelState>> states;
  for (int i = 0; i < way.threads; ++i) states.push_back(kernel.create_state());
  auto run_input = [&](size_t input) {
    const TableData* table = find_table(tables, kernel.inputs()[input].table);
    if (!table) return;
    EncodedTable encoded(*table, way.texts);
    std::vector<std::thread> threads;
    for (int i = 1; i < way.threads; ++i)
      threads.emplace_back([&, i] { feed(kernel, input, *states[static_cast<size_t>(i)], encoded, way, i); });
    feed(kernel, input, *states[0], encoded, way, 0);
    for (std::thread& thread : threads) thread.join();
  };
  for (size_t phase = 0; phase < kernel.num_phases(); ++phase) {
    if (phase > 0) kernel.end_phase(states);
    for (size_t input = 0; input < kernel.inputs().size(); ++input)
      if (kernel.inputs()[input].phase == phase) run_input(input);
  }
  return finish(kernel, states);
}

}  // namespace

Answer Native::run(const std::vector<TableData>& tables, const Way& way) const {
  return to_answer(run_kernel(*kernel_, tables, way));
}

std::optional<Late> Late::compile(const plan::Plan& plan, size_t result, codegen::Engine engine) {
  ir::Ir ir = ir::build(plan, plan.results[result]);
  ir::optimize(ir);
  Late out;
  out.rows_ = cli::LateRows::compile(ir, {engine});
  return out.rows_ ? std::optional<Late>(std::move(out)) : std::nullopt;
}

Answer Late::run(const std::vector<TableData>& tables, const Way& way) const {
  codegen::KernelRows found = run_kernel(rows_->early(), tables, way);
  if (found.error) return to_answer(std::move(found));
  TableData kept;
  kept.schema = rows_->fetched();
  const TableData* table = find_table(tables, rows_->table());
  for (uint64_t locator : rows_->locators_of(found.rows)) {
    Row& row = kept.rows.emplace_back();
    for (const plan::ColumnDef& column : kept.schema) {
      auto place = std::ranges::find(table->schema, column.name, &plan::ColumnDef::name);
      row.push_back(place == table->schema.end()
                        ? null_cell(column.type)
                        : table->rows[locator][static_cast<size_t>(place - table->schema.begin())]);
    }
  }
  EncodedTable encoded(kept, way.texts);
  std::vector<Column> columns;
  for (const plan::ColumnDef& column : kept.schema)
    columns.push_back(encoded.column(column.name, column.type, 0));
  return to_answer(rows_->finish(found.rows, columns));
}

const simd::LiteralGroups& Native::prefilter(const std::string& table) const {
  static const simd::LiteralGroups none;
  for (const codegen::KernelInput& input : kernel_->inputs())
    if (input.table == table) return input.prefilter;
  return none;
}

Answer Native::run(const std::vector<archive::File>& files, const FileWay& way) const {
  ForcedTarget target(way.simd);
  const int threads = way.threads;
  std::vector<std::shared_ptr<codegen::KernelState>> states;
  for (int i = 0; i < threads; ++i) states.push_back(kernel_->create_state());
  auto run_input = [&](size_t number) -> Result<void> {
    const codegen::KernelInput& input = kernel_->inputs()[number];
    archive::ScanRequest request;
    request.table = input.table;
    request.prefilters = way.prefilters.value_or(std::vector<simd::LiteralGroups>{input.prefilter});
    request.mapping = way.mapping;
    for (const auto& column : input.columns) request.columns.push_back({column.name, column.type});
    archive::ScanControl control;
    control.threads = threads;
    archive::ScanReport report;
    auto take_batch = [&](int thread, const Batch& batch) {
      return kernel_->consume(*states[static_cast<size_t>(thread)], number, batch) || threads > 1;
    };
    KQLC_TRY(archive::scan_files(files_of(files, input.table), request, control, take_batch, &report));
    return report.errors.empty() ? Result<void>() : report.errors[0];
  };
  for (size_t phase = 0; phase < kernel_->num_phases(); ++phase) {
    if (phase > 0) kernel_->end_phase(states);
    for (size_t input = 0; input < kernel_->inputs().size(); ++input) {
      if (kernel_->inputs()[input].phase != phase) continue;
      if (auto scanned = run_input(input); !scanned.ok()) {
        Answer out;
        out.error = scanned.error().message;
        return out;
      }
    }
  }
  return to_answer(finish(*kernel_, states));
}

namespace {

// Replaces the literals below `id` by columns of `table`, which gets one row of them. Arguments that a
// function must know before it runs stay.
void lift_literals(plan::Plan& plan, plan::ExprId id, TableData& table) {
  std::vector<plan::ExprId> args = plan.exprs[id].args;
  bool keep = plan.exprs[id].kind == plan::ExprKind::Call && plan.exprs[id].function->needs_constants;
  bool lifted = false;
  for (size_t i = 0; i < args.size(); ++i) {
    bool constant = keep && (plan.exprs[id].function->prepared_mask >> std::min<size_t>(i, 31) & 1);
    if (constant) continue;
    lift_literals(plan, args[i], table);
    lifted = true;
  }
  plan::Expr& expr = plan.exprs[id];
  if (lifted && !keep) expr.prepared = nullptr;
  if (expr.kind != plan::ExprKind::Literal) return;
  table.schema.push_back({"c" + std::to_string(table.schema.size()), expr.type});
  table.rows[0].push_back(expr.literal);
  expr.kind = plan::ExprKind::Column;
  expr.column = static_cast<int>(table.schema.size()) - 1;
}

}  // namespace

std::optional<plan::Plan> rows_to_tables(const plan::Plan& plan, std::vector<TableData>& tables) {
  plan::Plan out = plan;
  bool changed = false;
  for (size_t id = 0; id < out.nodes.size(); ++id) {
    plan::Node& node = out.nodes[id];
    if (node.kind != plan::NodeKind::Rows) continue;
    TableData table;
    table.name = "rows_" + std::to_string(id);
    table.arena = out.arena;
    table.schema = node.schema;
    for (int64_t row = 0; row < node.limit; ++row) {
      auto begin = node.cells.begin() + row * static_cast<int64_t>(node.schema.size());
      table.rows.emplace_back(begin, begin + static_cast<int64_t>(node.schema.size()));
    }
    // Only in a print alone: another operator above could share a literal (of a let) with it.
    if (node.schema.empty() && out.nodes.size() == 2 && out.nodes[1].kind == plan::NodeKind::Project)
      for (plan::ExprId expr : out.nodes[1].exprs) lift_literals(out, expr, table);
    if (table.schema.empty() || !fits_columns(table)) return std::nullopt;
    node.kind = plan::NodeKind::Scan;
    node.table = table.name;
    node.schema = table.schema;
    node.cells.clear();
    node.limit = 0;
    tables.push_back(std::move(table));
    changed = true;
  }
  if (!changed) return std::nullopt;
  return out;
}

}  // namespace kqlc::engines
