// SPDX-License-Identifier: Apache-2.0
//
// Archives: files of events become batches of typed columns. In: paths, and per table the columns a rule
// reads with their KQL types. Out: Batches, handed to a callback on any number of threads, and a ScanReport
// of what was read and what was wrong with it. The one idea: a file is cut into chunks whose borders do not
// depend on the threads, and each batch carries a position that grows in input order, so any number of
// threads gives the same rows in the same order. Position of a row: file ordinal << 40 | offset in the file
// (bytes for JSON and CSV, rows for Arrow and Parquet).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/exec/column.h"
#include "runtime/exec/need.h"
#include "runtime/simd/line_filter.h"
#include "runtime/value/type.h"

namespace kqlc::archive {

enum class Format : uint8_t {
  Ndjson,  // one JSON object (a row, an envelope or an array of records) a line
  Json,    // one document over many lines: an array, `records`, `Results`, `value`, or `tables` of an API
  Csv,     // with a header line
  Parquet,
  ArrowFile,    // Arrow IPC, with a footer
  ArrowStream,  // Arrow IPC, without
};
enum class Compression : uint8_t { None, Gzip, Zstd };

// "ndjson", "json", "csv", "parquet", "arrow", "arrow stream".
std::string_view format_name(Format format);

// What a file says of the values of a column of a chunk.
struct ColumnStatistics {
  uint64_t nulls = 0;
  // The type of which the least and the greatest value are known, as Need counts them; an int is a Long.
  std::optional<Type> bounded;
  int64_t least = 0, greatest = 0;

  bool has_times() const { return bounded == Type::DateTime; }
};
struct ChunkStatistics {
  uint64_t bytes = 0;
  uint64_t rows = 0;
  std::map<std::string, ColumnStatistics> columns;  // those that the chunk holds
  uint64_t terms =
      0;  // of its term filter (term_filter.h): the number by which it is known; 0: there is none
};

// Device, inode, times (ns) of the last write and of the last change, which nobody can set back.
using FileIdentity = std::array<int64_t, 4>;

struct File {
  std::string path;
  Format format = Format::Ndjson;
  Compression compression = Compression::None;
  std::string table;              // "": not known; the file is read for every table
  bool rows_name_tables = false;  // a column `Type` holds the name of each row's table
  uint64_t bytes = 0;             // on disk
  FileIdentity identity{};        // when it was listed: whether it is still the same file
  uint32_t ordinal = 0;           // place in the sorted list; < 2^24
  bool named = false;             // is an input by itself, not found in a folder or by a glob
  bool starts_well = false;       // its first line is an object or an array of JSON
  std::shared_ptr<const ChunkStatistics> statistics;  // of an ingested chunk, where they are known
};

struct ListOptions {
  std::string table;                      // what --table says: of files that do not say themselves
  std::vector<std::string> known_tables;  // names to look for in paths (any letter case)
};

// Returns the files behind `inputs`: paths, folders (walked, hidden files and manifests left out) and globs
// (* ? [..], also in folders), each file once, sorted by path. What cannot be read is noted in `notes` and
// left out; `unread` counts the inputs that name nothing or no archive. Fails when there is nothing else.
Result<std::vector<File>> list_files(const std::vector<std::string>& inputs, const ListOptions& options,
                                     std::vector<std::string>* notes, size_t* unread = nullptr);

// Whether the file at file.path is the one that was listed, of the same size and not written since.
bool is_unchanged(const File& file);

// The identity of the file that is at file.path now; zeros where there is none.
FileIdentity find_identity(const File& file);

// Whether a time of a file (ns) lies so far back that a change from now on gives it another one.
bool is_settled(int64_t time);

// Finds format, compression, size and table of one file from its first bytes, then from its name.
Result<File> detect_file(const std::string& path, const ListOptions& options);

struct ColumnRequest {
  std::string name;
  Type type = Type::String;
  bool is_guess = false;  // of read_columns: nothing but null was seen, so the type may be any
};

// Returns the columns a file has by its own account, for tables that no schema knows. JSON: of the first
// rows.
Result<std::vector<ColumnRequest>> read_columns(const File& file);

// Returns the tables that rows of a file name, of `known` and custom ones (`_CL`); see named_tables.cc.
Result<std::vector<std::string>> find_named_tables(const File& file, const std::vector<std::string>& known);

// Which files are mapped into memory instead of read into buffers. What is packed as a whole and CSV is
// always read.
enum class Mapping : uint8_t {
  None,
  Archives,  // Arrow IPC files, and of Parquet what zstd has packed
  All,       // and plain NDJSON
};

struct ScanRequest {
  std::string table;  // rows that name another table are skipped; "": every row
  std::vector<ColumnRequest> columns;
  // All columns of the table, where they are known: a CSV file with a header that has none of them is an
  // error.
  std::vector<std::string> table_columns;
  // Of each reader of the rows, literals that the string values of a row of use to it contain: of each group
  // at least one. Rows that are of use to none may be left out, or not. Empty, or a reader without groups:
  // nothing is known.
  std::vector<simd::LiteralGroups> prefilters;
  // What a row of use must hold. Only used to pass over chunks of which no row can; not under `strict`.
  // Requires: its columns are among `columns`.
  Need needs;
  // Locators of the only rows that are wanted (Batch::locators), sorted; nullptr: all rows. Batches may hold
  // others as well, and columnar files give each column in a batch of its own (Batch::first_column), so that
  // threads share the columns of one row group. Requires: is_fetchable() of every file, no prefilters.
  const std::vector<uint64_t>* wanted_rows = nullptr;
  // Whether columns may be left to be made when the callback asks for them (Batch::loader). Without it, and
  // under `strict`, all are there.
  bool late = false;
  bool strict = false;  // parse every line, so that all bad lines are counted
  Mapping mapping = Mapping::Archives;
};

struct Sample {
  uint64_t position = 0;
  std::string place;  // file:line
  std::string message;
};
inline constexpr size_t kMaxSamples = 5;

struct ColumnProblem {
  uint64_t failures = 0;  // values that could not become the column's type; null instead
  Sample first;
};

struct ScanReport {
  uint64_t files = 0;
  uint64_t bytes = 0;             // on disk
  uint64_t nanoseconds = 0;       // CPU of all threads, the callback's included
  uint64_t rows = 0;              // handed to the callback
  uint64_t lines = 0;             // lines or records parsed
  uint64_t bad_lines = 0;         // of those, not JSON (or CSV), and therefore no row
  uint64_t repaired_lines = 0;    // with invalid UTF-8, replaced by U+FFFD
  uint64_t skipped_files = 0;     // passed over: by their statistics, or ingested before
  uint64_t skipped_by_terms = 0;  // chunks passed over by their term filters
  uint64_t skipped_blocks = 0;    // blocks of lines (at most 512 KiB) without a prefilter's literals
  uint64_t skipped_groups = 0;    // row groups of Parquet passed over by their statistics
  // Of skipped row groups, by column: the least and the greatest time (ticks); of a column of which that is
  // not known, all times.
  std::map<std::string, std::pair<int64_t, int64_t>> skipped_times;
  uint64_t other_tables = 0;                        // rows that name another table
  std::vector<Sample> samples;                      // the first bad lines in input order, at most kMaxSamples
  std::map<std::string, ColumnProblem> problems;    // by column
  std::map<std::string, uint64_t> missing_columns;  // files without the column, by column
  std::vector<std::string> notes;                   // sentences for the user
  std::vector<Error> errors;                        // files that could not be read to their end
  std::vector<Error> lost;    // row groups and batches that could not be read, of files that were read on
  bool broke_off = false;     // whether a file with errors gave rows, and
  bool read_on = false;       // one with lost parts
  std::set<uint32_t> unread;  // the ordinals of files with either that gave nothing at all
  std::set<uint32_t> only_bad_lines;  // ordinals of files that have lines, and no good one

  // Adds what another thread or scan counted.
  void merge(const ScanReport& other);
  // Whether nothing could be read of a file.
  bool gave_nothing(const File& file) const {
    return unread.contains(file.ordinal) || only_bad_lines.contains(file.ordinal);
  }
  // Whether --strict has a reason to fail.
  bool has_bad_data() const { return bad_lines || repaired_lines || !problems.empty() || !lost.empty(); }
};

// Called with the number of the calling thread and a batch whose memory is borrowed for the call (but for
// Batch::stable). Positions grow from call to call of one thread. Returns false to end the scan.
using BatchCallback = std::function<bool(int thread, const Batch& batch)>;

struct ScanControl {
  int threads = 1;
  std::function<bool()> cancelled;            // asked before every chunk; may be empty
  std::atomic<uint64_t>* progress = nullptr;  // bytes on disk done
};

// Reads `files` with control.threads threads. batch.columns are those of request.columns, in that order. A
// file that breaks off is an entry of report->errors; its rows before that are kept. A row group or batch
// that cannot be read is one of report->lost, and its file is read on; of a file with many the first
// kMaxSamples, and a note. Error: Io when a mapped file lost bytes while a batch of it was with the callback.
// What the callback made of that batch may be wrong, and is to be thrown away; a scan with Mapping::None does
// not fail so.
Result<void> scan_files(const std::vector<File>& files, const ScanRequest& request,
                        const ScanControl& control, const BatchCallback& callback, ScanReport* report);

// The same for one file on the calling thread.
Result<void> scan_file(const File& file, const ScanRequest& request, const BatchCallback& callback,
                       ScanReport* report);

// Converts files to an archive of Arrow IPC files: see ingest.cc.
struct IngestRequest {
  std::string folder;  // <folder>/<table>/<name>.arrow
  std::string table;   // of files that do not say
  // Types of the columns of known tables; a file's own columns are added.
  std::map<std::string, std::vector<ColumnRequest>> schemas;
  bool terms = false;                   // a term filter is written beside each chunk
  uint64_t rows_per_chunk = 1'000'000;  // rows of one Arrow file
  int threads = 1;
  std::function<bool()> cancelled;            // as in ScanControl
  std::atomic<uint64_t>* progress = nullptr;  // as in ScanControl
};
// Errors: Io, Cancelled. A file that breaks off, cannot be read or whose table is not known is an entry of
// report->errors and leaves nothing in the archive; the others are converted.
Result<void> ingest_files(const std::vector<File>& files, const IngestRequest& request, ScanReport* report);

}  // namespace kqlc::archive
