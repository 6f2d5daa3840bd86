// SPDX-License-Identifier: Apache-2.0
//
// The manifest of an ingested folder: `_manifest.ndjson`, one JSON object a chunk. In: what ingest wrote.
// Out: which sources are done, and per chunk the rows and for each column its nulls, least and greatest
// value. A line:
// {"file","bytes","source","source_bytes","source_time","rows","columns":{name:{"nulls","min","max"}}}.
// Statistics are only believed for a file of the size that the manifest gives.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "runtime/archive/archive.h"

namespace kqlc::archive {

inline constexpr const char* kManifestName = "_manifest.ndjson";

struct Manifest {
  std::set<std::string> sources;                 // source_key() of those that are done
  std::map<std::string, std::string> source_of;  // by chunk file: the path it came from
  std::map<std::string, std::shared_ptr<const ChunkStatistics>> chunks;  // by chunk file
};

// Reads the manifest of a folder; a missing one is empty, a line that was cut short is no entry.
Manifest read_manifest(const std::string& folder);

// Names a source as it is now: path, size and time of its last change.
std::string source_key(const std::string& path, uint64_t bytes, int64_t time);

// Whether a row of the chunk can be of use. True where the statistics say nothing.
bool may_hold(const ChunkStatistics& chunk, const std::vector<std::vector<TimeNeed>>& wanted);

}  // namespace kqlc::archive
