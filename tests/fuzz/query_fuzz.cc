// SPDX-License-Identifier: Apache-2.0
//
// Any text through lexer, parser and binder. Nothing may crash, hang or overflow the stack; each diagnostic
// can be rendered and has its place inside the text; a query that binds without errors has a result to run.
#include <string>

#include "compiler/plan/plan.h"
#include "compiler/source/diagnostic.h"
#include "compiler/syntax/tree.h"

using namespace kqlc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const plan::Schemas schemas = [] {
    plan::Schemas out;
    out.add("T", {{"A", Type::Long},
                  {"S", Type::String},
                  {"R", Type::Real},
                  {"D", Type::DateTime},
                  {"Y", Type::Dynamic},
                  {"B", Type::Bool}});
    return out;
  }();
  if (size > 16384) return 0;
  std::string text(reinterpret_cast<const char*>(data), size);
  source::Diagnostics diagnostics;
  syntax::SyntaxTree tree = syntax::parse(text, diagnostics);
  KQLC_CHECK(tree.root != syntax::kNoNode, "a tree has a root");
  KQLC_CHECK(!syntax::print(tree).empty(), "a tree can be printed");
  plan::Plan plan;
  if (!diagnostics.has_errors() &&
      plan::bind(tree, schemas, {.now = 638'000'000'000'000'000}, diagnostics, plan)) {
    KQLC_CHECK(!plan.results.empty(), "a query without errors has a result");
    KQLC_CHECK(!plan::print(plan).empty(), "a plan can be printed");
  }
  source::SourceFile source{"query", text, text, {}};
  for (const source::Diagnostic& diagnostic : diagnostics.all()) {
    KQLC_CHECK(diagnostic.span.begin <= diagnostic.span.end && diagnostic.span.end <= size,
               "a span lies in the text");
    KQLC_CHECK(!source::render(diagnostic, source).empty(), "a diagnostic can be rendered");
  }
  return 0;
}
