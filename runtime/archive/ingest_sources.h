// SPDX-License-Identifier: Apache-2.0
//
// What ingest reads, and by which names an archive knows it. In: files as they were named, the archive's
// folder. Out: sources, each under one name however its path was typed, none of them the archive's own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/archive/archive.h"
#include "runtime/archive/manifest.h"

namespace kqlc::archive {

// A file that is read, as the manifest names it.
struct IngestSource {
  const File* file = nullptr;
  // Its absolute path without links. What has no path (a pipe that was kept in a nameless file): a name made
  // of its content.
  std::string name;
  SourceState state;

  // The members of a line of the manifest that say where its rows are from.
  std::string manifest_fields() const;
};

// Returns the sources among `files`, which have to outlive them. Chunks of the archive in `folder` are left
// out, which `notes` says. Error: Usage when another file lies in that folder, where a scan would read its
// rows beside those of its chunks, or when nothing is left.
Result<std::vector<IngestSource>> find_sources(const std::vector<File>& files, const std::string& folder,
                                               std::vector<std::string>* notes);

// The name of a chunk: the source's name before its first dot, a hash of its path, so that two sources of one
// name do not meet, and a number.
std::string chunk_name(const IngestSource& source, size_t number);

// What the archive of one table knows of sources. Manifests of older versions name them as they were typed.
class KnownSources {
 public:
  // `folder` is that of the manifest. A source of which a chunk is lost is as one that was never read.
  KnownSources(Manifest manifest, const std::string& folder);
  // Whether the rows of the source stand in the archive. Error: Usage when an older version entered it, or
  // another file, under a path that is now this one's, in another state.
  Result<bool> is_done(const IngestSource& source) const;
  // Chunks of older states of the source.
  std::vector<std::string> chunks_of(const IngestSource& source) const;

 private:
  Manifest manifest_;
  std::map<std::string, std::string> older_;  // entries of other spellings, by the path they stand for now
};

}  // namespace kqlc::archive
