// SPDX-License-Identifier: Apache-2.0
//
// MappedFile: a file as memory. In: a path. Out: its bytes, read-only, with a page of zeros behind them.
// The one idea: a file may become shorter while it is mapped, and then touching what is gone raises
// SIGBUS. One handler for the process puts a page of zeros there and marks the mapping as torn; readers ask
// torn() after they looked at a piece, and throw away what they made of it when the answer is yes. A fault
// anywhere else goes where it went before. Until a reader has asked, any byte may turn into zero between two
// looks: what says where other bytes are has to be copied before it is checked.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/base/stable_memory.h"

namespace kqlc::archive {

class MappedFile {
 public:
  // Returns nullptr for a file that cannot be mapped: an empty one, one on a file system without mappings,
  // the 4097th at a time. Such files are read.
  static std::shared_ptr<const MappedFile> open(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const char* data() const { return data_; }
  // That of when the file was opened.
  uint64_t size() const { return size_; }
  bool contains(const void* place) const {
    return static_cast<const char*>(place) >= data_ && static_cast<const char*>(place) < data_ + size_;
  }

  // Copies bytes of the mapping; many are read from the file, so that their pages need not be mapped. Returns
  // false where they cannot be read; what is behind the end of a file that became shorter is 0.
  bool copy(const void* from, size_t bytes, void* out) const;

  // Maps the pages of a range at once, where the system can and it was not done before; the others fault one
  // by one. A hint: bytes that are not there any more are met when they are touched.
  void populate(uint64_t offset, uint64_t bytes) const;

  // No more mappings, of no more bytes together, are kept for longer than they are read: each has a
  // descriptor, of which a process has a limited number.
  static size_t most_kept();
  static uint64_t most_kept_bytes();

  // The mapping as memory that others may keep texts of after it was read, torn where the file was written to
  // meanwhile; nullptr where that could not be seen, since it was written just before it was opened, and
  // where so much is kept already that its pages would push others out of memory. Threads may ask at the same
  // time.
  static std::shared_ptr<const StableMemory> share(const std::shared_ptr<const MappedFile>& file);

  // Whether the file was written to since it was opened. A mapping that is torn and then as long as before is
  // known by that alone, where nobody touched it meanwhile.
  bool written() const;
  // Whether bytes were lost since the file was opened: it is shorter now, or touching it failed.
  bool torn() const;
  // What is to be said of a torn file, or of one that was written to.
  Error loss() const;

 private:
  MappedFile(std::string path, int descriptor, uint64_t size);
  bool map();

  std::string path_;
  int descriptor_;
  uint64_t size_;
  int64_t written_ = 0;  // when the file was last written to before it was opened, ns
  char* data_ = nullptr;
  uint64_t mapped_bytes_ = 0;  // whole pages and one more
  int slot_ = -1;
  mutable std::vector<std::atomic<uint64_t>> populated_;  // a bit for each kPopulated bytes
};

}  // namespace kqlc::archive
