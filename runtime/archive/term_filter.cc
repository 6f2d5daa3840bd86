// SPDX-License-Identifier: Apache-2.0
//
// What is read is checked before anything follows it: sizes against the file's, bytes against their sums.
#include "runtime/archive/term_filter.h"

#include <xxhash.h>

#include <cstring>
#include <filesystem>

#include "runtime/functions/convert.h"

namespace kqlc::archive {
namespace {

constexpr std::string_view kMagic = "kqlcterm";
// To be raised whenever the same texts give other bits, or tostring() other texts.
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 16;
constexpr size_t kEntryBytes = 24;  // without the name
constexpr size_t kMostDirectoryBytes = size_t{1} << 24;

template <class Number>
void append(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

template <class Number>
Number number_at(std::string_view bytes, size_t place) {
  Number number;
  std::memcpy(&number, bytes.data() + place, sizeof number);
  return number;
}

uint64_t sum_of(std::string_view bytes, uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::string_view view(TextBuffer& buffer) { return {buffer.data(), buffer.size()}; }

}  // namespace

std::string terms_path(const std::string& chunk) {
  std::filesystem::path path(chunk);
  return path.replace_filename("_" + path.filename().string() + ".terms").string();
}

void TermFilterWriter::add(Type type, std::string_view text) {
  if (type != Type::Dynamic || text.empty()) return collector_.add(text);
  collector_.add(functions::text_of<Dynamic>(dynamic::lazy(Str(text), arena_), arena_).view());
  arena_.reset();
}

void TermFilterWriter::end_column(const std::string& name, Type type) {
  Entry& entry = entries_.emplace_back();
  entry.name = name;
  entry.type = type;
  entry.place = bits_.size();
  entry.bits = collector_.finish(bits_);
  entry.checksum = sum_of(std::string_view(bits_).substr(entry.place));
}

std::string TermFilterWriter::finish(uint64_t chunk_bytes, uint64_t* number) {
  size_t directory_bytes = 0;
  for (const Entry& entry : entries_) directory_bytes += kEntryBytes + entry.name.size();
  std::string directory;
  for (const Entry& entry : entries_) {
    append(directory, static_cast<uint32_t>(entry.name.size()));
    append(directory, static_cast<uint8_t>(entry.type));
    append(directory, entry.bits.terms_log2);
    append(directory, entry.bits.grams_log2);
    append(directory, uint8_t{0});
    append(directory, kHeaderBytes + directory_bytes + entry.place);
    append(directory, entry.checksum);
    directory += entry.name;
  }
  *number = sum_of(directory, chunk_bytes);
  std::string out(kMagic);
  append(out, kVersion);
  append(out, static_cast<uint32_t>(directory_bytes));
  out += directory + bits_;
  entries_.clear();
  bits_.clear();
  return out;
}

bool ChunkTerms::may_hold(const std::string& name, Type type, const simd::Condition& condition) {
  if (!is_open_) open();
  auto column = columns_.find(name);
  if (column == columns_.end() || column->second.type != type) return true;
  const TermBits* bits = bits_of(column->second);
  return !bits || bits->may_hold(condition);
}

void ChunkTerms::open() {
  is_open_ = true;
  if (!chunk_.statistics || !chunk_.statistics->terms) return;
  auto file = PlainFile::open(terms_path(chunk_.path));
  if (!file.ok()) return;
  file_ = std::move(file).value();
  TextBuffer header, directory;
  if (!read_at(0, kHeaderBytes, header) || !view(header).starts_with(kMagic)) return;
  const auto bytes = number_at<uint32_t>(view(header), 12);
  if (number_at<uint32_t>(view(header), 8) != kVersion || bytes > kMostDirectoryBytes) return;
  if (!read_at(kHeaderBytes, bytes, directory)) return;
  if (sum_of(view(directory), chunk_.bytes) != chunk_.statistics->terms || !read_directory(view(directory)))
    columns_.clear();
}

bool ChunkTerms::read_directory(std::string_view directory) {
  while (!directory.empty()) {
    if (directory.size() < kEntryBytes) return false;
    const auto name_bytes = number_at<uint32_t>(directory, 0);
    if (directory.size() - kEntryBytes < name_bytes) return false;
    Column column;
    column.type = static_cast<Type>(directory[4]);
    column.bits.terms_log2 = static_cast<uint8_t>(directory[5]);
    column.bits.grams_log2 = static_cast<uint8_t>(directory[6]);
    column.place = number_at<uint64_t>(directory, 8);
    column.checksum = number_at<uint64_t>(directory, 16);
    auto fits = [](uint8_t log2, uint8_t most) { return log2 >= kLeastLog2 && log2 <= most; };
    if (!fits(column.bits.terms_log2, kMostTermsLog2) || !fits(column.bits.grams_log2, kMostGramsLog2))
      return false;
    columns_.emplace(directory.substr(kEntryBytes, name_bytes), std::move(column));
    directory.remove_prefix(kEntryBytes + name_bytes);
  }
  return true;
}

const TermBits* ChunkTerms::bits_of(Column& column) {
  if (!column.is_read) {
    column.is_read = true;
    column.is_known = read_at(column.place, column.bits.size(), column.bytes) &&
                      sum_of(view(column.bytes)) == column.checksum;
    column.bits.terms = column.bytes.data();
    column.bits.grams = column.bytes.data() + (size_t{1} << column.bits.terms_log2) / 8;
  }
  return column.is_known ? &column.bits : nullptr;
}

bool ChunkTerms::read_at(uint64_t place, size_t size, TextBuffer& bytes) const {
  return file_->extend(place, size, bytes).ok() && bytes.size() == size;
}

}  // namespace kqlc::archive
