// SPDX-License-Identifier: Apache-2.0
//
// Mappings and the guard against SIGBUS. The handler may run at any instruction of any thread, so what it
// reads is a fixed table of atomics: the borders of every live mapping. It calls nothing but mmap, which on
// Linux is a bare system call.
#include "runtime/archive/mapped_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "runtime/archive/archive.h"

namespace kqlc::archive {
namespace {

struct Slot {
  std::atomic<uintptr_t> begin{0};  // 0: free; kTaken: being filled
  std::atomic<uintptr_t> end{0};
  std::atomic<bool> torn{false};
};

// Of so many bytes it is known together whether their pages were mapped.
constexpr uint64_t kPopulated = uint64_t{1} << 14;
constexpr int kSlots = 4096;
constexpr uintptr_t kTaken = 1;

Slot slots[kSlots];
std::atomic<int> slots_used{0};  // no slot from here on was ever taken
struct sigaction previous;

uintptr_t page_bytes() {
  static const auto bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

int64_t last_write(const struct stat& status) {
  return status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
}

// Puts zeros where the fault was, if that is in a mapping of ours.
bool mend(uintptr_t place) {
  int used = slots_used.load();
  for (int i = 0; i < used; ++i) {
    uintptr_t begin = slots[i].begin.load();
    if (begin <= kTaken || place < begin || place >= slots[i].end.load()) continue;
    auto* page = reinterpret_cast<void*>(place & ~(page_bytes() - 1));
    void* mended = mmap(page, page_bytes(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (mended == MAP_FAILED) return false;
    slots[i].torn = true;
    return true;
  }
  return false;
}

void handle_bus_error(int signal, siginfo_t* info, void* context) {
  int saved = errno;
  if (mend(reinterpret_cast<uintptr_t>(info->si_addr))) {
    errno = saved;
    return;
  }
  if (previous.sa_flags & SA_SIGINFO) return previous.sa_sigaction(signal, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) return previous.sa_handler(signal);
  // The instruction runs again and the default action ends the process.
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGBUS, &standard, nullptr);
}

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    page_bytes();
    struct sigaction action{};
    action.sa_sigaction = handle_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
  });
}

// Returns a slot for the mapping, or -1 when all are taken.
int take_slot(uintptr_t begin, uintptr_t end) {
  install_handler();
  for (int i = 0; i < kSlots; ++i) {
    uintptr_t vacant = 0;
    if (!slots[i].begin.compare_exchange_strong(vacant, kTaken)) continue;
    slots[i].end = end;
    slots[i].torn = false;
    slots[i].begin = begin;
    int used = slots_used.load();
    while (used <= i && !slots_used.compare_exchange_weak(used, i + 1)) {
    }
    return i;
  }
  return -1;
}

// Texts that are kept where they lie take the pages around them too, as often as they are compared: of an
// archive larger than the memory they would come from the disk each time. And a mapping keeps a file open.
constexpr uint64_t kKeptPartOfMemory = 4;
std::atomic<uint64_t> shared_bytes{0};
std::atomic<size_t> num_shared{0};

class SharedMapping : public StableMemory {
 public:
  explicit SharedMapping(std::shared_ptr<const MappedFile> file)
      : StableMemory(file->data(), file->data() + file->size()), file_(std::move(file)) {
    shared_bytes += file_->size();
    ++num_shared;
  }
  ~SharedMapping() override {
    shared_bytes -= file_->size();
    --num_shared;
  }
  bool torn() const override { return file_->torn() || file_->written(); }
  Error loss() const override { return file_->loss(); }

 private:
  std::shared_ptr<const MappedFile> file_;
};

}  // namespace

std::shared_ptr<const StableMemory> MappedFile::share(const std::shared_ptr<const MappedFile>& file) {
  if (!is_settled(file->written_)) return nullptr;
  auto shared = std::make_shared<const SharedMapping>(file);
  return shared_bytes > most_kept_bytes() || num_shared > most_kept() ? nullptr : shared;
}

size_t MappedFile::most_kept() {
  constexpr rlim_t kMost = 128, kPartOfDescriptors = 4;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<size_t>(std::min(kMost, limit.rlim_cur / kPartOfDescriptors));
}

uint64_t MappedFile::most_kept_bytes() {
  static const uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * page_bytes();
  return bytes / kKeptPartOfMemory;
}

MappedFile::MappedFile(std::string path, int descriptor, uint64_t size)
    : path_(std::move(path)), descriptor_(descriptor), size_(size) {}

MappedFile::~MappedFile() {
  if (slot_ >= 0) slots[slot_].begin = 0;
  if (data_) munmap(data_, mapped_bytes_);
  close(descriptor_);
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return nullptr;
  struct stat status;
  uint64_t size =
      fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
  std::shared_ptr<MappedFile> file(new MappedFile(path, descriptor, size));
  if (size) file->written_ = last_write(status);
  return file->map() ? file : nullptr;
}

// The address space is taken with a page of zeros behind the file, then the file is laid over it.
bool MappedFile::map() {
  if (size_ == 0) return false;
  uint64_t page = page_bytes();
  uint64_t whole = (size_ + page - 1) / page * page;
  void* place = mmap(nullptr, whole + page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) return false;
  data_ = static_cast<char*>(place);
  mapped_bytes_ = whole + page;
  if (mmap(place, whole, PROT_READ, MAP_SHARED | MAP_FIXED, descriptor_, 0) == MAP_FAILED) return false;
  populated_ = std::vector<std::atomic<uint64_t>>(mapped_bytes_ / kPopulated / 64 + 1);
  auto begin = reinterpret_cast<uintptr_t>(place);
  slot_ = take_slot(begin, begin + whole);
  return slot_ >= 0;
}

// A page that is touched costs about as much as it does to copy some kilobytes.
bool MappedFile::copy(const void* from, size_t bytes, void* out) const {
  constexpr size_t kFew = size_t{1} << 15;
  if (bytes <= kFew) {
    std::memcpy(out, from, bytes);
    return true;
  }
  const auto place = static_cast<off_t>(static_cast<const char*>(from) - data_);
  size_t done = 0;
  while (done < bytes) {
    const ssize_t read =
        pread(descriptor_, static_cast<char*>(out) + done, bytes - done, place + static_cast<off_t>(done));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return false;
    if (read == 0) break;
    done += static_cast<size_t>(read);
  }
  std::memset(static_cast<char*>(out) + done, 0, bytes - done);
  return true;
}

// The system looks at each page of a range, also where all are mapped. Parts of which others mapped a page
// before are asked for again.
void MappedFile::populate(uint64_t offset, uint64_t bytes) const {
#ifdef MADV_POPULATE_READ
  bytes = std::min(bytes, size_ - std::min(offset, size_));
  const uint64_t end = (offset + bytes + kPopulated - 1) / kPopulated;
  uint64_t begin = offset / kPopulated;
  const auto is_done = [&](uint64_t part) { return populated_[part / 64] >> (part % 64) & 1; };
  while (begin < end && is_done(begin)) ++begin;
  if (begin == end) return;
  const uint64_t first = begin * kPopulated, last = std::min(end * kPopulated, mapped_bytes_);
  madvise(data_ + first, last - first, MADV_POPULATE_READ);
  for (; begin < end; ++begin)
    populated_[begin / 64].fetch_or(uint64_t{1} << (begin % 64), std::memory_order_relaxed);
#endif
}

bool MappedFile::torn() const {
  if (slots[slot_].torn) return true;
  struct stat status;
  // Behind the end of its last page a shorter file reads as zeros, without a fault.
  return fstat(descriptor_, &status) != 0 || static_cast<uint64_t>(status.st_size) < size_;
}

bool MappedFile::written() const {
  struct stat status;
  return fstat(descriptor_, &status) != 0 || last_write(status) != written_;
}

Error MappedFile::loss() const {
  struct stat status;
  const bool shorter = fstat(descriptor_, &status) == 0 && static_cast<uint64_t>(status.st_size) < size_;
  return Error{ErrorCode::Io,
               path_ + (shorter     ? ": became shorter while it was read"
                        : written() ? ": was written to while it was read"
                                    : ": a part of it could not be read from where it is mapped")};
}

}  // namespace kqlc::archive
