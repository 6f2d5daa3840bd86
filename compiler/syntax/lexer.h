// SPDX-License-Identifier: Apache-2.0
//
// Text to tokens. In: a query. Out: tokens with byte spans, string literals decoded, typed literals such as
// `datetime(2024-01-01)` as one token; diagnostics for what is no token. The last token is End.
// Source: KQL "Scalar data types", "Entity names".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/source/diagnostic.h"

namespace kqlc::syntax {

enum class TokenKind {
  Name,          // identifier or keyword
  BracketName,   // ['any text']: text is decoded
  String,        // text is decoded
  Long,          // 12, 0x1f
  Real,          // 1.5, 1e3
  TimeSpan,      // 1d, 1.5h
  TypedLiteral,  // name(raw): text is the raw inside, `type` the name
  Symbol,        // punctuation and operators: "==", "|", ...
  End,
};

struct Token {
  TokenKind kind = TokenKind::End;
  source::Span span;
  std::string text;
  std::string type;           // of a TypedLiteral
  bool blank_before = false;  // white space or a comment stands before it
  bool begins_line = false;   // nothing else stands before it on its line
};

std::vector<Token> lex(std::string_view query, source::Diagnostics& diagnostics);

}  // namespace kqlc::syntax
