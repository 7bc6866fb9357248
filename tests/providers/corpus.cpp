#include "tests/providers/corpus.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "protocol/json_text.hpp"
#include "worker/base/base64.hpp"

namespace aiw::testing {
namespace {

using nlohmann::json;

std::string_view kind_name(ContentKind kind) {
  switch (kind) {
    case ContentKind::text: return "text";
    case ContentKind::reasoning: return "reasoning";
    case ContentKind::tool_input: return "tool_input";
    case ContentKind::refusal: return "refusal";
  }
  return "?";
}

std::string shown(const std::optional<std::int64_t>& count) { return count ? std::to_string(*count) : "null"; }

std::string shown(const Usage& usage) {
  return shown(usage.input_tokens) + "/" + shown(usage.output_tokens) + "/" + shown(usage.total_tokens) + " cache " +
         shown(usage.cached_input_tokens) + "/" + shown(usage.cache_write_tokens) + " reasoning " +
         shown(usage.reasoning_tokens) + (usage.cost ? " cost " + std::to_string(*usage.cost) : "");
}

json read_json(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return json::parse(file);
}

}  // namespace

void RecordingSink::check_open(std::string_view what) {
  if (finished || failed) violations.push_back("after the end: " + std::string(what));
}

void RecordingSink::delta(int part, ContentKind kind, std::string_view text, std::string_view tool_call_id) {
  check_open("delta");
  ++delta_count;
  if (find_invalid_utf8(text)) violations.emplace_back("a delta is not valid UTF-8");
  if ((kind == ContentKind::tool_input) == tool_call_id.empty())
    violations.emplace_back("tool_call_id and kind differ");
  const auto [entry, is_new] = parts.try_emplace(part, PartRecord{kind, {}, std::string(tool_call_id)});
  // A call begins with its name, and has its number from then on; what is said of it first may come after other parts.
  const bool comes_late = is_new && std::next(entry) != parts.end();
  if (comes_late && kind != ContentKind::tool_input) violations.emplace_back("a new part has no new number");
  if (entry->second.kind != kind) violations.emplace_back("one part has two kinds");
  if (entry->second.tool_call_id != tool_call_id) violations.emplace_back("one part has two call ids");
  entry->second.text += text;
}

void RecordingSink::tool_call(int part, ToolCall call) {
  check_open("tool_call");
  if (call.id.empty()) violations.emplace_back("a call has no id");
  const auto streamed = parts.find(part);
  if (streamed != parts.end() && streamed->second.tool_call_id != call.id) {
    violations.emplace_back("a call's id differs from its deltas'");
  }
  // One whose call never comes answers a call of an answer that paused; an id that a provider uses again had its call.
  const auto is_its_result = [&](const ProviderToolResult& result) { return result.tool_call_id == call.id; };
  const auto has_its_id = [&](const auto& earlier) { return earlier.second.id == call.id; };
  if (call.by_provider && std::ranges::any_of(provider_results, is_its_result) &&
      std::ranges::none_of(calls, has_its_id)) {
    violations.emplace_back("a provider's result came before its call");
  }
  calls.emplace_back(part, std::move(call));
}

void RecordingSink::tool_result(ProviderToolResult result) {
  check_open("tool_result");
  const json output = json::parse(result.output, nullptr, false);
  if (!output.is_object() || !output.contains("type") || !output.contains("value")) {
    violations.emplace_back("a provider's result is not {type, value}");
  }
  provider_results.push_back(std::move(result));
}

void RecordingSink::file(int part, GeneratedFile file) {
  check_open("file");
  if (file.data.empty() == file.url.empty()) violations.emplace_back("a file has not one of data and url");
  if (parts.contains(part)) violations.emplace_back("a file's part is another's");
  files.emplace_back(part, std::move(file));
}

void RecordingSink::source(const Source& source) {
  check_open("source");
  for (const auto* text :
       {&source.id, &source.url, &source.title, &source.media_type, &source.filename, &source.quote}) {
    if (find_invalid_utf8(*text)) violations.emplace_back("a source is not valid UTF-8");
  }
  sources.push_back(source);
}

void RecordingSink::logprobs(int part, std::string_view tokens) {
  check_open("logprobs");
  json parsed = json::parse(tokens, nullptr, false);
  if (!parsed.is_array()) violations.emplace_back("logprobs are no array");
  logprob_tokens.emplace_back(part, std::move(parsed));
}

void RecordingSink::provider_state(int part, std::string state) {
  check_open("provider_state");
  if (std::ranges::any_of(state, [](char c) { return c < 0x20 || c == 0x7F; })) {
    violations.emplace_back("a provider state is not printable ASCII");
  }
  states.emplace_back(part, std::move(state));
}

void RecordingSink::usage(const Usage& usage) {
  check_open("usage");
  last_usage = usage;
}

void RecordingSink::warning(std::string_view code, std::string_view message) {
  check_open("warning");
  if (message.empty()) violations.emplace_back("a warning says nothing");
  warnings.emplace_back(code);
}

void RecordingSink::finish(FinishReason reason, std::string_view raw) {
  check_open("finish");
  finished = reason;
  finish_raw = raw;
}

void RecordingSink::fail(Error error) {
  check_open("fail");
  if (find_invalid_utf8(error.message)) violations.emplace_back("an error's message is not valid UTF-8");
  failed = std::move(error);
}

std::string RecordingSink::text_of(ContentKind kind) const {
  std::string out;
  for (const auto& [number, part] : parts) {
    if (part.kind == kind) out += part.text;
  }
  return out;
}

std::string RecordingSink::summary() const {
  std::ostringstream out;
  for (const auto& [number, part] : parts) {
    out << number << " " << kind_name(part.kind) << " " << part.tool_call_id << ": " << part.text << "\n";
  }
  for (const auto& [part, call] : calls) {
    out << part << " call " << call.id << " " << call.name << (call.by_provider ? " (provider) " : " ")
        << call.input_text << "\n";
  }
  for (const auto& result : provider_results) {
    out << "result " << result.tool_call_id << " " << result.tool_name << " " << result.output << "\n";
  }
  for (const auto& [part, file] : files) {
    out << part << " file " << file.media_type << " " << file.filename << " " << file.url << file.data << "\n";
  }
  for (const auto& source : sources) {
    out << "source " << (source.type == Source::Type::url ? "url " : "document ") << source.id << " " << source.url
        << " " << source.title << " " << source.filename << " " << source.quote << "\n";
  }
  // Which event brought them depends on nothing but the wire, so neither does their grouping.
  for (const auto& [part, tokens] : logprob_tokens) out << part << " logprobs " << tokens << "\n";
  for (const auto& [part, state] : states) out << part << " state " << state << "\n";
  if (last_usage) out << "usage " << shown(*last_usage) << "\n";
  for (const auto& code : warnings) out << "warning " << code << "\n";
  if (finished) out << "finish " << to_string(*finished) << " (" << finish_raw << ")\n";
  if (failed) {
    out << "fail " << failed->code << " " << to_string(failed->category) << " " << failed->provider_code
        << (failed->retryable ? " retryable: " : ": ") << failed->message << "\n";
  }
  for (const auto& violation : violations) out << "VIOLATION " << violation << "\n";
  return out.str();
}

RecordingSink decode(const WireApi& api, BodyFormat format, std::string_view body,
                     const std::vector<std::size_t>& cuts) {
  RecordingSink sink;
  const auto decoder = api.make_decoder(format);
  std::size_t from = 0;
  for (const std::size_t cut : cuts) {
    // Pieces are copies, so that a decoder which keeps a view of what it was fed is caught by the sanitizers.
    const std::string piece(body.substr(from, cut - from));
    decoder->feed(piece, sink);
    from = cut;
  }
  const std::string piece(body.substr(from));
  decoder->feed(piece, sink);
  decoder->end(sink);
  if (!sink.finished && !sink.failed) sink.violations.emplace_back("the answer has no end");
  return sink;
}

std::vector<std::string> cut_differences(const WireApi& api, BodyFormat format, std::string_view body,
                                         std::size_t exhaustive_bytes) {
  constexpr std::size_t kSample = 61;
  std::vector<std::string> out;
  const std::string whole = decode(api, format, body).summary();
  std::set<std::size_t> positions;
  const std::size_t step = body.size() <= exhaustive_bytes ? 1 : body.size() / kSample + 1;
  for (std::size_t at = 1; at < body.size(); at += step) positions.insert(at);
  for (const std::size_t at : positions) {
    const std::string got = decode(api, format, body, {at}).summary();
    if (got != whole) out.push_back("cut at " + std::to_string(at) + ":\n" + got + "whole:\n" + whole);
    if (out.size() > 2) return out;
  }
  std::vector<std::size_t> every;
  for (std::size_t at = 1; at < body.size(); ++at) every.push_back(at);
  const std::string bytewise = decode(api, format, body, every).summary();
  if (bytewise != whole) out.push_back("byte by byte:\n" + bytewise + "whole:\n" + whole);
  return out;
}

std::optional<std::filesystem::path> corpus_root() {
  const char* given = std::getenv("AIW_CORPUS");
  const std::filesystem::path root =
      given != nullptr ? std::filesystem::path(given) : std::filesystem::path(AIW_SOURCE_DIR) / "../shared/corpus";
  if (!std::filesystem::exists(root / "index.jsonl")) return std::nullopt;
  return root;
}

std::vector<CorpusCase> load_corpus(const std::filesystem::path& root, std::string_view api) {
  std::vector<CorpusCase> out;
  std::ifstream index(root / "index.jsonl");
  for (std::string line; std::getline(index, line);) {
    const json row = json::parse(line);
    if (row.at("api") != api) continue;
    const std::filesystem::path file = root / row.at("file").get<std::string>();
    const json recorded = read_json(file);
    const json expected = read_json(std::filesystem::path(file).replace_extension(".expected.json"));
    const json& response = recorded.at("response");
    CorpusCase one;
    one.id = row.at("id");
    one.api = api;
    one.provider = row.at("provider");
    one.confidence = row.at("confidence");
    one.streaming = response.at("streaming");
    one.head.status = response.at("status");
    for (const auto& [name, value] : response.at("headers").items()) {
      one.head.headers.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
    one.body = response.at("body");
    if (response.at("encoding") == "base64") {
      std::string bytes;
      if (!base64_decode(one.body, bytes)) throw std::runtime_error(file.string() + ": not base64");
      one.body = std::move(bytes);
    }
    one.expected = expected.at("expected");
    one.accept = expected.value("accept", json::object());
    out.push_back(std::move(one));
  }
  return out;
}

namespace {

bool accepted(const CorpusCase& test_case, const char* field, const json& value) {
  if (test_case.expected.value(field, json()) == value) return true;
  const auto others = test_case.accept.find(field);
  return others != test_case.accept.end() && std::ranges::find(*others, value) != others->end();
}

json word_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop: return "stop";
    case FinishReason::length: return "length";
    case FinishReason::tool_calls: return "tool-calls";
    case FinishReason::content_filter:
    case FinishReason::refusal: return "content-filter";
    default: return "other";
  }
}

json calls_of(const RecordingSink& got) {
  json out = json::array();
  for (const auto& [part, call] : got.calls) {
    if (call.by_provider) continue;
    json arguments = json::parse(call.input_text, nullptr, false);
    if (arguments.is_discarded()) arguments = call.input_text;
    out.push_back({{"id", call.id}, {"name", call.name}, {"arguments", std::move(arguments)}});
  }
  return out;
}

json to_json(const std::optional<std::int64_t>& count) { return count ? json(*count) : json(); }

class Comparison {
 public:
  explicit Comparison(const CorpusCase& test_case) : case_(test_case) {}

  void field(const char* name, const json& got) {
    if (!accepted(case_, name, got)) differ(name, case_.expected.value(name, json()), got);
  }

  void tool_calls(const RecordingSink& got) {
    json expected = case_.expected.value("tool_calls", json::array());
    json calls = json::array();
    // The corpus lists the client's calls that are not of functions (a shell, a custom tool) apart.
    for (const json& call : calls_of(got)) {
      if (!is_other_client_tool(call)) calls.push_back(call);
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (expected[i].value("arguments_invalid", false)) expected[i]["arguments"] = expected[i]["arguments_text"];
      expected[i].erase("arguments_invalid");
      expected[i].erase("arguments_text");
      if (expected[i].value("id", json()).is_null() && i < calls.size()) expected[i]["id"] = calls[i]["id"];
    }
    if (expected != calls) differ("tool_calls", expected, calls);
  }

  // With a call of another client tool, "tool-calls" is as right as the "stop" of most SDKs (the corpus' README).
  void finish(FinishReason got) {
    if (got == FinishReason::tool_calls && !case_.expected.value("other_client_tools", json()).empty()) return;
    field("finish", word_of(got));
  }

  void usage(const std::optional<Usage>& got) {
    const json expected = case_.expected.value("usage", json());
    const json others = case_.accept.value("usage", json::object());
    const Usage usage = got.value_or(Usage{});
    const std::pair<const char*, std::optional<std::int64_t>> fields[] = {{"input", usage.input_tokens},
                                                                          {"output", usage.output_tokens},
                                                                          {"cache_read", usage.cached_input_tokens},
                                                                          {"cache_write", usage.cache_write_tokens},
                                                                          {"reasoning", usage.reasoning_tokens}};
    for (const auto& [name, count] : fields) {
      const json want = expected.is_object() ? expected.value(name, json()) : json();
      const json have = to_json(count);
      const bool other = others.contains(name) && std::ranges::find(others[name], have) != others[name].end();
      // SDKs report 0 for a detail that the wire leaves out, and some even where it has no usage at all: we say null.
      const bool detail = name != std::string_view("input") && name != std::string_view("output");
      const bool absent =
          have.is_null() && want == 0 && (detail || case_.expected.value("usage_raw", json()).is_null());
      if (want != have && !other && !absent) differ(std::string("usage.") + name, want, have);
    }
  }

  void error(const Error& got) {
    const json& expected = case_.expected.at("error");
    const json message = expected.value("message", json());
    if (message.is_string() && message != got.message) differ("error.message", message, got.message);
    std::vector<std::string> words;
    for (const char* key : {"code", "type"}) {
      const json word = expected.value(key, json());
      if (!word.is_null()) words.push_back(word.is_string() ? word.get<std::string>() : word.dump());
    }
    if (!words.empty() && std::ranges::find(words, got.provider_code) == words.end()) {
      differ("error.code", words, got.provider_code);
    }
    const json status = expected.value("http_status", json());  // null: the error came inside a 200
    if (status != (got.status == 0 ? json() : json(got.status))) differ("error.http_status", status, got.status);
    if (expected.contains("retryable") && expected["retryable"] != got.retryable) {
      differ("error.retryable", expected["retryable"], got.retryable);
    }
  }

  void differ(const std::string& name, const json& want, const json& got) {
    const auto text = [](const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); };
    out_.push_back(name + ": expected " + text(want) + ", got " + text(got));
  }

  [[nodiscard]] std::vector<std::string> result() const { return out_; }

 private:
  // Listed by the call's id, or by an item whose type is the tool's name and "_call".
  [[nodiscard]] bool is_other_client_tool(const json& call) const {
    const json others = case_.expected.value("other_client_tools", json::array());
    return std::ranges::any_of(others, [&](const json& other) {
      return other["id"] == call["id"] || other["type"] == call["name"].get<std::string>() + "_call";
    });
  }

  const CorpusCase& case_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> expectation_differences(const CorpusCase& test_case, const RecordingSink& got) {
  Comparison comparison(test_case);
  const bool error_expected = test_case.expected.contains("error") && !test_case.expected["error"].is_null();
  const bool error_accepted = test_case.accept.contains("error");
  for (const auto& violation : got.violations) comparison.differ("promise", "kept", violation);
  if (got.failed && error_expected) comparison.error(*got.failed);
  if (got.failed.has_value() != error_expected && !error_accepted) {
    comparison.differ("error", test_case.expected.value("error", json()), got.failed ? json(got.failed->code) : json());
  }
  // HTTP errors, and answers that every SDK rejects, have no other fields.
  if (!test_case.expected.contains("text")) return comparison.result();
  comparison.field("text", got.text_of(ContentKind::text));
  comparison.field("reasoning", got.text_of(ContentKind::reasoning));
  comparison.field("refusal", got.text_of(ContentKind::refusal));
  comparison.tool_calls(got);
  comparison.usage(got.last_usage);
  if (got.finished) comparison.finish(*got.finished);
  return comparison.result();
}

}  // namespace aiw::testing
