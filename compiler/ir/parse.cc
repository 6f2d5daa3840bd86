// SPDX-License-Identifier: Apache-2.0
//
// parse: the text of an Ir. In: any bytes. Out: an Ir that verify() accepts and print() writes as it was, or
// an error with the line. Each expression is checked before the next is read, because prepared states are
// computed on the way.
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "compiler/ir/ir.h"
#include "compiler/ir/literal_reader.h"
#include "compiler/ir/text.h"

namespace kqlc::ir {

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : in_(text, *ir_.arena) {}

  Result<Ir> run() {
    bool good = parse_all();
    if (!good || !in_.ok())
      return Error{ErrorCode::Usage, fmt::format("line {}: {}", in_.line(), in_.problem())};
    if (auto problem = verify(ir_)) return Error{ErrorCode::Usage, *problem};
    return std::move(ir_);
  }

 private:
  bool fail(const std::string& problem) { return in_.fail(problem); }

  bool parse_all() {
    if (!in_.expect("ir") || !in_.expect("now") || !in_.read_long(ir_.now)) return false;
    while (in_.ok()) {
      std::string_view word = in_.word();
      if (word == "result") return parse_result();
      bool good = word.starts_with('e') ? parse_expr(word) : parse_op(word);
      if (!good) return false;
    }
    return false;
  }

  bool parse_result() {
    if (!read_op(in_.word(), ir_.result)) return false;
    return in_.at_end() || fail("text behind the result");
  }

  // A number behind a letter, smaller than `limit`.
  bool read_id(std::string_view word, char letter, size_t limit, uint32_t& out) {
    uint64_t value = 0;
    if (word.size() < 2 || word[0] != letter || !in_.read_unsigned(word.substr(1), value) || value >= limit)
      return fail(fmt::format("`{}` is nothing that stands before", word));
    out = static_cast<uint32_t>(value);
    return true;
  }
  bool read_expr(std::string_view word, ExprId& out) { return read_id(word, 'e', ir_.exprs.size(), out); }
  bool read_op(std::string_view word, OpId& out) { return read_id(word, '%', ir_.ops.size(), out); }

  bool read_args(std::vector<ExprId>& args) {
    while (in_.ok() && !in_.line_ends()) {
      ExprId id = 0;
      if (!in_.peek_word().starts_with('e')) return true;
      if (!read_expr(in_.word(), id)) return false;
      args.push_back(id);
    }
    return in_.ok();
  }

  bool parse_expr(std::string_view name) {
    ExprId id = 0;
    if (!read_id(name, 'e', ir_.exprs.size() + 1, id) || id != ir_.exprs.size())
      return fail("expressions count up from e0");
    if (!in_.expect("=")) return false;
    Expr expr;
    if (!parse_kind(in_.word(), expr) || !read_args(expr.args) || !in_.line_ends())
      return fail("this is no expression");
    if (!set_type(expr) || !check_and_prepare(expr)) return false;
    if (ir_.add(std::move(expr)) != id) return fail("an expression that stood before");
    return true;
  }

  bool parse_kind(std::string_view word, Expr& expr) {
    if (word == "column") {
      expr.kind = ExprKind::Column;
      return read_place(expr.column) && in_.read_type(expr.type);
    }
    if (word == "literal") return in_.read_literal(expr.literal, expr.type);
    if (word == "call" || word == "prepared") {
      std::string function;
      if (!in_.read_quoted(function)) return false;
      expr.kind = ExprKind::Call;
      expr.function = find_overload(function);
      // Stands for the state until the arguments are known to be right.
      if (word == "prepared") expr.prepared = std::make_shared<int>(0);
      return expr.function || fail("no such function");
    }
    static constexpr std::pair<std::string_view, ExprKind> kKinds[] = {{"and", ExprKind::And},
                                                                       {"or", ExprKind::Or},
                                                                       {"case", ExprKind::Case},
                                                                       {"coalesce", ExprKind::Coalesce}};
    for (auto [known, kind] : kKinds)
      if (known == word) return expr.kind = kind, true;
    return fail(fmt::format("no such kind of expression: `{}`", word));
  }

  bool set_type(Expr& expr) {
    if (expr.kind == ExprKind::Call) expr.type = expr.function->result;
    if (expr.kind == ExprKind::And || expr.kind == ExprKind::Or) expr.type = Type::Bool;
    if (expr.kind != ExprKind::Case && expr.kind != ExprKind::Coalesce) return true;
    if (expr.args.empty()) return fail("no arguments");
    expr.type = ir_.exprs[expr.args.back()].type;
    return true;
  }

  bool check_and_prepare(Expr& expr) {
    if (auto problem = verify_expr(ir_, expr)) return fail(*problem);
    if (!expr.prepared) return true;
    auto state = prepare(ir_, *expr.function, expr.args);
    if (!state.ok()) return fail(state.error().message);
    expr.prepared = std::move(state).value();
    return true;
  }

  bool parse_op(std::string_view name) {
    OpId id = 0;
    if (!read_id(name, '%', ir_.ops.size() + 1, id) || id != ir_.ops.size())
      return fail("operators count up from %0");
    if (!in_.expect("=")) return false;
    const OpKind* kind = find_op(in_.word());
    if (!kind) return fail("no such operator");
    Op op;
    op.kind = *kind;
    if (op.kind == OpKind::Scan && !in_.read_quoted(op.table)) return false;
    while (in_.ok() && in_.peek_word().starts_with('%') && !in_.line_ends()) {
      if (!read_op(in_.word(), op.inputs.emplace_back())) return false;
    }
    if (op.kind == OpKind::Join && !read_join_kind(op.join)) return false;
    bool limited = op.kind == OpKind::Rows || op.kind == OpKind::Take || op.kind == OpKind::Top;
    if (limited && !in_.read_long(op.limit)) return false;
    if (in_.peek('[')) {
      if (!parse_schema(op.schema)) return false;
    } else if (!op.inputs.empty()) {
      op.schema = ir_.ops[op.inputs[0]].schema;
    }
    if (!read_args(op.exprs)) return false;
    while (in_.ok() && !in_.line_ends())
      if (!parse_part(op)) return false;
    if (op.kind == OpKind::Rows && !parse_cells(op)) return false;
    while (in_.ok() && in_.peek_word() == "prefilter")
      if (!parse_group(op)) return false;
    ir_.ops.push_back(std::move(op));
    return in_.ok();
  }

  bool parse_schema(Schema& schema) {
    in_.take('[');
    if (in_.take(']')) return true;
    do {
      ColumnDef column;
      if (!in_.read_quoted(column.name) || !in_.expect_mark(':') || !in_.read_type(column.type)) return false;
      schema.push_back(std::move(column));
    } while (in_.take(','));
    return in_.expect_mark(']');
  }

  bool parse_part(Op& op) {
    std::string_view word = in_.word();
    if (word == "aggregate") return parse_aggregate(op.aggregates.emplace_back());
    if (word == "by") return parse_key(op.sort_keys.emplace_back());
    if (word == "on") {
      JoinKey& key = op.join_keys.emplace_back();
      return read_place(key.left) && read_place(key.right);
    }
    return fail(fmt::format("`{}` cannot stand here", word));
  }

  bool read_place(int& place) {
    int64_t column = 0;
    if (!in_.read_long(column) || column < 0 || column > 1 << 30) return fail("no place of a column");
    place = static_cast<int>(column);
    return true;
  }

  bool read_join_kind(JoinKind& kind) {
    std::string_view word = in_.word();
    for (JoinKind known : {JoinKind::Inner, JoinKind::LeftOuter, JoinKind::LeftSemi, JoinKind::LeftAnti})
      if (plan::join_name(known) == word) return kind = known, true;
    return fail(fmt::format("no such kind of join: `{}`", word));
  }

  bool parse_key(SortKey& key) {
    if (!read_place(key.column)) return false;
    std::string_view order = in_.word();
    if (order != "asc" && order != "desc") return fail("asc or desc is missing");
    key.descending = order == "desc";
    key.nulls_first = !in_.line_ends() && in_.peek_word() == "nulls_first";
    if (key.nulls_first) in_.word();
    return in_.ok();
  }

  bool parse_aggregate(AggregateUse& use) {
    use.aggregate = find_aggregate(in_.word());
    if (!use.aggregate) return fail("no such aggregate");
    if (!in_.expect_mark('(')) return false;
    while (!in_.take(')')) {
      if (!use.args.empty() && !in_.expect_mark(',')) return false;
      if (!read_expr(in_.word(), use.args.emplace_back()) || !in_.expect_mark(':') ||
          !in_.read_type(use.types.emplace_back()))
        return false;
      Cell& constant = use.constants.emplace_back();
      Type type = use.types.back();
      if (in_.take_word("=") && (!in_.read_literal(constant, type) || type != use.types.back()))
        return fail("a constant of another type");
    }
    use.num_results = num_results_of(use.aggregate->spec, use.args.size());
    return in_.ok();
  }

  bool parse_cells(Op& op) {
    size_t width = op.schema.size();
    while (in_.ok() && width && in_.starts_literal()) {
      Type type = Type::String, wanted = op.schema[op.cells.size() % width].type;
      if (!in_.read_literal(op.cells.emplace_back(), type)) return false;
      if (type != wanted) return fail("a cell of another type");
    }
    return in_.ok();
  }

  bool parse_group(Op& op) {
    in_.word();
    auto& group = op.prefilter.emplace_back();
    while (in_.ok() && !in_.line_ends()) {
      simd::Literal& literal = group.emplace_back();
      literal.letter_case = in_.take('~') ? simd::Case::Ignored : simd::Case::Sensitive;
      if (!in_.read_quoted(literal.text)) return false;
      while (in_.take('@')) {
        std::string key;
        if (!in_.read_quoted(key)) return false;
        literal.keys.insert(std::move(key));
      }
    }
    return in_.ok();
  }

  Ir ir_;
  LiteralReader in_;
};

}  // namespace

Result<Ir> parse(std::string_view text) { return Parser(text).run(); }

}  // namespace kqlc::ir
