#include <doctest/doctest.h>

#include "tests/executors/http_tool_fixture.hpp"

namespace aiw::test {
namespace {

constexpr const char* kHost = "https://api.example.com";

std::string at_host(const std::string& path) { return kHost + path; }

Json just(const std::string& url) {
  Json http;
  http["url"] = url;
  return http;
}

TEST_CASE("HTTP tool: places in the URL take encoded arguments and cannot leave their segment") {
  HttpToolFixture tool(just(at_host("/specs/{id}/raw?v={version}")));
  CHECK(tool.url_for({{"id", "a b"}, {"version", 2}}) == at_host("/specs/a%20b/raw?v=2"));
  CHECK(tool.url_for({{"id", "a/../b?c#d%2e&é"}, {"version", true}}) ==
        at_host("/specs/a%2F..%2Fb%3Fc%23d%252e%26%C3%A9/raw?v=true"));
  CHECK(tool.url_for({{"id", "..."}, {"version", "../x"}}) == at_host("/specs/.../raw?v=..%2Fx"));
  CHECK(tool.url_for({{"id", ".."}, {"version", 1}}) == "(the argument id is not a name that may stand in a path)");
  CHECK(tool.url_for({{"id", "."}, {"version", 1}}) == "(the argument id is not a name that may stand in a path)");
  CHECK(tool.url_for({{"id", ""}, {"version", 1}}) == "(the argument id is empty)");
  CHECK(tool.url_for({{"id", nullptr}, {"version", 1}}) == "(the argument id is missing)");
  CHECK(tool.url_for({{"id", "a"}, {"version", ""}}) == at_host("/specs/a/raw?v="));
  CHECK(tool.asked().method == "GET");
}

TEST_CASE("HTTP tool: several places and literal text in one segment do not add up to a step upwards") {
  HttpToolFixture tool(just(at_host("/x/{a}{b}/y/.{c}")));
  CHECK(tool.url_for({{"a", "."}, {"b", "."}, {"c", "d"}}) ==
        "(the argument a is not a name that may stand in a path)");
  CHECK(tool.url_for({{"a", "1"}, {"b", "2"}, {"c", "."}}) ==
        "(the argument c is not a name that may stand in a path)");
  CHECK(tool.url_for({{"a", "1"}, {"b", "2"}, {"c", "3"}}) == at_host("/x/12/y/.3"));
  HttpToolFixture encoded(just(at_host("/x/%2e{a}")));
  CHECK(encoded.url_for({{"a", "."}}) == "(the argument a is not a name that may stand in a path)");
  HttpToolFixture last(just(at_host("/x/{a}?q=1")));
  CHECK(last.url_for({{"a", ".."}}) == "(the argument a is not a name that may stand in a path)");
}

TEST_CASE("HTTP tool: names are members or pointers into nested arguments; braces can be written") {
  HttpToolFixture tool({{"url", at_host("/{/spec/id}/{/list/1}?q=%7B")}, {"query", {{"b", "{{{b}}}"}}}});
  CHECK(tool.url_for({{"spec", {{"id", 7}}}, {"list", {"x", "y"}}, {"b", "c"}}) == at_host("/7/y?q=%7B&b=%7Bc%7D"));
  CHECK(tool.url_for({{"spec", {{"id", 7}}}, {"list", {"x"}}}) == "(the argument /list/1 is missing)");
  CHECK(tool.url_for({{"spec", 7}, {"list", 8}}) == "(the argument /spec/id is missing)");
  HttpToolFixture odd(just(at_host("/{a.b}/{/c~1d/e~0f}")));
  CHECK(odd.url_for({{"a.b", 1}, {"c/d", {{"e~f", 2}}}}) == at_host("/1/2"));
}

TEST_CASE("HTTP tool: the query leaves out what is absent, and joins or repeats what is several") {
  HttpToolFixture tool({{"url", at_host("/s")},
                        {"query",
                         {{"status", "{status}"},
                          {"tags", {{"$arg", "tags"}}},
                          {"or", {{"$arg", "or"}, {"repeated", true}}},
                          {"both", "{status}-{tags}"},
                          {"limit", 5},
                          {"a b", "x&y"}}}});
  CHECK(tool.url_for(Json::object()) == at_host("/s?limit=5&a%20b=x%26y"));
  CHECK(tool.url_for({{"status", "in progress"}, {"tags", {"a", "b,c", 3}}, {"or", {"p", "q"}}}) ==
        at_host("/s?status=in%20progress&tags=a%2Cb%2Cc%2C3&or=p&or=q&both=in%20progress-a%2Cb%2Cc%2C3&limit=5"
                "&a%20b=x%26y"));
  CHECK(tool.url_for({{"or", Json::array()}, {"tags", Json::array()}}) == at_host("/s?limit=5&a%20b=x%26y"));
  CHECK(tool.url_for({{"or", "one"}}) == at_host("/s?or=one&limit=5&a%20b=x%26y"));
}

TEST_CASE("HTTP tool: a place before the host's end, and URLs that no base URL may be, are refused when it is made") {
  for (const char* url :
       {"{scheme}://api.example.com/", "https://{host}/", "https://api.example.com{path}", "https://a{b}.com/",
        "https://user:pw@api.example.com/", "ftp://api.example.com/", "https://api.example.com/#{x}", "/relative/{x}",
        "https://api.example.com/a b", "https://:1/{x}", "https://api.example.com:{port}/", "{url}"}) {
    CAPTURE(url);
    HttpToolFixture tool(just(url));
    REQUIRE(tool.error());
    CHECK(tool.error()->code == "invalid_request");
    CHECK(tool.error()->category == Category::invalid_request);
  }
  CHECK_FALSE(HttpToolFixture(just("https://api.example.com?q={q}")).error());
  CHECK_FALSE(HttpToolFixture(just("http://[::1]:80/{q}")).error());
}

TEST_CASE("HTTP tool: what a declaration may not say is refused by its reader") {
  const Json bad[] = {
      Json::object(),
      just(at_host("/{")),
      just(at_host("/}")),
      just(at_host("/{}")),
      just(at_host("/{a{b}}")),
      just(at_host("/${KEY}")),
      {{"url", at_host("/")}, {"method", "TRACE"}},
      {{"url", at_host("/")}, {"method", "get"}},
      {{"url", at_host("/")}, {"method", "GET"}, {"body", Json::object()}},
      {{"url", at_host("/")}, {"query", {{"q", "${KEY}"}}}},
      {{"url", at_host("/")}, {"query", {{"q", Json::object()}}}},
      {{"url", at_host("/")}, {"headers", {{"Host", "other"}}}},
      {{"url", at_host("/")}, {"headers", {{"content-length", "1"}}}},
      {{"url", at_host("/")}, {"headers", {{"x", 1}}}},
      {{"url", at_host("/")}, {"response", {{"as", "xml"}}}},
      {{"url", at_host("/")}, {"response", {{"pointer", "a"}}}},
      {{"url", at_host("/")}, {"response", {{"maxBytes", 0}}}},
  };
  for (const Json& http : bad) {
    CAPTURE(http.dump());
    CHECK_FALSE(declare(http).has_value());
  }
}

TEST_CASE("HTTP tool: POST, PUT and PATCH send what the URL, the query and the headers did not use") {
  const Json arguments = {{"id", "a"},    {"q", 1},        {"etag", "e"},
                          {"n", nullptr}, {"text", "é\n"}, {"deep", {{"x", 1.5}}}};
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    HttpToolFixture tool({{"method", method},
                          {"url", at_host("/s/{id}")},
                          {"query", {{"q", "{q}"}}},
                          {"headers", {{"if-match", "{etag}"}}}});
    tool.call(arguments);
    CHECK(tool.asked().method == method);
    CHECK(tool.asked().url == at_host("/s/a?q=1"));
    CHECK(tool.asked().body.str() == R"({"text":"é\n","deep":{"x":1.5}})");
    CHECK(header_of(tool.asked(), "if-match") == "e");
    CHECK(header_of(tool.asked(), "content-type") == "application/json");
    CHECK(tool.asked().once == (std::string(method) != "PUT"));
  }
  HttpToolFixture nested({{"method", "POST"}, {"url", at_host("/s/{/deep/x}")}});
  nested.call(arguments);
  CHECK(Json::parse(nested.asked().body.str()).contains("deep") == false);
  HttpToolFixture removing({{"method", "DELETE"}, {"url", at_host("/s/{id}")}});
  removing.call(arguments);
  CHECK(removing.asked().body.size() == 0);
  CHECK(header_of(removing.asked(), "content-type") == "(none)");
  CHECK_FALSE(removing.asked().once);
}

TEST_CASE("HTTP tool: a body template takes arguments as the values they are, and leaves out the absent") {
  const Json body = {{"query", {{"$arg", "query"}}},
                     {"filters", {{"tags", {{"$arg", "tags"}}}, {"first", {{"$arg", "/tags/0"}}}}},
                     {"list", Json::array({{{"$arg", "query"}}, {{"$arg", "none"}}, "literal {query}", 1, nullptr})},
                     {"plain", {{"$arg", "query"}, {"more", 1}}}};
  HttpToolFixture tool({{"url", at_host("/search")}, {"body", body}});
  tool.call({{"query", "a\"b"}, {"tags", {"x", 2}}});
  CHECK(tool.asked().method == "POST");
  CHECK(tool.asked().body.str() ==
        R"({"query":"a\"b","filters":{"tags":["x",2],"first":"x"},"list":["a\"b","literal {query}",1,null],)"
        R"("plain":{"$arg":"query","more":1}})");
  tool.call({{"query", 3}});
  CHECK(Json::parse(tool.asked().body.str()).at("filters") == Json::object());
  HttpToolFixture whole({{"url", at_host("/")}, {"body", {{"$arg", "doc"}}}, {"headers", {{"Content-Type", "a/b"}}}});
  whole.call({{"doc", {{"k", "v"}}}});
  CHECK(whole.asked().body.str() == R"({"k":"v"})");
  CHECK(header_of(whole.asked(), "content-type") == "(none)");
  CHECK(header_of(whole.asked(), "Content-Type") == "a/b");
  whole.call(Json::object());
  CHECK(whole.asked().body.size() == 0);
}

TEST_CASE("HTTP tool: headers refer to keys, which go to the URL's host only and never in the clear") {
  std::string asked_for;
  const SecretResolver secrets = [&](std::string_view reference,
                                     const BaseUrl& to) -> std::expected<std::string, Error> {
    asked_for += std::string(reference) + "@" + to.authority() + " ";
    if (reference == "${BAD}") return "a\nb";
    return "s3cret";
  };
  const Json headers = {{"authorization", "Bearer ${TOKEN}"}, {"x-spec", "<{id}>"}, {"x-none", "{none}"}};
  HttpToolFixture tool({{"url", at_host("/{id}")}, {"headers", headers}}, secrets);
  CHECK(asked_for == "${TOKEN}@api.example.com:443 ");
  tool.call({{"id", "a"}});
  CHECK(header_of(tool.asked(), "authorization") == "Bearer s3cret");
  CHECK(header_of(tool.asked(), "x-spec") == "<a>");
  CHECK(header_of(tool.asked(), "x-none") == "(none)");
  for (const auto& header : tool.asked().headers) CHECK(header.secret);
  tool.call({{"id", "a\r\nx: y"}});
  CHECK(tool.error_text() == "an argument has characters that no header may have");
  CHECK(tool.http().count() == 1);

  HttpToolFixture clear({{"url", "http://api.example.com/"}, {"headers", headers}}, secrets);
  REQUIRE(clear.error());
  CHECK(clear.error()->code == "insecure_url");
  HttpToolFixture literal({{"url", "http://api.example.com/"}, {"headers", {{"X-Api-Key", "k"}}}}, secrets);
  REQUIRE(literal.error());
  CHECK(literal.error()->code == "insecure_url");
  CHECK_FALSE(HttpToolFixture({{"url", "http://api.example.com/"}, {"headers", {{"accept", "a/b"}}}}, secrets).error());
  CHECK_FALSE(HttpToolFixture({{"url", "http://127.0.0.1:1/"}, {"headers", headers}}, secrets).error());
  HttpToolFixture broken({{"url", at_host("/")}, {"headers", {{"x", "${BAD}"}}}}, secrets);
  REQUIRE(broken.error());
  CHECK(broken.error()->message.find("a\nb") == std::string::npos);
  HttpToolFixture denied({{"url", at_host("/")}, {"headers", {{"x", "${file:/etc/passwd}"}}}});
  REQUIRE(denied.error());
  CHECK(denied.error()->code == "variable_not_allowed");
}

TEST_CASE("HTTP tool: a template that names an argument many times cannot make a request of any size") {
  const auto many = [](std::size_t n, const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i) out += text;
    return out;
  };
  const Json long_text = {{"x", std::string(70'000, 'v')}};
  const std::string url_error = "(the URL would be longer than 64 KiB with these arguments)";
  CHECK(HttpToolFixture(just(at_host("/{x}"))).url_for(long_text) == url_error);
  CHECK(HttpToolFixture(just(at_host("/" + many(4'000, "{x}")))).url_for({{"x", std::string(20, '/')}}) == url_error);
  CHECK(HttpToolFixture({{"url", at_host("/")}, {"query", {{"q", "{x}"}}}}).url_for(long_text) == url_error);
  const Json repeated = {{"url", at_host("/")}, {"query", {{"q", {{"$arg", "x"}, {"repeated", true}}}}}};
  CHECK(HttpToolFixture(repeated).url_for({{"x", Json(std::vector<int>(30'000))}}) == url_error);
  CHECK(HttpToolFixture({{"url", at_host("/")}, {"headers", {{"x-a", "{x}"}}}}).url_for(long_text) ==
        "(a header would be longer than 64 KiB with these arguments)");

  const std::string size_error = "(the request would be larger than 16384 KiB with these arguments)";
  const Json body = {
      {"method", "POST"}, {"url", at_host("/")}, {"body", Json(std::vector<Json>(300, {{"$arg", "x"}}))}};
  CHECK(HttpToolFixture(body).url_for(long_text) == size_error);
  CHECK(HttpToolFixture(body).url_for({{"x", std::string(1'000, 'v')}}) == at_host("/"));
  // Nothing of an argument is used, but each placeholder reads all of it.
  Json query = Json::object();
  for (int i = 0; i < 300; ++i) query["q" + std::to_string(i)] = {{"$arg", "x"}};
  HttpToolFixture blanks({{"url", at_host("/")}, {"query", query}});
  blanks.call_text("{\"x\":[" + std::string(70'000, ' ') + "]}");
  CHECK("(" + blanks.error_text() + ")" == size_error);
  // A part that is left out costs nothing.
  for (auto& parameter : query) parameter = "{x}{absent}";
  CHECK(HttpToolFixture({{"url", at_host("/")}, {"query", query}}).url_for(long_text) == at_host("/"));
}

TEST_CASE("HTTP tool: pointers into deep arguments do not read all of them at every step") {
  std::string url = at_host("/");
  std::string pointer;
  for (int i = 0; i < 60; ++i) url += "{" + (pointer += "/a") + "/b}";
  std::string arguments = std::string(300'000, ' ') + "1";
  for (int i = 0; i < 61; ++i) arguments = "{\"b\":1,\"a\":" + arguments + "}";
  HttpToolFixture tool(just(url));
  tool.call_text(arguments);
  CHECK(tool.error_text() == "the arguments are too large and too deep for this tool");
}

TEST_CASE("HTTP tool: a header has few references to keys") {
  std::string value;
  for (int i = 0; i < 16; ++i) value += "${K}";
  int asked = 0;
  const SecretResolver secrets = [&](std::string_view, const BaseUrl&) -> std::expected<std::string, Error> {
    ++asked;
    return "k";
  };
  CHECK_FALSE(HttpToolFixture({{"url", at_host("/")}, {"headers", {{"x-key", value}}}}, secrets).error());
  asked = 0;
  const HttpToolFixture refused({{"url", at_host("/")}, {"headers", {{"x-key", value + "${K}"}}}}, secrets);
  REQUIRE(refused.error());
  CHECK(refused.error()->code == "invalid_request");
  CHECK(asked == 0);
}

}  // namespace
}  // namespace aiw::test
