// SPDX-License-Identifier: Apache-2.0
//
// One pass over the bytes. Names may begin with digits where they are no number ("3com"); `!in`, `in~` and
// their like are put together by the parser from a symbol and a name.
#include "compiler/syntax/lexer.h"

#include <algorithm>
#include <array>
#include <optional>

namespace kqlc::syntax {

namespace {

using source::Code;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }

constexpr std::array<std::string_view, 17> kTypedLiterals = {
    "datetime", "date", "timespan", "time", "guid",    "uniqueid", "int",   "int32", "long",
    "int64",    "real", "double",   "bool", "decimal", "boolean",  "float", "uuid"};
constexpr std::array<std::string_view, 31> kUnits = {"d",
                                                     "day",
                                                     "days",
                                                     "h",
                                                     "hr",
                                                     "hrs",
                                                     "hour",
                                                     "hours",
                                                     "m",
                                                     "min",
                                                     "minute",
                                                     "minutes",
                                                     "s",
                                                     "sec",
                                                     "second",
                                                     "seconds",
                                                     "ms",
                                                     "milli",
                                                     "millis",
                                                     "millisecond",
                                                     "milliseconds",
                                                     "micro",
                                                     "micros",
                                                     "microsecond",
                                                     "microseconds",
                                                     "nano",
                                                     "nanos",
                                                     "nanosecond",
                                                     "nanoseconds",
                                                     "tick",
                                                     "ticks"};
// Longest first.
constexpr std::array<std::string_view, 18> kSymbols = {"--[", "]->", "<|", "==", "!=", "<>",
                                                       "<=",  ">=",  "=~", "!~", "=>", "..",
                                                       "<-",  "->",  "--", "-[", "]-", "::"};

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 63));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 63));
    out += static_cast<char>(0x80 | (code & 63));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 63));
    out += static_cast<char>(0x80 | (code >> 6 & 63));
    out += static_cast<char>(0x80 | (code & 63));
  }
}

class Lexer {
 public:
  Lexer(std::string_view text, source::Diagnostics& diagnostics) : text_(text), diagnostics_(diagnostics) {}

  std::vector<Token> run() {
    while (true) {
      size_t end_of_last = at_;
      bool blank = skip_blanks();
      size_t start = at_;
      Token token = at_ < text_.size() ? next() : Token{};
      token.span = {static_cast<uint32_t>(start), static_cast<uint32_t>(at_)};
      token.blank_before = blank;
      token.begins_line =
          start == 0 || text_.substr(end_of_last, start - end_of_last).find('\n') != std::string_view::npos;
      tokens_.push_back(std::move(token));
      if (tokens_.back().kind == TokenKind::End && at_ >= text_.size()) return std::move(tokens_);
      if (tokens_.back().kind == TokenKind::End) tokens_.pop_back();
    }
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  bool skip_blanks() {
    size_t start = at_;
    while (at_ < text_.size()) {
      unsigned char c = static_cast<unsigned char>(text_[at_]);
      if (c == '/' && peek(1) == '/') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c <= ' ') {
        ++at_;
      } else if (c == 0xC2 && static_cast<unsigned char>(peek(1)) == 0xA0) {  // no-break space
        at_ += 2;
      } else if (c == 0xE2 && static_cast<unsigned char>(peek(1)) == 0x80 &&
                 (static_cast<unsigned char>(peek(2)) & 0xF0) == 0x80) {  // U+2000 to U+200F
        at_ += 3;
      } else if (c == 0xEF && static_cast<unsigned char>(peek(1)) == 0xBB &&
                 static_cast<unsigned char>(peek(2)) == 0xBF) {  // byte order mark
        at_ += 3;
      } else {
        break;
      }
    }
    return at_ > start || start == 0;
  }

  Token next() {
    char c = peek();
    if (auto token = string_literal()) return *std::move(token);
    if (at_typographic_quote()) return typographic_string();
    if (is_digit(c)) return number();
    if (c == '[' && bracket_name_follows()) return bracket_name();
    if (is_name_start(c)) return name();
    for (std::string_view symbol : kSymbols)
      if (text_.substr(at_, symbol.size()) == symbol) {
        if ((symbol == "--" || symbol == "-[" || symbol == "]-" || symbol == "--[" || symbol == "]->" ||
             symbol == "->" || symbol == "<-" || symbol == "::"))
          continue;  // graph patterns are read from single symbols
        at_ += symbol.size();
        return {TokenKind::Symbol, {}, std::string(symbol), "", false};
      }
    ++at_;
    if (std::string_view("|;,()[]{}=<>+-*/%.:!?@~#&^\\").find(c) == std::string_view::npos) {
      diagnostics_.add(Code::K0101, {static_cast<uint32_t>(at_ - 1), static_cast<uint32_t>(at_)},
                       "unexpected character in the query");
      return {};
    }
    return {TokenKind::Symbol, {}, std::string(1, c), "", false};
  }

  // U+2018, U+2019, U+201C, U+201D: what word processors make of quotes. A name cannot begin with one.
  bool at_typographic_quote() const {
    std::string_view here = text_.substr(at_, 3);
    return here == "\u2018" || here == "\u2019" || here == "\u201C" || here == "\u201D";
  }

  // Says what is wrong and goes on as if it were a string literal up to the next such quote of the line.
  Token typographic_string() {
    size_t start = at_;
    diagnostics_.add(Code::K0101, {static_cast<uint32_t>(start), static_cast<uint32_t>(start + 3)},
                     "a typographic quote does not begin a string", "write a straight quote: `\"` or `'`");
    at_ += 3;
    size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '\n' && !at_typographic_quote()) ++at_;
    std::string value(text_.substr(begin, at_ - begin));
    if (at_typographic_quote()) at_ += 3;
    return {TokenKind::String, {}, std::move(value), "", false};
  }

  Token name() {
    size_t start = at_;
    while (is_name_char(peek())) ++at_;
    std::string_view word = text_.substr(start, at_ - start);
    if (std::find(kTypedLiterals.begin(), kTypedLiterals.end(), word) != kTypedLiterals.end()) {
      size_t open = at_;
      while (open < text_.size() && text_[open] == ' ') ++open;
      if (open < text_.size() && text_[open] == '(') return typed_literal(word, open);
    }
    return {TokenKind::Name, {}, std::string(word), "", false};
  }

  // `datetime( ... )`: everything up to the bracket that closes it, quotes respected.
  Token typed_literal(std::string_view word, size_t open) {
    size_t close = open + 1;
    int depth = 1;
    for (; close < text_.size(); ++close) {
      char c = text_[close];
      if (c == '"' || c == '\'') {
        size_t end = text_.find(c, close + 1);
        close = std::min(end, text_.size());  // an open quote leaves the bracket open too
        if (close == text_.size()) break;
      } else if (c == '(') {
        ++depth;
      } else if (c == ')' && --depth == 0) {
        break;
      }
    }
    if (close >= text_.size()) {
      diagnostics_.add(Code::K0102, {static_cast<uint32_t>(open), static_cast<uint32_t>(open + 1)},
                       "bracket of the literal is not closed");
      at_ = text_.size();
      return {TokenKind::TypedLiteral, {}, "", std::string(word), false};
    }
    std::string_view inside = text_.substr(open + 1, close - open - 1);
    while (!inside.empty() && static_cast<unsigned char>(inside.front()) <= ' ') inside.remove_prefix(1);
    while (!inside.empty() && static_cast<unsigned char>(inside.back()) <= ' ') inside.remove_suffix(1);
    at_ = close + 1;
    return {TokenKind::TypedLiteral, {}, std::string(inside), std::string(word), false};
  }

  Token number() {
    size_t start = at_;
    if (peek() == '0' && (peek(1) | 32) == 'x') {
      at_ += 2;
      while (is_name_char(peek())) ++at_;
      return {TokenKind::Long, {}, std::string(text_.substr(start, at_ - start)), "", false};
    }
    while (is_digit(peek())) ++at_;
    bool real = false;
    if (peek() == '.' && is_digit(peek(1))) {
      real = true;
      ++at_;
      while (is_digit(peek())) ++at_;
    } else if (peek() == '.' && peek(1) != '.' && !is_name_start(peek(1))) {
      real = true;  // "1."
      ++at_;
    }
    size_t sign = (peek(1) == '-' || peek(1) == '+') ? 2 : 1;
    if ((peek() | 32) == 'e' && is_digit(peek(sign))) {
      real = true;
      at_ += sign;
      while (is_digit(peek())) ++at_;
    }
    size_t digits_end = at_;
    while (is_name_char(peek())) ++at_;
    std::string_view suffix = text_.substr(digits_end, at_ - digits_end);
    TokenKind kind = real ? TokenKind::Real : TokenKind::Long;
    if (!suffix.empty())
      kind = std::find(kUnits.begin(), kUnits.end(), suffix) != kUnits.end() ? TokenKind::TimeSpan
                                                                             : TokenKind::Name;
    if (kind == TokenKind::Name && real) {
      at_ = digits_end;
      kind = TokenKind::Real;
    }
    return {kind, {}, std::string(text_.substr(start, at_ - start)), "", false};
  }

  bool bracket_name_follows() const {
    size_t i = at_ + 1;
    while (i < text_.size() && text_[i] == ' ') ++i;
    if (i >= text_.size() || (text_[i] != '\'' && text_[i] != '"')) return false;
    size_t close = text_.find(text_[i], i + 1);
    if (close == std::string_view::npos) return false;
    size_t after = close + 1;
    while (after < text_.size() && text_[after] == ' ') ++after;
    if (after >= text_.size() || text_[after] != ']') return false;
    // After a value it is an index (a["b"]); a name begins an operand.
    if (tokens_.empty()) return true;
    const Token& last = tokens_.back();
    bool value_before = last.kind == TokenKind::Name || last.kind == TokenKind::BracketName ||
                        (last.kind == TokenKind::Symbol && (last.text == ")" || last.text == "]"));
    return !value_before || (last.span.end != at_ && last.kind == TokenKind::Name);
  }

  Token bracket_name() {
    size_t start = at_;
    ++at_;
    skip_blanks();
    Token token = string_literal().value_or(Token{});
    token.kind = TokenKind::BracketName;
    skip_blanks();
    if (peek() == ']') {
      ++at_;
    } else {  // an escaped quote stood before the bracket that bracket_name_follows saw
      diagnostics_.add(Code::K0102, {static_cast<uint32_t>(start), static_cast<uint32_t>(at_)},
                       "bracketed name is not closed");
    }
    return token;
  }

  std::optional<Token> string_literal() {
    size_t start = at_, i = at_;
    if ((text_[i] | 32) == 'h' && i + 1 < text_.size()) ++i;
    bool verbatim = i < text_.size() && text_[i] == '@';
    if (verbatim) ++i;
    if (i >= text_.size()) return std::nullopt;
    for (std::string_view fence : {"```", "~~~"})
      if (!verbatim && text_.substr(i, 3) == fence) return fenced(fence, i, start);
    char quote = text_[i];
    if (quote != '"' && quote != '\'') return std::nullopt;
    at_ = i + 1;
    return verbatim ? verbatim_string(quote, start) : escaped_string(quote, start);
  }

  Token fenced(std::string_view fence, size_t open, size_t start) {
    size_t close = text_.find(fence, open + 3);
    if (close == std::string_view::npos) return unterminated(start, text_.size());
    at_ = close + 3;
    return {TokenKind::String, {}, std::string(text_.substr(open + 3, close - open - 3)), "", false};
  }

  Token unterminated(size_t start, size_t end) {
    at_ = end;
    diagnostics_.add(Code::K0102, {static_cast<uint32_t>(start), static_cast<uint32_t>(end)},
                     "string literal is not terminated");
    return {TokenKind::String, {}, "", "", false};
  }

  Token verbatim_string(char quote, size_t start) {
    std::string out;
    for (; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == quote) {
        if (peek(1) != quote) {
          ++at_;
          return {TokenKind::String, {}, std::move(out), "", false};
        }
        ++at_;
      }
      out += text_[at_];
    }
    return unterminated(start, at_);
  }

  Token escaped_string(char quote, size_t start) {
    std::string out;
    while (at_ < text_.size() && text_[at_] != '\n') {
      char c = text_[at_++];
      if (c == quote) return {TokenKind::String, {}, std::move(out), "", false};
      if (c != '\\') {
        out += c;
      } else if (!escape(out)) {
        diagnostics_.add(Code::K0102, {static_cast<uint32_t>(at_ - 1), static_cast<uint32_t>(at_)},
                         "unknown escape in a string literal", "write `\\\\` for a backslash, or `@\"...\"`");
      }
    }
    return unterminated(start, at_);
  }

  std::optional<uint32_t> hex(int digits) {
    uint32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      char c = peek(static_cast<size_t>(i)), lower = static_cast<char>(c | 32);
      if (is_digit(c)) {
        value = value * 16 + static_cast<uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value * 16 + static_cast<uint32_t>(lower - 'a' + 10);
      } else {
        return std::nullopt;
      }
    }
    at_ += static_cast<size_t>(digits);
    return value;
  }

  bool escape(std::string& out) {
    if (at_ >= text_.size() || peek() == '\n') return false;  // the caller reports where the literal ends
    char c = peek();
    ++at_;
    switch (c) {
      case 'a':
        out += '\a';
        return true;
      case 'b':
        out += '\b';
        return true;
      case 'f':
        out += '\f';
        return true;
      case 'n':
        out += '\n';
        return true;
      case 'r':
        out += '\r';
        return true;
      case 't':
        out += '\t';
        return true;
      case 'v':
        out += '\v';
        return true;
      case '\\':
      case '"':
      case '\'':
        out += c;
        return true;
      default:
        break;
    }
    if (c >= '0' && c <= '7') {
      uint32_t value = static_cast<uint32_t>(c - '0');
      for (int i = 0; i < 2 && peek() >= '0' && peek() <= '7'; ++i)
        value = value * 8 + static_cast<uint32_t>(text_[at_++] - '0');
      append_utf8(out, value);
      return true;
    }
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    auto code = digits ? hex(digits) : std::nullopt;
    if (!code || *code > 0x10FFFF) return false;
    append_utf8(out, *code);
    return true;
  }

  std::string_view text_;
  source::Diagnostics& diagnostics_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex(std::string_view query, source::Diagnostics& diagnostics) {
  return Lexer(query, diagnostics).run();
}

}  // namespace kqlc::syntax
