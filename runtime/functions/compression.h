// SPDX-License-Identifier: Apache-2.0
//
// Text packed as base64 of gzip or zlib data, and guids and bytes as base64. In: base64 text, guids, arrays
// of bytes. Out: text, guids. What does not decode gives the empty text or null. Sources: the page of each
// function.
#pragma once

#include "runtime/functions/encoding.h"
#include "runtime/functions/function.h"

namespace kqlc::functions {

// The text that base64 text of gzip (or zlib) data holds; empty when it is none.
Str decompress_base64(Context& context, Str text, bool gzip);

template <bool gzip>
struct Decompress {
  static constexpr Spec spec{
      .name = gzip ? "gzip_decompress_from_base64_string" : "zlib_decompress_from_base64_string",
      .may_fail = true,
      .doc = "the text that was packed and written as base64",
      .page = gzip ? "gzip-base64-decompress" : "zlib-base64-decompress-function",
      .examples = {
          gzip
              ? "gzip_decompress_from_base64_string('H4sIAAAAAAAA/wEUAOv/"
                "MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A6m7f2FAAAAA==') == '1234567890qwertyuiop'"
              : "zlib_decompress_from_base64_string('eJwLSS0uUSguKcrMS1cwNDIGACxqBQ4=') == 'Test string 123'",
          gzip ? "gzip_decompress_from_base64_string('x0x0x0') == ''"
               : "zlib_decompress_from_base64_string('x0x0x0') == ''"}};
  static Str call(Context& context, Str text) { return decompress_base64(context, text, gzip); }
};
struct Base64DecodeToGuid {
  static constexpr Spec spec{
      .name = "base64_decode_toguid",
      .doc = "the guid whose bytes base64 text holds",
      .page = "base64-decode-toguid-function",
      .examples = {
          "base64_decode_toguid('JpbpECu8dUy7Pv5gbeJXAA==') == guid(10e99626-bc2b-4c75-bb3e-fe606de25700)",
          "isnull(base64_decode_toguid('abc'))"}};
  static Nullable<Guid> call(Context& context, Str text);
};
struct Base64EncodeFromGuid {
  static constexpr Spec spec{.name = "base64_encode_fromguid",
                             .doc = "the bytes of a guid as base64",
                             .page = "base64-encode-fromguid-function",
                             .examples = {"base64_encode_fromguid(guid(10e99626-bc2b-4c75-bb3e-fe606de25700))"
                                          " == 'JpbpECu8dUy7Pv5gbeJXAA=='"}};
  static Str call(Context& context, Guid value);
};
struct Base64EncodeFromArray {
  static constexpr Spec spec{
      .name = "base64_encode_fromarray",
      .doc = "an array of bytes as base64",
      .page = "base64-encode-fromarray-function",
      .examples = {"base64_encode_fromarray(base64_decode_toarray('S3VzdG8=')) == 'S3VzdG8='"}};
  static Str call(Context& context, Dynamic bytes);
};

using CompressionFunctions = List<Decompress<true>, Decompress<false>, Base64DecodeToGuid,
                                  Base64EncodeFromGuid, Base64EncodeFromArray>;

}  // namespace kqlc::functions
