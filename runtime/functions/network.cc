// SPDX-License-Identifier: Apache-2.0
//
// Reading addresses, URLs and command lines.
#include "runtime/functions/network.h"

#include <string>
#include <vector>

#include "runtime/functions/node_builders.h"

namespace kqlc::functions {

using dynamic::Entry;
using dynamic::Node;

namespace {

// Reads up to three digits that make at most `most`; returns -1 when there are none or too many.
int take_number(std::string_view& text, int most) {
  int value = 0;
  size_t digits = 0;
  while (digits < text.size() && digits < 4 && text[digits] >= '0' && text[digits] <= '9')
    value = value * 10 + (text[digits++] - '0');
  if (digits == 0 || digits > 3 || value > most) return -1;
  text.remove_prefix(digits);
  return value;
}

}  // namespace

Nullable<Ipv4> read_ipv4(Str text) {
  std::string_view rest = text.view();
  Ipv4 ip;
  for (int i = 0; i < 4; ++i) {
    if (i && !rest.starts_with('.')) return {};
    if (i) rest.remove_prefix(1);
    int part = take_number(rest, 255);
    if (part < 0) return {};
    ip.address = ip.address << 8 | static_cast<uint32_t>(part);
  }
  if (rest.starts_with('/')) {
    rest.remove_prefix(1);
    ip.prefix = take_number(rest, 32);
    if (ip.prefix < 0) return {};
  }
  if (!rest.empty()) return {};
  return ip;
}

Nullable<int64_t> compare_ipv4(Str a, Str b, int64_t prefix) {
  Nullable<Ipv4> left = read_ipv4(a), right = read_ipv4(b);
  if (!left.valid || !right.valid || prefix < 0 || prefix > 32) return {};
  uint32_t mask = ipv4_mask(std::min<int64_t>({prefix, left.value.prefix, right.value.prefix}));
  uint32_t x = left.value.address & mask, y = right.value.address & mask;
  return x < y ? -1 : x > y ? 1 : 0;
}

Nullable<bool> Ipv4IsInAnyRange::call(Str ip, Variadic<Str> ranges) {
  if (!read_ipv4(ip).valid) return {};
  for (size_t i = 0; i < ranges.size; ++i)
    if (Nullable<bool> inside = Ipv4IsInRange::call(ip, ranges[i]); inside.valid && inside.value) return true;
  return false;
}

Nullable<bool> Ipv4IsInAnyRangeDynamic::call(Context& context, Str ip, Dynamic ranges) {
  const Node* array = array_of(ranges, *context.arena);
  if (!array || !read_ipv4(ip).valid) return {};
  for (uint32_t i = 0; i < array->size; ++i) {
    Str range = dynamic::to_text(&array->items[i], *context.arena);
    if (Nullable<bool> inside = Ipv4IsInRange::call(ip, range); inside.valid && inside.value) return true;
  }
  return false;
}

namespace {

// Cuts `text` at the first of `marks`; returns what stood behind the mark, and leaves what stood before it.
std::string_view cut_behind(std::string_view& text, char mark) {
  size_t at = text.find(mark);
  if (at == std::string_view::npos) return {};
  std::string_view behind = text.substr(at + 1);
  text = text.substr(0, at);
  return behind;
}

Node query_bag(std::string_view query, Arena& arena) {
  std::vector<Entry> entries;
  while (!query.empty()) {
    std::string_view pair = query;
    query = cut_behind(pair, '&');
    if (pair.empty()) continue;
    std::string_view value = cut_behind(pair, '=');
    entries.push_back({Str(pair), string_node(value)});
  }
  return bag_node(entries, arena);
}

}  // namespace

Dynamic ParseUrl::call(Context& context, Str url) {
  if (url.size == 0) return {};
  std::string_view rest = url.view(), scheme, host, port, path, user, password;
  std::string_view fragment = cut_behind(rest, '#'), query = cut_behind(rest, '?');
  if (size_t colon = rest.find("://"); colon != std::string_view::npos) {
    scheme = rest.substr(0, colon);
    rest.remove_prefix(colon + 3);
    size_t slash = std::min(rest.find('/'), rest.size());
    host = rest.substr(0, slash);
    path = rest.substr(slash);
    if (size_t at = host.rfind('@'); at != std::string_view::npos) {
      user = host.substr(0, at);
      password = cut_behind(user, ':');
      host.remove_prefix(at + 1);
    }
    if (size_t at = host.rfind(':');
        at != std::string_view::npos && host.find(']', at) == std::string_view::npos) {
      port = host.substr(at + 1);
      host = host.substr(0, at);
    }
  } else {
    path = rest;
  }
  std::vector<Entry> parts = {{Str("Scheme"), string_node(scheme)},
                              {Str("Host"), string_node(host)},
                              {Str("Port"), string_node(port)},
                              {Str("Path"), string_node(path)},
                              {Str("Username"), string_node(user)},
                              {Str("Password"), string_node(password)},
                              {Str("Query Parameters"), query_bag(query, *context.arena)},
                              {Str("Fragment"), string_node(fragment)}};
  return bag_value(parts, *context.arena);
}

Dynamic ParseUrlQuery::call(Context& context, Str query) {
  return bag_value({{Str("Query Parameters"), query_bag(query.view(), *context.arena)}}, *context.arena);
}

ParseCommandLine::State* ParseCommandLine::prepare(const Cell* args, size_t, Arena&, const char** error) {
  if (args[1].s.view() == "windows") return new State();
  *error = "the kind of command line can only be 'windows'";
  return nullptr;
}

Dynamic ParseCommandLine::call_prepared(Context& context, const State&, Str text, Str) {
  std::vector<Node> arguments;
  std::string_view line = text.view();
  auto blank = [](char c) { return c == ' ' || c == '\t'; };
  for (size_t at = 0; at < line.size();) {
    while (at < line.size() && blank(line[at])) ++at;
    if (at == line.size()) break;
    std::string argument;
    bool quoted = false;
    while (at < line.size() && (quoted || !blank(line[at]))) {
      size_t slashes = 0;
      while (at < line.size() && line[at] == '\\') ++slashes, ++at;
      bool quote = at < line.size() && line[at] == '"';
      argument.append(quote ? slashes / 2 : slashes, '\\');
      if (quote && slashes % 2) {
        argument += line[at++];
      } else if (quote && quoted && at + 1 < line.size() && line[at + 1] == '"') {
        argument += '"';
        at += 2;
      } else if (quote) {
        quoted = !quoted;
        ++at;
      } else if (slashes == 0) {
        argument += line[at++];
      }
    }
    arguments.push_back(string_node(context.arena->copy(std::string_view(argument)).view()));
  }
  return arguments.empty() ? Dynamic{} : array_value(arguments, *context.arena);
}

}  // namespace kqlc::functions
