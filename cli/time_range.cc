// SPDX-License-Identifier: Apache-2.0
//
// Conditions are read off the plan: conjuncts of filters that stand on a scan, each a comparison of a
// datetime column with an expression without columns. Whatever has another form bounds nothing, which is
// always sound.
#include "cli/time_range.h"

#include <algorithm>
#include <map>

#include "compiler/reference/evaluate.h"
#include "runtime/value/datetime.h"

namespace kqlc::cli {

namespace {

using plan::ExprKind;
using plan::Plan;

bool reads_no_column(const Plan& plan, plan::ExprId id) {
  const plan::Expr& expr = plan.exprs[id];
  if (expr.kind == ExprKind::Call && !expr.function->spec.deterministic) return false;
  if (expr.kind != ExprKind::Literal && expr.kind != ExprKind::Call) return false;
  return std::all_of(expr.args.begin(), expr.args.end(),
                     [&](plan::ExprId arg) { return reads_no_column(plan, arg); });
}

class ConditionReader {
 public:
  ConditionReader(const Plan& plan, const plan::Schema& schema) : plan_(plan), schema_(schema) {
    context_.arena = context_.state_arena = &arena_;
    context_.now = plan.now;
  }

  void read(plan::ExprId id) {
    const plan::Expr& expr = plan_.exprs[id];
    if (expr.kind == ExprKind::And)
      for (plan::ExprId arg : expr.args) read(arg);
    if (expr.kind != ExprKind::Call) return;
    const char* symbol = expr.function->spec.operators[0];
    std::string name = symbol ? symbol : expr.function->spec.name;
    if (name == "between" && expr.args.size() == 3) {
      bound(expr.args[0], ">=", expr.args[1]);
      bound(expr.args[0], "<=", expr.args[2]);
    } else if (expr.args.size() == 2) {
      static const std::map<std::string, std::string> kTurned = {
          {">", "<"}, {">=", "<="}, {"<", ">"}, {"<=", ">="}};
      bound(expr.args[0], name, expr.args[1]);
      if (auto turned = kTurned.find(name); turned != kTurned.end())
        bound(expr.args[1], turned->second, expr.args[0]);
    }
  }

  std::vector<TimeCondition> conditions() const {
    std::vector<TimeCondition> out;
    for (const auto& [column, range] : ranges_) out.push_back({column, range});
    return out;
  }

 private:
  void bound(plan::ExprId left, const std::string& comparison, plan::ExprId right) {
    const plan::Expr& column = plan_.exprs[left];
    if (column.kind != ExprKind::Column || column.type != Type::DateTime) return;
    if (plan_.exprs[right].type != Type::DateTime || !reads_no_column(plan_, right)) return;
    Cell value = reference::evaluate(plan_, right, nullptr, context_);
    if (!value.valid) return;
    TimeRange range;
    if (comparison == ">" || comparison == ">=") {
      range.from = value.l + (comparison == ">" ? 1 : 0);
    } else if (comparison == "<" || comparison == "<=") {
      range.to = value.l - (comparison == "<" ? 1 : 0);
    } else {
      return;
    }
    ranges_[schema_[static_cast<size_t>(column.column)].name].narrow(range);
  }

  const Plan& plan_;
  const plan::Schema& schema_;
  Arena arena_;
  Context context_;
  std::map<std::string, TimeRange> ranges_;
};

// The nodes that `root` needs, by id.
std::vector<bool> find_reachable(const Plan& plan, plan::NodeId root) {
  std::vector<bool> reached(plan.nodes.size(), false);
  reached[root] = true;
  for (size_t id = root + 1; id-- > 0;)
    if (reached[id])
      for (plan::NodeId input : plan.nodes[id].inputs) reached[input] = true;
  return reached;
}

}  // namespace

void TimeRange::narrow(const TimeRange& other) {
  from = std::max(from, other.from);
  to = std::min(to, other.to);
}

void include(TimeRange& range, const TimeRange& other) {
  range.from = std::min(range.from, other.from);
  range.to = std::max(range.to, other.to);
}

std::string print_range(const TimeRange& range) {
  auto print = [](int64_t ticks, const char* open) {
    Arena arena;
    return datetime::in_range(ticks) ? std::string(datetime::print_datetime(DateTime{ticks}, arena).view())
                                     : open;
  };
  return print(range.from, "the beginning") + " to " + print(range.to, "the end");
}

std::vector<std::string> time_columns(const plan::Schema& schema) {
  std::vector<std::string> out;
  for (const char* name : {"Timestamp", "TimeGenerated"})
    for (const plan::ColumnDef& column : schema)
      if (column.name == name && column.type == Type::DateTime) out.push_back(name);
  return out;
}

std::vector<ScanTimes> find_scan_times(const Plan& plan, plan::NodeId root) {
  std::vector<ScanTimes> out;
  std::vector<bool> reached = find_reachable(plan, root);
  struct Users {
    size_t count = 0, last = 0;
  };
  std::vector<Users> users(plan.nodes.size());
  for (size_t id = 0; id < plan.nodes.size(); ++id)
    if (reached[id])
      for (plan::NodeId input : plan.nodes[id].inputs) users[input] = {users[input].count + 1, id};
  for (size_t id = 0; id < plan.nodes.size(); ++id) {
    const plan::Node& scan = plan.nodes[id];
    if (!reached[id] || scan.kind != plan::NodeKind::Scan) continue;
    ConditionReader reader(plan, scan.schema);
    // A node that two others use must serve both, so the chain ends there.
    for (size_t at = id; users[at].count == 1;) {
      at = users[at].last;
      if (plan.nodes[at].kind != plan::NodeKind::Filter) break;
      reader.read(plan.nodes[at].exprs[0]);
    }
    out.push_back({scan.table, reader.conditions()});
  }
  return out;
}

}  // namespace kqlc::cli
