// SPDX-License-Identifier: Apache-2.0
//
// Which files there are, and what they are. In: paths, folders, globs. Out: Files sorted by path, with
// format, compression and table. What stands in a file counts more than its name: a name decides only where
// bytes can not. A table is named by --table, or by a word of the path (`DeviceProcessEvents.ndjson.gz`,
// `table=SecurityEvent`, `insights-logs-advancedhunting-deviceprocessevents`); rows of JSON may name theirs
// on their own.
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "runtime/archive/json_check.h"
#include "runtime/archive/json_keys.h"
#include "runtime/archive/json_text.h"
#include "runtime/archive/manifest.h"
#include "runtime/archive/source.h"
#include "runtime/simd/targets.h"
#include "runtime/value/reading.h"

namespace kqlc::archive {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHeadBytes = size_t{64} << 10;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

bool is_one_word(std::string_view name) {
  return std::count_if(name.begin(), name.end(), [](unsigned char c) { return std::isupper(c); }) < 2;
}

// Whether `name`, in any case, stands in `text`, which is in lower case, with no letter or digit directly
// before or after it. What a custom table's suffix follows is another table: DeviceEvents_CL does not name
// DeviceEvents. A name of one word (Event, Usage) stands among others joined by `_` by chance, so `_` is a
// letter to it.
bool names(std::string_view text, std::string_view name) {
  const auto is_inside = [&](size_t i) {
    if (i >= text.size()) return false;
    return std::isalnum(static_cast<unsigned char>(text[i])) || (text[i] == '_' && is_one_word(name));
  };
  const char *begin = text.data(), *stop = begin + text.size();
  for (const char* p = begin; (p = simd::kernels().find_text(name.data(), name.size(), true, p, stop)); ++p) {
    const auto at = static_cast<size_t>(p - begin), end = at + name.size();
    const bool custom = text.substr(end).starts_with("_cl") && !is_inside(end + 3);
    if (!(at > 0 && is_inside(at - 1)) && !is_inside(end) && !custom) return true;
  }
  return false;
}

// The custom table that a part of a path names: its first word that ends in `_CL`; "" where there is none.
std::string custom_table_of(std::string_view component) {
  auto is_word = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  for (auto begin = component.begin(); begin != component.end();) {
    auto end = std::find_if_not(begin, component.end(), is_word);
    std::string_view word(begin, end);
    if (word.size() > 3 && lower(word).ends_with("_cl")) return std::string(word);
    begin = std::find_if(end, component.end(), is_word);
  }
  return "";
}

// The table that a part of the path names, from the file's name up to the root; of several the longest name.
std::string table_of_path(const std::string& path, const std::vector<std::string>& known) {
  std::vector<std::string> components;
  for (const fs::path& component : fs::path(path)) components.push_back(component.string());
  std::reverse(components.begin(), components.end());
  for (const std::string& component : components) {
    if (std::string custom = custom_table_of(component); !custom.empty()) return custom;
    const std::string text = lower(component);
    const std::string* best = nullptr;
    for (const std::string& table : known)
      if ((!best || table.size() > best->size()) && !table.empty() && table.size() <= text.size() &&
          names(text, table))
        best = &table;
    if (best) return *best;
  }
  return "";
}

bool has_extension(const std::string& name, std::initializer_list<std::string_view> extensions) {
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](std::string_view e) { return name.ends_with(e); });
}

// A document over many lines breaks its first line behind a bracket or a comma; a line of NDJSON never ends
// so.
Format format_of_json(std::string_view head) {
  std::string_view line = head.substr(0, head.find('\n'));
  bool ends_here = line.size() < head.size();
  line = trim_end(line);
  char last = line.empty() ? ' ' : line.back();
  return ends_here && (last == '{' || last == '[' || last == ',') ? Format::Json : Format::Ndjson;
}

// The string value behind `"key":` in the first line; empty when there is none.
std::string_view string_after_key(std::string_view line, std::string_view key) {
  std::string quoted = "\"" + std::string(key) + "\"";
  size_t place = line.find(quoted);
  if (place == line.npos) return {};
  std::string_view rest = trim_start(line.substr(place + quoted.size()));
  if (!rest.starts_with(':')) return {};
  rest = trim_start(rest.substr(1));
  if (!rest.starts_with('"')) return {};
  rest.remove_prefix(1);
  return rest.substr(0, rest.find('"'));
}

bool is_known(std::string_view table, const std::vector<std::string>& known) {
  if (table.ends_with("_CL")) return true;
  return std::ranges::any_of(known,
                             [&](const std::string& name) { return reading::equals_caseless(name, table); });
}

Result<std::string> read_head(const std::string& path, Compression compression) {
  std::unique_ptr<ByteStream> stream;
  KQLC_TRY_ASSIGN(stream, open_bytes(path, compression));
  std::string head(kHeadBytes, '\0');
  size_t size = 0;
  while (size < head.size()) {
    auto count = stream->read(head.data() + size, head.size() - size);
    if (!count.ok() && size == 0) return std::move(count.error());
    if (!count.ok() || count.value() == 0) break;
    size += count.value();
  }
  head.resize(size);
  return head;
}

Compression compression_of(std::string_view head) {
  if (head.starts_with("\x1F\x8B")) return Compression::Gzip;
  if (head.starts_with("\x28\xB5\x2F\xFD")) return Compression::Zstd;
  return Compression::None;
}

Result<Format> format_of(const std::string& path, const std::string& name, std::string_view head) {
  if (head.starts_with("PAR1")) return Format::Parquet;
  if (head.starts_with("ARROW1")) return Format::ArrowFile;
  if (head.starts_with("\xFF\xFF\xFF\xFF")) return Format::ArrowStream;
  if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF"))
    return Error{ErrorCode::Unsupported, path + ": UTF-16 text; events are read as UTF-8"};
  if (has_extension(name, {".csv", ".tsv"})) return Format::Csv;
  if (has_extension(name, {".ndjson", ".jsonl"})) return Format::Ndjson;
  std::string_view text = trim_start(skip_byte_order_mark(head));
  if (text.starts_with('{') || text.starts_with('[')) return format_of_json(text);
  if (has_extension(name, {".json"})) return Format::Ndjson;
  return Error{ErrorCode::Format, path + ": neither JSON, CSV, Parquet nor Arrow"};
}

bool is_left_out(const fs::path& path) {
  std::string name = path.filename().string();
  return name.empty() || name.front() == '.' || name.front() == '_' || name.ends_with(".tmp") ||
         name == "manifest.json";
}

// Adds the files below a folder, and the folders that have a manifest of chunks. Links to folders are noted:
// they may lead back to where the walk came from.
Result<void> walk_folder(const std::string& folder, std::vector<std::string>* paths,
                         std::set<std::string>* archives, std::vector<std::string>* notes) {
  std::error_code error;
  auto options = fs::directory_options::skip_permission_denied;
  fs::recursive_directory_iterator walk(folder, options, error);
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    std::error_code ignored;
    if (walk->path().filename() == kManifestName) {
      archives->insert(walk->path().parent_path().string());
    } else if (is_left_out(walk->path())) {
      if (walk->is_directory(ignored)) walk.disable_recursion_pending();
    } else if (walk->is_regular_file(ignored)) {
      paths->push_back(walk->path().string());
    } else if (walk->is_symlink(ignored) && walk->is_directory(ignored) && notes) {
      notes->push_back("left out " + walk->path().string() +
                       ": a link to a folder, read where it is named itself");
    }
  }
  if (error) return Error{ErrorCode::Io, folder + ": " + error.message()};
  return {};
}

// What a path stands for. What a pattern matches is left out where it cannot be read, what is named must be
// readable.
struct Expanded {
  std::vector<std::string> paths;
  bool is_pattern = false;
};

Result<Expanded> expand(const std::string& input) {
  std::error_code error;
  if (fs::exists(input, error)) return Expanded{{input}};
  glob_t found{};
  int status = glob(input.c_str(), 0, nullptr, &found);
  std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + (status == 0 ? found.gl_pathc : 0));
  globfree(&found);
  if (paths.empty()) return Error{ErrorCode::Io, input + ": no such file"};
  // A dead link is found under its own name.
  return Expanded{paths, paths != std::vector<std::string>{input}};
}

using Manifests = std::map<std::string, Manifest>;  // by folder, read when first asked for

const Manifest& manifest_of(const std::string& folder, Manifests* manifests) {
  auto [place, is_new] = manifests->try_emplace(folder);
  if (is_new) place->second = read_manifest(folder);
  return place->second;
}

// Gives the chunks of ingested folders what their manifests say, where the sizes still agree.
void attach_statistics(std::vector<File>* files, Manifests* manifests) {
  for (File& file : *files) {
    if (file.format != Format::ArrowFile) continue;
    fs::path path(file.path);
    const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
    const Manifest& manifest = manifest_of(folder, manifests);
    auto chunk = manifest.chunks.find(path.filename().string());
    if (chunk != manifest.chunks.end() && chunk->second->bytes == file.bytes) file.statistics = chunk->second;
  }
}

}  // namespace

std::string_view format_name(Format format) {
  constexpr std::string_view names[] = {"ndjson", "json", "csv", "parquet", "arrow", "arrow stream"};
  return names[static_cast<int>(format)];
}

namespace {

int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

FileIdentity identity_of(const struct stat& status) {
  return {static_cast<int64_t>(status.st_dev), static_cast<int64_t>(status.st_ino),
          nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

}  // namespace

bool is_unchanged(const File& file) {
  struct stat status;
  return stat(file.path.c_str(), &status) == 0 && static_cast<uint64_t>(status.st_size) == file.bytes &&
         identity_of(status) == file.identity;
}

FileIdentity find_identity(const File& file) {
  struct stat status;
  return stat(file.path.c_str(), &status) == 0 ? identity_of(status) : FileIdentity{};
}

bool is_settled(int64_t time) {
  constexpr auto kLongestStep = std::chrono::seconds(2);  // of a file system's clock
  return std::chrono::system_clock::now().time_since_epoch() - std::chrono::nanoseconds(time) > kLongestStep;
}

Result<File> detect_file(const std::string& path, const ListOptions& options) {
  File file;
  file.path = path;
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return Error{ErrorCode::Io, path + ": " + std::strerror(errno)};
  // Detection reads the head once more than the scan does, and offsets count from the start.
  if (!S_ISREG(status.st_mode))
    return Error{ErrorCode::Io, path + ": a device or a pipe, no file; `--data -` reads standard input"};
  file.bytes = static_cast<uint64_t>(status.st_size);
  file.identity = identity_of(status);
  std::string head;
  KQLC_TRY_ASSIGN(head, read_head(path, Compression::None));
  file.compression = compression_of(head);
  std::string name = lower(path);
  if (file.compression != Compression::None) {
    KQLC_TRY_ASSIGN(head, read_head(path, file.compression));
    for (std::string_view suffix : {".gz", ".zst", ".zstd"}) {
      if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
    }
  }
  KQLC_TRY_ASSIGN(file.format, format_of(path, name, head));
  bool seekable = file.format == Format::Parquet || file.format == Format::ArrowFile;
  if (seekable && file.compression != Compression::None) {
    return Error{ErrorCode::Unsupported,
                 path + ": a compressed " + std::string(format_name(file.format)) + " file"};
  }
  file.table = table_of_path(path, options.known_tables);
  std::string_view first = std::string_view(head).substr(0, head.find('\n'));
  first = trim_end(trim_start(skip_byte_order_mark(first)));
  file.starts_well = (first.starts_with('{') || first.starts_with('[')) && !problem_of_json(first);
  std::string line = unescape_names(first);
  // Rows that name another table than the path does know better.
  std::string_view category = string_after_key(line, kCategoryKey);
  const bool is_envelope = category.starts_with(kAdvancedHunting);
  if (is_envelope && lower(category.substr(kAdvancedHunting.size())) != lower(file.table)) file.table.clear();
  file.rows_name_tables = is_known(string_after_key(line, "Type"), options.known_tables);
  if (file.table.empty() && !is_envelope && !file.rows_name_tables) file.table = options.table;
  return file;
}

namespace {

// What is the same of a file by whichever path it is found. A link may name a table that its target does not:
// then it stands for rows of its own.
using FileKey = std::tuple<int64_t, int64_t, std::string>;
FileKey key_of(const File& file) { return {file.identity[0], file.identity[1], file.table}; }

}  // namespace

Result<std::vector<File>> list_files(const std::vector<std::string>& inputs, const ListOptions& options,
                                     std::vector<std::string>* notes, size_t* unread) {
  std::vector<std::string> named, walked;
  std::set<std::string> archives;
  std::vector<Error> failures;  // of what is named
  for (const std::string& input : inputs) {
    auto expanded = expand(input);
    if (!expanded.ok()) {
      failures.push_back(expanded.error());
      continue;
    }
    for (const std::string& path : expanded.value().paths) {
      std::error_code error;
      if (fs::is_directory(path, error)) {
        KQLC_TRY(walk_folder(path, &walked, &archives, notes));
      } else {
        (expanded.value().is_pattern ? walked : named).push_back(path);
      }
    }
  }
  std::sort(named.begin(), named.end());
  std::vector<std::string> all = named;
  all.insert(all.end(), walked.begin(), walked.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  std::vector<File> files;
  std::map<FileKey, size_t> places;
  size_t repeated = 0;
  for (const std::string& path : all) {
    auto file = detect_file(path, options);
    if (!file.ok()) {
      if (std::binary_search(named.begin(), named.end(), path))
        failures.push_back(file.error());
      else if (notes)
        notes->push_back("left out " + file.error().message);
      continue;
    }
    const bool is_named = std::binary_search(named.begin(), named.end(), path);
    const auto [place, is_new] = places.emplace(key_of(file.value()), files.size());
    if (!is_new) {
      files[place->second].named |= is_named;
      ++repeated;
      continue;
    }
    files.push_back(std::move(file).value());
    files.back().named = is_named;
    files.back().ordinal = static_cast<uint32_t>(files.size() - 1);
  }
  Manifests manifests;
  for (const std::string& folder : archives)
    for (const std::string& chunk : find_lost_chunks(manifest_of(folder, &manifests), folder))
      failures.push_back({ErrorCode::Io, folder + "/" + chunk +
                                             ": is missing, or has another size than its archive's manifest "
                                             "says; ingest its source again"});
  if (files.empty() && !failures.empty()) return failures.front();
  for (const Error& failure : failures)
    if (notes) notes->push_back("left out " + failure.message);
  if (repeated && notes)
    notes->push_back("files that were found by more than one path and are read once: " +
                     std::to_string(repeated));
  if (unread) *unread = failures.size();
  attach_statistics(&files, &manifests);
  if (files.size() >= (size_t{1} << 24)) return Error{ErrorCode::Limit, "more than 16,777,215 files"};
  return files;
}

}  // namespace kqlc::archive
