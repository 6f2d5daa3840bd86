// SPDX-License-Identifier: Apache-2.0
//
// The lines of plain NDJSON that hold wanted rows. In: a file and locators, each a byte within its line. Out:
// those lines parsed, one by one, as a scan would parse them. A line's ends are looked for on both sides of
// the locator, in windows that grow. The one before is small: most locators are the beginning of a line. The
// one after is first as large as lines were up to now, with room for one that is longer. A line of
// several wanted rows is parsed once, by the thread that has the first of them.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "runtime/archive/fetch.h"
#include "runtime/archive/source.h"

namespace kqlc::archive {
namespace {

// Rows that a thread takes at once.
constexpr size_t kRowsTaken = 64;
constexpr uint64_t kBefore = 64;
constexpr uint64_t kLeastAfter = 1 << 10;
constexpr uint64_t kMostAfter = 64 << 10;

class WantedLines : public Source {
 public:
  WantedLines(const File& file, std::unique_ptr<PlainFile> bytes, const std::vector<uint64_t>& wanted_rows)
      : file_(file), bytes_(std::move(bytes)), wanted_rows_(wanted_rows) {
    range_ = wanted_between(wanted_rows, position_of(file, 0), position_of(file, 0) + kPositionSpan);
    next_ = range_.begin;
  }

  Result<Taken> read_chunk(Worker& worker, bool wait) override {
    const size_t begin = next_.fetch_add(kRowsTaken);
    if (begin >= range_.end) return Taken::End;
    const size_t end = std::min(begin + kRowsTaken, range_.end);
    uint64_t done = 0;  // where the last line ended: several rows may stand in one
    uint64_t expected = 8 << 10;
    for (size_t i = begin; i < end && !worker.stopped; ++i) {
      if (place_of(i) < done) continue;
      Line line;
      KQLC_TRY_ASSIGN(line, find_line(place_of(i), expected, worker));
      done = line.offset + line.text.size();
      expected = std::clamp(2 * (done - place_of(i)), kLeastAfter, kMostAfter);
      if (place_of(end - 1) < done) pass_over(done);
      if (i == range_.begin || place_of(i - 1) < line.offset)
        parse_lines(file_, line.text.data(), line.text.data() + line.text.size(), line.offset, worker);
    }
    return Taken::Chunk;
  }

  uint64_t bytes_done() const override {
    size_t rows = range_.end - range_.begin;
    return rows ? file_.bytes * (std::min(next_.load(), range_.end) - range_.begin) / rows : file_.bytes;
  }

 private:
  struct Line {
    uint64_t offset = 0;
    std::string_view text;  // in the worker's buffer
  };

  uint64_t place_of(size_t row) const { return wanted_rows_[row] - position_of(file_, 0); }

  // Leaves the rows before `end` to whoever has the first row of their line.
  void pass_over(uint64_t end) {
    const size_t row = wanted_between(wanted_rows_, 0, position_of(file_, end)).end;
    for (size_t next = next_; next < row && !next_.compare_exchange_weak(next, row);) {
    }
  }

  // The line around `place`; `expected` bytes from there on probably hold its end.
  Result<Line> find_line(uint64_t place, uint64_t expected, Worker& worker) {
    const uint64_t size = bytes_->size();
    if (place >= size) return Error{ErrorCode::Io, file_.path + ": became shorter"};
    uint64_t before = std::min(place, kBefore), after = std::min(size - place, expected);
    while (true) {
      worker.buffer.resize(0);
      KQLC_TRY(bytes_->extend(place - before, before + after, worker.buffer));
      const char* text = worker.buffer.data();
      const auto* newline = static_cast<const char*>(memrchr(text, '\n', before));
      const char* text_end = text + worker.buffer.size();
      const char* end = simd::line_end(text + before, text_end);
      bool has_begin = newline || before == place;
      bool has_end = end != text_end || place + after >= size;
      if (has_begin && has_end) {
        const char* begin = newline ? newline + 1 : text;
        return Line{place - before + static_cast<uint64_t>(begin - text),
                    {begin, end == text_end ? end : end + 1}};
      }
      if (before + after >= kMaxLineBytes) return Error{ErrorCode::Unsupported, file_.path + ": a long line"};
      if (!has_begin) before = std::min(place, before * 4);
      if (!has_end) after = std::min(size - place, after * 4);
    }
  }

  File file_;
  std::unique_ptr<PlainFile> bytes_;
  const std::vector<uint64_t>& wanted_rows_;
  WantedRange range_;
  std::atomic<size_t> next_{0};
};

}  // namespace

Result<SourcePtr> open_wanted_lines(const File& file, const ScanRequest& request) {
  std::unique_ptr<PlainFile> bytes;
  KQLC_TRY_ASSIGN(bytes, PlainFile::open(file.path));
  return SourcePtr(std::make_unique<WantedLines>(file, std::move(bytes), *request.wanted_rows));
}

}  // namespace kqlc::archive
