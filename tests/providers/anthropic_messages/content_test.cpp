// The conversation as the Messages API takes it.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/providers/anthropic_messages/chat.hpp"
#include "worker/providers/anthropic_messages/media.hpp"

using namespace aiw;
using namespace aiw::testing;

TEST_CASE("system: the request's and leading messages are lifted, a later one stays in place") {
  const auto body = body_of({{"system", "A"},
                             {"messages",
                              {{{"role", "system"}, {"content", "B"}},
                               {{"role", "system"}, {"content", " "}},
                               user("x"),
                               {{"role", "system"}, {"content", "C"}},
                               assistant("y"),
                               user("z")}}});
  CHECK(body["system"] == json::array({text("A"), text("B")}));
  CHECK(body["messages"][0]["content"] == json::array({text("x"), text("<system>C</system>")}));
  CHECK(body["messages"].size() == 3);
}

TEST_CASE("a later system message is a turn of its own where model and place allow it") {
  const json system = {{"role", "system"}, {"content", "S"}};
  const auto turns = [&](json messages) {
    return with_model({{"messages", std::move(messages)}}, "claude-opus-4-8").at("messages");
  };
  const json turn = {{"role", "system"}, {"content", {text("S")}}};
  CHECK(turns({user("a"), system})[1] == turn);
  CHECK(turns({user("a"), system, assistant("b"), user("c")})[1] == turn);
  const json in_user = user(json::array({text("a"), text("<system>S</system>"), text("c")}));
  CHECK(turns({user("a"), system, user("c")}) == json::array({in_user}));
  CHECK(turns({user("a"), assistant("b"), system, user("c")})[2] ==
        user(json::array({text("<system>S</system>"), text("c")})));
}

TEST_CASE("turns alternate, neighbours are merged, blank text is left out") {
  const auto body = body_of({{"messages",
                              {user("a"), user(json::array({text(" \n\t"), text("b")})), assistant(""), user("c"),
                               assistant("d"), assistant("e"), user("f")}}});
  REQUIRE(body["messages"].size() == 3);
  CHECK(body["messages"][0] == user(json::array({text("a"), text("b"), text("c")})));
  CHECK(body["messages"][1] == assistant(json::array({text("d"), text("e")})));
  CHECK(body["messages"][2] == user(json::array({text("f")})));
}

TEST_CASE("the first turn is the user's") {
  const Chat chat = chat_of({{"messages", {assistant("Hello"), user("Hi")}}});
  CHECK(sent(chat)["messages"][0] == user(json::array({text(".")})));
  CHECK(notes_of(chat) == std::vector<std::string>{"user_turn_added"});
}

TEST_CASE("the white space that ends a prefill is trimmed, other text is not") {
  const auto body = body_of({{"messages", {user("a \n"), assistant("b \n"), user("c"), assistant("d\té \r\n\t ")}}});
  CHECK(body["messages"][0]["content"][0]["text"] == "a \n");
  CHECK(body["messages"][1]["content"][0]["text"] == "b \n");
  CHECK(body["messages"][3]["content"][0]["text"] == "d\té");
}

TEST_CASE("nothing to send is an error with a pointer") {
  const auto built = chat_of({{"messages", {{{"role", "system"}, {"content", "s"}}, user(" ")}}}).build();
  REQUIRE(!built);
  CHECK(built.error().code == "invalid_request");
  CHECK(built.error().pointer == "/payload/messages");
}

TEST_CASE("calls and their results: results first in the user turn, all of a batch in one") {
  const auto body = body_of({{"messages",
                              {user("go"), assistant(json::array({text("ok"), call("t1", {{"a", 1}}), call("t2")})),
                               user("and this"), tool(json::array({result("t1", text_output("one"))})),
                               tool(json::array({result("t2", text_output("two"))}))}}});
  REQUIRE(body["messages"].size() == 3);
  CHECK(body["messages"][1]["content"][1] ==
        json({{"type", "tool_use"}, {"id", "t1"}, {"name", "f"}, {"input", {{"a", 1}}}}));
  const json& turn = body["messages"][2]["content"];
  REQUIRE(turn.size() == 3);
  CHECK(turn[0] == json({{"type", "tool_result"}, {"tool_use_id", "t1"}, {"content", {text("one")}}}));
  CHECK(turn[1]["tool_use_id"] == "t2");
  CHECK(turn[2] == text("and this"));
}

TEST_CASE("every type of tool output") {
  const auto content_of = [](const json& output) {
    return body_of({{"messages",
                     {user("go"), assistant(json::array({call("t")})), tool(json::array({result("t", output)}))}}})
        .at("messages")[2]["content"][0];
  };
  CHECK(content_of({{"type", "json"}, {"value", {{"k", "\"v\""}}}})["content"] ==
        json::array({text(R"({"k":"\"v\""})")}));
  CHECK(content_of({{"type", "error-text"}, {"value", "no"}})["is_error"] == true);
  CHECK(content_of({{"type", "error-text"}, {"value", "no"}})["content"] == json::array({text("no")}));
  CHECK(content_of({{"type", "error-json"}, {"value", {1}}})["content"] == json::array({text("[1]")}));
  CHECK(content_of({{"type", "error-json"}, {"value", {1}}})["is_error"] == true);
  CHECK(!content_of(text_output("")).contains("content"));
  CHECK(!content_of(text_output("x")).contains("is_error"));
  const auto rich = content_of({{"type", "content"},
                                {"value",
                                 {text("see"),
                                  {{"type", "image"}, {"mediaType", "image/png"}, {"data", "iVBORw0KGgo="}},
                                  {{"type", "audio"}, {"mediaType", "audio/wav"}, {"data", "AAAA"}}}}});
  CHECK(rich["content"] ==
        json::array({text("see"),
                     {{"type", "image"},
                      {"source", {{"type", "base64"}, {"media_type", "image/png"}, {"data", "iVBORw0KGgo="}}}}}));
}

TEST_CASE("a call's input must be an object") {
  for (const json& input : {json(nullptr), json("text"), json({1, 2})}) {
    const Chat chat = chat_of({{"messages", {user("go"), assistant(json::array({call("t", input)})), user("x")}}});
    CHECK(sent(chat)["messages"][1]["content"][0]["input"] == json::object());
    // A missing input is an empty one, and nothing to note.
    CHECK(notes_of(chat).empty() == input.is_null());
  }
}

TEST_CASE("images and documents") {
  const auto block = [](const json& part) {
    return body_of({{"messages", {user(json::array({part}))}}})["messages"][0]["content"][0];
  };
  const auto source = [](std::string_view type, std::string_view data) {
    return json{{"type", "base64"}, {"media_type", type}, {"data", data}};
  };
  CHECK(block({{"type", "image"}, {"mediaType", "image/jpg"}, {"data", "AA"}}) ==
        json({{"type", "image"}, {"source", source("image/jpeg", "AA")}}));
  CHECK(block({{"type", "image"}, {"data", "iVBORw0KGgoAAAA"}})["source"]["media_type"] == "image/png");
  CHECK(block({{"type", "image"}, {"mediaType", "image/*"}, {"data", "/9j/4AAQ"}})["source"]["media_type"] ==
        "image/jpeg");
  CHECK(block({{"type", "image"}, {"url", "https://x/y.png"}}) ==
        json({{"type", "image"}, {"source", {{"type", "url"}, {"url", "https://x/y.png"}}}}));
  CHECK(block({{"type", "file"}, {"mediaType", "image/webp"}, {"url", "data:image/webp;base64,UklGR"}}) ==
        json({{"type", "image"}, {"source", source("image/webp", "UklGR")}}));
  CHECK(block({{"type", "file"}, {"mediaType", "application/pdf"}, {"data", "JVBERi"}, {"filename", "a.pdf"}}) ==
        json({{"type", "document"}, {"source", source("application/pdf", "JVBERi")}, {"title", "a.pdf"}}));
  CHECK(block({{"type", "file"}, {"mediaType", "application/pdf"}, {"url", "https://x/a.pdf"}}) ==
        json({{"type", "document"}, {"source", {{"type", "url"}, {"url", "https://x/a.pdf"}}}}));
  CHECK(block({{"type", "file"}, {"mediaType", "text/markdown; charset=utf-8"}, {"data", "IyBIw6kK"}}) ==
        json({{"type", "document"}, {"source", {{"type", "text"}, {"media_type", "text/plain"}, {"data", "# Hé\n"}}}}));
}

TEST_CASE("base64 with escaped slashes is recognised and sent as written") {
  MediaPart media;
  media.data = {R"(\/9j\/4AAQ)"};
  Rope body;
  REQUIRE(anthropic_messages::media_form(media) == anthropic_messages::MediaForm::image);
  BodyWriter json(body);
  anthropic_messages::begin_media_block(json, media);
  CHECK(body.str() == R"({"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"\/9j\/4AAQ"})");
}

TEST_CASE("uploaded files are named, and what a document's state adds is sent") {
  const auto block = [](const json& part) {
    return body_of({{"messages", {user(json::array({part}))}}})["messages"][0]["content"][0];
  };
  const auto uploaded = [](std::string_view type) {
    return json{{"type", type}, {"source", {{"type", "file"}, {"file_id", "file_1"}}}};
  };
  CHECK(block({{"type", "image"}, {"fileId", "file_1"}}) == uploaded("image"));
  CHECK(block({{"type", "file"}, {"mediaType", "text/csv"}, {"fileId", "file_1"}}) == uploaded("document"));
  json cited = uploaded("document");
  cited["citations"] = {{"enabled", true}};
  cited["context"] = "of é";
  const std::string_view state =
      R"(anthropic-messages:{"citations":{"enabled":true},"context":"of \u00e9","source":{"type":"x"}})";
  CHECK(block({{"type", "file"}, {"fileId", "file_1"}, {"providerState", state}}) == cited);
  CHECK(block({{"type", "file"}, {"fileId", "file_1"}, {"providerState", "gemini:{}"}}) == uploaded("document"));
}

TEST_CASE("cache marks stand on every kind of block") {
  json called = call("t");
  called["cache"] = true;
  json answered = result("t", text_output("r"));
  answered["cache"] = "1h";
  json marked = text("x");
  marked["cache"] = "5m";
  const auto body = body_of({{"messages",
                              {{{"role", "system"}, {"content", "s"}, {"cache", true}},
                               user(json::array({marked})),
                               assistant(json::array({called})),
                               tool(json::array({answered}))}}});
  const json five = {{"type", "ephemeral"}};
  CHECK(body["system"][0]["cache_control"] == five);
  CHECK(body["messages"][0]["content"][0]["cache_control"] == five);
  CHECK(body["messages"][1]["content"][0]["cache_control"] == five);
  CHECK(body["messages"][2]["content"][0]["cache_control"] == json{{"type", "ephemeral"}, {"ttl", "1h"}});
  const auto image =
      body_of({{"messages", {user(json::array({{{"type", "image"}, {"url", "https://x"}, {"cache", true}}}))}}});
  CHECK(image["messages"][0]["content"][0]["cache_control"] == five);
}

TEST_CASE("of more than four cache marks the last ones stay") {
  json messages = json::array({{{"role", "system"}, {"content", "s"}, {"cache", true}}});
  for (int i = 0; i < 4; ++i) {
    messages.push_back({{"role", "user"}, {"content", "q"}, {"cache", true}});
    messages.push_back(assistant("a"));
  }
  messages.push_back(user("end"));
  json cached_tool = weather_tool();
  cached_tool["cache"] = "1h";
  const Chat chat = chat_of({{"messages", messages}, {"tools", {cached_tool}}});
  const json body = sent(chat);
  CHECK(body["tools"][0]["cache_control"] == json{{"type", "ephemeral"}, {"ttl", "1h"}});
  CHECK(!body["system"][0].contains("cache_control"));
  CHECK(!body["messages"][0]["content"][0].contains("cache_control"));
  for (const std::size_t turn : {std::size_t{2}, std::size_t{4}, std::size_t{6}})
    CHECK(body["messages"][turn]["content"][0].contains("cache_control"));
  CHECK(notes_of(chat) == std::vector<std::string>{"cache_mark_dropped"});
}

TEST_CASE("blocks of the API's own go into user turns, system turns and tool results") {
  const auto own = [](std::string_view block) {
    return json{{"type", "provider"}, {"providerState", "anthropic-messages:" + std::string(block)}};
  };
  const json output = {{"type", "content"},
                       {"value",
                        {text("found"),
                         own(R"({"type":"search_result","source":"s","title":"t","content":[]})"),
                         {{"type", "provider"}, {"providerState", "other:{}"}}}}};
  const auto body = body_of({{"messages",
                              {user(json::array({own(R"({"type":"container_upload","file_id":"f"})"), text("x")})),
                               assistant(json::array({call("t")})),
                               tool(json::array({result("t", output)})),
                               {{"role", "system"}, {"content", {own(R"({"type":"tool_addition","tool":{}})")}}},
                               assistant("y"),
                               user("z")}}});
  CHECK(body["messages"][0]["content"][0] == json{{"type", "container_upload"}, {"file_id", "f"}});
  CHECK(body["messages"][2]["content"][0]["content"] ==
        json::array(
            {text("found"), {{"type", "search_result"}, {"source", "s"}, {"title", "t"}, {"content", json::array()}}}));
  CHECK(body["messages"][3] ==
        json{{"role", "system"}, {"content", {{{"type", "tool_addition"}, {"tool", json::object()}}}}});
  CHECK(body["messages"][4]["role"] == "assistant");
}

TEST_CASE("media that the API has no block for is left out with a note") {
  for (const json& part : {json{{"type", "audio"}, {"mediaType", "audio/wav"}, {"data", "AA"}},
                           json{{"type", "file"}, {"mediaType", "application/zip"}, {"data", "AA"}},
                           json{{"type", "file"}, {"mediaType", "text/plain"}, {"url", "https://x/a.txt"}}}) {
    const Chat chat = chat_of({{"messages", {user(json::array({text("hi"), part}))}}});
    CHECK(sent(chat)["messages"][0]["content"] == json::array({text("hi")}));
    CHECK(notes_of(chat) == std::vector<std::string>{"media_dropped"});
  }
}

TEST_CASE("the body of a longer history begins with the same bytes, up to the last message") {
  json messages = json::array({{{"role", "system"}, {"content", "be brief"}}, user("one")});
  const std::string long_text(2000, 'x');
  const json more = json::array({assistant(json::array({text("two"), call("t1", {{"a", 1}})})),
                                 tool(json::array({result("t1", text_output(long_text))})), assistant("three"),
                                 user("four"), assistant("five"), user("six")});
  const json base = {{"system", "s"}, {"tools", {weather_tool()}}, {"temperature", 0.5}};
  const auto build = [&] {
    json payload = base;
    payload["messages"] = messages;
    return body_text(chat_of(payload));
  };
  std::string shorter = build();
  for (const json& message : more) {
    messages.push_back(message);
    const std::string longer = build();
    const auto last = shorter.rfind("{\"role\":");
    CHECK(longer.substr(0, last) == shorter.substr(0, last));
    CHECK(longer == build());
    shorter = longer;
  }
}
