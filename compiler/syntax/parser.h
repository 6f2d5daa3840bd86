// SPDX-License-Identifier: Apache-2.0
//
// The parser's state, shared by the parse_*.cc files. In: tokens. Out: nodes of a SyntaxTree. Recursive
// descent with a depth limit; chains are loops. After an error the parser goes on at the next `|` or `;`, so
// that one run finds several mistakes.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/syntax/lexer.h"
#include "compiler/syntax/tree.h"

namespace kqlc::syntax {

class Parser {
 public:
  Parser(std::vector<Token> tokens, source::Diagnostics& diagnostics)
      : tokens_(std::move(tokens)), diagnostics_(diagnostics) {}

  SyntaxTree run();

 private:
  // Tokens
  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool at_end() const { return peek().kind == TokenKind::End; }
  bool at_symbol(std::string_view text, size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::Symbol && peek(ahead).text == text;
  }
  bool at_word(std::string_view text, size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::Name && peek(ahead).text == text;
  }
  bool at_any_word(std::initializer_list<std::string_view> words) const;
  bool take_symbol(std::string_view text);
  bool take_word(std::string_view text);
  void expect_symbol(std::string_view text);
  void expect_word(std::string_view text);
  // Reports once per place; what follows is skipped up to the next operator.
  void fail(std::string_view expected);
  void recover();
  // True where the next token begins another statement, though no `;` stands before it.
  bool statement_follows() const;
  // After a statement that does not end: reports it and goes on with the next one, or behind what is wrong.
  void end_statement(size_t begin, std::string_view expected);
  // A name with hyphens, as operators have them ("mv-expand"); does not move on.
  std::string hyphenated_word(size_t& num_tokens) const;

  // Nodes
  NodeId add(Kind kind, source::Span span, std::string text = "", std::vector<NodeId> children = {});
  source::Span span_from(uint32_t begin) const;
  uint32_t begin() const { return peek().span.begin; }

  // parse_query.cc
  NodeId parse_statement();
  NodeId parse_let();
  NodeId parse_function();
  bool function_follows() const;
  NodeId parse_param();
  NodeId parse_param_type();
  NodeId parse_schema();
  NodeId parse_body();
  NodeId parse_declare();
  NodeId parse_set();
  NodeId parse_opaque_statement();
  NodeId parse_pipe();
  NodeId parse_pipe_from(NodeId source, uint32_t begin);
  NodeId parse_source();
  NodeId parse_pipe_in_brackets();

  // parse_operators.cc
  NodeId parse_operator();
  NodeId parse_operator_body(const std::string& name, uint32_t begin);
  void parse_options(std::vector<NodeId>& out);
  bool option_follows() const;
  NodeId parse_column_pattern(bool inner_stars = true);
  // `by_name`: items choose columns by their names, so that `a*b` is a pattern.
  void parse_named_list(std::vector<NodeId>& out, bool by_name = false);
  NodeId parse_sort_item();
  void parse_sort_list(std::vector<NodeId>& out);
  NodeId parse_by(bool sorted);
  void parse_summarize(std::vector<NodeId>& out);
  void parse_top(std::vector<NodeId>& out);
  NodeId parse_sub_pipe();
  void parse_join(std::vector<NodeId>& out);
  void parse_union(std::vector<NodeId>& out);

  // parse_forms.cc
  void parse_top_nested(std::vector<NodeId>& out);
  void parse_pattern(std::vector<NodeId>& out);
  void parse_mv(std::vector<NodeId>& out, bool apply);
  void parse_make_series(std::vector<NodeId>& out);
  void parse_with(std::vector<NodeId>& out);
  void parse_render(std::vector<NodeId>& out);
  void parse_range(std::vector<NodeId>& out);
  void parse_bracket_list(const char* name, std::vector<NodeId>& out);
  void parse_datatable(std::vector<NodeId>& out);
  void parse_externaldata(std::vector<NodeId>& out);
  void parse_partition(std::vector<NodeId>& out);
  bool parse_in_tables(std::vector<NodeId>& out, bool with_queries);
  void parse_search(std::vector<NodeId>& out);
  void parse_find(std::vector<NodeId>& out);
  void parse_scan(std::vector<NodeId>& out);
  void parse_graph(std::vector<NodeId>& out);

  // parse_expression.cc
  NodeId parse_named_expression();
  NodeId parse_expression();
  NodeId parse_and();
  NodeId parse_equality();
  NodeId parse_relational();
  NodeId parse_additive();
  NodeId parse_multiplicative();
  NodeId parse_string_operation();
  NodeId parse_unary();
  NodeId parse_path();
  NodeId parse_primary();
  NodeId parse_list_operation(NodeId left, std::string op, uint32_t begin);
  NodeId parse_between(NodeId left, std::string op, uint32_t begin);
  NodeId parse_call(const Token& name);
  NodeId parse_dynamic();
  NodeId parse_json();
  NodeId parse_typeof();
  NodeId parse_name();
  bool pipe_follows_in_brackets() const;
  std::string operator_word(size_t& num_tokens) const;
  bool chain_too_long(size_t links);

  struct Depth {
    explicit Depth(Parser& p) : parser(p) { ++parser.depth_; }
    ~Depth() { --parser.depth_; }
    Parser& parser;
  };
  bool too_deep();
  void give_up();
  // Chains within brackets within chains multiply; the height bounds what later walkers recurse.
  void note_height(NodeId id);

  static constexpr int kMaxDepth = 200;
  static constexpr size_t kMaxChain = 1000;
  static constexpr uint32_t kMaxHeight = 1500;

  std::vector<Token> tokens_;
  source::Diagnostics& diagnostics_;
  SyntaxTree tree_;
  std::vector<uint32_t> heights_;  // of tree_.nodes
  size_t at_ = 0;
  int depth_ = 0;
  size_t failed_at_ = SIZE_MAX;
};

}  // namespace kqlc::syntax
