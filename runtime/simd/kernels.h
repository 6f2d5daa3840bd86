// SPDX-License-Identifier: Apache-2.0
//
// Kernels: the table of SIMD routines of one target, and the plain data they take. In: bytes and what to look
// for. Out: places, bitmaps of rows, bit masks. The routines work on whole columns, buffers or strings, so
// one indirect call pays for much work. The structs here have no member functions: the files that are
// compiled per target include this header, and an inline function in it would be merged by the linker into
// one copy, maybe one the CPU lacks. No routine reads outside of [begin, end) of what it is given.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kqlc::simd {

// How a needle must lie in a text. Has*: at the border of a term (see README.md of this folder).
enum class Match : uint8_t { Equals, Contains, StartsWith, EndsWith, Has, HasPrefix, HasSuffix };

// A needle as the routines see it. Byte i of a text fits when (byte | fold[i]) == bytes[i].
struct SearchNeedle {
  const char* bytes;  // ASCII letters in lower case when case is ignored
  const char* fold;   // 0x20 where either case of a letter fits, else 0
  size_t size;
  size_t first;  // offsets of the two bytes that are rarest in event text; equal only when size is 1
  size_t second;
  uint8_t first_byte, first_fold, second_byte, second_fold;
  Match match;
  bool term_before;  // no alphanumeric character may stand directly before an occurrence
  bool term_after;   // nor directly after it
};

// Which `\u` escapes of a JSON text count as hits: those that may stand for a character of a needle.
struct EscapeFilter {
  bool enabled;
  bool non_ascii;      // escapes of characters above 0x7f count
  uint8_t ascii[128];  // 1: an escape of this character counts
};

inline constexpr size_t kMaxProbes = 4;                  // up to so many needles are compared one by one
inline constexpr size_t kMaxKeys = 8;                    // of JSON, looked for together
inline constexpr size_t kMaxKeyDistance = 63;            // from the quote to the byte looked for
inline constexpr size_t kMaxFingerprint = 3;             // bytes of a needle's fingerprint
inline constexpr size_t kMinSample = 4, kMaxSample = 8;  // bytes of a window that is hashed
inline constexpr uint32_t kMaxStride = 4;

// A needle that may stand where a window was found.
inline constexpr uint32_t kNoMore = ~0u;  // as more_fold, of needles of less than four bytes
struct WindowMember {
  uint32_t needle;  // its number
  int32_t anchor;   // the offset of the window in it; -1: the window begins a byte before it
  int32_t behind;   // its bytes from the window on
  // Four bytes of it, as far from the window as there are others: byte i of the text from `more_at` after the
  // window's begin on fits when (byte | fold) == more. They turn most windows down without a look at the
  // needle.
  int32_t more_at;
  uint32_t more, more_fold;
};

// Several needles to be found in one pass: by their two rarest bytes when they are few, else by fingerprints,
// a window of `window` bytes of each needle. Each needle belongs to one of eight buckets; bit b of low[i][n]
// & high[i][m] says that a needle of bucket b may have the byte (m << 4 | n) at place i of its window. Where
// all bytes of a window may be those of one bucket, the hash of the window tells which needles to compare.
// Where all windows have the same two bytes at the same place, those are looked for instead. Very many
// needles are found by samples: only the windows at every `stride`-th place are hashed, and each needle is
// entered with as many windows in a row, one of which is at such a place. The windows are wider there.
struct MultiNeedle {
  const SearchNeedle* needles;
  size_t size;
  EscapeFilter escapes;
  SearchNeedle escape;          // the two bytes `\u`
  size_t window;                // 0: needles are compared one by one
  const WindowMember* members;  // by the hash of their windows
  uint32_t stride;              // 0: by fingerprints; up to kMaxStride: by samples
  bool has_pair;                // windows are found by `pair`, in which only first and second are set
  SearchNeedle pair;
  const uint32_t* bitmap;  // of samples: which hashes there are, 2^hash_bits bits (window_bits)
  const uint32_t* begins;  // by the first index_bits of the hash, the first member; one more at the end
  uint32_t hash_bits, index_bits;
  uint8_t low[kMaxFingerprint][16];
  uint8_t high[kMaxFingerprint][16];
};

inline constexpr uint32_t kHashFactor = 0x9E3779B1, kLastFactor = 0x85EBCA6B;
// The hash of a window by its first and its last four bytes, ASCII letters in either case alike. Of less than
// four bytes both are these with zeros behind. As many upper bits of it are used as are needed.
inline uint32_t hash_window(uint32_t first, uint32_t last) {
  return (first | 0x20202020) * kHashFactor + (last | 0x20202020) * kLastFactor;
}
// Where the last four bytes of a window begin.
inline size_t last_of_window(size_t width) { return width > 4 ? width - 4 : 0; }
// The bits of the word hash >> (37 - hash_bits) of a bitmap that stand for a hash: two, so that few others
// have them.
inline uint32_t window_bits(uint32_t hash, uint32_t hash_bits) {
  return 1u << (hash >> (32 - hash_bits) & 31) | 1u << (hash >> (27 - hash_bits) & 31);
}

// A line of JSON: the offset of its \n (or of the text's end), what may stand in it, and how many quotes
// stand before it in the text.
inline constexpr uint32_t kLineControl = 1;  // a byte below 0x20 other than the \r before the \n
inline constexpr uint32_t kLineNotUtf8 = 2;  // bytes that are no UTF-8, maybe those of a line close by
struct JsonLine {
  uint32_t end;
  uint32_t flags;
  uint32_t first_quote;
};
struct JsonCounts {
  size_t quotes, lines;
};
inline constexpr size_t kSpareQuotes = 64;  // places that json_lines() may write behind the last one

inline constexpr size_t kMaxPackedWidth = 24;  // bits of a packed code

// Told of an occurrence of needle `which`.
using MultiHit = void (*)(void* context, const char* place, size_t which);

// Returned by find_any when an escape, not a needle, was found.
inline constexpr size_t kEscapeHit = ~size_t{0};

struct Kernels {
  const char* name;  // as --simd= spells it
  size_t vector_bytes;

  // Whether the text fits needle.match.
  bool (*matches)(const SearchNeedle& needle, const char* data, size_t size);
  // The first occurrence in [begin, end), terms not looked at; nullptr: none. An empty needle is found at
  // begin.
  const char* (*find)(const SearchNeedle& needle, const char* begin, const char* end);
  // The same for a needle that is not prepared; `caseless` folds ASCII letters.
  const char* (*find_text)(const char* text, size_t size, bool caseless, const char* begin, const char* end);
  // Whether size bytes agree, ASCII letters in either case.
  bool (*equal_caseless)(const char* a, const char* b, size_t size);

  // Set bit r of `bitmap` (cleared by the caller) where row r fits. `offsets` has rows + 1 entries.
  void (*filter_offsets32)(const SearchNeedle&, const int32_t* offsets, const char* data, size_t rows,
                           uint64_t* bitmap);
  void (*filter_offsets64)(const SearchNeedle&, const int64_t* offsets, const char* data, size_t rows,
                           uint64_t* bitmap);
  // `views`: Arrow string views, 16 bytes each.
  void (*filter_views)(const SearchNeedle&, const void* views, const char* const* buffers, size_t rows,
                       uint64_t* bitmap);
  // `strs`: kqlc::Str, a pointer and a 64-bit size each.
  void (*filter_strs)(const SearchNeedle&, const void* strs, size_t rows, uint64_t* bitmap);

  // A hit of any needle in [begin, end), or of an escape that counts; nullptr: none. *which is the needle's
  // number or kEscapeHit. No hit ends before the window of the returned one. Backslashes are counted back to
  // `begin`.
  const char* (*find_any)(const MultiNeedle&, const char* begin, const char* end, size_t* which);

  // Calls `hit` for each occurrence of each needle in [begin, end), in no certain order, and maybe for
  // escapes that count (kEscapeHit).
  void (*find_all)(const MultiNeedle&, const char* begin, const char* end, MultiHit hit, void* context);

  // Calls `hit` for each occurrence of each needle and each escape that counts, in the order of their places.
  // Requires: 1 to kMaxKeys needles whose first byte is a quote, no fold, second at most kMaxKeyDistance.
  void (*find_keys)(const MultiNeedle&, const char* begin, const char* end, MultiHit hit, void* context);

  // The first, the last place of `byte`; nullptr: none.
  const char* (*find_byte)(const char* begin, const char* end, char byte);
  const char* (*find_last_byte)(const char* begin, const char* end, char byte);
  size_t (*count_byte)(const char* begin, const char* end, char byte);

  // Copies the bytes before the first quote of [begin, end) that no backslash precedes, all where there is
  // none; returns where they end. Requires: room for vector_bytes more at `out`.
  const char* (*copy_to_quote)(const char* begin, const char* end, char* out);

  // Whether the bytes are UTF-8.
  bool (*is_utf8)(const char* begin, const char* end);

  // Writes the offsets of the quotes that no backslash escapes, and the lines, the last one being what
  // follows the last \n. Requires: room for a quote a byte and kSpareQuotes more, for a line a byte and one
  // more; end - begin < 2^32.
  JsonCounts (*json_lines)(const char* begin, const char* end, uint32_t* quotes, JsonLine* lines);

  // Of `blocks` blocks of 64 codes of `width` bits each, 1 to kMaxPackedWidth, that are packed from `in` on,
  // the first in the lowest bits: sets found[block] to a bit for each code that is one of the `count` wanted
  // ones. Returns the greatest code.
  uint32_t (*find_codes)(const uint8_t* in, size_t width, size_t blocks, const uint32_t* wanted, size_t count,
                         uint64_t* found);
};

// Called by the routines for neighbours that are not ASCII; see unicode.h.
bool alphanumeric_before(const char* begin, const char* place) noexcept;
bool alphanumeric_after(const char* place, const char* end) noexcept;

}  // namespace kqlc::simd
