// SPDX-License-Identifier: Apache-2.0
//
// print: the whole of an Ir as text. Each literal is written so that reading gives the same bits; a form that
// a person reads easily is taken where it does.
#include <fmt/format.h>

#include <bit>
#include <map>

#include "compiler/ir/ir.h"
#include "compiler/ir/text.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/dynamic.h"
#include "runtime/value/guid.h"

namespace kqlc::ir {

namespace {

constexpr std::string_view kOpNames[] = {"scan",      "rows",     "range", "filter", "project",
                                         "summarize", "distinct", "count", "take",   "sort",
                                         "top",       "union",    "join"};
constexpr OpKind kOpKinds[] = {OpKind::Scan,    OpKind::Rows,      OpKind::Range,    OpKind::Filter,
                               OpKind::Project, OpKind::Summarize, OpKind::Distinct, OpKind::Count,
                               OpKind::Take,    OpKind::Sort,      OpKind::Top,      OpKind::Union,
                               OpKind::Join};

struct Overloads {
  std::vector<std::string> names;  // by slot
  std::map<std::string, const Function*, std::less<>> functions;

  Overloads() {
    for (const Function& function : function_table()) {
      std::string name = function.spec.operators[0] ? function.spec.operators[0] : function.spec.name;
      name += "(";
      size_t count = function.num_params + (function.variadic ? 1u : 0u);
      for (size_t i = 0; i < count; ++i)
        name += (i ? ", " : "") + std::string(type_name(function.params[i].type));
      name += function.variadic ? "...)" : ")";
      std::string unique = name;
      for (int i = 2; functions.contains(unique); ++i) unique = fmt::format("{}#{}", name, i);
      functions[unique] = &function;
      names.push_back(unique);
    }
  }
};

const Overloads& overloads() {
  static const Overloads instance;
  return instance;
}

std::string print_real(double value) {
  uint64_t bits = std::bit_cast<uint64_t>(value);
  bool finite = (bits >> 52 & 0x7ff) != 0x7ff;
  return finite ? fmt::format("real({})", value) : fmt::format("real(0x{:016x})", bits);
}

std::string print_decimal(Decimal value) {
  Arena arena;
  std::string text(decimal::print(value, arena).view());
  auto back = decimal::read(text);
  if (back && back->low == value.low && back->high == value.high) return fmt::format("decimal({})", text);
  return fmt::format("decimal(0x{:016x}{:016x})", value.high, value.low);
}

std::string print_time(std::string_view type, int64_t ticks, bool date) {
  Arena arena;
  if (date && datetime::in_range(ticks))
    return fmt::format("{}({})", type, datetime::print_datetime(DateTime{ticks}, arena).view());
  if (!date) {
    std::string text(datetime::print_timespan(TimeSpan{ticks}, arena).view());
    auto back = datetime::read_timespan(text);
    if (back && back->ticks == ticks) return fmt::format("{}({})", type, text);
  }
  return fmt::format("{}(ticks {})", type, ticks);
}

std::string print_guid(const Guid& value) {
  Arena arena;
  return fmt::format("guid({})", guid::print(value, arena).view());
}

void append_node(std::string& out, const dynamic::Node& node) {
  using dynamic::Kind;
  switch (node.kind) {
    case Kind::Null:
      out += "null";
      return;
    case Kind::Bool:
      out += node.b ? "true" : "false";
      return;
    case Kind::Long:
      out += fmt::format("long({})", node.l);
      return;
    case Kind::Real:
      out += print_real(node.d);
      return;
    case Kind::String:
      append_quoted(out, node.str());
      return;
    case Kind::DateTime:
      out += print_time("datetime", node.l, true);
      return;
    case Kind::TimeSpan:
      out += print_time("timespan", node.l, false);
      return;
    case Kind::Guid:
      out += print_guid(*node.guid);
      return;
    case Kind::Decimal:
      out += print_decimal(*node.decimal);
      return;
    case Kind::Json:
      out += "json ";
      append_quoted(out, node.str());
      return;
    case Kind::Array:
      out += "[";
      for (uint32_t i = 0; i < node.size; ++i) {
        if (i) out += ", ";
        append_node(out, node.items[i]);
      }
      out += "]";
      return;
    case Kind::Bag:
      out += "{";
      for (uint32_t i = 0; i < node.size; ++i) {
        if (i) out += ", ";
        append_quoted(out, node.entries[i].key.view());
        out += ": ";
        append_node(out, node.entries[i].value);
      }
      out += "}";
      return;
  }
}

class Printer {
 public:
  explicit Printer(const Ir& ir) : ir_(ir) {}

  std::string run() {
    out_ = fmt::format("ir now {}\n", ir_.now);
    for (size_t id = 0; id < ir_.exprs.size(); ++id) print_expr(id);
    for (size_t id = 0; id < ir_.ops.size(); ++id) print_op(id);
    out_ += fmt::format("result %{}\n", ir_.result);
    return std::move(out_);
  }

 private:
  void print_expr(size_t id) {
    const Expr& expr = ir_.exprs[id];
    out_ += fmt::format("e{} = ", id);
    switch (expr.kind) {
      case ExprKind::Column:
        out_ += fmt::format("column {} {}", expr.column, type_name(expr.type));
        break;
      case ExprKind::Literal:
        out_ += "literal " + print_literal(expr.literal, expr.type);
        break;
      case ExprKind::Call:
        out_ += expr.prepared ? "prepared " : "call ";
        append_quoted(out_, overload_name(*expr.function));
        break;
      case ExprKind::And:
        out_ += "and";
        break;
      case ExprKind::Or:
        out_ += "or";
        break;
      case ExprKind::Case:
        out_ += "case";
        break;
      case ExprKind::Coalesce:
        out_ += "coalesce";
        break;
    }
    print_exprs(expr.args);
    out_ += '\n';
  }

  void print_exprs(const std::vector<ExprId>& exprs) {
    for (ExprId id : exprs) out_ += fmt::format(" e{}", id);
  }

  void print_op(size_t id) {
    const Op& op = ir_.ops[id];
    out_ += fmt::format("%{} = {}", id, op_name(op.kind));
    if (op.kind == OpKind::Scan) {
      out_ += ' ';
      append_quoted(out_, op.table);
    }
    for (OpId input : op.inputs) out_ += fmt::format(" %{}", input);
    if (op.kind == OpKind::Join) out_ += fmt::format(" {}", plan::join_name(op.join));
    if (op.kind == OpKind::Rows || op.kind == OpKind::Take || op.kind == OpKind::Top)
      out_ += fmt::format(" {}", op.limit);
    bool taken_over = op.inputs.size() == 1 && op.kind != OpKind::Project && op.kind != OpKind::Summarize &&
                      op.kind != OpKind::Count;
    if (!taken_over) print_schema(op.schema);
    print_exprs(op.exprs);
    for (const AggregateUse& use : op.aggregates) print_aggregate(use);
    for (const SortKey& key : op.sort_keys)
      out_ += fmt::format(" by {} {}{}", key.column, key.descending ? "desc" : "asc",
                          key.nulls_first ? " nulls_first" : "");
    for (const JoinKey& key : op.join_keys) out_ += fmt::format(" on {} {}", key.left, key.right);
    for (size_t i = 0; i < op.cells.size(); ++i)
      out_ += (i % op.schema.size() ? " " : "\n  ") +
              print_literal(op.cells[i], op.schema[i % op.schema.size()].type);
    for (const auto& group : op.prefilter) print_group(group);
    out_ += '\n';
  }

  void print_schema(const Schema& schema) {
    out_ += " [";
    for (size_t i = 0; i < schema.size(); ++i) {
      if (i) out_ += ", ";
      append_quoted(out_, schema[i].name);
      out_ += ": " + std::string(type_name(schema[i].type));
    }
    out_ += "]";
  }

  void print_aggregate(const AggregateUse& use) {
    out_ += std::string(" aggregate ") + use.aggregate->spec.name + "(";
    for (size_t i = 0; i < use.args.size(); ++i) {
      out_ += fmt::format("{}e{}: {}", i ? ", " : "", use.args[i], type_name(use.types[i]));
      if (use.constants[i].valid) out_ += " = " + print_literal(use.constants[i], use.types[i]);
    }
    out_ += ")";
  }

  void print_group(const std::vector<simd::Literal>& group) {
    out_ += "\n  prefilter";
    for (const simd::Literal& literal : group) {
      out_ += literal.letter_case == simd::Case::Ignored ? " ~" : " ";
      append_quoted(out_, literal.text);
      for (const std::string& key : literal.keys) append_quoted(out_ += '@', key);
    }
  }

  const Ir& ir_;
  std::string out_;
};

}  // namespace

std::string_view op_name(OpKind kind) { return kOpNames[static_cast<size_t>(kind)]; }

const OpKind* find_op(std::string_view name) {
  for (size_t i = 0; i < std::size(kOpNames); ++i)
    if (kOpNames[i] == name) return &kOpKinds[i];
  return nullptr;
}

const std::string& overload_name(const Function& function) {
  return overloads().names[static_cast<size_t>(&function - function_table().data())];
}

const Function* find_overload(std::string_view name) {
  auto found = overloads().functions.find(name);
  return found == overloads().functions.end() ? nullptr : found->second;
}

const Aggregate* find_aggregate(std::string_view name) {
  for (const Aggregate& aggregate : aggregate_table())
    if (name == aggregate.spec.name) return &aggregate;
  return nullptr;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string print_literal(const Cell& cell, Type type) {
  if (!cell.valid) return fmt::format("null({})", type_name(type));
  std::string out;
  switch (type) {
    case Type::Bool:
      return cell.b ? "true" : "false";
    case Type::Int:
      return fmt::format("int({})", cell.i);
    case Type::Long:
      return fmt::format("long({})", cell.l);
    case Type::Real:
      return print_real(cell.d);
    case Type::Decimal:
      return print_decimal(cell.m);
    case Type::DateTime:
      return print_time("datetime", cell.l, true);
    case Type::TimeSpan:
      return print_time("timespan", cell.l, false);
    case Type::Guid:
      return print_guid(cell.g);
    case Type::String:
      append_quoted(out, cell.s.view());
      return out;
    case Type::Dynamic:
      out = "dynamic(";
      append_node(out, *cell.node);
      return out + ")";
  }
  return out;
}

std::string print(const Ir& ir) { return Printer(ir).run(); }

}  // namespace kqlc::ir
