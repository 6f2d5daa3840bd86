// SPDX-License-Identifier: Apache-2.0
//
// Statements, pipelines and their sources, and the token helpers of the parser. A query is statements
// separated by
// `;`; a pipeline is a source and operators, kept as one node however long it is.
#include <algorithm>

#include "compiler/syntax/parser.h"

namespace kqlc::syntax {

using source::Code;

bool Parser::at_any_word(std::initializer_list<std::string_view> words) const {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return at_word(word); });
}

bool Parser::take_symbol(std::string_view text) {
  if (!at_symbol(text)) return false;
  ++at_;
  return true;
}

bool Parser::take_word(std::string_view text) {
  if (!at_word(text)) return false;
  ++at_;
  return true;
}

void Parser::expect_symbol(std::string_view text) {
  if (!take_symbol(text)) fail("`" + std::string(text) + "`");
}

void Parser::expect_word(std::string_view text) {
  if (!take_word(text)) fail("`" + std::string(text) + "`");
}

namespace {

constexpr std::string_view kAfterPipe[] = {
    "where", "filter", "summarize", "project", "extend", "join",   "union",  "sort",     "order", "top",
    "take",  "limit",  "distinct",  "count",   "parse",  "render", "invoke", "evaluate", "lookup"};

bool is_after_pipe(const Token& token) {
  return token.kind == TokenKind::Name &&
         std::find(std::begin(kAfterPipe), std::end(kAfterPipe), token.text) != std::end(kAfterPipe);
}

// What people write who come from other languages, or leave out the pipe.
std::string hint_for(const Token& token, std::string_view expected) {
  if (expected.find("`|`") == std::string_view::npos) return "";
  if (token.kind == TokenKind::Symbol && token.text == "=")
    return "`==` compares, `=~` without regard to case";
  if (token.kind == TokenKind::Symbol && token.text == "&") return "write `and`";
  return is_after_pipe(token) ? "an operator follows a `|`: `| " + token.text + "`" : "";
}

}  // namespace

void Parser::fail(std::string_view expected) {
  if (failed_at_ == at_) return;
  failed_at_ = at_;
  std::string message = "expected " + std::string(expected);
  message += at_end() ? " before the end of the query" : " before `" + peek().text + "`";
  std::string hint = at_end() ? "" : hint_for(peek(), expected);
  if (expected.find("`;`") != std::string_view::npos && statement_follows())
    hint = "a statement ends with `;`";
  diagnostics_.add(Code::K0101, peek().span, message, hint);
}

bool Parser::statement_follows() const {
  if (at_any_word({"let", "set", "declare", "print"})) return peek(1).kind != TokenKind::Symbol;
  return peek().begins_line && peek().kind == TokenKind::Name && !is_after_pipe(peek());
}

void Parser::end_statement(size_t begin, std::string_view expected) {
  fail(expected);
  if (at_ > begin && statement_follows()) return;
  recover();
  if (at_symbol("|")) parse_pipe_from(add(Kind::Error, peek().span), peek().span.begin);
}

// Skips to the next `|`, `;` or closing bracket at this depth.
void Parser::recover() {
  int nesting = 0;
  for (; !at_end(); ++at_) {
    if (peek().kind != TokenKind::Symbol) continue;
    const std::string& text = peek().text;
    if (nesting == 0 && (text == "|" || text == ";" || text == ")" || text == "}")) return;
    if (text == "(" || text == "[" || text == "{") ++nesting;
    if (text == ")" || text == "]" || text == "}") nesting = std::max(0, nesting - 1);
  }
}

NodeId Parser::add(Kind kind, source::Span span, std::string text, std::vector<NodeId> children) {
  Node node;
  node.kind = kind;
  node.span = span;
  node.text = std::move(text);
  node.children = std::move(children);
  tree_.nodes.push_back(std::move(node));
  NodeId id = static_cast<NodeId>(tree_.nodes.size() - 1);
  heights_.push_back(0);
  note_height(id);
  return id;
}

void Parser::note_height(NodeId id) {
  uint32_t height = 1;
  for (NodeId child : tree_[id].children) height = std::max(height, heights_[child] + 1);
  if (height > kMaxHeight) {
    if (!at_end() || failed_at_ != at_)
      diagnostics_.add(Code::K0103, tree_[id].span, "the query is nested too deeply");
    give_up();
  }
  heights_[id] = height;
}

source::Span Parser::span_from(uint32_t begin) const {
  size_t taken = std::min(at_, tokens_.size());
  uint32_t end = taken > 0 ? tokens_[taken - 1].span.end : begin;
  return {begin, std::max(begin, end)};
}

SyntaxTree Parser::run() {
  std::vector<NodeId> statements;
  while (!at_end()) {
    if (take_symbol(";")) continue;
    size_t before = at_;
    statements.push_back(parse_statement());
    if (at_end() || at_symbol(";")) continue;
    end_statement(before, "`;` or `|`");
    if (at_symbol(")") || at_symbol("}") || at_ == before) ++at_;
  }
  uint32_t end = tokens_.back().span.end;
  if (statements.empty()) diagnostics_.add(Code::K0101, {0, end}, "the query is empty");
  tree_.root = add(Kind::Query, {0, end}, "", std::move(statements));
  return std::move(tree_);
}

NodeId Parser::parse_statement() {
  if (at_word("let") && peek(1).kind != TokenKind::Symbol) return parse_let();
  if (at_word("set") && peek(1).kind == TokenKind::Name) return parse_set();
  if (at_word("declare")) return parse_declare();
  if (at_word("alias") && at_word("database", 1)) return parse_opaque_statement();
  if (at_word("restrict") && at_word("access", 1)) return parse_opaque_statement();
  return parse_pipe();
}

NodeId Parser::parse_let() {
  uint32_t start = begin();
  ++at_;
  std::string name = peek().text;
  if (peek().kind != TokenKind::Name && peek().kind != TokenKind::BracketName) fail("a name after `let`");
  if (!at_end()) ++at_;
  expect_symbol("=");
  NodeId value = function_follows() ? parse_function() : parse_pipe();
  return add(Kind::Let, span_from(start), name, {value});
}

// `(` names with types `)` `{`, or `view (`.
bool Parser::function_follows() const {
  size_t i = at_word("view") && at_symbol("(", 1) ? 1 : 0;
  if (!at_symbol("(", i)) return false;
  int nesting = 0;
  for (size_t j = at_ + i; j < tokens_.size(); ++j) {
    const Token& token = tokens_[j];
    if (token.kind != TokenKind::Symbol) continue;
    if (token.text == "(") ++nesting;
    if (token.text == ";" || token.text == "|") return false;
    if (token.text == ")" && --nesting == 0)
      return j + 1 < tokens_.size() && tokens_[j + 1].kind == TokenKind::Symbol && tokens_[j + 1].text == "{";
  }
  return false;
}

NodeId Parser::parse_function() {
  uint32_t start = begin();
  std::string view = take_word("view") ? "view" : "";
  expect_symbol("(");
  std::vector<NodeId> children;
  while (!at_symbol(")") && !at_end()) {
    children.push_back(parse_param());
    if (!take_symbol(",")) break;
  }
  expect_symbol(")");
  children.push_back(parse_body());
  return add(Kind::Function, span_from(start), view, std::move(children));
}

NodeId Parser::parse_param() {
  uint32_t start = begin();
  std::string name = peek().text;
  if (peek().kind != TokenKind::Name && peek().kind != TokenKind::BracketName &&
      peek().kind != TokenKind::String)
    fail("a name");
  else
    ++at_;
  std::vector<NodeId> children;
  expect_symbol(":");
  children.push_back(parse_param_type());
  if (take_symbol("=")) children.push_back(parse_unary());
  return add(Kind::Param, span_from(start), name, std::move(children));
}

NodeId Parser::parse_param_type() {
  if (at_symbol("(")) return parse_schema();
  uint32_t start = begin();
  if (peek().kind != TokenKind::Name) {
    fail("a type");
    return add(Kind::Error, peek().span);
  }
  std::string type = peek().text;
  ++at_;
  return add(Kind::TypeName, span_from(start), type);
}

NodeId Parser::parse_schema() {
  Depth depth(*this);
  if (too_deep()) return add(Kind::Error, peek().span);
  uint32_t start = begin();
  expect_symbol("(");
  std::vector<NodeId> columns;
  std::string open;
  while (!at_symbol(")") && !at_end()) {
    if (take_symbol("*")) {
      open = "*";
    } else {
      columns.push_back(parse_param());
    }
    if (!take_symbol(",")) break;
  }
  expect_symbol(")");
  return add(Kind::Schema, span_from(start), open, std::move(columns));
}

NodeId Parser::parse_body() {
  Depth depth(*this);
  uint32_t start = begin();
  std::vector<NodeId> statements;
  expect_symbol("{");
  while (!too_deep() && !at_symbol("}") && !at_end()) {
    if (take_symbol(";")) continue;
    size_t before = at_;
    statements.push_back(parse_statement());
    if (at_symbol("}") || at_symbol(";")) continue;
    end_statement(before, "`;` or `}`");
    if (at_ == before) ++at_;
  }
  expect_symbol("}");
  return add(Kind::Body, span_from(start), "", std::move(statements));
}

NodeId Parser::parse_set() {
  uint32_t start = begin();
  ++at_;
  std::string option = peek().text;
  if (!at_end()) ++at_;
  std::vector<NodeId> children;
  if (take_symbol("=")) children.push_back(parse_unary());
  return add(Kind::Set, span_from(start), option, std::move(children));
}

NodeId Parser::parse_declare() {
  uint32_t start = begin();
  ++at_;
  std::string what = peek().text;
  if (what != "query_parameters") return parse_opaque_statement();
  ++at_;
  expect_symbol("(");
  std::vector<NodeId> params;
  while (!at_symbol(")") && !at_end()) {
    params.push_back(parse_param());
    if (!take_symbol(",")) break;
  }
  expect_symbol(")");
  return add(Kind::Declare, span_from(start), what, std::move(params));
}

// A statement that only administrators write: recognised as a whole, up to its `;`.
NodeId Parser::parse_opaque_statement() {
  uint32_t start = begin();
  std::string what = peek().text;
  int nesting = 0;
  for (; !at_end(); ++at_) {
    if (at_symbol("{") || at_symbol("(")) ++nesting;
    if (at_symbol("}") || at_symbol(")")) --nesting;
    if (at_symbol(";") && nesting <= 0) break;
  }
  return add(Kind::Statement, span_from(start), what);
}

NodeId Parser::parse_pipe() {
  Depth depth(*this);
  if (too_deep()) return add(Kind::Error, peek().span);
  uint32_t start = begin();
  NodeId source = parse_source();
  return at_symbol("|") ? parse_pipe_from(source, start) : source;
}

NodeId Parser::parse_pipe_from(NodeId source, uint32_t start) {
  std::vector<NodeId> children{source};
  while (take_symbol("|")) {
    children.push_back(parse_operator());
    if (!at_symbol("|") && !at_symbol(";") && !at_symbol(")") && !at_symbol("}") && !at_symbol(",") &&
        !at_end()) {
      fail("`|` or `;`");
      if (statement_follows() && depth_ == 1) break;
      recover();
    }
  }
  return add(Kind::Pipe, span_from(start), "", std::move(children));
}

// A source is an operator that begins a pipeline, or an expression (a table name, a call, brackets).
NodeId Parser::parse_source() {
  size_t count = 0;
  std::string word = hyphenated_word(count);
  bool brackets_next =
      at_symbol("(", count) || at_symbol("=", count) || at_symbol("|", count) || at_symbol(";", count);
  bool source = word == "print" || word == "union" || word == "find" || word == "search" ||
                word == "evaluate" || (word == "range" && peek(1).kind == TokenKind::Name) ||
                word == "macro-expand" || ((word == "datatable" || word == "externaldata") && brackets_next);
  if (word == "print" || word == "union" || word == "search" || word == "find") {
    // A column or table may bear such a name; the operator is followed by an operand.
    source = !at_symbol("|", count) && !at_symbol(";", count) && !at_symbol(",", count) &&
             !at_symbol(")", count) && peek(count).kind != TokenKind::End;
  }
  if (source) {
    uint32_t start = begin();
    at_ += count;
    return parse_operator_body(word, start);
  }
  return parse_expression();
}

SyntaxTree parse(std::string_view query, source::Diagnostics& diagnostics) {
  return Parser(lex(query, diagnostics), diagnostics).run();
}

}  // namespace kqlc::syntax
