// SPDX-License-Identifier: Apache-2.0
//
// A file that was changed just now may be changed again without another time of change, so its mapping is not
// kept. Whoever comes first stays, as with footers (parquet_footer.cc).
#include "runtime/archive/kept_mappings.h"

#include <map>
#include <mutex>
#include <string>

namespace kqlc::archive {
namespace {

using MappingPtr = std::shared_ptr<const MappedFile>;

class KeptMappings {
 public:
  // `is_listed`: the file is the one that was listed. A mapping of another one is of no use any more.
  MappingPtr find(const File& file, bool is_listed) {
    std::lock_guard guard(lock_);
    auto known = known_.find(file.path);
    if (known == known_.end()) return nullptr;
    const Known& kept = known->second;
    if (is_listed && kept.file.identity == file.identity && !kept.mapping->torn()) return kept.mapping;
    known_.erase(known);
    return nullptr;
  }

  // Those of files that are gone are looked for once in as many calls as there are mappings: that is one look
  // a call, however many files there are.
  void keep(const File& file, MappingPtr mapping) {
    std::lock_guard guard(lock_);
    if (++calls_ >= known_.size()) {
      std::erase_if(known_, [](const auto& known) { return !is_right(known.second); });
      calls_ = 0;
    }
    if (known_.size() >= MappedFile::most_kept()) return;
    uint64_t bytes = file.bytes;
    for (const auto& [path, known] : known_) bytes += known.file.bytes;
    if (bytes <= MappedFile::most_kept_bytes()) known_[file.path] = {file, std::move(mapping)};
  }

 private:
  struct Known {
    File file;
    MappingPtr mapping;
  };
  static bool is_right(const Known& known) { return is_unchanged(known.file) && !known.mapping->torn(); }

  std::mutex lock_;
  std::map<std::string, Known> known_;  // by path
  size_t calls_ = 0;                    // of keep(), since all were looked at
};

KeptMappings& kept_mappings() {
  static KeptMappings kept;
  return kept;
}

}  // namespace

std::shared_ptr<const MappedFile> map_file(const File& file) {
  const bool is_listed = is_unchanged(file);
  if (MappingPtr kept = kept_mappings().find(file, is_listed)) return kept;
  MappingPtr mapping = MappedFile::open(file.path);
  if (mapping && is_listed && is_settled(file.identity.back()) && is_unchanged(file))
    kept_mappings().keep(file, mapping);
  return mapping;
}

}  // namespace kqlc::archive
