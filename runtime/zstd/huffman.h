// SPDX-License-Identifier: Apache-2.0
//
// Huffman codes of literals. In: the description of a tree, streams of codes. Out: bytes. The idea: a stream
// waits for its last code to be looked up before it knows where the next begins, so many streams, of one
// block or of several, are read side by side. Source: RFC 8878, 4.2.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/zstd/bits.h"

namespace kqlc::zstd {

// The longest code, in bits; all tables are made for it.
constexpr int kHuffmanLog = 11;

// By the next kHuffmanLog bits: how many of them are a code (low byte), and its byte (high byte). Behind the
// table is room for what is written too much where it is made.
struct HuffmanTable {
  static constexpr size_t kRoom = 8;
  std::array<uint16_t, (size_t{1} << kHuffmanLog) + kRoom> codes;
};

// Reads the description of a tree. Returns how many bytes it takes, or 0 where it is none.
size_t read_tree(Bytes bytes, HuffmanTable* out);

// A stream of codes, of which the first `size` become as many bytes at `out`: all, unless it goes on.
struct HuffmanStream {
  Bytes packed;
  const HuffmanTable* table = nullptr;
  uint8_t* out = nullptr;
  size_t size = 0;
  bool goes_on = false;
};

// Unpacks streams that do not depend on each other. Returns false where one has fewer codes than its size, or
// more and does not go on. Nothing is read or written outside of what the streams say.
bool unpack_streams(std::vector<HuffmanStream>& streams);

}  // namespace kqlc::zstd
