// SPDX-License-Identifier: Apache-2.0
//
// Operators as callbacks: each node pushes its rows into the next. Filters and projections between two other
// nodes are run in a loop, so that a query of ten thousand pipes needs no deep stack.
#include "compiler/reference/execute.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <unordered_map>

#include "compiler/reference/evaluate.h"
#include "runtime/aggregates/state.h"
#include "runtime/base/memory_limit.h"
#include "runtime/value/datetime.h"

namespace kqlc::reference {

using plan::Node;
using plan::NodeId;
using plan::NodeKind;

namespace {

// Order of two cells under one sort key: nulls first or last as the key says; a NaN stands next to the nulls.
int compare_key(const Cell& a, const Cell& b, const plan::SortKey& key, Type type) {
  auto rank = [&](const Cell& cell) {
    bool nan = cell.valid && type == Type::Real && std::isnan(cell.d);
    int distance = !cell.valid ? 2 : nan ? 1 : 0;
    return key.nulls_first ? -distance : distance;
  };
  int left = rank(a), right = rank(b);
  if (left != right) return left < right ? -1 : 1;
  if (left != 0) return 0;
  int order = aggregates::compare_cells(a, b, type);
  return key.descending ? -order : order;
}

class Executor {
 public:
  Executor(const plan::Plan& plan, const TableReader& reader, Arena& kept, size_t memory_limit,
           const std::atomic<bool>* stop)
      : plan_(plan), reader_(reader), kept_(kept), memory_limit_(memory_limit), stop_(stop) {
    context_.arena = &scratch_;
    context_.state_arena = &kept_;
    context_.now = plan.now;
  }

  Result<void> run(NodeId id, const RowSink& sink) {
    std::vector<const Node*> steps;  // filters and projections above `id`, the last to run first
    while (plan_.nodes[id].kind == NodeKind::Filter || plan_.nodes[id].kind == NodeKind::Project) {
      steps.push_back(&plan_.nodes[id]);
      id = plan_.nodes[id].inputs[0];
    }
    std::reverse(steps.begin(), steps.end());
    auto through = [&](const Cell* row, uint64_t position) { return push(steps, row, position, sink); };
    const Node& node = plan_.nodes[id];
    switch (node.kind) {
      case NodeKind::Scan:
        return reader_(node.table, node.schema, needed_columns(node, steps), through);
      case NodeKind::Rows:
        return run_rows(node, through);
      case NodeKind::Range:
        return run_range(node, through);
      case NodeKind::Count:
        return run_count(node, through);
      case NodeKind::Take:
        return run_take(node, through);
      case NodeKind::Distinct:
      case NodeKind::Summarize:
        return run_summarize(node, through);
      case NodeKind::Sort:
      case NodeKind::Top:
        return run_sort(node, through);
      case NodeKind::Union:
        return run_union(node, through);
      case NodeKind::Join:
        return run_join(node, through);
      default:
        KQLC_UNREACHABLE("plan node");
    }
  }

  // What an operator holds outside of the arena until it is done.
  class Holding {
   public:
    // `what` is in the plural, as in say_memory_limit.
    Holding(Executor& executor, const char* what) : executor_(executor), what_(what) {}
    Holding(const Holding&) = delete;
    ~Holding() { executor_.held_ -= bytes_; }
    void add(size_t bytes) {
      bytes_ += bytes;
      executor_.held_ += bytes;
      executor_.check_limit(what_);
    }
    void add_row(size_t width) { add(sizeof(Row) + kBlockHeader + width * sizeof(Cell)); }

   private:
    Executor& executor_;
    const char* what_;
    size_t bytes_ = 0;
  };

  Row keep(const Cell* row, const plan::Schema& schema, Holding& holding) {
    Row copy(schema.size());
    for (size_t i = 0; i < schema.size(); ++i) copy[i] = aggregates::keep(row[i], schema[i].type, kept_);
    holding.add_row(schema.size());
    return copy;
  }

  Result<void> finish() {
    if (context_.error && largest_) return Error{ErrorCode::Limit, say_memory_limit(memory_limit_, largest_)};
    if (context_.error)
      return Error{context_.over_limit ? ErrorCode::Limit : ErrorCode::Usage, context_.error};
    return {};
  }

 private:
  static constexpr size_t kBlockHeader = 16;  // of the allocator

  void check_limit(const char* what) {
    if (!memory_limit_ || context_.error || kept_.bytes() + held_ <= memory_limit_) return;
    largest_ = what;
    context_.fail_limit("the memory limit is reached");
  }

  bool push(const std::vector<const Node*>& steps, const Cell* row, uint64_t position, const RowSink& sink) {
    if (++pushed_ % 256 == 0 && depth_ == 0) scratch_.reset();
    ++depth_;
    bool more = push_kept(steps, row, position, sink);
    --depth_;
    return more && !context_.error && !(stop_ && stop_->load(std::memory_order_relaxed));
  }

  bool push_kept(const std::vector<const Node*>& steps, const Cell* row, uint64_t position,
                 const RowSink& sink) {
    std::vector<Cell> current, next;
    context_.position = position;
    for (const Node* step : steps) {
      if (step->kind == NodeKind::Filter) {
        Cell passes = evaluate(plan_, step->exprs[0], row, context_);
        if (!passes.valid || !passes.b) return true;
        continue;
      }
      next.resize(step->exprs.size());
      for (size_t i = 0; i < step->exprs.size(); ++i)
        next[i] = evaluate(plan_, step->exprs[i], row, context_);
      current.swap(next);
      row = current.data();
    }
    return sink(row, position);
  }

  // Marks the columns that steps up to the first projection read; all of them where none projects.
  std::vector<bool> needed_columns(const Node& scan, const std::vector<const Node*>& steps) const {
    std::vector<bool> needed(scan.schema.size(), false);
    for (const Node* step : steps) {
      for (plan::ExprId id : step->exprs) mark_columns(id, needed);
      if (step->kind == NodeKind::Project) return needed;
    }
    const Node* above = consumer_;
    if (above && above->kind == NodeKind::Count) return needed;
    if (above && above->kind == NodeKind::Summarize) {
      for (plan::ExprId id : above->exprs) mark_columns(id, needed);
      for (const auto& use : above->aggregates)
        for (plan::ExprId id : use.args) mark_columns(id, needed);
      return needed;
    }
    return std::vector<bool>(scan.schema.size(), true);
  }

  void mark_columns(plan::ExprId id, std::vector<bool>& needed) const {
    const plan::Expr& expr = plan_.exprs[id];
    if (expr.kind == plan::ExprKind::Column) needed[static_cast<size_t>(expr.column)] = true;
    for (plan::ExprId arg : expr.args) mark_columns(arg, needed);
  }

  // Runs the input of `node`, which is known as the consumer while its own scan starts.
  Result<void> run_input(const Node& node, size_t input, const RowSink& sink) {
    const Node* before = consumer_;
    consumer_ = &node;
    Result<void> result = run(node.inputs[input], sink);
    consumer_ = before;
    return result;
  }

  Result<void> run_rows(const Node& node, const RowSink& sink) {
    for (int64_t row = 0; row < node.limit; ++row)
      if (!sink(node.cells.data() + static_cast<size_t>(row) * node.schema.size(),
                static_cast<uint64_t>(row)))
        break;
    return {};
  }

  Result<void> run_range(const Node& node, const RowSink& sink) {
    Cell from = evaluate(plan_, node.exprs[0], nullptr, context_),
         to = evaluate(plan_, node.exprs[1], nullptr, context_),
         step = evaluate(plan_, node.exprs[2], nullptr, context_);
    if (!from.valid || !to.valid || !step.valid) return {};
    uint64_t position = 0;
    if (node.schema[0].type == Type::Real) {
      if (step.d == 0 || std::isnan(step.d)) return {};
      for (Cell value = from; step.d > 0 ? value.d <= to.d : value.d >= to.d;) {
        if (!sink(&value, position)) break;
        ++position;
        value.d = from.d + static_cast<double>(position) * step.d;
      }
      return {};
    }
    if (step.l == 0) return {};
    for (Cell value = from; step.l > 0 ? value.l <= to.l : value.l >= to.l;) {
      if (!sink(&value, position++) || __builtin_add_overflow(value.l, step.l, &value.l)) break;
    }
    return {};
  }

  Result<void> run_count(const Node& node, const RowSink& sink) {
    int64_t rows = 0;
    KQLC_TRY(run_input(node, 0, [&](const Cell*, uint64_t) { return ++rows, true; }));
    Cell count = make_cell(rows);
    sink(&count, 0);
    return {};
  }

  Result<void> run_take(const Node& node, const RowSink& sink) {
    int64_t left = node.limit;
    if (left == 0) return {};
    const Node* before = consumer_;
    consumer_ = &node;
    Result<void> result = run(node.inputs[0], [&](const Cell* row, uint64_t position) {
      return sink(row, position) && --left > 0;
    });
    consumer_ = before;
    return result;
  }

  static constexpr size_t kIndexEntry = 64;  // of a hash map of numbers
  struct Group {
    Row keys;
    uint64_t position = 0;
    std::vector<std::vector<std::byte>> states;
  };

  static constexpr size_t kAlignment = 16;
  static void* state_of(std::vector<std::byte>& bytes) {
    auto address = reinterpret_cast<uintptr_t>(bytes.data());
    return reinterpret_cast<void*>((address + kAlignment - 1) & ~(kAlignment - 1));
  }

  static AggregateCall call_of(const plan::AggregateUse& use) {
    return {use.types.data(), use.constants.data(), use.args.size(), use.num_results};
  }

  Group& add_group(std::vector<Group>& groups, const Node& node, Row keys, Holding& holding) {
    Group& group = groups.emplace_back();
    holding.add(sizeof(Group) + kIndexEntry);
    group.keys = std::move(keys);
    group.position = context_.position;
    for (const auto& use : node.aggregates) {
      group.states.emplace_back(use.aggregate->state_size + kAlignment);
      holding.add(sizeof(group.states[0]) + kBlockHeader + group.states.back().size());
      use.aggregate->init(context_, call_of(use), state_of(group.states.back()));
    }
    return group;
  }

  // Distinct is summarize by all columns without aggregates.
  Result<void> run_summarize(const Node& node, const RowSink& sink) {
    std::vector<Group> groups;
    std::unordered_multimap<uint64_t, size_t> index;
    bool distinct = node.kind == NodeKind::Distinct;
    Holding holding(*this, distinct ? "rows of distinct" : "groups of summarize");
    size_t num_keys = distinct ? node.schema.size() : node.exprs.size();
    if (num_keys == 0) add_group(groups, node, {}, holding);
    KQLC_TRY(run_input(node, 0, [&](const Cell* row, uint64_t position) {
      context_.position = position;
      Row keys(num_keys);
      uint64_t hash = 0;
      for (size_t i = 0; i < num_keys; ++i) {
        keys[i] = distinct ? row[i] : evaluate(plan_, node.exprs[i], row, context_);
        hash = hash * 0x9E3779B97F4A7C15u + aggregates::hash_cell(keys[i], node.schema[i].type, scratch_);
      }
      step_group(groups[find_group(groups, index, node, std::move(keys), hash, holding)], node, row);
      holding.add(0);  // what the aggregates keep is in the arena
      return !context_.error;
    }));
    if (context_.error) return {};
    for (Group& group : groups) {
      Row out = group.keys;
      for (size_t i = 0; i < node.aggregates.size(); ++i) {
        Row results(node.aggregates[i].num_results);
        node.aggregates[i].aggregate->finish(context_, call_of(node.aggregates[i]), state_of(group.states[i]),
                                             results.data());
        out.insert(out.end(), results.begin(), results.end());
      }
      if (!sink(out.data(), group.position)) break;
    }
    return {};
  }

  size_t find_group(std::vector<Group>& groups, std::unordered_multimap<uint64_t, size_t>& index,
                    const Node& node, Row keys, uint64_t hash, Holding& holding) {
    if (keys.empty()) return 0;
    auto [begin, end] = index.equal_range(hash);
    for (auto entry = begin; entry != end; ++entry) {
      bool same = true;
      for (size_t i = 0; i < keys.size() && same; ++i)
        same = aggregates::same_cell(groups[entry->second].keys[i], keys[i], node.schema[i].type, scratch_);
      if (same) return entry->second;
    }
    add_group(groups, node, keep(keys.data(), node.schema.first(keys.size()), holding), holding);
    index.emplace(hash, groups.size() - 1);
    return groups.size() - 1;
  }

  void step_group(Group& group, const Node& node, const Cell* row) {
    for (size_t i = 0; i < node.aggregates.size(); ++i) {
      const plan::AggregateUse& use = node.aggregates[i];
      Row args(use.args.size());
      for (size_t a = 0; a < args.size(); ++a) args[a] = evaluate(plan_, use.args[a], row, context_);
      use.aggregate->step(context_, call_of(use), state_of(group.states[i]), args.data());
    }
  }

  Result<void> run_sort(const Node& node, const RowSink& sink) {
    std::vector<Row> rows;
    Holding holding(*this, node.kind == NodeKind::Top ? "rows of top" : "rows of sort");
    KQLC_TRY(run_input(node, 0, [&](const Cell* row, uint64_t) {
      rows.push_back(keep(row, node.schema, holding));
      holding.add(sizeof(size_t));
      return !context_.error;
    }));
    if (context_.error) return {};
    std::vector<size_t> order(rows.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      for (const plan::SortKey& key : node.sort_keys) {
        size_t column = static_cast<size_t>(key.column);
        if (int result = compare_key(rows[a][column], rows[b][column], key, node.schema[column].type))
          return result < 0;
      }
      return a < b;
    });
    size_t limit =
        node.kind == NodeKind::Top ? std::min(order.size(), static_cast<size_t>(node.limit)) : order.size();
    for (size_t i = 0; i < limit; ++i)
      if (!sink(rows[order[i]].data(), i)) break;
    return {};
  }

  Result<void> run_union(const Node& node, const RowSink& sink) {
    bool more = true;
    uint64_t position = 0;
    for (size_t i = 0; i < node.inputs.size() && more; ++i)
      KQLC_TRY(run_input(node, i, [&](const Cell* row, uint64_t) {
        Row out(node.schema.size());
        for (size_t c = 0; c < out.size(); ++c)
          out[c] = node.mappings[i][c] < 0 ? null_cell(node.schema[c].type) : row[node.mappings[i][c]];
        return more = sink(out.data(), position++);
      }));
    return {};
  }

  // The key columns of a row: `left` chooses the side. Nothing where a key is null or NaN, which equals
  // nothing.
  std::optional<Row> join_keys(const Node& node, bool left, const Cell* row) const {
    Row keys;
    const plan::Schema& schema = plan_.nodes[node.inputs[left ? 0 : 1]].schema;
    for (const plan::JoinKey& key : node.join_keys) {
      auto column = static_cast<size_t>(left ? key.left : key.right);
      Cell cell = row[column];
      if (!cell.valid || (schema[column].type == Type::Real && std::isnan(cell.d))) return std::nullopt;
      keys.push_back(schema[column].type == Type::Int ? make_cell(int64_t{cell.i}) : cell);
    }
    return keys;
  }

  // Of an int or long, which meet as long.
  Type join_type(const Node& node, size_t key) const {
    Type type = plan_.nodes[node.inputs[0]].schema[static_cast<size_t>(node.join_keys[key].left)].type;
    return type == Type::Int ? Type::Long : type;
  }

  struct JoinTable {
    std::vector<Row> rows, keys;
    std::unordered_map<uint64_t, std::vector<size_t>> places;  // by hash of the keys
  };

  uint64_t hash_join_keys(const Node& node, const Row& keys) {
    uint64_t hash = 0;
    for (size_t i = 0; i < keys.size(); ++i)
      hash = hash * 0x9E3779B97F4A7C15u + aggregates::hash_cell(keys[i], join_type(node, i), scratch_);
    return hash;
  }

  Result<void> read_right_side(const Node& node, JoinTable& table, Holding& holding) {
    const plan::Schema& schema = plan_.nodes[node.inputs[1]].schema;
    return run_input(node, 1, [&](const Cell* row, uint64_t) {
      if (!join_keys(node, false, row)) return true;
      table.rows.push_back(keep(row, schema, holding));
      table.keys.push_back(*join_keys(node, false, table.rows.back().data()));
      table.places[hash_join_keys(node, table.keys.back())].push_back(table.rows.size() - 1);
      holding.add_row(node.join_keys.size());
      holding.add(kIndexEntry);
      return !context_.error;
    });
  }

  std::vector<size_t> find_matches(const Node& node, const JoinTable& table, const Cell* row) {
    std::optional<Row> keys = join_keys(node, true, row);
    if (!keys) return {};
    auto found = table.places.find(hash_join_keys(node, *keys));
    if (found == table.places.end()) return {};
    std::vector<size_t> matches;
    for (size_t place : found->second) {
      bool same = true;
      for (size_t i = 0; i < keys->size() && same; ++i)
        same = aggregates::same_cell((*keys)[i], table.keys[place][i], join_type(node, i), scratch_);
      if (same) matches.push_back(place);
    }
    return matches;
  }

  Result<void> run_join(const Node& node, const RowSink& sink) {
    JoinTable table;
    Holding holding(*this, "rows of the right side of a join");
    KQLC_TRY(read_right_side(node, table, holding));
    if (context_.error) return {};
    const plan::Schema &left = plan_.nodes[node.inputs[0]].schema,
                       &right = plan_.nodes[node.inputs[1]].schema;
    uint64_t position = 0;
    return run_input(node, 0, [&](const Cell* row, uint64_t) {
      std::vector<size_t> matches = find_matches(node, table, row);
      if (!plan::has_right_columns(node.join))
        return matches.empty() != (node.join == plan::JoinKind::LeftAnti) || sink(row, position++);
      Row out(row, row + left.size());
      if (matches.empty() && node.join == plan::JoinKind::LeftOuter) {
        for (const plan::ColumnDef& column : right) out.push_back(null_cell(column.type));
        return sink(out.data(), position++);
      }
      out.resize(left.size() + right.size());
      for (size_t place : matches) {
        std::ranges::copy(table.rows[place], out.begin() + static_cast<std::ptrdiff_t>(left.size()));
        if (!sink(out.data(), position++)) return false;
      }
      return true;
    });
  }

  const plan::Plan& plan_;
  const TableReader& reader_;
  Arena& kept_;
  Arena scratch_;
  size_t memory_limit_;
  const std::atomic<bool>* stop_;
  size_t held_ = 0;                // outside of kept_, of all operators
  const char* largest_ = nullptr;  // what was growing when the limit was reached
  Context context_;
  const Node* consumer_ = nullptr;
  uint64_t pushed_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Rows> execute(const plan::Plan& plan, size_t result, const TableReader& reader, size_t memory_limit,
                     const std::atomic<bool>* stop) {
  Rows out;
  NodeId root = plan.results[result];
  out.schema = plan.nodes[root].schema;
  Executor executor(plan, reader, *out.arena, memory_limit, stop);
  Executor::Holding holding(executor, "rows that are kept");
  KQLC_TRY(executor.run(root, [&](const Cell* row, uint64_t) {
    out.rows.push_back(executor.keep(row, out.schema, holding));
    return true;
  }));
  KQLC_TRY(executor.finish());
  return out;
}

}  // namespace kqlc::reference
