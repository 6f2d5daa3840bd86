// SPDX-License-Identifier: Apache-2.0
//
// The manifest of an ingested folder: `_manifest.ndjson`, one JSON object a chunk. In: what ingest wrote.
// Out: which sources are done, and per chunk the rows and for each column its type, nulls, least and greatest
// value. A line:
// {"file","bytes","source","source_bytes","source_time","rows","terms","columns":{name:{"type","nulls","min","max"}}}.
// Statistics are only believed for a file of the size that the manifest gives. `terms` is the number of the
// chunk's term filter (term_filter.h) in hexadecimal digits, where it has one.
#pragma once

#include <cstdint>
#include <functional>
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

// Whether texts of a column of a chunk may hold a condition, by what else is known of them.
using TextTest = std::function<bool(const std::string& column, Type type, const simd::Condition& condition)>;

// Whether a row of the chunk can meet `need`. True where neither the statistics nor `texts` say otherwise.
bool may_hold(const ChunkStatistics& chunk, const Need& need, const TextTest& texts = {});

}  // namespace kqlc::archive
