// SPDX-License-Identifier: Apache-2.0
//
// For tests of generated code. In: a query over the tables T and U. Out: its unit, and that as LLVM's text at
// O0.
#pragma once

#include <memory>
#include <string>

#include "codegen/module.h"
#include "codegen/unit.h"
#include "compiler/syntax/tree.h"
#include "runtime/base/check.h"

namespace kqlc::codegen {

inline std::unique_ptr<Unit> make_unit(const std::string& text) {
  plan::Schemas schemas;
  schemas.add(
      "T", {{"Name", Type::String}, {"Size", Type::Long}, {"Host", Type::String}, {"Time", Type::DateTime}});
  schemas.add("U", {{"Host", Type::String}, {"Port", Type::Long}, {"Time", Type::DateTime}});
  source::Diagnostics diagnostics;
  syntax::SyntaxTree tree = syntax::parse(text, diagnostics);
  plan::Plan plan;
  KQLC_CHECK(plan::bind(tree, schemas, {}, diagnostics, plan), "the test's own query: " + text);
  auto unit = build_unit(plan, plan.results[0], "");
  KQLC_CHECK(unit.ok(), "the test's own query has a native form: " + text);
  return std::move(unit).value();
}

inline std::string print_code(const Unit& unit) {
  auto module = print_module(order_all(unit, Level::O0, ""));
  KQLC_CHECK(module.ok(), "code");
  return std::move(module).value();
}

}  // namespace kqlc::codegen
