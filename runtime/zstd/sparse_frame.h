// SPDX-License-Identifier: Apache-2.0
//
// A frame of zstd of which few bytes are wanted. In: a frame. Out: those bytes, at their places in a buffer
// of the frame's size. The idea: literals of a block lie in four streams that can be read alone, and what a
// block copies from before is followed from the wanted byte to the literal that it came from; so streams
// without such a literal stay packed, and of blocks nothing is put together. What is not read is not checked
// either. Source: RFC 8878.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "runtime/base/huge_pages.h"
#include "runtime/zstd/huffman.h"
#include "runtime/zstd/sequences.h"

namespace kqlc::zstd {

// Bytes [begin, end) of a frame.
struct Range {
  size_t begin, end;
};

// Memory is kept from frame to frame.
class SparseFrame {
 public:
  // Takes the blocks of a frame that unpacks to `size` bytes, and the buffer of that size. Both have to stay.
  // Returns false where it is no frame that can be read here: one with a checksum, with a dictionary of
  // zstd's, of unknown size, of 256 MiB or more, of very many blocks, or damaged.
  bool open(Bytes frame, size_t size, uint8_t* buffer);

  // Plans to unpack the ranges, which do not overlap: adds the streams that have to be unpacked first.
  // Returns false where the frame contradicts itself, or following what was copied would cost more than
  // unpacking all. `ends_early`: a stream is not unpacked beyond its last wanted byte, so that damage before
  // that may not show.
  bool plan(std::span<const Range> wanted, bool ends_early, std::vector<HuffmanStream>* streams);

  // Puts the bytes of the last plan into the buffer, when its streams are unpacked.
  void settle();

 private:
  enum class Literals : uint8_t { Raw, Rle, Huffman };
  // Where the bytes of a block come from. Without sequences they are its literals.
  struct Block {
    Literals literals = Literals::Raw;
    Bytes packed;  // literals: as they are, the one that repeats, or the tree (if any) and the streams
    size_t num_literals = 0;
    bool has_tree = false;
    uint8_t num_streams = 0;
    Bytes section;  // of sequences, if any
    size_t num_sequences = 0;
    // Known for the first known_blocks_: where it stands in the frame, its sequences as far as they are read,
    // how many bytes these make, and how many literals they leave.
    size_t begin = 0, num_bytes = 0;
    size_t first_sequence = 0, num_read = 0, first_mark = 0, num_last = 0;
    // Known once a literal was wanted.
    const HuffmanTable* table = nullptr;
    std::array<Bytes, 4> streams;
    uint8_t* unpacked = nullptr;      // where streams are unpacked to
    std::array<size_t, 4> planned{};  // of each stream, how many bytes are unpacked or will be
  };
  // Wanted bytes [begin, end) of the frame, which belong to `out`.
  struct Piece {
    size_t begin, end;
    uint8_t* out;
  };
  // How many bytes of a frame and how many literals of a block stand before a sequence.
  struct Mark {
    uint32_t bytes, literals;
  };
  struct Copy {
    uint8_t* to;
    const uint8_t* from;
    size_t size;
  };

  bool read_blocks(Bytes bytes);
  static bool read_block(unsigned type, Bytes bytes, Block* block);
  static size_t read_literals(Bytes bytes, Block* block);
  bool learn(size_t end);
  bool learn_next(size_t end);
  void forget_part();
  size_t sequences_up_to(size_t end, const Block& block, size_t begin) const;
  bool open_next(Bytes section);
  bool measure(Block& block);
  size_t block_at(size_t place) const;
  bool walk(size_t number);
  bool take_literals(size_t number, size_t begin, size_t first);
  bool take_matches(size_t begin, size_t sequence);
  size_t offset_of(size_t sequence);
  bool wants(size_t begin) const { return !pieces_.empty() && pieces_.back().end > begin; }
  Piece cut(size_t begin);
  void put(Piece piece);
  bool need_streams(size_t number, size_t begin, size_t end);
  bool open_streams(size_t number);
  bool open_tree(Block& block, size_t* size);

  size_t size_ = 0;
  uint8_t* buffer_ = nullptr;
  std::vector<Block> blocks_;
  bool has_sequences_ = false;
  // Of the last known block not all sequences need have been read; then these bytes end with them.
  size_t known_blocks_ = 0, known_bytes_ = 0;
  bool reads_parts_ = true;
  std::deque<SequenceTables> tables_;
  size_t num_tables_ = 0;    // that were made
  SequenceList sequences_;   // of known blocks
  std::vector<Mark> marks_;  // by kMarked of them
  // The offset of sequences [first, end).
  struct Kept {
    size_t first = 0, end = 0, offset = 0;
  };
  Kept kept_;
  std::vector<SequenceStream> sequence_streams_;
  std::deque<HuffmanTable> trees_;
  size_t num_trees_ = 0;
  std::deque<std::vector<uint8_t, HugePages<uint8_t>>> literals_;  // of blocks with sequences
  size_t num_literals_ = 0;
  // Of the current plan.
  std::vector<HuffmanStream>* streams_ = nullptr;
  bool ends_early_ = false;
  std::vector<Piece> pieces_;  // by end; the last one is looked at first
  std::vector<Copy> copies_;   // of literals
  std::vector<Copy> equals_;   // of bytes that are wanted more than once; the first one is made last
  size_t steps_ = 0;           // that may still be made
};

}  // namespace kqlc::zstd
