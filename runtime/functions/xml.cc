// SPDX-License-Identifier: Apache-2.0
//
// parse_xml, on expat. In: XML text. Out: a bag with the root element under its name. An element of nothing
// is null, of text alone its text; else a bag of "@attribute", "#text" and child elements, where a name given
// several times holds an array. Blanks around text go; comments, instructions and CDATA are passed over. Text
// that is no XML, is longer than 1 MB, nests too deeply or declares a document type (whose entities could
// grow without bound) gives null.
#include <expat.h>

#include <memory>
#include <string>
#include <unordered_map>

#include "runtime/functions/convert.h"
#include "runtime/functions/parse.h"

namespace kqlc::functions {

namespace {

using dynamic::Entry;
using dynamic::Kind;
using dynamic::Node;

constexpr size_t kMaxXml = 1 << 20;
constexpr size_t kMaxElementDepth = dynamic::kMaxDepth / 2 - 2;  // an element may need an array and a bag

// A bag that is growing: the values of each name, in order of first appearance.
struct Element {
  Str name;
  std::vector<std::pair<Str, std::vector<Node>>> members;
  std::unordered_map<std::string_view, size_t> index;
  std::string text;  // since the last tag

  void add(Str key, const Node& value) {
    auto [known, added] = index.emplace(key.view(), members.size());
    if (added) members.push_back({key, {}});
    members[known->second].second.push_back(value);
  }
};

class Builder {
 public:
  Builder(Arena& arena, XML_Parser parser) : arena_(arena), parser_(parser) { open_.emplace_back(); }

  void start(const char* name, const char** attributes) {
    if (stopped_) return;
    if (open_.size() > kMaxElementDepth) return stop();
    take_text();
    Element element;
    element.name = arena_.copy(std::string_view(name));
    for (; *attributes; attributes += 2)
      element.add(arena_.copy(std::string_view("@" + std::string(attributes[0]))),
                  string_node(arena_.copy(std::string_view(attributes[1])).view()));
    open_.push_back(std::move(element));
  }
  void end() {
    if (stopped_) return;
    take_text();
    Element element = std::move(open_.back());
    open_.pop_back();
    open_.back().add(element.name, value_of(element));
  }
  void text(const char* data, size_t size) {
    if (!cdata_) open_.back().text.append(data, size);
  }
  void set_cdata(bool inside) { cdata_ = inside; }
  // Handlers may still be called after this, though the parser reports failure.
  void stop() {
    stopped_ = true;
    XML_StopParser(parser_, XML_FALSE);
  }
  Dynamic document() {
    Node bag = value_of(open_.front());
    return dynamic::from_node(bag, arena_);
  }

 private:
  void take_text() {
    Element& element = open_.back();
    std::string_view text = trim_blanks(element.text);
    if (!text.empty() && open_.size() > 1) element.add(Str("#text"), string_node(arena_.copy(text).view()));
    element.text.clear();
  }
  Node value_of(const Element& element) {
    if (element.members.empty()) return {};
    bool only_text = element.members.size() == 1 && element.members[0].first.view() == "#text";
    std::vector<Entry> entries;
    for (const auto& [key, values] : element.members)
      entries.push_back({key, values.size() == 1 ? values[0] : array_node(values, arena_)});
    return only_text ? entries[0].value : bag_node(entries, arena_);
  }

  Arena& arena_;
  XML_Parser parser_;
  std::vector<Element> open_;  // the first stands for the document
  bool cdata_ = false;
  bool stopped_ = false;
};

Builder& builder(void* data) { return *static_cast<Builder*>(data); }

}  // namespace

Dynamic ParseXml::call(Context& context, Str xml) {
  if (xml.size == 0 || xml.size > kMaxXml) return {};
  // The text is UTF-8 by now, whatever its declaration says.
  std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(XML_ParserCreate("UTF-8"),
                                                                      &XML_ParserFree);
  if (!parser) return {};
  Builder state(*context.arena, parser.get());
  XML_SetUserData(parser.get(), &state);
  XML_SetElementHandler(
      parser.get(),
      [](void* data, const char* name, const char** attributes) { builder(data).start(name, attributes); },
      [](void* data, const char*) { builder(data).end(); });
  XML_SetCharacterDataHandler(parser.get(), [](void* data, const char* text, int size) {
    builder(data).text(text, static_cast<size_t>(size));
  });
  XML_SetCdataSectionHandler(
      parser.get(), [](void* data) { builder(data).set_cdata(true); },
      [](void* data) { builder(data).set_cdata(false); });
  XML_SetStartDoctypeDeclHandler(
      parser.get(), [](void* data, const char*, const char*, const char*, int) { builder(data).stop(); });
  bool good = XML_Parse(parser.get(), xml.data, static_cast<int>(xml.size), XML_TRUE) == XML_STATUS_OK;
  return good ? state.document() : Dynamic{};
}

}  // namespace kqlc::functions
