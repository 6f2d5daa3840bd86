// SPDX-License-Identifier: Apache-2.0
//
// The scan: threads walk over the files and take chunks. In: files, a request, a callback. Out: batches, a
// report. Each thread goes through the files in order and never back, so that its positions grow; where
// another thread is busy unpacking a file, it goes on to the next one. Samples of bad data are kept by
// position, not by who came first.
#include <algorithm>
#include <mutex>

#include "runtime/archive/json_rows.h"
#include "runtime/archive/manifest.h"
#include "runtime/archive/parquet_late.h"
#include "runtime/archive/source.h"
#include "runtime/archive/term_filter.h"
#include "runtime/base/spinning_mutex.h"
#include "runtime/base/stopwatch.h"
#include "runtime/base/threads.h"
#include "runtime/simd/unicode.h"

namespace kqlc::archive {
namespace {

bool sample_before(const Sample& a, const Sample& b) { return a.position < b.position; }

void keep_first_samples(std::vector<Sample>* samples) {
  std::sort(samples->begin(), samples->end(), sample_before);
  if (samples->size() > kMaxSamples) samples->resize(kMaxSamples);
}

// One file as the threads share it: opened by the first, closed by the last.
struct Slot {
  SpinningMutex mutex;
  std::shared_ptr<Source> source;
  bool opened = false;
  bool ended = false;
  std::atomic<bool> gave_rows = false;
  std::atomic<bool> broke_off = false;
  std::atomic<uint64_t> lost = 0;                  // chunks that could not be read
  std::atomic<uint64_t> lines = 0, bad_lines = 0;  // parsed
  uint64_t bytes_counted = 0;
};

// Whether a file has lines, and none of them can be read.
bool has_only_bad_lines(const File& file, ScanRequest request) {
  request.table.clear();
  request.prefilters.clear();
  ScanReport report;
  auto done = scan_files({file}, request, {}, [](int, const Batch&) { return false; }, &report);
  return done.ok() && report.rows == 0 && report.lines > 0 && report.lines == report.bad_lines;
}

bool is_json(const File& file) { return file.format == Format::Ndjson || file.format == Format::Json; }

class Scan {
 public:
  Scan(const std::vector<File>& files, const ScanRequest& request, const ScanControl& control,
       const BatchCallback& callback)
      : files_(files), request_(request), control_(control), callback_(callback), slots_(files.size()) {
    if (!request.strict && std::ranges::any_of(files, is_json))
      filter_ = simd::LineFilter::for_any(request.prefilters);
  }

  Result<void> run(ScanReport* report) {
    int threads = std::max(1, control_.threads);
    std::vector<std::unique_ptr<Worker>> workers;
    for (int i = 0; i < threads; ++i)
      workers.push_back(std::make_unique<Worker>(i, request_, filter_, callback_));
    on_threads(workers.size(), [&](size_t i) { walk(*workers[i]); });
    for (auto& worker : workers)
      if (worker->failure) return *worker->failure;
    for (auto& worker : workers) report->merge(worker->report);
    note_unseen_columns(workers, report);
    for (size_t i = 0; i < files_.size(); ++i) note_unreadable(i, report);
    return {};
  }

 private:
  void walk(Worker& worker) {
    const uint64_t start = thread_nanoseconds();
    for (size_t i = 0; i < files_.size() && !ended_; ++i) {
      std::shared_ptr<Source> source = visit(i, worker);
      if (source) take_chunks(i, *source, worker);
      leave(i);
    }
    worker.report.nanoseconds += thread_nanoseconds() - start;
  }

  std::shared_ptr<Source> visit(size_t index, Worker& worker) {
    Slot& slot = slots_[index];
    std::lock_guard lock(slot.mutex);
    if (slot.ended) return nullptr;
    if (!slot.opened) {
      slot.opened = true;
      if (files_[index].statistics && !request_.strict && is_passed_over(files_[index], worker.report)) {
        slot.ended = true;
        return nullptr;
      }
      ++worker.report.files;
      worker.report.bytes += files_[index].bytes;
      auto opened = open_source(files_[index], request_);
      if (!opened.ok()) {
        slot.ended = true;
        worker.report.errors.push_back(std::move(opened.error()));
        worker.report.unread.insert(files_[index].ordinal);
        return nullptr;
      }
      slot.source = std::move(opened).value();
    }
    return slot.source;
  }

  // Whether no row of a chunk can be of use.
  bool is_passed_over(const File& file, ScanReport& report) const {
    if (!may_hold(*file.statistics, request_.needs)) {
      ++report.skipped_files;
      return true;
    }
    ChunkTerms terms(file);
    auto texts = [&](const std::string& column, Type type, const simd::Condition& condition) {
      return terms.may_hold(column, type, condition);
    };
    if (may_hold(*file.statistics, request_.needs, texts)) return false;
    ++report.skipped_by_terms;
    return true;
  }

  void take_chunks(size_t index, Source& source, Worker& worker) {
    bool last = index + 1 == files_.size();
    while (!ended_) {
      if (control_.cancelled && control_.cancelled()) {
        ended_ = true;
        return;
      }
      uint64_t before = worker.report.rows + worker.report.lines;
      uint64_t lines = worker.report.lines, bad_lines = worker.report.bad_lines;
      auto taken = source.read_chunk(worker, last);
      slots_[index].lines += worker.report.lines - lines;
      slots_[index].bad_lines += worker.report.bad_lines - bad_lines;
      if (worker.stopped || worker.failure) ended_ = true;
      // A prefilter may leave no row of what has been read.
      bool unpacked = files_[index].compression != Compression::None && source.bytes_done() > 0;
      if (worker.report.rows + worker.report.lines > before || unpacked ||
          (taken.ok() && taken.value() == Taken::Chunk))
        slots_[index].gave_rows = true;
      if (!taken.ok()) {
        worker.report.errors.push_back(std::move(taken.error()));
        slots_[index].broke_off = true;
      }
      if (taken.ok() && taken.value() == Taken::Lost) note_lost(slots_[index], worker);
      count_progress(index, source);
      if (taken.ok() && taken.value() == Taken::Busy) return;
      if (!taken.ok() || taken.value() == Taken::End) {
        std::lock_guard lock(slots_[index].mutex);
        slots_[index].ended = true;
        return;
      }
    }
  }

  // Of a file of which much is damaged the first chunks are named.
  static void note_lost(Slot& slot, Worker& worker) {
    if (slot.lost++ < kMaxSamples) worker.report.lost.push_back(*std::exchange(worker.lost, std::nullopt));
  }

  void count_progress(size_t index, Source& source) {
    if (!control_.progress) return;
    Slot& slot = slots_[index];
    std::lock_guard lock(slot.mutex);
    uint64_t done = source.bytes_done();
    if (done <= slot.bytes_counted) return;
    *control_.progress += done - slot.bytes_counted;
    slot.bytes_counted = done;
  }

  void leave(size_t index) {
    Slot& slot = slots_[index];
    std::lock_guard lock(slot.mutex);
    // Whoever still reads holds the source himself.
    if (slot.ended) slot.source.reset();
  }

  // A file of which every line is bad is as good as unread. Where a prefilter passed over lines, one that is
  // named and does not start well is looked at once more, up to its first good line.
  void note_unreadable(size_t index, ScanReport* report) {
    const Slot& slot = slots_[index];
    // Another thread may still have been at the rows before the damage when it was found.
    if (slot.lost > kMaxSamples)
      report->notes.push_back(files_[index].path + ": " + std::to_string(slot.lost - kMaxSamples) +
                              (slot.lost - kMaxSamples == 1 ? " further chunk" : " further chunks") +
                              " cannot be read");
    report->broke_off |= slot.broke_off && slot.gave_rows;
    report->read_on |= slot.lost && slot.gave_rows;
    if ((slot.broke_off || slot.lost) && !slot.gave_rows) report->unread.insert(files_[index].ordinal);
    if (ended_ || slot.lines != slot.bad_lines || report->unread.contains(files_[index].ordinal)) return;
    bool unreadable = slot.lines > 0;
    if (!filter_.passes_all() && files_[index].format == Format::Ndjson)
      unreadable =
          files_[index].named && !files_[index].starts_well && has_only_bad_lines(files_[index], request_);
    if (!unreadable) return;
    report->only_bad_lines.insert(files_[index].ordinal);
    report->notes.push_back(files_[index].path + ": none of its lines can be read");
  }

  // JSON leaves out what is null, so a key that no row has may still be a column of the table.
  void note_unseen_columns(const std::vector<std::unique_ptr<Worker>>& workers, ScanReport* report) {
    auto json_files = static_cast<uint64_t>(std::count_if(files_.begin(), files_.end(), is_json));
    uint64_t lines = 0;
    for (auto& worker : workers) lines += worker->report.lines;
    if (json_files == 0 || lines == 0 || !filter_.passes_all()) return;
    for (size_t i = 0; i < request_.columns.size(); ++i) {
      bool seen =
          std::any_of(workers.begin(), workers.end(), [i](auto& worker) { return worker->json->seen()[i]; });
      if (!seen) report->missing_columns[request_.columns[i].name] += json_files;
    }
  }

  const std::vector<File>& files_;
  const ScanRequest& request_;
  const ScanControl& control_;
  const BatchCallback& callback_;
  simd::LineFilter filter_;
  std::vector<Slot> slots_;
  std::atomic<bool> ended_{false};
};

const File* file_of(const std::vector<File>& files, uint64_t position) {
  for (const File& file : files) {
    if (file.ordinal == position >> kPositionBits) return &file;
  }
  return nullptr;
}

// Fills the places of samples, which stand in order of position, reading each file once more up to its last
// sample.
class PlaceFinder {
 public:
  explicit PlaceFinder(const std::vector<File>& files) : files_(files) {}

  void find(std::vector<Sample*> samples) {
    std::sort(samples.begin(), samples.end(), [](auto* a, auto* b) { return a->position < b->position; });
    for (Sample* sample : samples) {
      const File* file = file_of(files_, sample->position);
      if (!file || !sample->place.empty()) continue;
      uint64_t offset = sample->position & ((uint64_t{1} << kPositionBits) - 1);
      bool lines = file->format == Format::Ndjson || file->format == Format::Json;
      sample->place = file->path + (lines ? ":" + std::to_string(line_of(*file, offset))
                                          : ": row " + std::to_string(offset + 1));
    }
  }

 private:
  uint64_t line_of(const File& file, uint64_t offset) {
    if (file_ != &file) {
      file_ = &file;
      place_ = 0;
      line_ = 1;
      auto opened = open_bytes(file.path, file.compression);
      stream_ = opened.ok() ? std::move(opened).value() : nullptr;
      buffer_.resize(kChunkBytes);
    }
    while (stream_ && place_ < offset) {
      auto count = stream_->read(buffer_.data(), std::min<uint64_t>(kChunkBytes, offset - place_));
      if (!count.ok() || count.value() == 0) break;
      line_ += simd::count_lines(buffer_.data(), buffer_.data() + count.value());
      place_ += count.value();
    }
    return line_;
  }

  const std::vector<File>& files_;
  const File* file_ = nullptr;
  std::unique_ptr<ByteStream> stream_;
  TextBuffer buffer_;
  uint64_t place_ = 0;
  uint64_t line_ = 1;
};

}  // namespace

void count_bad_line(ScanReport* report, uint64_t position, std::string message) {
  ++report->bad_lines;
  report->samples.push_back({position, "", std::move(message)});
  if (report->samples.size() > 8 * kMaxSamples) keep_first_samples(&report->samples);
}

void ScanReport::merge(const ScanReport& other) {
  files += other.files;
  bytes += other.bytes;
  rows += other.rows;
  lines += other.lines;
  bad_lines += other.bad_lines;
  repaired_lines += other.repaired_lines;
  nanoseconds += other.nanoseconds;
  skipped_files += other.skipped_files;
  skipped_by_terms += other.skipped_by_terms;
  skipped_blocks += other.skipped_blocks;
  skipped_groups += other.skipped_groups;
  for (auto& [column, times] : other.skipped_times) {
    auto [mine, is_new] = skipped_times.try_emplace(column, times);
    mine->second = {std::min(mine->second.first, times.first), std::max(mine->second.second, times.second)};
  }
  other_tables += other.other_tables;
  samples.insert(samples.end(), other.samples.begin(), other.samples.end());
  keep_first_samples(&samples);
  for (auto& [column, problem] : other.problems) {
    ColumnProblem& mine = problems[column];
    if (mine.failures == 0 || problem.first.position < mine.first.position) mine.first = problem.first;
    mine.failures += problem.failures;
  }
  for (auto& [column, count] : other.missing_columns) missing_columns[column] += count;
  for (const std::string& note : other.notes) {
    if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
  }
  broke_off |= other.broke_off;
  read_on |= other.read_on;
  lost.insert(lost.end(), other.lost.begin(), other.lost.end());
  errors.insert(errors.end(), other.errors.begin(), other.errors.end());
  unread.insert(other.unread.begin(), other.unread.end());
  only_bad_lines.insert(other.only_bad_lines.begin(), other.only_bad_lines.end());
}

Worker::Worker(int number, const ScanRequest& scan_request, const simd::LineFilter& line_filter,
               const BatchCallback& batch_callback)
    : thread(number),
      request(scan_request),
      filter(line_filter),
      callback(batch_callback),
      rows(scan_request.columns) {
  json = std::make_unique<JsonRows>(*this);
}
Worker::~Worker() = default;

LateMemory& Worker::late_memory() {
  if (!late) late = std::make_unique<LateMemory>();
  return *late;
}

bool Worker::emit(const Batch& batch) {
  if (stopped) return false;
  report.rows += batch.num_rows;
  if (!callback(thread, batch)) stopped = true;
  return !stopped;
}

Str Worker::repaired(Str text) {
  if (simd::is_utf8(text.view())) return text;
  ++report.repaired_lines;
  return rows.arena().copy(Str(std::string_view(simd::repair_utf8(text.view()))));
}

bool Worker::flush() {
  if (rows.num_rows()) emit(rows.batch());
  rows.clear();
  return !stopped;
}

Result<SourcePtr> open_source(const File& file, const ScanRequest& request) {
  switch (file.format) {
    case Format::Ndjson:
      if (request.wanted_rows) return open_wanted_lines(file, request);
      return file.compression == Compression::None ? open_ndjson(file, request)
                                                   : open_compressed_lines(file, request);
    case Format::Json:
      return open_json_document(file, request);
    case Format::Csv:
      return open_csv(file, request);
    case Format::Parquet:
      return open_parquet(file, request);
    default:
      return open_arrow(file, request);
  }
}

Result<void> scan_files(const std::vector<File>& files, const ScanRequest& request,
                        const ScanControl& control, const BatchCallback& callback, ScanReport* report) {
  ScanReport found;
  KQLC_TRY(Scan(files, request, control, callback).run(&found));
  std::vector<Sample*> samples;
  for (Sample& sample : found.samples) samples.push_back(&sample);
  for (auto& [column, problem] : found.problems) samples.push_back(&problem.first);
  PlaceFinder(files).find(samples);
  report->merge(found);
  return {};
}

Result<void> scan_file(const File& file, const ScanRequest& request, const BatchCallback& callback,
                       ScanReport* report) {
  return scan_files({file}, request, {}, callback, report);
}

}  // namespace kqlc::archive
