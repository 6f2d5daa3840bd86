// SPDX-License-Identifier: Apache-2.0
//
// Digests of values: MD5, SHA-1 and SHA-256 of the text that tostring() gives, as hexadecimal; hash(), which
// is XXH64 of the bytes of a string or of the ticks of a datetime. In: scalars. Out: text or a long. What
// hash() gives for other types is not documented, so it takes no others. Sources: the page of each function.
#pragma once

#include "runtime/functions/function.h"

namespace kqlc::functions {

enum class Digest { Md5, Sha1, Sha256 };
Str digest_text(Digest digest, Str text, Arena& arena);

template <Digest digest>
struct DigestOf {
  static constexpr int kIndex = static_cast<int>(digest);
  static constexpr const char* kNames[3] = {"hash_md5", "hash_sha1", "hash_sha256"};
  static constexpr const char* kPages[3] = {"hash-md5-function", "hash-sha1-function",
                                            "hash-sha256-function"};
  static constexpr const char* kExamples[3][2] = {
      {"hash_md5('World') == 'f5a7924e621e84c9280a9a27e1bcb7f6'",
       "hash_md5(datetime(2020-01-01)) == '786c530672d1f8db31fee25ea8a9390b'"},
      {"hash_sha1('World') == '70c07ec18ef89c5309bbb0937f3a6342411e1fdd'",
       "hash_sha1(datetime(2020-01-01)) == 'e903e533f4d636b4fc0dcf3cf81e7b7f330de776'"},
      {"hash_sha256('World') == '78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524'",
       "hash_sha256(datetime(2020-01-01)) == "
       "'ba666752dc1a20eb750b0eb64e780cc4c968bc9fb8813461c1d7e750f302d71d'"}};
  static constexpr Spec spec{.name = kNames[kIndex],
                             .doc = "the digest of the value's text, in hexadecimal",
                             .page = kPages[kIndex],
                             .examples = {kExamples[kIndex][0], kExamples[kIndex][1]}};
  static Str call(Context& context, Text text) { return digest_text(digest, text, *context.arena); }
};

int64_t hash_of(Str bytes);
template <class T>
struct Hash {
  static constexpr const char* kExample = std::is_same_v<T, Str>
                                              ? "hash('World') == 1846988464401551951"
                                              : "hash(datetime(2015-01-01)) == 1380966698541616202";
  static constexpr Spec spec{.name = "hash",
                             .aliases = {"hash_xxhash64"},
                             .exact_arguments = true,
                             .doc = "XXH64 of the value",
                             .page = "hash-function",
                             .examples = {kExample}};
  static int64_t call(T value) {
    if constexpr (std::is_same_v<T, Str>) {
      return hash_of(value);
    } else {
      return hash_of({reinterpret_cast<const char*>(&value.ticks), sizeof value.ticks});
    }
  }
};

using HashFunctions =
    List<DigestOf<Digest::Md5>, DigestOf<Digest::Sha1>, DigestOf<Digest::Sha256>, Hash<Str>, Hash<DateTime>>;

}  // namespace kqlc::functions
