// SPDX-License-Identifier: Apache-2.0
//
// The story of a query: lex and parse, then bind. Each stage sees only what the one before made.
#include "cli/compile.h"

namespace kqlc::cli {

Compiled compile(source::SourceFile source, const plan::Schemas& schemas, int64_t now, CompileCost* cost) {
  Compiled out;
  out.source = std::move(source);
  Stopwatch* watch = cost ? cost->watch : nullptr;
  {
    Measured parsing(watch, cost ? &cost->parse : nullptr);
    out.tree = syntax::parse(out.source.query, out.diagnostics);
  }
  if (!out.ok()) return out;
  Measured binding(watch, cost ? &cost->bind : nullptr);
  plan::bind(out.tree, schemas, {.now = now}, out.diagnostics, out.plan);
  return out;
}

std::string render(const Compiled& compiled) {
  std::string out;
  for (const source::Diagnostic& diagnostic : compiled.diagnostics.all())
    out += source::render(diagnostic, compiled.source);
  return out;
}

}  // namespace kqlc::cli
