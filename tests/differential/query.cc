// SPDX-License-Identifier: Apache-2.0
//
// Printing, and the candidates of shrinking, the largest cuts first.
#include "tests/differential/query.h"

#include <functional>

namespace kqlc::differential {

Term term(std::string text, bool replaceable) {
  Term out;
  out.parts[0] = std::move(text);
  out.replaceable = replaceable;
  return out;
}

std::string print(const Term& term) {
  std::string out = term.parts[0];
  for (size_t i = 0; i < term.args.size(); ++i) out += print(term.args[i]) + term.parts[i + 1];
  return out;
}

namespace {

std::string print_items(const std::vector<Term>& items, const std::string& separator) {
  std::string out;
  for (const Term& item : items) out += (out.empty() ? "" : separator) + print(item);
  return out;
}

std::string print_stage(const Stage& stage) {
  return stage.head + print_items(stage.items, stage.separator) + stage.tail +
         (stage.keys.empty() ? "" : " by " + print_items(stage.keys, ", "));
}

// Calls `visit` with every term below `terms`.
void each_term(std::vector<Term>& terms, const std::function<void(Term&)>& visit) {
  for (Term& item : terms) {
    visit(item);
    each_term(item.args, visit);
  }
}

void each_term(Query& query, const std::function<void(Term&)>& visit) {
  for (auto* stages : {&query.lets, &query.stages})
    for (Stage& stage : *stages) {
      each_term(stage.items, visit);
      each_term(stage.keys, visit);
    }
}

void drop_items(const Query& query, std::vector<Query>& out) {
  for (size_t s = 0; s < query.stages.size(); ++s) {
    for (size_t i = 0; query.stages[s].items.size() > 1 && i < query.stages[s].items.size(); ++i) {
      out.push_back(query);
      auto& items = out.back().stages[s].items;
      items.erase(items.begin() + static_cast<long>(i));
    }
    for (size_t i = 0; i < query.stages[s].keys.size(); ++i) {
      out.push_back(query);
      auto& keys = out.back().stages[s].keys;
      keys.erase(keys.begin() + static_cast<long>(i));
    }
  }
}

void replace_terms(const Query& query, std::vector<Query>& out) {
  size_t count = 0;
  Query counted = query;
  each_term(counted, [&](Term&) { ++count; });
  for (size_t wanted = 0; wanted < count; ++wanted) {
    size_t args = 0, place = 0;
    bool replaceable = false;
    each_term(counted, [&](Term& item) {
      if (place++ != wanted) return;
      args = item.args.size();
      replaceable = item.replaceable;
    });
    if (!replaceable || args == 0) continue;
    for (size_t choice = 0; choice < args; ++choice) {
      out.push_back(query);
      place = 0;
      bool done = false;
      each_term(out.back(), [&](Term& item) {
        if (done || place++ != wanted) return;
        Term part = item.args[choice];
        item = std::move(part);
        done = true;
      });
    }
  }
}

}  // namespace

std::string print(const Query& query) {
  std::string out;
  for (const Stage& let : query.lets) out += print_stage(let) + ";\n";
  if (query.twice) out += "let Named = ";
  for (size_t i = 0; i < query.stages.size(); ++i) out += (i ? "\n| " : "") + print_stage(query.stages[i]);
  if (query.twice) out += ";\nNamed | union (Named | take 9)";
  return out;
}

std::vector<Query> smaller(const Query& query) {
  std::vector<Query> out;
  if (query.twice) {
    out.push_back(query);
    out.back().twice = false;
  }
  for (size_t i = query.stages.size(); i-- > 1;) {
    out.push_back(query);
    out.back().stages.erase(out.back().stages.begin() + static_cast<long>(i));
  }
  for (size_t i = 0; i < query.lets.size(); ++i) {
    out.push_back(query);
    out.back().lets.erase(out.back().lets.begin() + static_cast<long>(i));
  }
  drop_items(query, out);
  replace_terms(query, out);
  return out;
}

}  // namespace kqlc::differential
