// SPDX-License-Identifier: Apache-2.0
//
// All is done relative to the folder's descriptor, so what was checked when it was opened cannot be
// exchanged. A file is written under a name of its own and renamed, so others see all of it or nothing; two
// processes that write the same key write the same bytes. Nothing is synced: what a crash leaves half fails
// its checksum. Checksums find accidents; against others there are owner and mode, as for a program's file.
#include "codegen/code_cache.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <llvm/Support/BLAKE3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <vector>

namespace kqlc::codegen {

namespace {

constexpr uint64_t kMostBytes = uint64_t{64} << 20;  // of a cache; an object has 3 to 50 KB
constexpr uint64_t kLargestObject = uint64_t{16} << 20;
constexpr time_t kTouchAfter = 3600;  // s: how exactly a file's last use is known
constexpr time_t kAbandoned = 3600;   // s after which a file that was never completed is removed
constexpr std::string_view kEnding = ".o", kUnfinished = ".tmp";

struct Header {
  char magic[8] = {'K', 'Q', 'L', 'C', 'O', 'B', 'J', '1'};
  CodeKey key{};
  uint64_t size = 0;   // of the object behind it
  CodeKey checksum{};  // of key, size and object
};

class Hash {
 public:
  // Lengths are hashed as well, so that no two sequences of texts are one.
  Hash& add(std::string_view bytes) {
    const uint64_t size = bytes.size();
    hasher_.update(llvm::StringRef(reinterpret_cast<const char*>(&size), sizeof size));
    hasher_.update(llvm::StringRef(bytes.data(), bytes.size()));
    return *this;
  }
  CodeKey end() { return hasher_.final<32>(); }

 private:
  llvm::BLAKE3 hasher_;
};

std::string_view bytes_of(const CodeKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

CodeKey checksum_of(const CodeKey& key, std::string_view object) {
  return Hash().add(bytes_of(key)).add(object).end();
}

std::string name_of(const CodeKey& key) {
  constexpr char digits[] = "0123456789abcdef";
  std::string name;
  for (uint8_t byte : key) name += {digits[byte >> 4], digits[byte & 15]};
  return name.append(kEnding);
}

// The identity that the linker gave to the file that this code is in: a hash of all of it. "": it has none.
std::string find_build_id() {
  struct Search {
    ElfW(Addr) here = reinterpret_cast<ElfW(Addr)>(&find_build_id);
    std::string id;
  } search;
  auto look = [](dl_phdr_info* info, size_t, void* argument) {
    auto& out = *static_cast<Search*>(argument);
    const auto* headers = info->dlpi_phdr;
    const auto holds = [&](const ElfW(Phdr) & part) {
      return part.p_type == PT_LOAD && out.here - info->dlpi_addr - part.p_vaddr < part.p_memsz;
    };
    if (std::none_of(headers, headers + info->dlpi_phnum, holds)) return 0;
    for (const auto* part = headers; part != headers + info->dlpi_phnum; ++part) {
      if (part->p_type != PT_NOTE) continue;
      const char* place = reinterpret_cast<const char*>(info->dlpi_addr + part->p_vaddr);
      for (const char* end = place + part->p_memsz; place + sizeof(ElfW(Nhdr)) <= end;) {
        ElfW(Nhdr) note;
        std::memcpy(&note, place, sizeof note);
        const char* name = place + sizeof note;
        const char* text = name + (note.n_namesz + 3) / 4 * 4;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
          out.id.assign(text, note.n_descsz);
        place = text + (note.n_descsz + 3) / 4 * 4;
      }
    }
    return 1;
  };
  dl_iterate_phdr(look, &search);
  return search.id;
}

const std::string& build_id() {
  static const std::string id = find_build_id();
  return id;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }
  bool ok() const { return number_ >= 0; }

 private:
  int number_;
};

bool read_all(int file, char* place, size_t size) {
  while (size > 0) {
    const ssize_t count = read(file, place, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    place += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

// Whether nobody but this user can have written the file. It has no name any more where another process has
// just put the same object in its place.
bool is_own(const struct stat& status) {
  return S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 && status.st_nlink <= 1;
}

struct Entry {
  std::string name;
  uint64_t bytes = 0;
  time_t used = 0;
};

// The files of the cache, those last that were used last.
std::vector<Entry> list_entries(int folder) {
  std::vector<Entry> entries;
  const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* list = copy < 0 ? nullptr : fdopendir(copy);
  if (!list) {
    if (copy >= 0) close(copy);
    return entries;
  }
  while (const dirent* entry = readdir(list)) {
    const std::string_view name = entry->d_name;
    struct stat status;
    if ((name.ends_with(kEnding) || name.ends_with(kUnfinished)) &&
        fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
      entries.push_back({std::string(name), static_cast<uint64_t>(status.st_size), status.st_mtime});
  }
  closedir(list);
  std::ranges::sort(entries, {}, &Entry::used);
  return entries;
}

std::unique_ptr<CodeCache>& process_cache() {
  static std::unique_ptr<CodeCache> cache;
  return cache;
}

}  // namespace

CodeKey code_key(std::string_view outline, std::string_view variant) {
  return Hash().add(build_id()).add(variant).add(outline).end();
}

Result<std::unique_ptr<CodeCache>> CodeCache::open(const std::string& folder) {
  auto refuse = [&](const std::string& why) {
    return Error{ErrorCode::Io, folder + ": not used as a cache: " + why};
  };
  if (build_id().empty()) return refuse("this program was linked without a build id");
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), ignored);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return refuse(std::strerror(errno));
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return refuse(std::strerror(errno));
  std::unique_ptr<CodeCache> cache(new CodeCache(descriptor));
  struct stat status;
  if (fstat(descriptor, &status) != 0) return refuse(std::strerror(errno));
  if (status.st_uid != geteuid()) return refuse("it is another user's");
  if (status.st_mode & (S_IRWXG | S_IRWXO)) return refuse("others have access to it (chmod 700 would do)");
  return cache;
}

CodeCache::~CodeCache() { close(folder_); }

std::optional<std::string> CodeCache::get(const CodeKey& key) const {
  const std::string name = name_of(key);
  // O_NONBLOCK: a pipe of that name is refused, not waited for.
  Descriptor file(openat(folder_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status;
  if (!file.ok() || fstat(file.get(), &status) != 0 || !is_own(status)) return std::nullopt;
  Header header;
  const Header expected;
  if (!read_all(file.get(), reinterpret_cast<char*>(&header), sizeof header)) return std::nullopt;
  if (std::memcmp(header.magic, expected.magic, sizeof header.magic) != 0 || header.key != key ||
      header.size > kLargestObject || static_cast<uint64_t>(status.st_size) != sizeof header + header.size)
    return std::nullopt;
  std::string object(header.size, '\0');
  if (!read_all(file.get(), object.data(), object.size()) || checksum_of(key, object) != header.checksum)
    return std::nullopt;
  if (status.st_mtime + kTouchAfter < time(nullptr)) futimens(file.get(), nullptr);
  return object;
}

void CodeCache::put(const CodeKey& key, std::string_view object) const {
  static std::atomic<uint64_t> counter{0};
  if (object.size() > kLargestObject) return;
  Header header;
  header.key = key;
  header.size = object.size();
  header.checksum = checksum_of(key, object);
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(object);
  const std::string name = name_of(key);
  const std::string unfinished =
      std::to_string(getpid()) + "-" + std::to_string(counter.fetch_add(1)) + std::string(kUnfinished);
  bool done = false;
  {
    Descriptor file(
        openat(folder_, unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.ok()) return;
    done = write_all(file.get(), bytes);
  }
  if (!done || renameat(folder_, unfinished.c_str(), folder_, name.c_str()) != 0)
    unlinkat(folder_, unfinished.c_str(), 0);
  // One file in sixteen, by its hash, looks at the size of all: to list them each time would cost more than
  // it compiles.
  if (key[0] % 16 == 0) shrink(kMostBytes);
}

void CodeCache::shrink(uint64_t bytes) const {
  std::vector<Entry> entries = list_entries(folder_);
  uint64_t sum = 0;
  for (const Entry& entry : entries) sum += entry.bytes;
  for (const Entry& entry : entries) {
    const bool abandoned = entry.name.ends_with(kUnfinished) && entry.used + kAbandoned < time(nullptr);
    if (sum <= bytes && !abandoned) continue;
    if (unlinkat(folder_, entry.name.c_str(), 0) == 0) sum -= entry.bytes;
  }
}

Result<void> use_code_cache(const std::string& folder) {
  KQLC_TRY_ASSIGN(process_cache(), CodeCache::open(folder));
  return {};
}

const CodeCache* code_cache() { return process_cache().get(); }

}  // namespace kqlc::codegen
