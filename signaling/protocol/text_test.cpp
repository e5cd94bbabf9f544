#include "signaling/protocol/text.hpp"

#include <gtest/gtest.h>

namespace peerage::signaling {
namespace {

TEST(ParseObject, TakesAnObjectAndKeepsTheOrderOfItsMembers) {
  const auto json = parseObject(R"({"type":"x","b":1,"a":[{"c":null}]})", 3);
  ASSERT_TRUE(json);
  EXPECT_EQ(dump(*json), R"({"type":"x","b":1,"a":[{"c":null}]})");
}

TEST(ParseObject, RefusesWhatIsNoObject) {
  for (const char* text : {"", "1", "[]", "\"{}\"", "{", "{\"a\":}", "{\"a\":1}x", "{\"a\":\"\xff\"}", "{\"a\":\"\\ud800\"}"}) {
    EXPECT_FALSE(parseObject(text, 16)) << text;
  }
}

TEST(ParseObject, BoundsTheDepthBeforeItBuildsAnything) {
  const std::string deep = "{\"a\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  const auto json = parseObject(deep, 16);
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().message, "the message is nested deeper than 16 levels");
  EXPECT_TRUE(parseObject(R"({"a":"[[[[[[[[\"[[[["})", 1)) << "brackets within a string do not nest";
}

TEST(ParseObject, TheLastOfTwoMembersOfOneNameCounts) {
  const auto json = parseObject(R"({"name":"me","name":"you"})", 2);
  ASSERT_TRUE(json);
  EXPECT_EQ(*stringMember(*json, "name"), "you") << "as in JSON.parse(), so that a check here sees what a page sees";
  EXPECT_EQ(dump(*json), R"({"name":"you"})");
}

TEST(Members, OtherTypesAreAbsent) {
  const auto json = parseObject(R"({"s":"x","n":7,"m":-1,"f":1.5,"o":{}})", 2);
  ASSERT_TRUE(json);
  EXPECT_EQ(*stringMember(*json, "s"), "x");
  EXPECT_EQ(stringMember(*json, "n"), nullptr);
  EXPECT_EQ(stringMember(*json, "absent"), nullptr);
  EXPECT_EQ(numberMember(*json, "n"), 7u);
  EXPECT_EQ(numberMember(*json, "m"), std::nullopt);
  EXPECT_EQ(numberMember(*json, "f"), std::nullopt);
  EXPECT_EQ(numberMember(*json, "s"), std::nullopt);
  EXPECT_NE(objectMember(*json, "o"), nullptr);
  EXPECT_EQ(objectMember(*json, "s"), nullptr);
}

TEST(NameProblem, TakesNamesOfEveryScript) {
  for (const char* name : {"a", "Zoë", "山田 太郎", "o_o-2.0", "𝔊"}) EXPECT_EQ(nameProblem(name, 32), std::nullopt) << name;
}

TEST(NameProblem, SaysWhatIsWrong) {
  EXPECT_EQ(nameProblem("", 32), "is empty");
  EXPECT_EQ(nameProblem(" a", 32), "begins or ends with a blank");
  EXPECT_EQ(nameProblem("<b>", 32), "contains the character <");
  EXPECT_EQ(nameProblem("a\nb", 32), "contains a control character");
  EXPECT_EQ(nameProblem("a\u0085b", 32), "contains a control character");
  EXPECT_EQ(nameProblem("a\u202eb", 32), "contains a mark that turns the direction of text");
  EXPECT_EQ(nameProblem("ééééé", 4), "has more than 4 characters");
  EXPECT_EQ(nameProblem("éééé", 4), std::nullopt);
}

TEST(FirstCharacters, CutsBetweenCharacters) {
  EXPECT_EQ(firstCharacters("éàü", 2), "éà");
  EXPECT_EQ(firstCharacters("ab", 5), "ab");
  EXPECT_EQ(characters("éàü"), 3u);
}

TEST(WithoutTags, AsMdnsServerDoes) {
  EXPECT_EQ(withoutTags("a <b>bold</b> word"), "a bold word");
  EXPECT_EQ(withoutTags("1 < 2 and 3 > 2"), "1  2");
  EXPECT_EQ(withoutTags("<>"), "<>");
  EXPECT_EQ(withoutTags("no tags"), "no tags");
  EXPECT_EQ(withoutTags("<<b>script>"), "script>");
  EXPECT_EQ(withoutTags("<\n>x"), "x");
  EXPECT_EQ(withoutTags(""), "");
}

TEST(WithoutTags, LeavesNoTagOpenForThePageToClose) {
  EXPECT_EQ(withoutTags("hi <img src=x onerror=alert(1) "), "hi img src=x onerror=alert(1) ");
  EXPECT_EQ(withoutTags("<b><<<img"), "<<img");
  EXPECT_EQ(withoutTags("2 < 3"), "2 < 3");
}

}  // namespace
}  // namespace peerage::signaling
