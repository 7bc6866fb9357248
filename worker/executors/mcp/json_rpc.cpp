#include "worker/executors/mcp/json_rpc.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "protocol/json_writer.hpp"
#include "worker/executors/mcp/lenient_json.hpp"

namespace aiw {
namespace {

constexpr int kMaxMessageDepth = 1000;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kMaxBatch = 1000;
// Limit on JSON values in one text. Each value costs some thousand instructions within one loop iteration, and no model
// can read that many.
constexpr std::size_t kMaxValues = 300'000;
constexpr std::int64_t kMaxId = std::int64_t{1} << 53;  // a double represents integers up to this exactly

void read_error(JsonReader& in, RpcMessage& message) {
  if (in.type() != JsonType::object) return in.skip();
  in.object([&](std::string_view key) {
    if (key == "code" && in.type() == JsonType::number) {
      const double code = in.number();
      if (std::abs(code) <= static_cast<double>(kMaxId)) message.error_code = static_cast<std::int64_t>(code);
    } else if (key == "message" && in.type() == JsonType::string) {
      message.error_message = in.string();
    } else {
      in.skip();
    }
  });
}

// Reads a response id. Some servers return a number as 1.0 or as a string; the official SDKs accept both.
std::optional<std::int64_t> read_own_id(std::string_view id) {
  if (id.size() > 2 && id.front() == '"' && id.back() == '"') id = id.substr(1, id.size() - 2);
  double number = -1;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  if (!(number >= 0 && number <= static_cast<double>(kMaxId)) || number != std::floor(number)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

bool has_too_many_values(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  std::size_t values = 0;
  while (at != end) {
    const char c = *at++;
    if (c == ',' || c == '[' || c == '{') {
      if (++values > kMaxValues) return true;
    } else if (c == '"') {
      while (at != end && *at != '"') {
        at = find_json_special(at, end);
        if (at == end || *at == '"') break;
        at += *at == '\\' && end - at > 1 ? 2 : 1;
      }
      if (at != end) ++at;
    }
  }
  return false;
}

std::expected<RpcMessage, std::string> read_message(JsonReader& in) {
  RpcMessage message;
  JsonSpan params, result;
  bool has_method = false, has_error = false;
  if (in.type() != JsonType::object) return std::unexpected("a message is an object");
  in.object([&](std::string_view key) {
    if (key == "method" && in.type() == JsonType::string) {
      has_method = true;
      message.method = in.string();
    } else if (key == "id") {
      message.id = in.value();
    } else if (key == "params") {
      params = in.value();
    } else if (key == "result") {
      result = in.value();
    } else if (key == "error") {
      has_error = true;
      read_error(in, message);
    } else {
      in.skip();
    }
  });
  if (!in.ok()) return std::unexpected(in.error().message);
  if (has_method) {
    message.kind = message.id.empty() ? RpcMessage::Kind::notification : RpcMessage::Kind::request;
    message.body = params;
    return message;
  }
  message.answers = read_own_id(message.id.json);
  if (!has_error && result.empty()) {
    if (!message.answers) return std::unexpected("neither a request nor an answer");
    has_error = true;  // reported to the pending request
    message.error_message = "its answer has no result";
  }
  message.kind = has_error ? RpcMessage::Kind::error : RpcMessage::Kind::result;
  message.body = has_error ? JsonSpan() : result;
  return message;
}

std::optional<std::string> fault_of(std::string& text) {
  JsonReader reader(text.data(), text.size(), kMaxMessageDepth);
  reader.validate();
  if (reader.ok()) return std::nullopt;
  return reader.error().message;
}

// Repairs `text` as lenient parsers would. Returns the remaining error that lenient parsers do not accept either.
std::optional<std::string> make_strict(std::string& text) {
  if (!fault_of(text)) return std::nullopt;
  auto strict = to_strict_json(text, kMaxMessageDepth);
  if (!strict) return std::move(strict).error();
  text = *std::move(strict);
  return fault_of(text);
}

JsonWriter begin(std::string& out) {
  JsonWriter json(out);
  json.begin_object().field("jsonrpc", "2.0");
  return json;
}

}  // namespace

JsonReader reader_of(JsonSpan value) {
  // The text is already validated, so the reader does not change it.
  return {const_cast<char*>(value.json.data()), value.json.size(), kMaxMessageDepth};
}

std::expected<std::vector<RpcMessage>, std::string> read_rpc(std::string& text) {
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  if (has_too_many_values(text)) return std::unexpected("it has more than 300,000 values");
  if (find_invalid_utf8(text)) text = sanitize_utf8(text);
  if (auto wrong = make_strict(text)) return std::unexpected(*std::move(wrong));
  // Parts of the text become parts of frames, which are single lines. In valid JSON, line breaks occur only between
  // tokens.
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  JsonReader in(text.data(), text.size(), kMaxMessageDepth);
  std::vector<RpcMessage> messages;
  std::string wrong;
  const auto read_one = [&] {
    auto message = read_message(in);
    if (!message) {
      wrong = std::move(message).error();
      in.fail(wrong);
    } else if (messages.size() == kMaxBatch) {
      wrong = "a batch of more than 1000 messages";
      in.fail(wrong);
    } else {
      messages.push_back(*std::move(message));
    }
  };
  if (in.type() == JsonType::array) {
    in.array(read_one);
  } else {
    read_one();
  }
  if (!in.ok()) return std::unexpected(wrong.empty() ? in.error().message : wrong);
  return messages;
}

std::vector<std::int64_t> find_answered(std::string_view text) {
  std::vector<std::int64_t> answered;
  for (const auto id : find_response_ids(text)) {
    if (const auto own = read_own_id(id)) answered.push_back(*own);
  }
  return answered;
}

std::string rpc_request(std::int64_t id, std::string_view method, std::string_view params) {
  std::string out;
  JsonWriter json = begin(out);
  json.field("id", id).field("method", method);
  if (!params.empty()) json.field("params", JsonSpan{params});
  json.end_object();
  return out;
}

std::string rpc_notification(std::string_view method, std::string_view params) {
  std::string out;
  JsonWriter json = begin(out);
  json.field("method", method);
  if (!params.empty()) json.field("params", JsonSpan{params});
  json.end_object();
  return out;
}

std::string rpc_result(JsonSpan id, std::string_view result) {
  std::string out;
  begin(out).field("id", id).field("result", JsonSpan{result}).end_object();
  return out;
}

std::string rpc_error(JsonSpan id, std::int64_t code, std::string_view message) {
  std::string out;
  JsonWriter json = begin(out);
  json.field("id", id).key("error").begin_object().field("code", code).field("message", message).end_object();
  json.end_object();
  return out;
}

}  // namespace aiw
