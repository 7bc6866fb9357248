#include "tools/replay/compare.hpp"

#include <algorithm>

namespace aiw::tools {

using nlohmann::json;

namespace {

// Limit to which the worker may shorten a provider's message, in bytes.
constexpr std::size_t kMaxMessage = 4096;

// Returns true if the provider's own usage object contains, at any depth, a number for the corpus' count `name`.
bool wire_has(const json& usage, std::string_view name) {
  if (usage.is_array()) return std::ranges::any_of(usage, [&](const json& item) { return wire_has(item, name); });
  if (!usage.is_object()) return false;
  for (const auto& [key, value] : usage.items()) {
    const auto has = [&key](std::string_view word) { return key.find(word) != std::string::npos; };
    const bool is_cache = has("cach"), is_write = has("creation") || has("write");
    const bool is_it = name == "cache_read"    ? is_cache && !is_write && !has("miss")
                       : name == "cache_write" ? is_cache && is_write
                       : name == "reasoning"   ? has("reasoning") || has("thinking") || has("thoughts")
                       : name == "input"       ? has("prompt_tokens") || has("input_tokens")
                                               : has("completion_tokens") || has("output_tokens");
    if ((is_it && value.is_number()) || wire_has(value, name)) return true;
  }
  return false;
}

class Comparer {
 public:
  Comparer(const json& expected, const Outcome& actual)
      : expected_(expected.at("expected")), accept_(expected.value("accept", json::object())), actual_(actual) {}

  Comparison run() && {
    // A chat that failed before its response began has only the error.
    compare_error();
    if (expected_.contains("text")) check("text", actual_.text);
    if (expected_.contains("reasoning")) check("reasoning", actual_.reasoning);
    if (expected_.contains("refusal")) check("refusal", actual_.refusal);
    if (expected_.contains("tool_calls")) compare_tool_calls();
    if (expected_.contains("finish")) compare_finish();
    if (expected_.contains("usage")) compare_usage();
    return std::move(out_);
  }

 private:
  static bool is_listed(const json& list, const json& value) {
    return list.is_array() && std::ranges::find(list, value) != list.end();
  }

  void differs(std::string field, const json& expected, const json& actual) {
    out_.differences.push_back(difference(std::move(field), expected, actual));
  }

  void check(const std::string& field, const json& actual) {
    const json& expected = expected_.at(field);
    if (actual == expected) return;
    if (is_listed(accept_.value(field, json()), actual)) {
      out_.alternatives.push_back(field);
    } else {
      differs(field, expected, actual);
    }
  }

  // A response that ends with an error has no finish reason of its own.
  void compare_finish() {
    const json& expected = expected_.at("finish");
    const bool may_fail = is_listed(accept_.value("error", json()), "any");
    const bool fails = expected.is_null() && !expected_.value("error", json()).is_null();
    if (actual_.finish == "error" && (may_fail || fails)) return;
    // With a call of another client tool, "tool-calls" is as correct as the "stop" of most SDKs (the corpus' README).
    if (actual_.finish == "tool-calls" && !expected_.value("other_client_tools", json()).empty()) {
      if (expected != json(actual_.finish)) out_.alternatives.emplace_back("finish");
      return;
    }
    check("finish", actual_.finish);
  }

  void compare_usage() {
    const json& expected = expected_.at("usage");
    const json accepted = accept_.value("usage", json::object());
    for (const char* name : {"input", "output", "cache_read", "cache_write", "reasoning"}) {
      const json want = expected.is_object() ? expected.value(name, json()) : json();
      const json have = actual_.usage.is_object() ? actual_.usage.value(name, json()) : json();
      if (want == have) continue;
      const std::string field = std::string("usage.") + name;
      if (is_listed(accepted.value(name, json()), have)) {
        out_.alternatives.push_back(field);
      } else if (want == 0 && have.is_null() && !wire_has(expected_.value("usage_raw", json()), name)) {
        // SDKs report a count that is not on the wire as 0, and the corpus follows them. This protocol reports null.
        out_.alternatives.push_back(field + " (not on the wire)");
      } else {
        differs(field, want, have);
      }
    }
  }

  void compare_tool_calls() {
    const json& expected = expected_.at("tool_calls");
    json calls = json::array();
    // The corpus lists client-side calls that are not function calls (a shell, a custom tool) separately.
    for (const json& call : actual_.tool_calls) {
      if (!is_other_client_tool(call)) calls.push_back(call);
    }
    if (expected.size() != calls.size()) return differs("tool_calls", expected, calls);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      compare_tool_call("tool_calls[" + std::to_string(i) + "]", expected[i], calls[i]);
    }
  }

  // Matches by the call's id, or by an item whose type is the tool's name plus "_call".
  [[nodiscard]] bool is_other_client_tool(const json& call) const {
    const json others = expected_.value("other_client_tools", json::array());
    return std::ranges::any_of(others, [&](const json& other) {
      return other["id"] == call["id"] || other["type"] == call["name"].get<std::string>() + "_call";
    });
  }

  void compare_tool_call(const std::string& at, const json& expected, const json& actual) {
    // The worker generates an id if the wire has none.
    const json& id = expected.at("id");
    if (!id.is_null() && id != actual["id"]) differs(at + ".id", id, actual["id"]);
    if (id.is_null() && actual["id"] == "") differs(at + ".id", "an id", "");
    for (const char* field : {"name", "arguments"}) {
      if (expected.at(field) != actual[field]) differs(at + "." + field, expected.at(field), actual[field]);
    }
    const auto text = expected.find("arguments_text");
    if (text != expected.end() && *text != actual["arguments_text"]) {
      differs(at + ".arguments_text", *text, actual["arguments_text"]);
    }
  }

  void compare_error() {
    const json expected = expected_.value("error", json());
    if (expected.is_null() != actual_.error.is_null()) {
      if (is_listed(accept_.value("error", json()), "any")) {
        out_.alternatives.emplace_back("error");
      } else {
        differs("error", expected, actual_.error);
      }
    } else if (!expected.is_null()) {
      compare_error_fields(expected);
    }
  }

  void compare_error_fields(const json& expected) {
    const json& actual = actual_.error;
    const bool is_http = !expected.value("http_status", json()).is_null();  // null: the error came in a 200 response
    const bool has_words = expected.contains("message");
    if (is_http) check_error_field("error.status", expected["http_status"], actual.value("status", json()));
    if (has_words) {
      compare_kind(is_http ? "upstream_http" : "upstream_error", actual);
      compare_message(expected["message"], actual.value("message", json()));
      compare_provider_code(expected, actual.value("providerCode", json()));
    }
    if (expected.contains("retryable")) {
      check_error_field("error.retryable", expected["retryable"], actual.value("retryable", json()));
    }
  }

  // `context_overflow` is the only more specific code that the recorded errors produce.
  void compare_kind(const char* expected, const json& actual) {
    const json code = actual.value("code", json());
    if (code == "context_overflow" && actual.value("category", json()) == "invalid_request") return;
    check_error_field("error.kind", expected, code);
  }

  void check_error_field(const char* field, const json& expected, const json& actual) {
    if (expected != actual) differs(field, expected, actual);
  }

  void compare_message(const json& expected, const json& actual) {
    if (expected == actual) return;
    if (expected.is_string() && actual.is_string()) {
      const auto& whole = expected.get_ref<const std::string&>();
      const auto& shown = actual.get_ref<const std::string&>();
      const bool may_be_cut = whole.size() > kMaxMessage && shown.size() > kMaxMessage / 2;
      if (may_be_cut && whole.starts_with(shown)) return;
    }
    differs("error.message", expected, actual);
  }

  // Providers send a code, a type, or both; either one is accepted.
  void compare_provider_code(const json& expected, const json& actual) {
    std::vector<std::string> words;
    for (const char* field : {"code", "type"}) {
      const json word = expected.value(field, json());
      if (!word.is_null()) words.push_back(word.is_string() ? word.get<std::string>() : word.dump());
    }
    if (words.empty()) return;
    const bool is_known = actual.is_string() && std::ranges::find(words, actual.get<std::string>()) != words.end();
    if (!is_known) differs("error.code", words, actual);
  }

  const json& expected_;
  const json accept_;
  const Outcome& actual_;
  Comparison out_;
};

}  // namespace

Comparison compare(const json& expected, const Outcome& actual) { return Comparer(expected, actual).run(); }

}  // namespace aiw::tools
