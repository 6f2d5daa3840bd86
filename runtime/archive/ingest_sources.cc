// SPDX-License-Identifier: Apache-2.0
#include "runtime/archive/ingest_sources.h"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <regex>

#include "runtime/archive/chunk_column.h"
#include "runtime/archive/source.h"

namespace kqlc::archive {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockBytes = size_t{1} << 20;

// The absolute path without links; "" where there is none.
std::string canonical(const std::string& path) {
  std::error_code error;
  fs::path absolute = fs::absolute(path, error);
  if (!error) absolute = fs::weakly_canonical(absolute, error);
  return error ? "" : absolute.string();
}

// Where a file lies: its folder without links, its own name as it is.
std::string place_of(const std::string& path) {
  const fs::path typed(path);
  std::error_code error;
  const fs::path absolute = fs::absolute(typed, error);
  return canonical(absolute.parent_path().string()) + "/" + typed.filename().string();
}

// Paths that mean another file in each process.
bool is_of_process(const std::string& path) { return path.starts_with("/proc/"); }

Result<std::string> name_by_content(const File& file) {
  std::unique_ptr<ByteStream> stream;
  KQLC_TRY_ASSIGN(stream, open_bytes(file.path, Compression::None));
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::string block(kBlockBytes, '\0');
  while (true) {
    size_t count = 0;
    KQLC_TRY_ASSIGN(count, stream->read(block.data(), block.size()));
    if (count == 0) break;
    XXH3_64bits_update(state.get(), block.data(), count);
  }
  char name[48];
  std::snprintf(name, sizeof name, "standard-input-%016llx",
                static_cast<unsigned long long>(XXH3_64bits_digest(state.get())));
  return std::string(name);
}

Result<IngestSource> make_source(const File& file) {
  IngestSource source;
  source.file = &file;
  source.state.bytes = file.bytes;
  source.name = canonical(file.path);
  if (source.name.empty()) {
    KQLC_TRY_ASSIGN(source.name, name_by_content(file));
    return source;
  }
  std::error_code error;
  auto changed = fs::last_write_time(file.path, error);
  if (!error) source.state.time = static_cast<int64_t>(changed.time_since_epoch().count());
  return source;
}

// The part of a path behind the folder in which it lies at any depth; "" where it does not.
std::string_view part_inside(std::string_view path, const std::string& folder) {
  const std::string begin = folder.ends_with('/') ? folder : folder + "/";
  return path.starts_with(begin) ? path.substr(begin.size()) : std::string_view();
}

// Whether a path inside an archive is that of a chunk, as chunk_name() makes it.
bool is_chunk(std::string_view inside) {
  static const std::regex form("[^/]+/[^/]*-[0-9a-f]{16}-[0-9]{5,}\\.arrow");
  return std::regex_match(inside.begin(), inside.end(), form);
}

// Whether the path that was typed names one file wherever it is typed.
bool is_absolute(const std::string& path) { return path.starts_with('/') && !is_of_process(path); }

}  // namespace

std::string IngestSource::manifest_fields() const {
  return "\"source\":" + quote(name) + ",\"source_bytes\":" + std::to_string(state.bytes) +
         ",\"source_time\":" + std::to_string(state.time);
}

Result<std::vector<IngestSource>> find_sources(const std::vector<File>& files, const std::string& folder,
                                               std::vector<std::string>* notes) {
  const std::string archive = canonical(folder);
  std::vector<IngestSource> sources;
  for (const File& file : files) {
    IngestSource source;
    KQLC_TRY_ASSIGN(source, make_source(file));
    const std::string_view inside = part_inside(source.name, archive);
    if (is_chunk(inside)) continue;
    if (!inside.empty() || !part_inside(place_of(file.path), archive).empty())
      return Error{ErrorCode::Usage, file.path + " lies in the archive's folder " + folder +
                                         ", where scans would read its rows twice, from it and from its "
                                         "chunks; name another folder with -o"};
    sources.push_back(std::move(source));
  }
  const std::string own = std::to_string(files.size() - sources.size()) +
                          " of the files named are chunks of " + folder + " itself";
  if (sources.empty() && !files.empty())
    return Error{ErrorCode::Usage, "all " + own + "; name what it was made of, or another folder with -o"};
  if (sources.size() < files.size()) notes->push_back("left out: " + own);
  return sources;
}

std::string chunk_name(const IngestSource& source, size_t number) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (char c : source.name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char suffix[48];
  std::snprintf(suffix, sizeof suffix, "-%016llx-%05zu.arrow", static_cast<unsigned long long>(hash), number);
  const std::string stem = fs::path(source.name).filename().string();
  return stem.substr(0, std::min(stem.find('.'), size_t{100})) + suffix;
}

KnownSources::KnownSources(Manifest manifest, const std::string& folder) : manifest_(std::move(manifest)) {
  for (const std::string& chunk : find_lost_chunks(manifest_, folder))
    manifest_.sources.erase(manifest_.source_of.at(chunk).path);
  std::erase_if(manifest_.sources, [](const auto& entry) { return is_of_process(entry.first); });
  for (const auto& [path, state] : manifest_.sources)
    if (std::string now = canonical(path); now != path) older_[now] = path;
}

Result<bool> KnownSources::is_done(const IngestSource& source) const {
  for (const std::string& path : {source.name, source.file->path}) {
    auto entry = manifest_.sources.find(path);
    const bool counts = path == source.name || is_absolute(path);
    if (counts && entry != manifest_.sources.end()) return entry->second == source.state;
  }
  auto older = older_.find(source.name);
  if (older == older_.end()) return false;
  if (manifest_.sources.at(older->second) == source.state) return true;
  return Error{ErrorCode::Usage, source.file->path + ": an older version entered `" + older->second +
                                     "`, which may be this file before it changed, or another one; ingest "
                                     "into a new folder"};
}

std::vector<std::string> KnownSources::chunks_of(const IngestSource& source) const {
  std::vector<std::string> chunks;
  for (const auto& [chunk, from] : manifest_.source_of)
    if (from.path == source.name || (from.path == source.file->path && is_absolute(from.path)))
      chunks.push_back(chunk);
  return chunks;
}

}  // namespace kqlc::archive
