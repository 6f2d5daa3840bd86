// SPDX-License-Identifier: Apache-2.0
//
// Lines of JSON, plain or compressed. In: a file. Out: chunks of whole lines, of which only those that may
// hold a wanted row are parsed. A plain file is cut by offsets alone: a chunk owns the lines that start in
// its 256 KiB, so threads need not ask each other. A compressed file is unpacked by one thread at a time and
// parsed by all.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "runtime/archive/json_rows.h"
#include "runtime/archive/source.h"

namespace kqlc::archive {
namespace {

Error line_too_long(const File& file, uint64_t offset) {
  return Error{ErrorCode::Unsupported, file.path + ": byte " + std::to_string(offset) +
                                           ": a line of more than " + std::to_string(kMaxLineBytes >> 20) +
                                           " MiB"};
}

class PlainLines : public Source {
 public:
  PlainLines(const File& file, int descriptor, uint64_t size)
      : file_(file), descriptor_(descriptor), size_(size) {}
  PlainLines(const PlainLines&) = delete;
  PlainLines& operator=(const PlainLines&) = delete;
  ~PlainLines() override { close(descriptor_); }

  Result<Taken> read_chunk(Worker& worker, bool wait) override {
    uint64_t begin = next_.fetch_add(kChunkBytes);
    if (begin >= size_) return Taken::End;
    auto read = read_lines(begin, std::min(begin + kChunkBytes, size_), worker);
    if (!read.ok()) {
      next_ = size_;
      return read.error();
    }
    return Taken::Chunk;
  }

  uint64_t bytes_done() const override { return std::min(next_.load(), size_); }

 private:
  // Reads the lines that start in [begin, end). The byte before `begin` tells whether a line starts there.
  Result<void> read_lines(uint64_t begin, uint64_t end, Worker& worker) {
    uint64_t from = begin ? begin - 1 : 0;
    TextBuffer& buffer = worker.buffer;
    buffer.resize(0);
    size_t owned = end - from;
    size_t wanted = owned + kOverrun;
    KQLC_TRY(load(from, wanted, buffer));
    // A line that started before this chunk ends behind it, or takes all of it: then nothing more is read.
    size_t start = begin ? simd::line_end(buffer.data(), buffer.data() + owned) + 1 - buffer.data() : 0;
    if (start >= owned) return {};
    size_t searched = owned - 1;  // the last line ends at the first \n from here on
    size_t size;
    while (true) {
      const char* text_end = buffer.data() + buffer.size();
      const char* stop = simd::line_end(buffer.data() + searched, text_end);
      size = std::min(stop + 1, text_end) - buffer.data();
      if (stop != text_end || from + size >= size_) break;
      if (wanted >= kMaxLineBytes) return line_too_long(file_, from);
      searched = size;
      wanted = std::min(wanted * 2, kMaxLineBytes);
      KQLC_TRY(load(from, wanted, buffer));
    }
    parse_lines(file_, buffer.data() + start, buffer.data() + size, from + start, worker);
    return {};
  }

  // Makes the buffer hold `wanted` bytes from `from` on, or those up to the file's end. The size is that of
  // when the file was opened: what is written behind it later is not read, and a file that lost some of it is
  // an error.
  Result<void> load(uint64_t from, size_t wanted, TextBuffer& buffer) {
    wanted = std::min<uint64_t>(wanted, size_ - from);
    size_t have = buffer.size();
    buffer.resize(wanted);
    while (have < wanted) {
      ssize_t count =
          pread(descriptor_, buffer.data() + have, wanted - have, static_cast<off_t>(from + have));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Error{ErrorCode::Io, file_.path + ": " + std::strerror(errno)};
      if (count == 0) return Error{ErrorCode::Io, file_.path + ": became shorter while it was read"};
      have += count;
    }
    return {};
  }

  static constexpr size_t kOverrun = size_t{16} << 10;

  File file_;
  int descriptor_;
  uint64_t size_;
  std::atomic<uint64_t> next_{0};
};

class PackedLines : public Source {
 public:
  PackedLines(const File& file, std::unique_ptr<ByteStream> stream)
      : file_(file), stream_(std::move(stream)) {}

  Result<Taken> read_chunk(Worker& worker, bool wait) override {
    uint64_t offset;
    {
      std::unique_lock lock(mutex_, std::defer_lock);
      if (wait) {
        lock.lock();
      } else if (!lock.try_lock()) {
        return Taken::Busy;
      }
      if (ended_) return Taken::End;
      offset = offset_;
      auto filled = fill(worker.buffer);
      if (!filled.ok()) ended_ = true;
      if (worker.buffer.size() == 0) {
        ended_ = true;
        if (!filled.ok()) return filled.error();
        return Taken::End;
      }
      bytes_done_ = stream_->bytes_read();
      if (!filled.ok()) {
        lock.unlock();
        parse(worker, offset);
        return filled.error();
      }
    }
    parse(worker, offset);
    return Taken::Chunk;
  }

  uint64_t bytes_done() const override { return bytes_done_; }

 private:
  void parse(Worker& worker, uint64_t offset) {
    parse_lines(file_, worker.buffer.data(), worker.buffer.data() + worker.buffer.size(), offset, worker);
  }

  // Fills the buffer up to a line's end; what follows it is kept for the next chunk. With an error the buffer
  // holds the lines before the damage, without the one that is cut.
  Result<void> fill(TextBuffer& buffer) {
    buffer.resize(0);
    buffer.append(rest_);
    rest_.clear();
    Result<void> result;
    size_t wanted = kChunkBytes;
    bool at_end = false;
    const char* last = nullptr;
    while (!at_end && !last) {
      while (buffer.size() < wanted && !at_end && result.ok()) {
        size_t before = buffer.size();
        buffer.resize(wanted);
        auto count = stream_->read(buffer.data() + before, wanted - before);
        buffer.resize(before + (count.ok() ? count.value() : 0));
        if (!count.ok()) result = count.error();
        at_end = !count.ok() || count.value() == 0;
      }
      last = static_cast<const char*>(memrchr(buffer.data(), '\n', buffer.size()));
      if (!last && !at_end && wanted >= kMaxLineBytes) result = line_too_long(file_, offset_), at_end = true;
      wanted = std::min(wanted * 2, kMaxLineBytes);
    }
    if (!at_end || !result.ok()) {
      size_t whole = last ? last + 1 - buffer.data() : 0;
      if (result.ok()) rest_.assign(buffer.data() + whole, buffer.size() - whole);
      buffer.resize(whole);
    }
    offset_ += buffer.size();
    return result;
  }

  File file_;
  std::unique_ptr<ByteStream> stream_;
  std::mutex mutex_;
  std::string rest_;
  uint64_t offset_ = 0;
  bool ended_ = false;
  std::atomic<uint64_t> bytes_done_{0};
};

}  // namespace

Result<SourcePtr> open_ndjson(const File& file, const ScanRequest& request) {
  int descriptor = open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Error{ErrorCode::Io, file.path + ": " + std::strerror(errno)};
  struct stat status;
  if (fstat(descriptor, &status) != 0) {
    close(descriptor);
    return Error{ErrorCode::Io, file.path + ": " + std::strerror(errno)};
  }
  auto size = static_cast<uint64_t>(status.st_size);
  return SourcePtr(std::make_unique<PlainLines>(file, descriptor, size));
}

Result<SourcePtr> open_compressed_lines(const File& file, const ScanRequest& request) {
  std::unique_ptr<ByteStream> stream;
  KQLC_TRY_ASSIGN(stream, open_bytes(file.path, file.compression));
  return SourcePtr(std::make_unique<PackedLines>(file, std::move(stream)));
}

void parse_lines(const File& file, const char* begin, const char* end, uint64_t offset, Worker& worker) {
  simd::JsonIndex& index = worker.index;
  // Adds what the index knows.
  const auto add = [&] {
    const char* line = index.begin();
    for (const simd::JsonLine& entry : index.lines()) {
      const char* stop = index.begin() + entry.end;
      std::string_view text(line, stop - line);
      if (!text.empty())
        worker.json->add_line(file, index.quotes(), text, entry.flags,
                              position_of(file, offset + (line - begin)));
      if (worker.stopped) return;
      line = stop + 1;
    }
  };
  if (worker.filter.passes_all()) {
    index.build(begin, end);
    add();
    worker.flush();
    return;
  }
  for (const char* place = begin; place < end && !worker.stopped;) {
    simd::Line line = worker.filter.next_candidate(place, end);
    if (!line.begin) break;
    index.build(line.begin, line.end);
    add();
    place = line.end + 1;
  }
  worker.flush();
}

}  // namespace kqlc::archive
