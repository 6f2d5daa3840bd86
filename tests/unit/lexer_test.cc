// SPDX-License-Identifier: Apache-2.0
//
// Lexer: literals in all spellings, and hostile bytes. Every span must stay inside the query whatever the
// bytes are.
#include "compiler/syntax/lexer.h"

#include <gtest/gtest.h>

namespace kqlc::syntax {
namespace {

struct Lexed {
  source::Diagnostics diagnostics;
  std::vector<Token> tokens;
};

Lexed lexed(std::string_view query) {
  Lexed out;
  out.tokens = lex(query, out.diagnostics);
  for (const Token& token : out.tokens) {
    EXPECT_LE(token.span.begin, token.span.end) << query;
    EXPECT_LE(token.span.end, query.size()) << query;
  }
  for (const source::Diagnostic& diagnostic : out.diagnostics.all())
    EXPECT_LE(diagnostic.span.end, query.size()) << query;
  EXPECT_EQ(out.tokens.back().kind, TokenKind::End);
  return out;
}

void expect_one(std::string_view query, TokenKind kind, std::string_view text) {
  Lexed out = lexed(query);
  EXPECT_FALSE(out.diagnostics.has_errors()) << query;
  ASSERT_EQ(out.tokens.size(), 2u) << query;
  EXPECT_EQ(out.tokens[0].kind, kind) << query;
  EXPECT_EQ(out.tokens[0].text, text) << query;
}

TEST(Lexer, StringSpellings) {
  expect_one(R"("a\tb")", TokenKind::String, "a\tb");
  expect_one(R"('a"b')", TokenKind::String, "a\"b");
  expect_one(R"(@"c:\x""y")", TokenKind::String, "c:\\x\"y");
  expect_one(R"(h@'a\b')", TokenKind::String, "a\\b");
  expect_one(R"(H"secret")", TokenKind::String, "secret");
  expect_one("```a\n\"b```", TokenKind::String, "a\n\"b");
  expect_one("~~~a\nb~~~", TokenKind::String, "a\nb");
  expect_one(R"("\u00e9\x41\101")", TokenKind::String,
             "\xC3\xA9"
             "AA");
}

TEST(Lexer, NumbersAndTimeSpans) {
  expect_one("0x1F", TokenKind::Long, "0x1F");
  expect_one("1.5e-3", TokenKind::Real, "1.5e-3");
  expect_one("1.5h", TokenKind::TimeSpan, "1.5h");
  expect_one("100ticks", TokenKind::TimeSpan, "100ticks");
  EXPECT_EQ(lexed("1..2").tokens.size(), 4u);
}

TEST(Lexer, TypedLiteralsAndBracketNames) {
  Lexed out = lexed("datetime( 2024-01-01 )");
  ASSERT_EQ(out.tokens.size(), 2u);
  EXPECT_EQ(out.tokens[0].type, "datetime");
  EXPECT_EQ(out.tokens[0].text, "2024-01-01");
  expect_one("['a b']", TokenKind::BracketName, "a b");
}

TEST(Lexer, UnterminatedLiteralsAreReportedInsideTheQuery) {
  for (std::string_view query :
       {"\"abc", "'abc\\", "\"", "@\"a\"\"", "```a``", "h@'", "datetime(2024", "int('", "['a\\']",
        "[\"a\\\"]", "'\\u12", "'\\x", "'\\U00110000'", "'\\\n'"})
    EXPECT_TRUE(lexed(query).diagnostics.has_errors()) << query;
}

TEST(Lexer, TruncatedUtf8AndNulBytes) {
  using std::string_view_literals::operator""sv;
  for (std::string_view query : {"\xEF\xBB"sv, "\xEF\xBB\xBF"sv, "a\xC2"sv, "a \xE2\x80"sv, "\0\0"sv,
                                 "\xFF"sv, "1e"sv, "0x"sv, "h"sv, "@"sv, "[ '"sv, "//"sv, "/"sv, "!"sv})
    lexed(query);
}

TEST(Lexer, ALetterThatBeginsLikeTheByteOrderMarkIsKept) {
  expect_one("\xEF\xBB\x80", TokenKind::Name, "\xEF\xBB\x80");
}

}  // namespace
}  // namespace kqlc::syntax
