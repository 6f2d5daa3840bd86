// SPDX-License-Identifier: Apache-2.0
//
// Wanted bytes are followed from the end of the frame to its beginning. A piece that lies in a match becomes
// one of the bytes that were copied, which stand before; where two pieces become the same, one is followed
// and copied to the other at the end. So numbers whose high bytes all come from the first of them take a step
// a number, however many are wanted.
#include "runtime/zstd/sparse_frame.h"

#include <algorithm>

namespace kqlc::zstd {
namespace {

constexpr uint32_t kMagic = 0xFD2FB528;
constexpr size_t kMostBytes = size_t{1} << 28;
constexpr size_t kMostBlock = size_t{1} << 17;
// A frame of more blocks than its size asks for, which would take much memory here, is not read.
constexpr size_t kFewBlocks = 16, kLeastBlock = 1024;
constexpr size_t kMarked = word::kMostAdded;
// So much more is read of a block's sequences than its share of the bytes would take: one part of so many.
constexpr size_t kPartMore = 32;
// Steps may take about as long as reading the sequences did: one for so many of these, and a few.
constexpr size_t kFewSteps = 256, kSequencesForStep = 12;
// Looking through so many for an offset takes as long as a step.
constexpr size_t kSequencesOfStep = 16;
// One byte of so many can be followed through sequences; to put more together is quicker.
constexpr size_t kFollowed = 16;

uint64_t load_number(Bytes bytes, size_t size) {
  uint64_t number = 0;
  std::memcpy(&number, bytes.data(), size);
  return number;
}

// Reads the head of a frame. Returns how many bytes it takes, or 0 where the frame is not read here.
size_t read_head(Bytes frame, size_t size) {
  if (frame.size() < 6 || load_number(frame, 4) != kMagic) return 0;
  const unsigned flags = frame[4];
  const bool is_single = flags & 0x20;
  if (flags & 0x0F) return 0;  // reserved, a checksum, a dictionary
  const unsigned size_flag = flags >> 6;
  if (size_flag == 0 && !is_single) return 0;
  const size_t begin = is_single ? 5 : 6, width = size_t{1} << size_flag;
  if (frame.size() < begin + width) return 0;
  const uint64_t content = load_number(frame.subspan(begin), width) + (size_flag == 1 ? 256 : 0);
  return content == size && size < kMostBytes ? begin + width : 0;
}

}  // namespace

bool SparseFrame::open(Bytes frame, size_t size, uint8_t* buffer) {
  size_ = size;
  buffer_ = buffer;
  blocks_.clear();
  known_blocks_ = known_bytes_ = num_trees_ = num_literals_ = 0;
  has_sequences_ = false;
  reads_parts_ = true;
  num_tables_ = 0;
  sequences_.clear();
  marks_.clear();
  kept_ = {};
  const size_t head = read_head(frame, size);
  return head > 0 && read_blocks(frame.subspan(head));
}

bool SparseFrame::read_blocks(Bytes bytes) {
  constexpr size_t kHead = 3;
  constexpr unsigned kRle = 1;
  while (bytes.size() >= kHead) {
    const auto head = static_cast<uint32_t>(load_number(bytes, kHead));
    const bool is_last = head & 1;
    const unsigned type = head >> 1 & 3;
    const size_t size = head >> 3, packed = type == kRle ? 1 : size;
    bytes = bytes.subspan(kHead);
    if (size > kMostBlock || packed > bytes.size() || blocks_.size() > kFewBlocks + size_ / kLeastBlock)
      return false;
    Block& block = blocks_.emplace_back();
    if (type == kRle) block.num_literals = size;
    if (!read_block(type, bytes.first(packed), &block)) return false;
    has_sequences_ |= block.num_sequences > 0;
    bytes = bytes.subspan(packed);
    if (is_last) return bytes.empty();
  }
  return false;
}

bool SparseFrame::read_block(unsigned type, Bytes bytes, Block* block) {
  constexpr unsigned kRaw = 0, kRle = 1, kCompressed = 2;
  block->packed = bytes;
  if (type == kRaw) block->num_literals = bytes.size();
  if (type == kRle) block->literals = Literals::Rle;
  if (type != kCompressed) return type <= kRle;
  const size_t used = read_literals(bytes, block);
  if (used == 0 || block->num_literals > kMostBlock) return false;
  const Bytes section = bytes.subspan(used);
  const auto count = count_sequences(section);
  if (!count) return false;
  block->num_sequences = count->count;
  if (count->count > 0) block->section = section;
  return count->count > 0 || section.size() == count->bytes;
}

// Reads the head of the literals of a block. Returns how many bytes they take with it, or 0.
size_t SparseFrame::read_literals(Bytes bytes, Block* block) {
  if (bytes.empty()) return 0;
  const unsigned type = bytes[0] & 3, form = bytes[0] >> 2 & 3;
  const bool is_packed = type >= 2;
  const size_t head = is_packed ? (form < 2 ? 3 : form + 2) : (form == 3 ? 3 : form == 1 ? 2 : 1);
  if (bytes.size() < head) return 0;
  const uint64_t number = load_number(bytes, head);
  size_t packed;
  if (is_packed) {
    const unsigned width = form < 2 ? 10 : form == 2 ? 14 : 18;
    const uint64_t mask = (uint64_t{1} << width) - 1;
    block->literals = Literals::Huffman;
    block->num_literals = number >> 4 & mask;
    block->num_streams = form == 0 ? 1 : 4;
    block->has_tree = type == 2;
    packed = number >> (4 + width) & mask;
  } else {
    block->literals = type == 0 ? Literals::Raw : Literals::Rle;
    block->num_literals = number >> (form == 1 || form == 3 ? 4 : 3);
    packed = type == 0 ? block->num_literals : 1;
  }
  if (packed > bytes.size() - head) return 0;
  block->packed = bytes.subspan(head, packed);
  return head + packed;
}

// Learns where the blocks stand that make the first `end` bytes.
bool SparseFrame::learn(size_t end) {
  while (known_bytes_ < end) {
    forget_part();
    if (!learn_next(end)) return false;
  }
  return true;
}

// A block of which a part was not enough is read anew, and those behind it as a whole.
void SparseFrame::forget_part() {
  if (known_blocks_ == 0) return;
  const Block& last = blocks_[known_blocks_ - 1];
  if (last.num_read == last.num_sequences) return;
  known_bytes_ = last.begin;
  sequences_.cut(last.first_sequence);
  marks_.resize(last.first_mark);
  --known_blocks_;
  --num_tables_;
  reads_parts_ = false;
}

// How many sequences of a block that stands at `begin` are read for the bytes in front of `end`. That is a
// guess, where less than all may be read.
size_t SparseFrame::sequences_up_to(size_t end, const Block& block, size_t begin) const {
  if (!ends_early_ || !reads_parts_ || end - begin >= kMostBlock) return block.num_sequences;
  const size_t share = (end - begin) * block.num_sequences / kMostBlock;
  return std::min(block.num_sequences, share + share / kPartMore + kMarked);
}

// The next blocks in front of `end`, if all are as long as they may be, up to kStreamsAtOnce of which have
// sequences that are read side by side.
bool SparseFrame::learn_next(size_t end) {
  sequence_streams_.clear();
  const size_t first = sequences_.size();
  size_t number = known_blocks_, count = 0;
  for (size_t begin = known_bytes_;
       begin < end && number < blocks_.size() && sequence_streams_.size() < kStreamsAtOnce; ++number) {
    Block& block = blocks_[number];
    block.first_sequence = first + count;
    block.num_read = sequences_up_to(end, block, begin);
    count += block.num_read;
    begin += block.num_sequences > 0 ? kMostBlock : block.num_literals;
    if (block.num_sequences == 0) continue;
    if (!open_next(block.section)) return false;
    sequence_streams_.back().wanted = block.num_read;
  }
  if (number == known_blocks_) return false;
  uint32_t* out = sequences_.grow(count);
  for (SequenceStream& stream : sequence_streams_) {
    stream.out = out;
    out += stream.wanted;
  }
  if (!unpack_sequences(sequence_streams_, &sequences_)) return false;
  for (; known_blocks_ < number; ++known_blocks_)
    if (!measure(blocks_[known_blocks_])) return false;
  const Block& last = blocks_[known_blocks_ - 1];
  return known_blocks_ < blocks_.size() || last.num_read < last.num_sequences || known_bytes_ == size_;
}

// The tables of as many blocks as are read at once are kept.
bool SparseFrame::open_next(Bytes section) {
  const size_t place = num_tables_ % kStreamsAtOnce;
  if (place == tables_.size()) tables_.emplace_back();
  const SequenceTables* before = num_tables_ > 0 ? &tables_[(num_tables_ - 1) % kStreamsAtOnce] : nullptr;
  ++num_tables_;
  return open_sequences(section, before, &tables_[place], &sequence_streams_.emplace_back());
}

// Finds how many bytes a block has, or the sequences that are read make, and marks these.
bool SparseFrame::measure(Block& block) {
  block.begin = known_bytes_;
  block.first_mark = marks_.size();
  uint64_t literals = 0, matches = 0;
  for (size_t i = 0; i < block.num_read; i += kMarked) {
    marks_.push_back(
        {static_cast<uint32_t>(known_bytes_ + literals + matches), static_cast<uint32_t>(literals)});
    const size_t end = std::min(i + kMarked, block.num_read);
    const SequenceList::Sum sum = sequences_.sum(block.first_sequence + i, block.first_sequence + end);
    literals += sum.literals;
    matches += sum.matches;
    if (literals + matches > kMostBlock) return false;
  }
  if (literals > block.num_literals) return false;
  block.num_last = block.num_literals - literals;
  block.num_bytes = literals + matches;
  const size_t size = block.num_bytes + (block.num_read == block.num_sequences ? block.num_last : 0);
  known_bytes_ += size;
  return size <= kMostBlock && known_bytes_ <= size_;
}

size_t SparseFrame::block_at(size_t place) const {
  const auto known = std::span(blocks_).first(known_blocks_);
  const auto behind = std::ranges::upper_bound(known, place, {}, &Block::begin);
  return static_cast<size_t>(behind - known.begin()) - 1;
}

bool SparseFrame::plan(std::span<const Range> wanted, bool ends_early, std::vector<HuffmanStream>* streams) {
  streams_ = streams;
  ends_early_ = ends_early;
  pieces_.clear();
  copies_.clear();
  equals_.clear();
  size_t num_bytes = 0;
  for (const Range& range : wanted) {
    if (range.end > size_ || range.begin > range.end) return false;
    num_bytes += range.end - range.begin;
    if (range.begin < range.end) pieces_.push_back({range.begin, range.end, buffer_ + range.begin});
  }
  if (has_sequences_ && num_bytes > size_ / kFollowed) return false;
  std::ranges::sort(pieces_, {}, &Piece::end);
  if (!pieces_.empty() && !learn(pieces_.back().end)) return false;
  steps_ = kFewSteps + 4 * pieces_.size() + sequences_.size() / kSequencesForStep;
  while (!pieces_.empty())
    if (!walk(block_at(pieces_.back().end - 1))) return false;
  return true;
}

// From the end of a block to its beginning, as long as a piece lies in it.
bool SparseFrame::walk(size_t number) {
  const Block& block = blocks_[number];
  size_t place = block.begin + block.num_bytes, literal = block.num_literals - block.num_last;
  if (wants(place) && !take_literals(number, place, literal)) return false;
  for (size_t left = block.num_read; left > 0 && wants(block.begin);) {
    const size_t mark = (left - 1) / kMarked;
    const Mark& before = marks_[block.first_mark + mark];
    for (; left > mark * kMarked && wants(before.bytes); --left) {
      const size_t index = block.first_sequence + left - 1;
      const Sequence sequence = sequences_[index];
      place -= sequence.match;
      if (wants(place) && !take_matches(place, index)) return false;
      place -= sequence.literals;
      literal -= sequence.literals;
      if (wants(place) && !take_literals(number, place, literal)) return false;
    }
    left = mark * kMarked;
    place = before.bytes;
    literal = before.literals;
  }
  return true;
}

// A sequence may name one of the last three offsets. They begin as 1, 4 and 8, and each sequence puts its own
// one to the front; so it is looked for from the sequence on to the beginning, by the place that it had. Most
// name the last one, which stays as long as all do: that one is kept. The others take steps.
size_t SparseFrame::offset_of(size_t sequence) {
  constexpr std::array<size_t, 3> kFirst{1, 4, 8};
  if (sequence >= kept_.first && sequence < kept_.end) return kept_.offset;
  size_t place = 0, less = 0;
  bool is_same = true;  // the sequences from here on have the same offset
  size_t i = sequence + 1;
  while (i-- > 0) {
    const Sequence at = sequences_[i];
    // Which one it takes to the front; 3: the first one less 1, or a new one.
    const size_t taken = at.offset > 3 ? size_t{3} : at.offset - size_t{at.literals != 0};
    if (place > 0) {
      if (place <= taken) --place;
    } else if (at.offset > 3) {
      if (is_same) kept_ = {i, sequence + 1, size_t{at.offset} - 3};
      break;
    } else {
      less += taken == 3;
      place = taken == 3 ? 0 : taken;
    }
    is_same &= taken == 0;
  }
  steps_ -= std::min(steps_, (sequence - i) / kSequencesOfStep);
  return (i == ~size_t{0} ? kFirst[place] : sequences_[i].offset - 3) - less;
}

// What is wanted of the literals from `begin` on, which are those from `first` on of the block.
bool SparseFrame::take_literals(size_t number, size_t begin, size_t first) {
  Block& block = blocks_[number];
  while (wants(begin)) {
    const Piece piece = cut(begin);
    const size_t literal = first + (piece.begin - begin), size = piece.end - piece.begin;
    if (block.literals == Literals::Rle) {
      std::memset(piece.out, block.packed[0], size);
    } else if (block.literals == Literals::Raw) {
      std::memcpy(piece.out, block.packed.data() + literal, size);
    } else {
      if (!need_streams(number, literal, literal + size)) return false;
      if (piece.out != block.unpacked + literal)
        copies_.push_back({piece.out, block.unpacked + literal, size});
    }
  }
  return true;
}

// What is wanted of the bytes from `begin` on, which the sequence copied. Where it copied more than stands
// between, it repeats that.
bool SparseFrame::take_matches(size_t begin, size_t sequence) {
  const size_t offset = offset_of(sequence);
  if (offset == 0 || offset > begin) return false;
  while (wants(begin)) {
    Piece piece = cut(begin);
    while (piece.end - begin > offset && piece.begin < piece.end) {
      const size_t phase = (piece.begin - begin) % offset;
      const size_t size = std::min(piece.end - piece.begin, offset - phase);
      put({begin - offset + phase, begin - offset + phase + size, piece.out});
      piece.begin += size;
      piece.out += size;
    }
    if (piece.begin < piece.end) put({piece.begin - offset, piece.end - offset, piece.out});
    if (steps_ == 0) return false;
  }
  return true;
}

// The last piece, from `begin` on; what it has before that stays.
SparseFrame::Piece SparseFrame::cut(size_t begin) {
  Piece piece = pieces_.back();
  pieces_.pop_back();
  if (piece.begin >= begin) return piece;
  put({piece.begin, begin, piece.out});
  piece.out += begin - piece.begin;
  piece.begin = begin;
  return piece;
}

void SparseFrame::put(Piece piece) {
  auto at = pieces_.end();
  while (at != pieces_.begin() && at[-1].end > piece.end) --at;
  for (auto equal = at; equal != pieces_.begin() && equal[-1].end == piece.end; --equal)
    if (equal[-1].begin == piece.begin) {
      equals_.push_back({piece.out, equal[-1].out, piece.end - piece.begin});
      return;
    }
  const auto passed = static_cast<size_t>(pieces_.end() - at) + 1;
  steps_ -= std::min(steps_, passed);
  pieces_.insert(at, piece);
}

// Plans the streams that have literals [begin, end) of the block.
bool SparseFrame::need_streams(size_t number, size_t begin, size_t end) {
  Block& block = blocks_[number];
  if (!block.table && !open_streams(number)) return false;
  const size_t share = (block.num_literals + block.num_streams - 1) / block.num_streams;
  for (size_t i = begin / share; i < block.num_streams && i * share < end; ++i) {
    const size_t all = std::min(share, block.num_literals - i * share);
    const size_t size = ends_early_ ? std::min(all, end - i * share) : all;
    if (block.planned[i] >= size) continue;
    block.planned[i] = size;
    streams_->push_back({block.streams[i], block.table, block.unpacked + i * share, size, size < all});
  }
  return true;
}

bool SparseFrame::open_streams(size_t number) {
  Block& block = blocks_[number];
  size_t tree = 0, owner = number;
  while (!blocks_[owner].has_tree)
    if (owner-- == 0) return false;
  if (owner == number ? !open_tree(block, &tree) : !blocks_[owner].table && !open_streams(owner))
    return false;
  const HuffmanTable* table = blocks_[owner].table;
  Bytes packed = block.packed.subspan(tree);
  if (block.num_streams == 4) {
    constexpr size_t kSizes = 6;
    const size_t share = (block.num_literals + 3) / 4;
    if (packed.size() < kSizes || 3 * share > block.num_literals) return false;
    uint64_t sizes = load_number(packed, kSizes);
    packed = packed.subspan(kSizes);
    for (size_t i = 0; i < 3; ++i, sizes >>= 16) {
      if ((sizes & 0xFFFF) > packed.size()) return false;
      block.streams[i] = packed.first(sizes & 0xFFFF);
      packed = packed.subspan(sizes & 0xFFFF);
    }
  }
  block.streams[block.num_streams - 1u] = packed;
  block.unpacked = buffer_ + block.begin;
  if (block.num_sequences > 0) {
    if (num_literals_ == literals_.size()) literals_.emplace_back();
    auto& literals = literals_[num_literals_++];
    literals.resize(block.num_literals);
    block.unpacked = literals.data();
  }
  block.table = table;
  return true;
}

// The tree that the block describes, and how many bytes that takes.
bool SparseFrame::open_tree(Block& block, size_t* size) {
  if (num_trees_ == trees_.size()) trees_.emplace_back();
  HuffmanTable& table = trees_[num_trees_];
  *size = read_tree(block.packed, &table);
  if (*size == 0) return false;
  ++num_trees_;
  block.table = &table;
  return true;
}

void SparseFrame::settle() {
  for (const Copy& copy : copies_) std::memcpy(copy.to, copy.from, copy.size);
  for (size_t i = equals_.size(); i-- > 0;) std::memcpy(equals_[i].to, equals_[i].from, equals_[i].size);
}

}  // namespace kqlc::zstd
