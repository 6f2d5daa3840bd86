// SPDX-License-Identifier: Apache-2.0
//
// Reading a manifest back. Later lines of a chunk replace earlier ones.
#include "runtime/archive/manifest.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

#include "runtime/value/datetime.h"

namespace kqlc::archive {
namespace {

namespace dom = simdjson::dom;

// The place of a least or greatest value in its type's order.
std::optional<int64_t> read_place(dom::element value, Type type) {
  std::string_view text;
  int64_t number = 0;
  double real = 0;
  switch (type) {
    case Type::DateTime: {
      if (value.get(text)) return std::nullopt;
      auto time = datetime::read_datetime(text);
      return time ? std::optional(time->ticks) : std::nullopt;
    }
    case Type::Real:
      return value.get(real) ? std::nullopt : std::optional(real_order(real));
    default:
      return value.get(number) ? std::nullopt : std::optional(number);
  }
}

// Of which type a column's least and greatest value are. Manifests of older versions name none; their texts
// are times.
std::optional<Type> type_of_bounds(dom::element entry) {
  std::string_view name;
  if (entry["type"].get(name)) return entry["min"].is_string() ? std::optional(Type::DateTime) : std::nullopt;
  if (name == type_name(Type::Int)) return Type::Long;
  for (Type type : {Type::Bool, Type::Long, Type::Real, Type::DateTime})
    if (name == type_name(type)) return type;
  return std::nullopt;
}

void read_column(const std::string& name, dom::element entry, ChunkStatistics* chunk) {
  ColumnStatistics& column = chunk->columns[name];
  int64_t nulls = 0;
  if (!entry["nulls"].get(nulls)) column.nulls = static_cast<uint64_t>(nulls);
  dom::element least, greatest;
  const std::optional<Type> type = type_of_bounds(entry);
  if (!type || entry["min"].get(least) || entry["max"].get(greatest)) return;
  auto from = read_place(least, *type), to = read_place(greatest, *type);
  if (!from || !to) return;
  column.bounded = type;
  column.least = *from;
  column.greatest = *to;
}

void read_chunk(dom::element entry, ChunkSource source, Manifest* manifest) {
  std::string_view file;
  uint64_t bytes = 0, rows = 0;
  dom::object columns;
  if (entry["file"].get(file)) return;
  std::string name(file);
  manifest->source_of[name] = std::move(source);
  if (entry["bytes"].get(bytes) || entry["rows"].get(rows) || entry["columns"].get(columns)) return;
  auto chunk = std::make_shared<ChunkStatistics>();
  chunk->bytes = bytes;
  chunk->rows = rows;
  std::string_view terms;
  if (!entry["terms"].get(terms))
    std::from_chars(terms.data(), terms.data() + terms.size(), chunk->terms, 16);
  for (auto [key, value] : columns) read_column(std::string(key), value, chunk.get());
  manifest->chunks[name] = std::move(chunk);
}

// Whether no row has a value (a text that is not "") in the column.
bool is_vacant(const ChunkStatistics& chunk, const std::string& name) {
  auto column = chunk.columns.find(name);
  return column == chunk.columns.end() || column->second.nulls == chunk.rows;
}

bool is_outside(const ChunkStatistics& chunk, const Need& need) {
  const Type type = need.type == Type::Int ? Type::Long : need.type;
  return std::all_of(need.columns.begin(), need.columns.end(), [&](const std::string& name) {
    if (is_vacant(chunk, name)) return true;
    const ColumnStatistics& column = chunk.columns.at(name);
    return column.bounded == type && (column.greatest < need.from || need.to < column.least);
  });
}

// Each pattern that has a text asks for a part of it.
bool holds_nothing(const simd::Condition& condition) {
  auto is_empty = [](const simd::Pattern& pattern) { return pattern.text.empty(); };
  return condition.all ? std::ranges::all_of(condition.patterns, is_empty)
                       : std::ranges::any_of(condition.patterns, is_empty);
}

}  // namespace

Manifest read_manifest(const std::string& folder) {
  Manifest manifest;
  std::ifstream in(folder + "/" + kManifestName);
  dom::parser parser;
  for (std::string line; std::getline(in, line);) {
    dom::element entry;
    std::string_view source;
    SourceState state;
    if (parser.parse(line).get(entry) || entry["source"].get(source) ||
        entry["source_bytes"].get(state.bytes) || entry["source_time"].get(state.time))
      continue;
    manifest.sources[std::string(source)] = state;
    read_chunk(entry, {std::string(source), state}, &manifest);
  }
  return manifest;
}

std::vector<std::string> find_lost_chunks(const Manifest& manifest, const std::string& folder) {
  std::vector<std::string> lost;
  for (const auto& [chunk, statistics] : manifest.chunks) {
    const ChunkSource& source = manifest.source_of.at(chunk);
    if (source.state != manifest.sources.at(source.path)) continue;  // of an older state
    std::error_code error;
    const auto size = std::filesystem::file_size(folder + "/" + chunk, error);
    if (error || size != statistics->bytes) lost.push_back(chunk);
  }
  return lost;
}

bool may_hold(const ChunkStatistics& chunk, const Need& need, const TextTest& texts) {
  auto holds = [&](const Need& part) { return may_hold(chunk, part, texts); };
  switch (need.kind) {
    case Need::Kind::All:
      return std::ranges::all_of(need.parts, holds);
    case Need::Kind::Any:
      return std::ranges::any_of(need.parts, holds);
    case Need::Kind::Range:
      return !is_outside(chunk, need);
    default:
      if (is_vacant(chunk, need.columns[0])) return holds_nothing(need.condition);
      return !texts || texts(need.columns[0], need.type, need.condition);
  }
}

}  // namespace kqlc::archive
