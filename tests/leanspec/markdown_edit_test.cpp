#include "worker/leanspec/markdown_edit.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>

namespace aiw {
namespace {

std::string with(const std::string& entry, const std::string& end = "\n") {
  std::string text = "---\nstatus: planned\n" + entry + "created: 2026-01-02\n---\n\n# T\n\ndepends_on: no\n";
  if (end == "\n") return text;
  std::string out;
  for (const char c : text) out += c == '\n' ? end : std::string(1, c);
  return out;
}

TEST_CASE("dependencies: every way that the list is written is read, and written back as a block") {
  const std::string both = "depends_on:\n  - 001-a\n  - 002-b\n";
  for (const char* entry : {"depends_on:\n  - 001-a\n", "depends_on:\n- 001-a\n", "depends_on: [001-a]\n",
                            "depends_on: [ '001-a' ]\n", "depends_on: [\"001-a\"] \n", "depends_on: 001-a\n",
                            "depends_on: # why\n  - 001-a # first\n", "depends_on:\n  # first\n  - 001-a\n"}) {
    CAPTURE(entry);
    CHECK(add_dependency(with(entry), "002-b") == with(both));
    CHECK(add_dependency(with(entry), "001-a") == with(entry));  // nothing to do
    CHECK(remove_dependency(with(entry), "001-a") == with(""));
    CHECK(remove_dependency(with(entry), "002-b").error() == "the spec does not depend on 002-b");
  }
  CHECK(remove_dependency(with(both), "001-a") == with("depends_on:\n  - 002-b\n"));
  for (const char* entry : {"depends_on: []\n", "depends_on:\n", "depends_on: null\n", "depends_on: ~\n"}) {
    CAPTURE(entry);
    CHECK(add_dependency(with(entry), "002-b") == with("depends_on:\n  - 002-b\n"));
  }
}

TEST_CASE("dependencies: a first one goes to the end of the frontmatter, with its line ends") {
  CHECK(add_dependency("---\na: 1\n---\nx", "002-b") == "---\na: 1\ndepends_on:\n  - 002-b\n---\nx");
  CHECK(add_dependency("---\r\na: 1\r\n---\r\nx", "002-b") == "---\r\na: 1\r\ndepends_on:\r\n  - 002-b\r\n---\r\nx");
  CHECK(remove_dependency(with("depends_on:\n- 001-a\n", "\r\n"), "001-a") == with("", "\r\n"));
}

TEST_CASE("dependencies: a name cannot write anything else into the frontmatter") {
  CHECK(add_dependency(with(""), "x\nstatus: complete").error() == "dependsOn is not the name of a spec");
  CHECK(add_dependency(with(""), " ").error() == "dependsOn is not the name of a spec");
  const auto odd = add_dependency("---\n---\n", "it's: # [a]");
  CHECK(odd == "---\ndepends_on:\n  - 'it''s: # [a]'\n---\n");
  CHECK(remove_dependency(*odd, "it's: # [a]") == "---\n---\n");
  for (const char* name : {"002", "2026-01-02", "true", "1e3", "-a-"}) {
    CHECK(add_dependency("---\n---\n", name) == "---\ndepends_on:\n  - '" + std::string(name) + "'\n---\n");
  }
}

TEST_CASE("dependencies: what is not understood is left alone") {
  CHECK(add_dependency("# no frontmatter\n", "a").error() == "the spec has no frontmatter");
  CHECK(add_dependency("---\nopen: 1\n", "a").error() == "the spec has no frontmatter");
  CHECK(add_dependency("", "a").error() == "the spec has no frontmatter");
  for (const char* entry : {"depends_on: *other\n", "depends_on: [a,\n  b]\n", "depends_on: |\n  a\n"}) {
    CAPTURE(entry);
    CHECK_FALSE(add_dependency(with(entry), "002-b"));
  }
}

const std::string kSpec =
    "---\nstatus: planned\n---\n\n# Title\n\n## Overview\n\nOld text.\n### Sub\nmore\n\n\n## Plan\n- [ ] One *thing*\n"
    "- [X] other\n```\n## Notes\n```\n## Notes\nlast";

TEST_CASE("sections: replaced or appended to, up to the next heading of level 1 or 2, the rest untouched") {
  CHECK(replace_section("# T\n\n## A\n\nold\n\n## B\nb\n", "a", "new\r\nlines\n") ==
        "# T\n\n## A\n\nnew\nlines\n\n## B\nb\n");
  CHECK(append_to_section("# T\n\n## A\n\nold\n\n\n## B\nb\n", " A ", "\nnew\n") ==
        "# T\n\n## A\n\nold\n\nnew\n\n## B\nb\n");
  CHECK(replace_section("## A\nold\n# B\n", "A", "") == "## A\n\n# B\n");
  CHECK(append_to_section("## A\n## B\n", "A", "x") == "## A\n\nx\n\n## B\n");
  CHECK(replace_section("## A", "A", "x") == "## A\n\nx\n");
  CHECK(append_to_section("## A\nlast", "A", "x") == "## A\nlast\n\nx\n");
  CHECK(append_to_section("## A\r\nlast\r\n", "A", "x\ny") == "## A\r\nlast\r\n\r\nx\r\ny\r\n");
  const auto sub = append_to_section(kSpec, "overview", "x");
  REQUIRE(sub);
  CHECK(sub->find("### Sub\nmore\n\nx\n\n## Plan\n") != std::string::npos);
}

TEST_CASE("sections: a heading in a code block or the frontmatter is none, nor is one of another level") {
  const auto edited = replace_section(kSpec, "Notes", "x");
  REQUIRE(edited);
  CHECK(edited->ends_with("```\n## Notes\n```\n## Notes\n\nx\n"));
  for (const char* name : {"Sub", "Title", "none", "", "##", "Over"}) {
    CHECK(replace_section(kSpec, name, "x").error() == std::string("Section not found: ") + name);
  }
  CHECK_FALSE(replace_section("---\n## A\n---\n", "A", "x"));
  CHECK_FALSE(replace_section("    ## A\n", "A", "x"));
  CHECK_FALSE(replace_section("##A\n", "A", "x"));
}

TEST_CASE("sections: what looks like a fence or a heading and is none ends nothing and hides nothing") {
  // Each body stands in the section One; the sections behind it must stay.
  for (const std::string body : {"```inline``` code\n",
                                 "``` a `b` c\n",
                                 "```\n~~~\n```\n",
                                 "~~~\n```\n~~~\n",
                                 "````\n```\n## Two\n```\n````\n",
                                 "~~~ a`b\n## Two\n~~~~\n",
                                 "```\n## Two\n``` x\n## Two\n```\n",
                                 "text\n\n    ```\n    code\n",
                                 "\t~~~\n",
                                 "- a\n  ```\n  ## Two\n",
                                 "- ```\n  ## Two\n  ```\n",
                                 "1. a\n   ~~~\n   code\n",
                                 "> ```\n> ## Two\n",
                                 "- a\n\n      ```\n",
                                 "<!--\n```\n## Two\n-->\n",
                                 "<pre>\n~~~\n## Two\n</pre>\n",
                                 "<div>\n```\n</div>\n\n",
                                 "text\n   ```\n## Two\n  ```\n",
                                 "```\n- [ ] x\n## Two\n    ```\n```\n",
                                 "-   a\n\n    ```\n    ## Two\n    ```\n",
                                 "####### no\n#Two\n"}) {
    for (const std::string end : {"\n", "\r\n"}) {
      CAPTURE(body);
      std::string text = "---\ntitle: x\n---\n\n## One\n\n" + body, rest = "## Two\n\ntwo\n\n## Three\n\nthree\n";
      std::string expected = "---\ntitle: x\n---\n\n## One\n\nNEW\n\n" + rest;
      text += rest;
      if (end != "\n") {
        for (auto* any : {&text, &expected}) {
          for (auto at = any->find('\n'); at != std::string::npos; at = any->find('\n', at + 2)) any->insert(at, "\r");
        }
      }
      CHECK(replace_section(text, "One", "NEW") == expected);
      const auto two = replace_section(text, "Two", "NEW");
      REQUIRE(two);
      CHECK(two->find("two") == std::string::npos);
      CHECK(two->find("## Three" + end + end + "three") != std::string::npos);
    }
  }
}

TEST_CASE("sections: titles with an underline are headings, and closing marks are no text") {
  CHECK(replace_section("One\n---\nold\n\nTwo\n===\n", "one", "x") == "One\n---\n\nx\n\nTwo\n===\n");
  CHECK(replace_section("## One ##\nold\n\nlong\ntitle\n-\ntwo\n", "one", "x") ==
        "## One ##\n\nx\n\nlong\ntitle\n-\ntwo\n");
  CHECK(append_to_section("long\n title \n-\ntwo\n", "Long title", "x") == "long\n title \n-\ntwo\n\nx\n");
  CHECK(replace_section("## One#\nold\n***\n- - -\n", "One#", "x") == "## One#\n\nx\n");
  CHECK_FALSE(replace_section("- One\n---\n", "One", "x"));
  CHECK_FALSE(replace_section("> One\n---\n", "One", "x"));
  CHECK_FALSE(replace_section("    One\n---\n", "One", "x"));
}

TEST_CASE("sections: content that would take in the sections below is refused") {
  for (const char* open : {"```\ncode", "~~~~\ncode\n~~~", "<!-- note", "<script>", "text\n```", "- a\n\n```"}) {
    CAPTURE(open);
    for (const auto edit : {replace_section, append_to_section}) {
      CHECK(edit("## One\n\nold\n\n## Two\n", "One", open).error() ==
            "the edit would change what the lines below the section mean: does the content leave a code block or a "
            "comment "
            "open?");
      CHECK(edit("## Two\n\n## One\n\nold\n", "One", open));  // nothing stands below
    }
  }
  CHECK(replace_section("## One\n\n## Two\n", "One", "- a\n  ```\n  code"));  // ends with its list
  CHECK(replace_section("## A\n\nold\n\n## B\n", "A", "\n    code\n") == "## A\n\n    code\n\n## B\n");
}

TEST_CASE("checklists: an item in a code block or a comment is none") {
  CHECK(check_item("```\n- [ ] a\n```\n<!--\n- [ ] a\n-->\n- [ ] a\n", "a", true) ==
        "```\n- [ ] a\n```\n<!--\n- [ ] a\n-->\n- [x] a\n");
  CHECK(check_item("- b\n    - [ ] a\n", "a", true) == "- b\n    - [x] a\n");
  CHECK_FALSE(check_item("~~~\n- [ ] a\n", "a", true));
}

TEST_CASE("sections: the time to find one grows with the text, not with its nesting") {
  std::string deep;
  for (int i = 0; i < 20'000; ++i) deep += "- ";
  deep += "\n";
  for (int i = 0; i < 200'000; ++i) deep += "\n";
  for (int i = 0; i < 50'000; ++i) deep += "> ";
  CHECK(replace_section(deep + "\n## A\n", "A", "x"));
}

TEST_CASE("checklists: the first item that contains the text, in any case") {
  const auto on = check_item(kSpec, "one *", true);
  REQUIRE(on);
  CHECK(on->find("- [x] One *thing*\n") != std::string::npos);
  CHECK(check_item(*on, "ONE", false) == kSpec);
  CHECK(check_item("  - [x] a\r\n- [ ] ab\r\n", "a", false) == "  - [ ] a\r\n- [ ] ab\r\n");
  CHECK(check_item("- [ ] a\n- [ ] ab\n", "AB", true) == "- [ ] a\n- [x] ab\n");
  CHECK(check_item(kSpec, "none", true).error() == "Checklist item not found: none");
  CHECK_FALSE(check_item("- a [ ]\n* [ ] a\n", "a", true));
}

// Texts of what edits look at, in any order.
std::string random_text(std::mt19937& random) {
  constexpr std::array<std::string_view, 24> kPieces = {
      "---\n",     "---",        "\n",        "\r\n",      "## A\n",     "## A\r\n",          "## B\n", "# C\n",
      "```\n",     "~~~\n",      "- [ ] a\n", "- [x] a\n", "- [X",       "depends_on:",       " [",     "]",
      "  - x-1\n", "- 'y''z'\n", "\"q\\\"",   ",",         "# \xC3\xA9", "depends_on: a-b\n", "a",      " "};
  std::string text = random() % 2 == 0 ? "---\n" : "";
  for (auto count = random() % 20; count > 0; --count) text += kPieces[random() % kPieces.size()];
  return text;
}

// From the line that closes the frontmatter on.
std::string from_closing_line(const std::string& text) {
  std::size_t at = text.find("\n---");
  const auto rest = [&] { return text.substr(at + 4, text.find('\n', at + 4) - at - 4); };
  while (at != std::string::npos && rest().find_first_not_of(" \r") != std::string::npos)
    at = text.find("\n---", at + 1);
  return text.substr(at + 1);
}

std::string times(int count, const std::string& text) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST_CASE("edits: a text of very many lines is refused, before anything is kept for each of them") {
  const std::string most = "---\n---\n## A\n- [ ] a\n" + times(249'996, "\n"), more = most + '\n';
  CHECK(check_item(most, "a", true));
  CHECK(add_dependency(most, "b"));
  CHECK(replace_section(most, "A", "b"));
  CHECK(check_item(more, "a", true).error() == "the spec has more than 250000 lines");
  CHECK(add_dependency(more, "b").error() == "the spec has more than 250000 lines");
  CHECK(remove_dependency(more, "b").error() == "the spec has more than 250000 lines");
  CHECK(replace_section(more, "A", "b").error() == "the spec has more than 250000 lines");
  CHECK(append_to_section("## A\n", "A", "a" + times(250'001, "\n") + "b").error() ==
        "the content has more than 250000 lines");
}

TEST_CASE("edits: very many dependencies, and a very long item to look for, are refused") {
  const auto with_names = [](int count) { return "---\ndepends_on: [" + times(count, "a,") + "]\n---\n"; };
  CHECK(add_dependency(with_names(10'000), "b-c"));
  CHECK(add_dependency(with_names(10'001), "b-c").error() == "depends_on has more than 10000 names");
  CHECK(add_dependency("---\ndepends_on:\n" + times(10'001, "- a\n") + "---\n", "b-c").error() ==
        "depends_on has more than 10000 names");
  const std::string item(1'024, 'a');
  CHECK(check_item("- [ ] " + item + 'a', item, true));
  CHECK(check_item("- [ ] " + item + 'a', item + 'a', true).error() ==
        "itemText has more than 1024 bytes; a part of it will do");
}

TEST_CASE("edits: a blank line ends quotes, and items that have nothing yet") {
  const auto edit = [](const std::string& above) { return replace_section(above + "## A\n\n## B\n", "A", "b"); };
  const auto code = [](const std::string& above) { return check_item(above + "- [ ] a\n", "a", true).has_value(); };
  CHECK(edit("- - - a\n\n"));
  // The fence in the item goes on behind a blank line, and ends with the item; that in the quote ends with it.
  CHECK_FALSE(code("- - ~~~\n\n    "));
  CHECK(code("- - ~~~\n\n  "));
  CHECK(code("- > ~~~\n\n  "));
  CHECK(code("> - ~~~\n\n"));
  // What is indented by an empty item's width is in it; behind a blank line, it is code.
  CHECK(code("- \n  ~~~\n  ~~~\n"));
  CHECK_FALSE(code("- \n  ~~~\n  "));
  CHECK_FALSE(code("- \n\n~~~\n"));
  CHECK(edit("-\n\n"));
}

TEST_CASE("edits: whatever the text, an edit can be read back, and leaves alone what it does not mean") {
  std::mt19937 random(20'26);
  int linked = 0, sections = 0, items = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_text(random);
    CAPTURE(text);
    if (const auto added = add_dependency(text, "new-1")) {
      ++linked;
      CHECK(add_dependency(*added, "new-1") == *added);
      const auto removed = remove_dependency(*added, "new-1");
      REQUIRE(removed);
      CHECK_FALSE(remove_dependency(*removed, "new-1"));
      const std::string body = from_closing_line(text);
      CHECK(added->ends_with(body));
      CHECK(removed->ends_with(body));
    }
    if (const auto section = replace_section(text, "A", "words")) {
      ++sections;
      CHECK(section->find("\nwords") != std::string::npos);
      CHECK(replace_section(*section, "A", "words") == *section);
      CHECK(append_to_section(text, "A", "words"));
    }
    if (const auto checked = check_item(text, "a", true)) {
      ++items;
      CHECK(checked->size() == text.size());
      CHECK(check_item(*checked, "a", true) == *checked);
    }
  }
  CHECK(linked > 1'000);
  CHECK(sections > 1'000);
  CHECK(items > 1'000);
}

}  // namespace
}  // namespace aiw
