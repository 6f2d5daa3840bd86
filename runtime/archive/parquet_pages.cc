// SPDX-License-Identifier: Apache-2.0
//
// A chunk is unpacked from where it is mapped, or read with one call into the worker's buffer. Arrow's page
// reader is told that nothing is packed, so it leaves zstd's frames alone.
#include "runtime/archive/parquet_pages.h"

#include <arrow/buffer.h>
#include <parquet/metadata.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

namespace kqlc::archive {
namespace {

constexpr size_t kMostPageBytes = size_t{1} << 28;
// Old writers forgot the dictionary's header when they counted a chunk's bytes (PARQUET-816).
constexpr int64_t kForgottenBytes = 100;

ZSTD_DCtx& unpacker() {
  thread_local std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!context) fail("zstd has no memory");
  return *context;
}

std::shared_ptr<arrow::Buffer> read_chunk_bytes(arrow::io::RandomAccessFile& file,
                                                const parquet::ColumnChunkMetaData& chunk,
                                                bool only_dictionary, Worker& worker) {
  int64_t begin = chunk.data_page_offset();
  if (chunk.has_dictionary_page() && chunk.dictionary_page_offset() > 0)
    begin = std::min(begin, chunk.dictionary_page_offset());
  PARQUET_ASSIGN_OR_THROW(const int64_t file_size, file.GetSize());
  int64_t size = chunk.total_compressed_size();
  if (begin < 0 || size < 0 || begin > file_size || size > file_size - begin)
    fail("a chunk outside the file");
  if (only_dictionary && chunk.data_page_offset() > begin)
    size = std::min(size, chunk.data_page_offset() - begin);
  size += std::min(kForgottenBytes, file_size - begin - size);
  if (file.supports_zero_copy()) {
    PARQUET_ASSIGN_OR_THROW(std::shared_ptr<arrow::Buffer> mapped, file.ReadAt(begin, size));
    PARQUET_THROW_NOT_OK(file.WillNeed({{begin, size}}));
    return mapped;
  }
  worker.buffer.resize(static_cast<size_t>(size));
  PARQUET_ASSIGN_OR_THROW(const int64_t read, file.ReadAt(begin, size, worker.buffer.data()));
  return std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t*>(worker.buffer.data()), read);
}

}  // namespace

void unpack_frame(PageBytes packed, std::span<uint8_t> out) {
  if (ZSTD_decompressDCtx(&unpacker(), out.data(), out.size(), packed.data(), packed.size()) != out.size())
    fail("a page is damaged, or has another size than it says");
}

ChunkPages::ChunkPages(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group, int leaf,
                       Worker& worker, std::function<bool(const parquet::DataPageStats&)> skip,
                       bool only_dictionary)
    : worker_(worker), leaf_(leaf) {
  auto chunk = group.metadata()->ColumnChunk(leaf);
  unpacks_ = chunk->compression() == parquet::Compression::ZSTD && !chunk->crypto_metadata();
  if (unpacks_) {
    const auto bytes = read_chunk_bytes(file, *chunk, only_dictionary, worker);
    if (file.supports_zero_copy() && !bytes->is_mutable()) {  // a short chunk is a copy
      mapped_ = bytes;
      worker_.late_memory().repeated.enter(file.weak_from_this());
    }
    pages_ =
        parquet::PageReader::Open(std::make_shared<arrow::io::BufferReader>(bytes), chunk->num_values(),
                                  parquet::Compression::UNCOMPRESSED, parquet::default_reader_properties(),
                                  *group.metadata()->schema()->Column(leaf));
  } else {
    pages_ = group.GetColumnPageReader(leaf);
  }
  if (skip) pages_->set_data_page_filter(std::move(skip));
}

std::span<uint8_t> ChunkPages::make_room(size_t size, bool keep) {
  if (size > kMostPageBytes) fail("a page is larger than its chunk may be");
  if (keep) return {static_cast<uint8_t*>(worker_.rows.arena().allocate(size)), size};
  std::vector<uint8_t>& bytes = worker_.page_bytes;
  if (bytes.size() < size) bytes.resize(size);
  return {bytes.data(), size};
}

std::span<uint8_t> ChunkPages::copy(PageBytes bytes, bool keep) {
  std::span<uint8_t> out = make_room(bytes.size(), keep);
  if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

std::span<uint8_t> ChunkPages::unpack(PageBytes packed, size_t size, bool keep) {
  std::span<uint8_t> out = make_room(size, keep);
  unpack_frame(packed, out);
  return out;
}

LateBytes ChunkPages::late(PageBytes packed, std::span<uint8_t> room, size_t frame) {
  return LateBytes(packed, room, &worker_.late_memory(), frame);
}

std::optional<std::span<uint8_t>> ChunkPages::find_repeated(const parquet::DataPage& page, PageBytes packed,
                                                            size_t size, size_t number) {
  if (!mapped_ || !is_dictionary(page.encoding())) return std::nullopt;
  return worker_.late_memory().repeated.find({leaf_, number}, packed, mapped_, size);
}

// Of a frame of zstd.
size_t ChunkPages::unpacked_size(PageBytes packed) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) fail("a dictionary is damaged");
  if (size != ZSTD_CONTENTSIZE_UNKNOWN) return static_cast<size_t>(std::min<uint64_t>(size, SIZE_MAX));
  // A writer that streams does not know it: the frame is unpacked once to learn it.
  std::vector<uint8_t> part(ZSTD_DStreamOutSize());
  ZSTD_DCtx_reset(&unpacker(), ZSTD_reset_session_only);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  size_t total = 0, left = 1;
  while (left != 0) {
    ZSTD_outBuffer out{part.data(), part.size(), 0};
    left = ZSTD_decompressStream(&unpacker(), &out, &in);
    total += out.pos;
    if (ZSTD_isError(left) || total > kMostPageBytes || (left != 0 && in.pos == in.size && out.pos == 0))
      fail("a dictionary is damaged");
  }
  return total;
}

std::span<uint8_t> ChunkPages::keep_dictionary(const parquet::DictionaryPage& page) {
  const PageBytes bytes(page.data(), static_cast<size_t>(page.size()));
  return unpacks_ ? unpack(bytes, unpacked_size(bytes), true) : copy(bytes, true);
}

LateBytes ChunkPages::late_dictionary(const parquet::DictionaryPage& page, std::span<uint8_t> room) {
  const PageBytes bytes(page.data(), static_cast<size_t>(page.size()));
  if (!unpacks_) return LateBytes(copy(bytes, true));
  const size_t size = unpacked_size(bytes);
  return late(bytes, room.size() == size ? room : make_room(size, true), 0);
}

ChunkPages::Stored ChunkPages::stored(const parquet::DataPage& page) const {
  PageBytes bytes(page.data(), static_cast<size_t>(page.size()));
  if (page.uncompressed_size() < 0) fail("a page has a negative size");
  auto size = static_cast<size_t>(page.uncompressed_size());
  if (page.type() == parquet::PageType::DATA_PAGE) return {{}, bytes, size, unpacks_};
  auto& second = static_cast<const parquet::DataPageV2&>(page);
  if (second.repetition_levels_byte_length() != 0 || second.definition_levels_byte_length() < 0)
    fail("a column without nesting has levels of it");
  const auto levels = static_cast<size_t>(second.definition_levels_byte_length());
  if (levels > bytes.size() || levels > size) fail("a page ends in its levels");
  return {bytes.first(levels), bytes.subspan(levels), size - levels, unpacks_ && second.is_compressed()};
}

ChunkPages::Data ChunkPages::read_data(const parquet::DataPage& page, bool keep) {
  const Stored stored = this->stored(page);
  return {stored.levels,
          stored.is_packed ? unpack(stored.values, stored.size, keep) : copy(stored.values, keep)};
}

ChunkPages::Data ChunkPages::read_codes(const parquet::DataPage& page, size_t number) {
  const Stored stored = this->stored(page);
  if (stored.is_packed)
    if (const auto same = find_repeated(page, stored.values, stored.size, number))
      return {stored.levels, *same};
  return read_data(page, false);
}

// Arrow's reader unpacks each page where the one before was.
ChunkPages::LateData ChunkPages::late_data(const parquet::DataPage& page, size_t number, size_t frame) {
  const Stored stored = this->stored(page);
  const PageBytes levels = unpacks_ ? stored.levels : copy(stored.levels, true);
  if (stored.is_packed) {
    if (const auto same = find_repeated(page, stored.values, stored.size, number))
      return {levels, LateBytes(*same)};
    return {levels, late(stored.values, make_room(stored.size, true), frame)};
  }
  return {levels, LateBytes(copy(stored.values, true))};
}

}  // namespace kqlc::archive
