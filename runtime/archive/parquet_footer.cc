// SPDX-License-Identifier: Apache-2.0
//
// A file that was changed just now may be changed again without another time of change, so its footer is not
// kept. Whoever comes first stays: a folder of more files than fit is gone through in the same order each
// time.
#include "runtime/archive/parquet_footer.h"

#include <parquet/file_reader.h>

#include <map>
#include <mutex>
#include <string>

namespace kqlc::archive {
namespace {

using Footer = std::shared_ptr<parquet::FileMetaData>;

// Column chunks that all footers may describe; one takes about a kilobyte.
constexpr size_t kMostChunks = size_t{1} << 15;

size_t chunks_of(const parquet::FileMetaData& footer) {
  return static_cast<size_t>(footer.num_row_groups()) * static_cast<size_t>(footer.num_columns());
}

class Footers {
 public:
  Footer find(const File& file) {
    std::lock_guard guard(lock_);
    auto known = known_.find(file.path);
    return known != known_.end() && is_of(known->second, file) ? known->second.footer : nullptr;
  }

  void keep(const File& file, Footer footer) {
    std::lock_guard guard(lock_);
    if (auto known = known_.find(file.path); known != known_.end()) {
      num_chunks_ -= chunks_of(*known->second.footer);
      known_.erase(known);
    }
    if (num_chunks_ + chunks_of(*footer) > kMostChunks) return;
    num_chunks_ += chunks_of(*footer);
    known_[file.path] = {file.bytes, file.identity, std::move(footer)};
  }

 private:
  struct Known {
    uint64_t bytes = 0;
    FileIdentity identity{};
    Footer footer;
  };
  static bool is_of(const Known& known, const File& file) {
    return known.bytes == file.bytes && known.identity == file.identity;
  }

  std::mutex lock_;
  std::map<std::string, Known> known_;  // by path
  size_t num_chunks_ = 0;
};

Footers& footers() {
  static Footers kept;
  return kept;
}

}  // namespace

arrow::Result<OpenedParquet> open_parquet_file(const File& file) {
  OpenedParquet out;
  ARROW_ASSIGN_OR_RAISE(out.input, arrow::io::ReadableFile::Open(file.path));
  const bool unchanged = is_unchanged(file);
  Footer known = unchanged ? footers().find(file) : nullptr;
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(out.input, parquet::default_reader_properties(), known));
  parquet::ArrowReaderProperties properties;
  properties.set_use_threads(false);
  // Threads read row groups through one reader; the cache behind pre-buffering is a single one and not
  // guarded.
  properties.set_pre_buffer(false);
  ARROW_ASSIGN_OR_RAISE(out.reader, builder.properties(properties)->Build());
  if (unchanged && !known && is_settled(file.identity.back()) && is_unchanged(file))
    footers().keep(file, out.reader->parquet_reader()->metadata());
  return out;
}

}  // namespace kqlc::archive
