// SPDX-License-Identifier: Apache-2.0
//
// The term filter of an ingested chunk: `_<chunk>.terms` beside it. In: the text columns of the chunk while
// it is written. Out: whether texts of a column may hold a condition, so that a scan can pass over the chunk.
// It is known by a number that the manifest gives for the chunk and that stands for each of its bytes; a file
// that is missing, damaged, of another version or of another chunk says that everything may be.
//
// The file, numbers in little-endian order: "kqlcterm", u32 version, u32 bytes of the directory; the
// directory, for each column u32 bytes of its name, u8 type, u8 and u8 log2 of the bits of terms and of
// grams, u8 0, u64 place of the bits in the file, u64 their XXH3, the name; then the bits (term_bits.h), each
// column's terms and grams. The number is the XXH3 of the directory, seeded with the size of the chunk.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/archive/source.h"
#include "runtime/archive/term_bits.h"
#include "runtime/base/arena.h"

namespace kqlc::archive {

// The path of the filter of a chunk.
std::string terms_path(const std::string& chunk);

class TermFilterWriter {
 public:
  // Adds a text to the column that is being made. One of a dynamic column counts as tostring() has it.
  void add(Type type, std::string_view text);
  void end_column(const std::string& name, Type type);
  // Returns the file for a chunk of so many bytes, and its number; begins a new one.
  std::string finish(uint64_t chunk_bytes, uint64_t* number);

 private:
  struct Entry {
    std::string name;
    Type type = Type::String;
    TermBits bits;
    uint64_t place = 0;  // among all bits
    uint64_t checksum = 0;
  };
  TermCollector collector_;
  Arena arena_;
  std::vector<Entry> entries_;
  std::string bits_;
};

// The filter of a chunk, as far as it is asked. For one thread.
class ChunkTerms {
 public:
  // Nothing is read before something is asked.
  explicit ChunkTerms(const File& chunk) : chunk_(chunk) {}
  // Whether a text of a column, read as `type`, may hold the condition. Requires: it is not negated.
  bool may_hold(const std::string& column, Type type, const simd::Condition& condition);

 private:
  struct Column {
    Type type = Type::String;
    TermBits bits;
    uint64_t place = 0, checksum = 0;
    bool is_read = false, is_known = false;
    TextBuffer bytes;
  };
  void open();
  bool read_directory(std::string_view directory);
  const TermBits* bits_of(Column& column);
  // Returns whether the file has all of these bytes.
  bool read_at(uint64_t place, size_t size, TextBuffer& bytes) const;

  const File& chunk_;
  bool is_open_ = false;
  std::unique_ptr<PlainFile> file_;
  std::map<std::string, Column, std::less<>> columns_;
};

}  // namespace kqlc::archive
