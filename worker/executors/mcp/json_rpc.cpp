#include "worker/executors/mcp/json_rpc.hpp"

#include <cmath>

#include "protocol/json_writer.hpp"

namespace aiw {
namespace {

constexpr int kMaxDepth = 128;
constexpr std::size_t kMaxBatch = 1000;
constexpr std::int64_t kMaxId = std::int64_t{1} << 53;  // what a double holds exactly

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

// Some servers give a number back as 1.0.
std::optional<std::int64_t> read_own_id(JsonSpan id) {
  if (id.empty()) return std::nullopt;
  JsonReader in = reader_of(id);
  if (in.type() != JsonType::number) return std::nullopt;
  const double number = in.number();
  if (number < 0 || number > static_cast<double>(kMaxId) || number != std::floor(number)) return std::nullopt;
  return static_cast<std::int64_t>(number);
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
  message.answers = read_own_id(message.id);
  if (!has_error && result.empty()) {
    if (!message.answers) return std::unexpected("neither a request nor an answer");
    has_error = true;  // for the request that waits
    message.error_message = "its answer has no result";
  }
  message.kind = has_error ? RpcMessage::Kind::error : RpcMessage::Kind::result;
  message.body = has_error ? JsonSpan() : result;
  return message;
}

JsonWriter begin(std::string& out) {
  JsonWriter json(out);
  json.begin_object().field("jsonrpc", "2.0");
  return json;
}

}  // namespace

JsonReader reader_of(JsonSpan value) {
  // The text was validated, so nothing is left to repair in it.
  return {const_cast<char*>(value.json.data()), value.json.size(), kMaxDepth};
}

std::expected<std::vector<RpcMessage>, std::string> read_rpc(std::string& text) {
  if (find_invalid_utf8(text)) text = sanitize_utf8(text);
  JsonReader checked(text.data(), text.size(), kMaxDepth);
  checked.validate();
  if (!checked.ok()) return std::unexpected(checked.error().message);
  JsonReader in(text.data(), text.size(), kMaxDepth);
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
