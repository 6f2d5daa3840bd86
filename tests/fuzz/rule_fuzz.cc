// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a rule file; the first byte chooses what its name says it is. Nothing may crash; every query
// found has places that lie in the file.
#include <string>

#include "compiler/rule/rule.h"
#include "runtime/base/check.h"

using namespace kqlc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static constexpr const char* kPaths[] = {"rule.yaml", "rule.md", "rule.kql", "rule.yml"};
  if (size == 0 || size > 65536) return 0;
  std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  source::Diagnostics diagnostics;
  for (const rule::Rule& rule : rule::read_rules(kPaths[data[0] % 4], text, diagnostics)) {
    const source::SourceFile& source = rule.source;
    for (size_t at = 0; at < source.query.size(); ++at)
      KQLC_CHECK(source.file_offset(static_cast<uint32_t>(at)) <= source.file_text.size(),
                 "a byte of the query comes from the file");
  }
  source::SourceFile whole{"rule", text, text, {}};
  for (const source::Diagnostic& diagnostic : diagnostics.all())
    KQLC_CHECK(!source::render(diagnostic, whole).empty(), "rendered");
  return 0;
}
