#include "worker/providers/mock.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/base/white_space.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw {
namespace {

using Json = nlohmann::json;
using Actions = std::vector<MockAction>;

// Limits on the size of a script's output, because `repeat` and `chunks` multiply it.
constexpr std::size_t kMaxActions = 1'000'000;
constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;
constexpr std::size_t kScriptFactor = 48;  // bytes of the parsed tree for each byte of the script
constexpr std::int64_t kMaxDelayMs = 3'600'000;
constexpr std::int64_t kBytesPerToken = 4;  // rule of thumb for English

// Reads one step of a script and stops at the first error.
class ScriptReader {
 public:
  explicit ScriptReader(std::size_t step) : step_(step) {}

  std::expected<Actions, Error> read(const Json& actions);

 private:
  void read_action(const Json& action);
  void read_text(const Json& action, bool reasoning);
  void read_tool_call(const Json& call);
  void read_usage(const Json& counts);
  void read_error(const Json& fields);
  void read_finish(const Json& word);
  void fail(const std::string& message);
  std::string string_of(const Json& object, const char* key);
  std::optional<std::int64_t> count_of(const Json& object, const char* key, std::int64_t max);

  const std::size_t step_;
  std::size_t place_ = 0;  // index of the current action
  std::size_t calls_ = 0;
  std::size_t text_bytes_ = 0;
  std::size_t deltas_ = 0;
  bool ended_ = false;
  Actions actions_;
  std::optional<Error> error_;
};

// Returns the number of deltas. It may be lower than requested, because deltas are cut between characters.
std::size_t count_pieces(const MockText& text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.text.size(); at += mock_piece(text, at).size()) ++count;
  return count;
}

Error bad_script(std::string message) {
  return {.code = error_code::invalid_request,
          .category = Category::invalid_request,
          .message = "mock script: " + std::move(message)};
}

template <typename Enum, std::size_t N>
std::optional<Enum> from_name(const std::array<Enum, N>& values, std::string_view name) {
  const auto* found = std::ranges::find_if(values, [&](Enum value) { return to_string(value) == name; });
  return found == values.end() ? std::nullopt : std::optional(*found);
}

std::optional<FinishReason> finish_from_name(std::string_view name) {
  using enum FinishReason;
  return from_name(std::array{stop, length, tool_calls, content_filter, refusal, other}, name);
}

std::optional<Category> category_from_name(std::string_view name) {
  using enum Category;
  return from_name(std::array{invalid_request, auth, permission, not_found, rate_limit, overloaded, timeout, network,
                              upstream, content_filter, tool, limit, cancelled, internal},
                   name);
}

std::expected<Actions, Error> ScriptReader::read(const Json& actions) {
  if (!actions.is_array()) return std::unexpected(bad_script("step " + std::to_string(step_) + " is no array"));
  for (; place_ < actions.size() && !error_; ++place_) read_action(actions[place_]);
  if (error_) return std::unexpected(std::move(*error_));
  return std::move(actions_);
}

void ScriptReader::fail(const std::string& message) {
  if (error_) return;
  error_ = bad_script("step " + std::to_string(step_) + ", action " + std::to_string(place_) + ": " + message);
}

std::string ScriptReader::string_of(const Json& object, const char* key) {
  const auto member = object.find(key);
  if (member != object.end() && member->is_string()) return member->get<std::string>();
  fail(std::string(key) + " must be a string");
  return {};
}

// Returns nothing if the member is missing.
std::optional<std::int64_t> ScriptReader::count_of(const Json& object, const char* key, std::int64_t max) {
  const auto member = object.find(key);
  if (member == object.end()) return std::nullopt;
  if (member->is_number_unsigned() && member->get<std::uint64_t>() <= static_cast<std::uint64_t>(max)) {
    return member->get<std::int64_t>();
  }
  fail(std::string(key) + " must be an integer from 0 to " + std::to_string(max));
  return std::nullopt;
}

void ScriptReader::read_action(const Json& action) {
  if (!action.is_object()) return fail("no object");
  if (ended_) return fail("the step has ended already");
  if (action.contains("text")) {
    read_text(action, false);
  } else if (action.contains("reasoning")) {
    read_text(action, true);
  } else if (action.contains("toolCall")) {
    read_tool_call(action["toolCall"]);
  } else if (const auto delay = count_of(action, "delayMs", kMaxDelayMs)) {
    actions_.emplace_back(MockDelay{*delay});
  } else if (action.contains("usage")) {
    read_usage(action["usage"]);
  } else if (action.contains("error")) {
    read_error(action["error"]);
  } else if (action.contains("finish")) {
    read_finish(action["finish"]);
  } else if (action.value("truncate", Json()) == true) {
    actions_.emplace_back(MockTruncate{});
    ended_ = true;
  } else {
    fail("not one of text, reasoning, toolCall, delayMs, usage, error, finish, truncate");
  }
}

void ScriptReader::read_text(const Json& action, bool reasoning) {
  MockText text{.text = string_of(action, reasoning ? "reasoning" : "text")};
  const auto pieces =
      static_cast<std::size_t>(std::max<std::int64_t>(count_of(action, "chunks", kMaxActions).value_or(1), 1));
  text.times = count_of(action, "repeat", kMaxActions).value_or(1);
  if (error_ || text.text.empty() || text.times == 0) return;
  text.piece = (text.text.size() + pieces - 1) / pieces;
  const auto times = static_cast<std::size_t>(text.times);
  text_bytes_ += text.text.size() * times;
  deltas_ += count_pieces(text) * times;
  if (deltas_ > kMaxActions || text_bytes_ > kMaxTextBytes) return fail("the step is too long");
  if (reasoning) {
    actions_.emplace_back(MockReasoning{std::move(text)});
  } else {
    actions_.emplace_back(std::move(text));
  }
}

// `input` is an object, or a string with the arguments exactly as a model might write them, valid JSON or not.
void ScriptReader::read_tool_call(const Json& call) {
  if (!call.is_object()) return fail("toolCall must be an object");
  ToolCall action;
  action.name = string_of(call, "toolName");
  action.id = call.contains("toolCallId") ? string_of(call, "toolCallId")
                                          : "call_" + std::to_string(step_) + "_" + std::to_string(calls_);
  if (action.id.empty()) return fail("toolCallId must not be empty");
  ++calls_;
  const Json input = call.value("input", Json::object());
  action.input_text = input.is_string() ? input.get<std::string>() : input.dump();
  actions_.emplace_back(std::move(action));
}

void ScriptReader::read_usage(const Json& counts) {
  if (!counts.is_object()) return fail("usage must be an object");
  constexpr std::int64_t kMaxTokens = 1'000'000'000'000;
  Usage usage;
  usage.input_tokens = count_of(counts, "inputTokens", kMaxTokens);
  usage.output_tokens = count_of(counts, "outputTokens", kMaxTokens);
  usage.cached_input_tokens = count_of(counts, "cachedInputTokens", kMaxTokens);
  usage.cache_write_tokens = count_of(counts, "cacheWriteTokens", kMaxTokens);
  usage.reasoning_tokens = count_of(counts, "reasoningTokens", kMaxTokens);
  if (usage.input_tokens && usage.output_tokens) usage.total_tokens = *usage.input_tokens + *usage.output_tokens;
  actions_.emplace_back(usage);
}

void ScriptReader::read_error(const Json& fields) {
  if (!fields.is_object()) return fail("error must be an object");
  Error error;
  error.code = fields.contains("code") ? string_of(fields, "code") : error_code::upstream_error;
  error.message = fields.contains("message") ? string_of(fields, "message") : "scripted error";
  const std::string name = fields.contains("category") ? string_of(fields, "category") : "upstream";
  const auto category = category_from_name(name);
  if (!category) return fail("no such error category");
  error.category = *category;
  error.retryable = fields.value("retryable", Json()) == true;
  error.status = static_cast<int>(count_of(fields, "status", 999).value_or(0));
  error.retry_after_ms = count_of(fields, "retryAfterMs", kMaxDelayMs);
  actions_.emplace_back(std::move(error));
  ended_ = true;
}

void ScriptReader::read_finish(const Json& word) {
  const auto reason = word.is_string() ? finish_from_name(word.get<std::string>()) : std::nullopt;
  if (!reason) return fail("no such finish reason");
  actions_.emplace_back(MockFinish{*reason});
  ended_ = true;
}

// Splits a text into words, each with the white space after it.
Actions say(std::string_view text) {
  Actions actions;
  while (!text.empty()) {
    const auto space = text.find_first_of(kWhiteSpace, text.find_first_not_of(kWhiteSpace));
    const auto end = std::min(text.find_first_not_of(kWhiteSpace, space), text.size());
    actions.emplace_back(MockText{.text = std::string(text.substr(0, end))});
    text.remove_prefix(end);
  }
  return actions;
}

std::string text_of(const Message& message) {
  std::string text;
  for (const Part& part : message.parts) {
    if (const auto* piece = std::get_if<TextPart>(&part)) text += piece->text.text();
  }
  return text;
}

// Returns the position of the last user message, or the number of messages if there is none.
std::size_t last_user(std::span<const Message> messages) {
  for (std::size_t i = messages.size(); i > 0; --i) {
    if (messages[i - 1].role == Role::user) return i - 1;
  }
  return messages.size();
}

std::size_t step_of(std::span<const Message> messages) {
  const std::size_t from = last_user(messages);
  const auto after = from == messages.size() ? messages : messages.subspan(from);
  return static_cast<std::size_t>(std::ranges::count(after, Role::assistant, &Message::role));
}

std::size_t size_of(const MockText& text) { return text.text.size() * static_cast<std::size_t>(text.times); }

std::int64_t estimate(std::size_t bytes) {
  return (static_cast<std::int64_t>(bytes) + kBytesPerToken - 1) / kBytesPerToken;
}

Usage estimated_usage(std::span<const Message> messages, const Actions& actions) {
  std::size_t input = 0;
  for (const Message& message : messages) {
    for (const Part& part : message.parts) {
      if (const auto* piece = std::get_if<TextPart>(&part)) input += piece->text.raw.size();
    }
  }
  std::size_t output = 0;
  for (const MockAction& action : actions) {
    if (const auto* text = std::get_if<MockText>(&action)) output += size_of(*text);
    if (const auto* reasoning = std::get_if<MockReasoning>(&action)) output += size_of(*reasoning);
    if (const auto* call = std::get_if<ToolCall>(&action)) output += call->input_text.size();
  }
  Usage usage;
  usage.input_tokens = estimate(input);
  usage.output_tokens = estimate(output);
  usage.total_tokens = *usage.input_tokens + *usage.output_tokens;
  usage.accuracy = UsageAccuracy::estimated;
  return usage;
}

// Adds token counts and a finish to a response that is not truncated, unless the script has them.
void complete(Actions& actions, std::span<const Message> messages) {
  const auto has = [&](auto test) { return std::ranges::any_of(actions, test); };
  const bool broken = has(
      [](const MockAction& a) { return std::holds_alternative<MockTruncate>(a) || std::holds_alternative<Error>(a); });
  if (broken) return;
  MockFinish end;
  if (has([](const MockAction& a) { return std::holds_alternative<ToolCall>(a); }))
    end.reason = FinishReason::tool_calls;
  if (!actions.empty() && std::holds_alternative<MockFinish>(actions.back())) {
    end = std::get<MockFinish>(actions.back());
    actions.pop_back();
  }
  if (!has([](const MockAction& a) { return std::holds_alternative<Usage>(a); })) {
    actions.emplace_back(estimated_usage(messages, actions));
  }
  actions.emplace_back(end);
}

std::expected<Actions, Error> scripted(const StepInput& input) {
  if (!MemoryAccount::fits(kScriptFactor * input.target.script.size())) return std::unexpected(bad_script("too long"));
  // Checks the nesting depth first, because the code below recurses into the JSON.
  if (!EventJson().parse(input.target.script)) return std::unexpected(bad_script("no JSON, or nested too deep"));
  const Json steps = Json::parse(input.target.script, nullptr, false);
  if (!steps.is_array() || steps.empty()) return std::unexpected(bad_script("not a JSON array of steps"));
  const std::size_t step = std::min(step_of(input.messages), steps.size() - 1);
  return ScriptReader(step).read(steps[step]);
}

Actions echo(std::span<const Message> messages) {
  const std::size_t at = last_user(messages);
  return at == messages.size() ? Actions{} : say(text_of(messages[at]));
}

}  // namespace

std::string_view mock_piece(const MockText& text, std::size_t at) {
  const std::string_view rest = std::string_view(text.text).substr(at);
  std::size_t length = std::min(text.piece, rest.size());
  while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0U) == 0x80U) ++length;
  return rest.substr(0, length);
}

std::expected<std::vector<MockAction>, Error> mock_actions(const StepInput& input) {
  const Target& target = input.target;
  std::expected<Actions, Error> actions;
  if (!target.script.empty()) {
    actions = scripted(input);
  } else if (target.model == "echo") {
    actions = echo(input.messages);
  } else {
    return std::unexpected(
        Error{.code = error_code::not_found,
              .category = Category::not_found,
              .message = "the mock provider has no model " + target.model + ": only echo works without a script"});
  }
  if (actions) complete(*actions, input.messages);
  return actions;
}

}  // namespace aiw
