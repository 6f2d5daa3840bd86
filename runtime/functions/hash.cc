// SPDX-License-Identifier: Apache-2.0
//
// The border to libmd (MD5, SHA-1, SHA-256) and xxHash. In: bytes. Out: hexadecimal text, or 64 bits.
#include "runtime/functions/hash.h"

#include <md5.h>
#include <sha.h>
#include <sha256.h>
#include <xxhash.h>

namespace kqlc::functions {

namespace {

Str hexadecimal(const uint8_t* bytes, size_t size, Arena& arena) {
  static constexpr char kDigits[] = "0123456789abcdef";
  char* out = arena.allocate_array<char>(size * 2);
  for (size_t i = 0; i < size; ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return {out, size * 2};
}

}  // namespace

Str digest_text(Digest digest, Str text, Arena& arena) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data ? text.data : "");
  uint8_t out[SHA256_DIGEST_LENGTH];
  switch (digest) {
    case Digest::Md5: {
      MD5_CTX state;
      MD5Init(&state);
      MD5Update(&state, bytes, text.size);
      MD5Final(out, &state);
      return hexadecimal(out, MD5_DIGEST_LENGTH, arena);
    }
    case Digest::Sha1: {
      SHA1_CTX state;
      SHA1Init(&state);
      SHA1Update(&state, bytes, text.size);
      SHA1Final(out, &state);
      return hexadecimal(out, SHA1_DIGEST_LENGTH, arena);
    }
    case Digest::Sha256: {
      SHA256_CTX state;
      SHA256_Init(&state);
      SHA256_Update(&state, bytes, text.size);
      SHA256_Final(out, &state);
      return hexadecimal(out, SHA256_DIGEST_LENGTH, arena);
    }
  }
  return {};
}

int64_t hash_of(Str bytes) {
  return static_cast<int64_t>(XXH64(bytes.data ? bytes.data : "", bytes.size, 0));
}

}  // namespace kqlc::functions
