// SPDX-License-Identifier: Apache-2.0
//
// The border to zlib. In: base64 text. Out: text; a limit keeps hostile input from growing without bound.
#include "runtime/functions/compression.h"

#include <zlib.h>

#include <string>

#include "runtime/simd/unicode.h"

namespace kqlc::functions {

namespace {

constexpr size_t kMostUnpacked = size_t{64} << 20;

// The first three fields of a guid are little-endian in the bytes that .NET gives.
Guid with_turned_fields(Guid guid) {
  std::swap(guid.bytes[0], guid.bytes[3]);
  std::swap(guid.bytes[1], guid.bytes[2]);
  std::swap(guid.bytes[4], guid.bytes[5]);
  std::swap(guid.bytes[6], guid.bytes[7]);
  return guid;
}

}  // namespace

Str decompress_base64(Context& context, Str text, bool gzip) {
  Nullable<Str> packed = decode_base64(text, *context.arena);
  if (!packed.valid || packed.value.size == 0 || packed.value.size > UINT32_MAX) return {};
  z_stream stream{};
  constexpr int kWindowBits = 15, kGzipWrapper = 16;
  if (inflateInit2(&stream, gzip ? kWindowBits + kGzipWrapper : kWindowBits) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.value.data));
  stream.avail_in = static_cast<uInt>(packed.value.size);
  std::string out;
  char block[16384];
  int status = Z_OK;
  while (status == Z_OK && out.size() <= kMostUnpacked) {
    stream.next_out = reinterpret_cast<Bytef*>(block);
    stream.avail_out = sizeof block;
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(block, sizeof block - stream.avail_out);
  }
  inflateEnd(&stream);
  if (out.size() > kMostUnpacked) {
    context.fail("a packed text is larger than 64 MB");
    return {};
  }
  if (status != Z_STREAM_END || !simd::is_utf8(out)) return {};
  return context.arena->copy(std::string_view(out));
}

Nullable<Guid> Base64DecodeToGuid::call(Context& context, Str text) {
  Nullable<Str> bytes = decode_base64(text, *context.arena);
  if (!bytes.valid || bytes.value.size != sizeof(Guid)) return {};
  Guid guid;
  std::memcpy(guid.bytes, bytes.value.data, sizeof guid);
  return with_turned_fields(guid);
}

Str Base64EncodeFromGuid::call(Context& context, Guid value) {
  Guid turned = with_turned_fields(value);
  return encode_base64({reinterpret_cast<const char*>(turned.bytes), sizeof turned}, *context.arena);
}

Str Base64EncodeFromArray::call(Context& context, Dynamic bytes) {
  const dynamic::Node* array = array_of(bytes, *context.arena);
  if (!array) return {};
  std::string out;
  for (uint32_t i = 0; i < array->size; ++i) {
    const dynamic::Node& item = array->items[i];
    if (item.kind != dynamic::Kind::Long || item.l < 0 || item.l > 255) return {};
    out += static_cast<char>(item.l);
  }
  return encode_base64(std::string_view(out), *context.arena);
}

}  // namespace kqlc::functions
