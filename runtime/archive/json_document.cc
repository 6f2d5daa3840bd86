// SPDX-License-Identifier: Apache-2.0
//
// A JSON document that spreads over many lines: a saved API response, a pretty-printed array. In: a file.
// Out: its rows. The document is one value, so it is one chunk on one thread, and it has to fit into memory.
#include <atomic>
#include <mutex>

#include "runtime/archive/json_rows.h"
#include "runtime/archive/source.h"

namespace kqlc::archive {
namespace {

class JsonDocument : public Source {
 public:
  explicit JsonDocument(const File& file) : file_(file) {}

  Result<Taken> read_chunk(Worker& worker, bool wait) override {
    if (taken_.exchange(true)) return Taken::End;
    KQLC_TRY(read_all(file_, kMaxLineBytes, &worker.buffer));
    std::string_view text(worker.buffer.data(), worker.buffer.size());
    worker.json->add(file_, text, position_of(file_, 0));
    worker.flush();
    return Taken::Chunk;
  }

  uint64_t bytes_done() const override { return taken_ ? file_.bytes : 0; }

 private:
  File file_;
  std::atomic<bool> taken_{false};
};

}  // namespace

Result<SourcePtr> open_json_document(const File& file, const ScanRequest& request) {
  return SourcePtr(std::make_unique<JsonDocument>(file));
}

}  // namespace kqlc::archive
