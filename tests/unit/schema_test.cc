// SPDX-License-Identifier: Apache-2.0
//
// Schemas: several files that declare one table, in their order; what is added; threads that ask at once.
#include "compiler/plan/schema.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace kqlc {
namespace {

std::string print(const plan::Schema* schema) {
  if (!schema) return "none";
  std::string out;
  for (const plan::ColumnDef& column : *schema) {
    out += column.name;
    out += ':';
    out += type_name(column.type);
    out += ' ';
  }
  return out;
}

constexpr std::string_view kFirst = R"([
  {"table":"T","columns":[{"name":"A","type":"string"},{"name":"B","type":"long"}]},
  {"table":"U","columns":[{"name":"A","type":"no such type"},{"name":"C","type":"int","alt_type":"dynamic"}]},
  {"table":"V"}, {"columns":[]}, 7])";
constexpr std::string_view kSecond = R"({"tables":[
  {"table":"T","columns":[{"name":"B","type":"dynamic"},{"name":"A","type":"int"},{"name":"C","type":"real"}]}]})";

TEST(Schema, CopiesShareColumnsUntilOneIsChanged) {
  plan::Schema schema{{"A", Type::String}, {"B", Type::Long}};
  plan::Schema copy = schema;
  EXPECT_EQ(&copy[0], &schema[0]);
  copy.push_back({"C", Type::Real});
  EXPECT_EQ(print(&schema), "A:string B:long ");
  EXPECT_EQ(print(&copy), "A:string B:long C:real ");
  copy = schema;
  copy.edit()[1].type = Type::Dynamic;
  EXPECT_EQ(print(&schema), "A:string B:long ");
  EXPECT_EQ(print(&copy), "A:string B:dynamic ");
  const plan::ColumnDef* place = &copy[0];
  copy.edit()[0].name = "Z";
  EXPECT_EQ(&copy[0], place);  // nobody else had them
}

TEST(Schema, Parts) {
  plan::Schema schema{{"A", Type::String}, {"B", Type::Long}};
  const plan::Schema first = schema.first(1);
  EXPECT_EQ(print(&first), "A:string ");
  schema.append(schema);
  EXPECT_EQ(print(&schema), "A:string B:long A:string B:long ");
  plan::Schema none;
  EXPECT_TRUE(none.empty());
  none.append(first);
  EXPECT_EQ(print(&none), "A:string ");
  EXPECT_EQ(print(&first), "A:string ");
}

TEST(Schemas, FilesDeclareOneTableTogether) {
  plan::Schemas schemas;
  ASSERT_TRUE(schemas.load_text(kFirst, "first").ok());
  ASSERT_TRUE(schemas.load_text(kSecond, "second").ok());
  EXPECT_EQ(print(schemas.find("T")), "A:string B:dynamic C:real ");
  EXPECT_EQ(print(schemas.find("U")), "C:dynamic ");
  EXPECT_EQ(print(schemas.find("V")), "none");
  EXPECT_EQ(schemas.tables(), (std::vector<std::string>{"T", "U"}));
}

TEST(Schemas, AFileExtendsATableThatWasAskedFor) {
  plan::Schemas schemas;
  ASSERT_TRUE(schemas.load_text(kFirst, "first").ok());
  EXPECT_EQ(print(schemas.find("T")), "A:string B:long ");
  ASSERT_TRUE(schemas.load_text(kSecond, "second").ok());
  EXPECT_EQ(print(schemas.find("T")), "A:string B:dynamic C:real ");
}

TEST(Schemas, AnAddedTableReplacesADeclaredOne) {
  plan::Schemas schemas;
  ASSERT_TRUE(schemas.load_text(kFirst, "first").ok());
  schemas.add("T", {{"Z", Type::Guid}});
  EXPECT_EQ(print(schemas.find("T")), "Z:guid ");
  schemas = plan::Schemas();
  EXPECT_EQ(print(schemas.find("T")), "none");
}

TEST(Schemas, ABrokenFileIsNamed) {
  plan::Schemas schemas;
  auto loaded = schemas.load_text(R"([{"table":"T","columns":[{"name":"A","type":]}])", "tables.json");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, ErrorCode::Format);
  EXPECT_TRUE(loaded.error().message.starts_with("tables.json: ")) << loaded.error().message;
}

TEST(Schemas, ManyThreadsGetTheSameSchema) {
  plan::Schemas schemas;
  ASSERT_TRUE(schemas.load_text(kFirst, "first").ok());
  std::vector<const plan::Schema*> found(8);
  std::vector<std::thread> threads;
  for (auto& place : found) threads.emplace_back([&] { place = schemas.find("T"); });
  for (std::thread& thread : threads) thread.join();
  for (const plan::Schema* schema : found) EXPECT_EQ(schema, found[0]);
  EXPECT_EQ(print(found[0]), "A:string B:long ");
}

}  // namespace
}  // namespace kqlc
