// SPDX-License-Identifier: Apache-2.0
//
// Sequences: how a block is put together of literals and of what stands before. In: the sections of blocks.
// Out: sequences as numbers. The idea: a sequence has to be read before it is known where the next begins, so
// those of several blocks are read side by side. Source: RFC 8878, 3.1.1.3.2.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>

#include "runtime/zstd/fse.h"

namespace kqlc::zstd {

// So many literals are copied, then `match` bytes from before. `offset` says how far before: 4 and more are 1
// and more, less than 4 is one of the last three offsets (3.1.1.5).
struct Sequence {
  uint64_t literals : 17;
  uint64_t match : 18;
  uint64_t offset : 29;
};

// A state of one of the three tables: a number (`base` plus `extra` bits), and which state comes next.
struct SequenceState {
  uint32_t base;
  uint16_t next;
  uint8_t bits;
  uint8_t extra;
};

struct SequenceTable {
  int log = 0;
  std::array<SequenceState, size_t{1} << kMaxFseLog> states;
};

// The tables of a frame. Those that a block does not describe are those of the block before.
struct SequenceTables {
  const SequenceTable *literals = nullptr, *offsets = nullptr, *matches = nullptr;

  // A table to be filled, until clear().
  SequenceTable& next() {
    if (num_made_ == made_.size()) made_.emplace_back();
    return made_[num_made_++];
  }
  // Forgets all tables, and keeps their memory.
  void clear() {
    literals = offsets = matches = nullptr;
    num_made_ = 0;
  }

 private:
  std::deque<SequenceTable> made_;
  size_t num_made_ = 0;
};

// The sequences of a block that are not read yet.
struct SequenceStream {
  Bytes packed;
  const SequenceTable *literals = nullptr, *offsets = nullptr, *matches = nullptr;
  size_t count = 0;
  Sequence* out = nullptr;
};

// How many sequences a section has, and how many bytes say so. Nothing where it ends before.
struct SequenceCount {
  size_t count, bytes;
};
std::optional<SequenceCount> count_sequences(Bytes section);

// Reads the tables of a section and where its stream lies. Returns false where it contradicts itself, or has
// offsets of 2^29 bytes or more.
bool open_sequences(Bytes section, SequenceTables* tables, SequenceStream* out);

// Reads the sequences of blocks. Returns false where one has more or fewer than it says.
bool unpack_sequences(std::span<SequenceStream> streams);

}  // namespace kqlc::zstd
