// SPDX-License-Identifier: Apache-2.0
//
// Reading a manifest back. Later lines of a chunk replace earlier ones.
#include "runtime/archive/manifest.h"

#include <simdjson.h>

#include <algorithm>
#include <fstream>

#include "runtime/value/datetime.h"

namespace kqlc::archive {
namespace {

namespace dom = simdjson::dom;

void read_column(const std::string& name, dom::element entry, ChunkStatistics* chunk) {
  ColumnStatistics& column = chunk->columns[name];
  int64_t nulls = 0;
  if (!entry["nulls"].get(nulls)) column.nulls = static_cast<uint64_t>(nulls);
  std::string_view least, greatest;
  if (entry["min"].get(least) || entry["max"].get(greatest)) return;
  auto from = datetime::read_datetime(least), to = datetime::read_datetime(greatest);
  if (!from || !to) return;
  column.has_times = true;
  column.least = from->ticks;
  column.greatest = to->ticks;
}

void read_chunk(dom::element entry, const std::string& source, Manifest* manifest) {
  std::string_view file;
  uint64_t bytes = 0, rows = 0;
  dom::object columns;
  if (entry["file"].get(file)) return;
  std::string name(file);
  manifest->source_of[name] = source;
  if (entry["bytes"].get(bytes) || entry["rows"].get(rows) || entry["columns"].get(columns)) return;
  auto chunk = std::make_shared<ChunkStatistics>();
  chunk->bytes = bytes;
  chunk->rows = rows;
  for (auto [key, value] : columns) read_column(std::string(key), value, chunk.get());
  manifest->chunks[name] = std::move(chunk);
}

bool is_outside(const ChunkStatistics& chunk, const TimeNeed& need) {
  return std::all_of(need.columns.begin(), need.columns.end(), [&](const std::string& name) {
    auto column = chunk.columns.find(name);
    // A column that the chunk does not hold is null in each row.
    if (column == chunk.columns.end() || column->second.nulls == chunk.rows) return true;
    return column->second.has_times &&
           (column->second.greatest < need.from || need.to < column->second.least);
  });
}

}  // namespace

std::string source_key(const std::string& path, uint64_t bytes, int64_t time) {
  return std::to_string(bytes) + " " + std::to_string(time) + " " + path;
}

Manifest read_manifest(const std::string& folder) {
  Manifest manifest;
  std::ifstream in(folder + "/" + kManifestName);
  dom::parser parser;
  for (std::string line; std::getline(in, line);) {
    dom::element entry;
    std::string_view source;
    uint64_t bytes;
    int64_t time;
    if (parser.parse(line).get(entry) || entry["source"].get(source) || entry["source_bytes"].get(bytes) ||
        entry["source_time"].get(time))
      continue;
    manifest.sources.insert(source_key(std::string(source), bytes, time));
    read_chunk(entry, std::string(source), &manifest);
  }
  return manifest;
}

bool may_hold(const ChunkStatistics& chunk, const std::vector<std::vector<TimeNeed>>& wanted) {
  if (wanted.empty()) return true;
  return std::any_of(wanted.begin(), wanted.end(), [&](const std::vector<TimeNeed>& needs) {
    return std::none_of(needs.begin(), needs.end(),
                        [&](const TimeNeed& need) { return is_outside(chunk, need); });
  });
}

}  // namespace kqlc::archive
