// SPDX-License-Identifier: Apache-2.0
//
// The manifest of an ingested folder: `_manifest.ndjson`, one JSON object a chunk. In: what ingest wrote.
// Out: which sources are done, and per chunk the rows and for each column its type, nulls, least and greatest
// value. A source is named by its absolute path without links; older versions wrote it as it was typed. A
// line:
// {"file","bytes","source","source_bytes","source_time","rows","terms","columns":{name:{"type","nulls","min","max"}}}.
// Statistics are only believed for a file of the size that the manifest gives. `terms` is the number of the
// chunk's term filter (term_filter.h) in hexadecimal digits, where it has one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/archive/archive.h"

namespace kqlc::archive {

inline constexpr const char* kManifestName = "_manifest.ndjson";

// A source as it was when it was read.
struct SourceState {
  uint64_t bytes = 0;
  int64_t time = 0;  // of its last change, as the system counts

  bool operator==(const SourceState&) const = default;
};

// Where the rows of a chunk are from.
struct ChunkSource {
  std::string path;
  SourceState state;  // when the chunk was made
};

struct Manifest {
  std::map<std::string, SourceState> sources;    // those that are done by their paths, in their last state
  std::map<std::string, ChunkSource> source_of;  // by chunk file
  std::map<std::string, std::shared_ptr<const ChunkStatistics>> chunks;  // by chunk file
};

// Reads the manifest of a folder; a missing one is empty, a line that was cut short is no entry.
Manifest read_manifest(const std::string& folder);

// The chunks of the sources' last states that `folder`, whose manifest it is, lacks, or has in another size:
// their rows are lost until the sources are read again.
std::vector<std::string> find_lost_chunks(const Manifest& manifest, const std::string& folder);

// Whether texts of a column of a chunk may hold a condition, by what else is known of them.
using TextTest = std::function<bool(const std::string& column, Type type, const simd::Condition& condition)>;

// Whether a row of the chunk can meet `need`. True where neither the statistics nor `texts` say otherwise.
bool may_hold(const ChunkStatistics& chunk, const Need& need, const TextTest& texts = {});

}  // namespace kqlc::archive
