// SPDX-License-Identifier: Apache-2.0
//
// CodeCache: compiled objects on disk, so that a rule that was compiled once is only loaded. In: what an
// object was made from, as a strong hash, and the object. Out: the same object in this or a later process of
// the same program. It may lose anything at any time and never gives anything else back: a folder or a file
// that others could have written is not used, nor one that was cut or changed, nor that of another program.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace kqlc::codegen {

using CodeKey = std::array<uint8_t, 32>;

// The key of what is compiled from an outline (outline.h); `variant` says how (level, shape). It holds the
// identity of this program, all of its code, so that another program or version finds nothing.
CodeKey code_key(std::string_view outline, std::string_view variant);

class CodeCache {
 public:
  // Opens a folder, which is made if it is not there (with those above it). Errors: Io, saying why it is not
  // used: it is no folder, it is not of this user, or others may look into it or write to it (its mode has to
  // be 0700).
  static Result<std::unique_ptr<CodeCache>> open(const std::string& folder);
  CodeCache(const CodeCache&) = delete;
  CodeCache& operator=(const CodeCache&) = delete;
  ~CodeCache();

  // The object of a key; nothing where there is none that can be trusted. May be called from any thread.
  std::optional<std::string> get(const CodeKey& key) const;
  // Keeps an object; where that fails, it is not kept. May be called from any thread and process.
  void put(const CodeKey& key, std::string_view object) const;
  // Removes files that were not used for longest until at most `bytes` are left, and what was never
  // completed.
  void shrink(uint64_t bytes) const;

 private:
  explicit CodeCache(int folder) : folder_(folder) {}
  int folder_;  // descriptor
};

// The cache of this process, by default none. To be called before anything is compiled. Errors: as open().
Result<void> use_code_cache(const std::string& folder);
// nullptr: there is none.
const CodeCache* code_cache();

}  // namespace kqlc::codegen
