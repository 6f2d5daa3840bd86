// SPDX-License-Identifier: Apache-2.0
//
// Source: an open file that threads take chunks from. In: a File. Out: chunks, each turned into batches on
// the thread that took it. Taking is short and under the source's lock (or atomic); turning into batches runs
// side by side. Which thread takes a chunk changes nothing: borders and positions come from the file alone.
// Worker is a thread's memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/archive/archive.h"
#include "runtime/archive/rows.h"
#include "runtime/simd/json_index.h"

namespace kqlc::archive {

inline constexpr int kPositionBits = 40;
inline constexpr uint64_t kPositionSpan = uint64_t{1} << kPositionBits;  // of a file
inline uint64_t position_of(const File& file, uint64_t offset) {
  return (uint64_t{file.ordinal} << kPositionBits) + offset;
}

// Bytes of text that readers take at once: small enough to stay in L2 while it is searched.
inline constexpr size_t kChunkBytes = size_t{1} << 19;
// Zeroed bytes behind every text buffer; what simdjson may read past the end.
inline constexpr size_t kPadding = 64;
// A line or document longer than this is refused.
inline constexpr size_t kMaxLineBytes = size_t{1} << 30;

// Text that grows and always has kPadding bytes behind its size.
class TextBuffer {
 public:
  char* data() { return bytes_.get(); }
  size_t size() const { return size_; }
  // Keeps the first `size` bytes' contents; new ones are not initialised.
  void resize(size_t size);
  void append(std::string_view text);

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// A plain file, read at any place by any thread.
class PlainFile {
 public:
  static Result<std::unique_ptr<PlainFile>> open(const std::string& path);
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;
  ~PlainFile();

  // That of when the file was opened: what is written behind it later is not read.
  uint64_t size() const { return size_; }
  // Makes the buffer, which holds bytes from `from` on, hold `wanted` of them, or those up to the end. A file
  // that lost some of them is an error.
  Result<void> extend(uint64_t from, size_t wanted, TextBuffer& buffer) const;

 private:
  PlainFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::string path_;
  int descriptor_;
  uint64_t size_ = 0;
};

// Bytes of a file from first to last, unpacked.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Reads up to `size` bytes; 0 at the end. A cut or damaged file is an error, after the bytes before the
  // damage.
  virtual Result<size_t> read(char* out, size_t size) = 0;
  // Bytes on disk read so far.
  virtual uint64_t bytes_read() const = 0;
};
Result<std::unique_ptr<ByteStream>> open_bytes(const std::string& path, Compression compression);

// A whole file, unpacked. Fails when it is longer than `limit`.
Result<void> read_all(const File& file, size_t limit, TextBuffer* text);

// The first bytes of a file, unpacked, at most `limit`; a damaged file gives what stands before the damage.
Result<void> read_start(const File& file, size_t limit, TextBuffer* text);

class JsonRows;     // json_rows.h
struct LateMemory;  // parquet_late.h

// Dictionaries of at most this share of the rows are asked for their values before codes are read
// (ColumnLoader::find_values).
inline constexpr int64_t kFewValues = 16;

struct Worker {
  Worker(int number, const ScanRequest& scan_request, const simd::LineFilter& line_filter,
         const BatchCallback& batch_callback);
  ~Worker();

  // Hands the batch on; returns false when the scan is to end.
  bool emit(const Batch& batch);
  // The text, or a repaired one in the arena of `rows`, which is counted, where it is no UTF-8.
  Str repaired(Str text);
  // Hands on the rows of `rows`, if any, and clears it.
  bool flush();
  // Made when it is first asked for.
  LateMemory& late_memory();

  int thread;
  const ScanRequest& request;
  const simd::LineFilter& filter;  // that all workers of a scan share
  const BatchCallback& callback;
  ScanReport report;
  RowBuilder rows;
  std::unique_ptr<JsonRows> json;
  simd::JsonIndex index;
  TextBuffer buffer;
  simd::Candidates candidates;  // of the lines in it
  std::vector<uint8_t> page_bytes;  // of a page of Parquet, until the next one
  std::unique_ptr<LateMemory> late;
  bool stopped = false;          // the callback wants no more
  std::optional<Error> lost;     // why a chunk could not be read
  std::optional<Error> failure;  // why the scan fails: what was handed on may be wrong
};

// Lost: the chunk cannot be read, for which worker.lost stands; what is behind it can.
enum class Taken : uint8_t { Chunk, Busy, End, Lost };

class Source {
 public:
  virtual ~Source() = default;
  // Takes the next chunk and hands its batches to the worker. With `wait` false it may return Busy when
  // another thread is taking one. After an error or End the source has nothing more for anyone.
  virtual Result<Taken> read_chunk(Worker& worker, bool wait) = 0;
  // Bytes on disk taken so far.
  virtual uint64_t bytes_done() const = 0;
};

using SourcePtr = std::unique_ptr<Source>;
Result<SourcePtr> open_source(const File& file, const ScanRequest& request);
Result<SourcePtr> open_ndjson(const File& file, const ScanRequest& request);
// Of a request with wanted_rows: only the lines that hold one of them.
Result<SourcePtr> open_wanted_lines(const File& file, const ScanRequest& request);
Result<SourcePtr> open_compressed_lines(const File& file, const ScanRequest& request);
Result<SourcePtr> open_json_document(const File& file, const ScanRequest& request);
Result<SourcePtr> open_csv(const File& file, const ScanRequest& request);
Result<SourcePtr> open_parquet(const File& file, const ScanRequest& request);
Result<SourcePtr> open_arrow(const File& file, const ScanRequest& request);

// Parses the lines of [begin, end), which starts at a line's start; `offset` is the place of `begin` in the
// (unpacked) file. With `last` false the text ends with \n. Requires: kPadding readable bytes behind `end`.
void parse_lines(const File& file, const char* begin, const char* end, uint64_t offset, Worker& worker);

// Adds a sample of a bad line or record.
void count_bad_line(ScanReport* report, uint64_t position, std::string message);

}  // namespace kqlc::archive
