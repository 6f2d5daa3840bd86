// SPDX-License-Identifier: Apache-2.0
//
// Lines of JSON, plain or compressed. In: a file. Out: chunks of whole lines, of which only those that may
// hold a wanted row are parsed. A plain file is cut by offsets alone: a chunk owns the lines that start in
// its 512 KiB, so threads need not ask each other. Its bytes are read into the worker's buffer, or searched
// where they are mapped; then the lines that are parsed are copied first, and parsed when it is sure that the
// file still held them. A compressed file is unpacked by one thread at a time and parsed by all.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "runtime/archive/json_rows.h"
#include "runtime/archive/mapped_file.h"
#include "runtime/archive/source.h"

namespace kqlc::archive {
namespace {

Error line_too_long(const File& file, uint64_t offset) {
  return Error{ErrorCode::Unsupported, file.path + ": byte " + std::to_string(offset) +
                                           ": a line of more than " + std::to_string(kMaxLineBytes >> 20) +
                                           " MiB"};
}

// Adds the rows of all lines of [begin, end).
void add_lines(const File& file, const char* begin, const char* end, uint64_t offset, Worker& worker) {
  if (worker.stopped) return;
  simd::JsonIndex& index = worker.index;
  index.build(begin, end);
  const char* line = begin;
  for (const simd::JsonLine& entry : index.lines()) {
    const char* stop = begin + entry.end;
    std::string_view text(line, stop - line);
    if (!text.empty())
      worker.json->add_line(file, index.quotes(entry), text, entry.flags,
                            position_of(file, offset + (line - begin)));
    if (worker.stopped) return;
    line = stop + 1;
  }
}

// A file's lines by chunks; where the bytes come from is up to the two classes below.
class PlainLines : public Source {
 public:
  PlainLines(const File& file, uint64_t size) : file_(file), size_(size) {}

  Result<Taken> read_chunk(Worker& worker, bool wait) override {
    uint64_t begin = next_.fetch_add(kChunkBytes);
    if (begin >= size_) return Taken::End;
    auto read = read_lines(begin, std::min(begin + kChunkBytes, size_), worker);
    if (read.ok()) return Taken::Chunk;
    next_ = size_;
    // Of several threads the first says what is wrong.
    if (failed_.exchange(true)) return Taken::End;
    return read.error();
  }

  uint64_t bytes_done() const override { return std::min(next_.load(), size_); }

 protected:
  // Returns the bytes from `from` on, `owned` of them or more. They stay until the worker's next chunk.
  virtual Result<std::string_view> take(uint64_t from, size_t owned, Worker& worker) = 0;
  // The same with all of the last line that starts in what is owned, and nothing behind it. Follows take().
  virtual Result<std::string_view> take_lines(uint64_t from, size_t owned, Worker& worker) = 0;
  // Parses whole lines of what was taken, which begin at `offset` in the file; none where no line starts.
  virtual Result<void> parse(std::string_view lines, uint64_t offset, Worker& worker) = 0;

  File file_;
  uint64_t size_;  // that of when the file was opened: what is written behind it later is not read

 private:
  // Reads the lines that start in [begin, end). The byte before `begin` tells whether a line starts there.
  Result<void> read_lines(uint64_t begin, uint64_t end, Worker& worker) {
    uint64_t from = begin ? begin - 1 : 0;
    size_t owned = end - from;
    std::string_view text;
    KQLC_TRY_ASSIGN(text, take(from, owned, worker));
    // A line that started before this chunk ends behind it, or takes all of it: then nothing more is read.
    size_t start = begin ? simd::line_end(text.data(), text.data() + owned) + 1 - text.data() : 0;
    if (start >= owned) return parse({}, from, worker);
    KQLC_TRY_ASSIGN(text, take_lines(from, owned, worker));
    return parse(text.substr(start), from + start, worker);
  }

  std::atomic<uint64_t> next_{0};
  std::atomic<bool> failed_{false};
};

class ReadLines : public PlainLines {
 public:
  ReadLines(const File& file, std::unique_ptr<PlainFile> bytes)
      : PlainLines(file, bytes->size()), bytes_(std::move(bytes)) {}

 protected:
  Result<std::string_view> take(uint64_t from, size_t owned, Worker& worker) override {
    worker.buffer.resize(0);
    KQLC_TRY(bytes_->extend(from, owned + kOverrun, worker.buffer));
    return std::string_view(worker.buffer.data(), worker.buffer.size());
  }

  Result<std::string_view> take_lines(uint64_t from, size_t owned, Worker& worker) override {
    TextBuffer& buffer = worker.buffer;
    size_t wanted = owned + kOverrun;
    size_t searched = owned - 1;  // the last line ends at the first \n from here on
    while (true) {
      const char* text_end = buffer.data() + buffer.size();
      const char* stop = simd::line_end(buffer.data() + searched, text_end);
      auto size = static_cast<size_t>(std::min(stop + 1, text_end) - buffer.data());
      if (stop != text_end || from + size >= size_) return std::string_view(buffer.data(), size);
      if (wanted >= kMaxLineBytes) return line_too_long(file_, from);
      searched = size;
      wanted = std::min(wanted * 2, kMaxLineBytes);
      KQLC_TRY(bytes_->extend(from, wanted, buffer));
    }
  }

  Result<void> parse(std::string_view lines, uint64_t offset, Worker& worker) override {
    parse_lines(file_, lines.data(), lines.data() + lines.size(), offset, worker);
    return {};
  }

 private:
  static constexpr size_t kOverrun = size_t{16} << 10;

  std::unique_ptr<PlainFile> bytes_;
};

class MappedLines : public PlainLines {
 public:
  MappedLines(const File& file, std::shared_ptr<const MappedFile> mapped)
      : PlainLines(file, mapped->size()), mapped_(std::move(mapped)) {}

 protected:
  Result<std::string_view> take(uint64_t from, size_t owned, Worker& worker) override {
    return std::string_view(mapped_->data() + from, owned);
  }

  Result<std::string_view> take_lines(uint64_t from, size_t owned, Worker& worker) override {
    const char* text = mapped_->data() + from;
    const char* last = text + std::min<uint64_t>(size_ - from, kMaxLineBytes);
    const char* stop = simd::line_end(text + owned - 1, last);
    if (stop == last && from + static_cast<uint64_t>(last - text) < size_) return line_too_long(file_, from);
    return std::string_view(text, static_cast<size_t>(std::min(stop + 1, last) - text));
  }

  Result<void> parse(std::string_view lines, uint64_t offset, Worker& worker) override {
    TextBuffer& buffer = worker.buffer;
    buffer.resize(0);
    std::vector<Copy> copies;
    if (worker.filter.passes_all()) {
      buffer.append(lines);
    } else {
      copies = copy_candidates(lines, worker);
    }
    if (mapped_->torn()) return mapped_->loss();
    if (!worker.filter.passes_all() && copies.empty() && !lines.empty()) ++worker.report.skipped_blocks;
    if (worker.filter.passes_all())
      parse_lines(file_, buffer.data(), buffer.data() + buffer.size(), offset, worker);
    for (const Copy& copy : copies) {
      const char* text = buffer.data() + copy.place;
      add_lines(file_, text, text + copy.size, offset + copy.origin, worker);
    }
    worker.flush();
    return {};
  }

 private:
  struct Copy {
    size_t place = 0;  // in the worker's buffer
    size_t size = 0;
    size_t origin = 0;  // in the chunk's lines
  };

  // Puts the lines that may be wanted into the worker's buffer, which is made large enough first: rows that
  // are built from it point there.
  static std::vector<Copy> copy_candidates(std::string_view lines, Worker& worker) {
    std::vector<Copy> copies;
    const char* end = lines.data() + lines.size();
    TextBuffer& buffer = worker.buffer;
    buffer.resize(lines.size());
    buffer.resize(0);
    worker.filter.learn(lines);
    worker.filter.find_candidates(lines.data(), end, &worker.candidates);
    for (const simd::Line& line : worker.candidates.lines()) {
      auto size = static_cast<size_t>(line.end - line.begin) + (line.end != end);
      copies.push_back({buffer.size(), size, static_cast<size_t>(line.begin - lines.data())});
      buffer.append({line.begin, size});
    }
    return copies;
  }

  std::shared_ptr<const MappedFile> mapped_;
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
  if (request.mapping == Mapping::All)
    if (auto mapped = MappedFile::open(file.path))
      return SourcePtr(std::make_unique<MappedLines>(file, std::move(mapped)));
  std::unique_ptr<PlainFile> bytes;
  KQLC_TRY_ASSIGN(bytes, PlainFile::open(file.path));
  return SourcePtr(std::make_unique<ReadLines>(file, std::move(bytes)));
}

Result<SourcePtr> open_compressed_lines(const File& file, const ScanRequest& request) {
  std::unique_ptr<ByteStream> stream;
  KQLC_TRY_ASSIGN(stream, open_bytes(file.path, file.compression));
  return SourcePtr(std::make_unique<PackedLines>(file, std::move(stream)));
}

void parse_lines(const File& file, const char* begin, const char* end, uint64_t offset, Worker& worker) {
  if (begin == end) return;
  if (worker.filter.passes_all()) {
    add_lines(file, begin, end, offset, worker);
    worker.flush();
    return;
  }
  worker.filter.learn({begin, static_cast<size_t>(end - begin)});
  worker.filter.find_candidates(begin, end, &worker.candidates);
  if (worker.candidates.lines().empty()) ++worker.report.skipped_blocks;
  for (const simd::Line& line : worker.candidates.lines()) {
    if (worker.stopped) break;
    const char* next = line.end + (line.end != end);  // the \n tells a line's \r from others
    add_lines(file, line.begin, next, offset + (line.begin - begin), worker);
  }
  worker.flush();
}

}  // namespace kqlc::archive
