// JSON-RPC 2.0 as the Model Context Protocol uses it: messages in, texts out. No I/O.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json_reader.hpp"
#include "protocol/json_text.hpp"

namespace aiw {

// One message. Its views point into the text it was read from.
struct RpcMessage {
  enum class Kind { request, notification, result, error };
  Kind kind = Kind::notification;
  std::string method{};                   // of a request or notification
  JsonSpan id{};                          // of a request, as written
  std::optional<std::int64_t> answers{};  // of a result or error: our request; absent: none that we could have sent
  JsonSpan body{};                        // params or result; empty: none
  std::int64_t error_code = 0;
  std::string error_message{};
};

// The messages of one text: one, or those of a batch (revision 2025-03-26 has them, others send them too). Lone
// surrogates, invalid UTF-8 and what only lenient parsers read are replaced in `text` (lenient_json.hpp); a byte order
// mark is removed. Error: what is wrong, in words that do not quote it.
std::expected<std::vector<RpcMessage>, std::string> read_rpc(std::string& text);
// Our requests that a text answers which read_rpc refuses, as far as they can be told.
std::vector<std::int64_t> find_answered(std::string_view text);

// `params` and `result` are JSON objects; empty params are left out.
std::string rpc_request(std::int64_t id, std::string_view method, std::string_view params);
std::string rpc_notification(std::string_view method, std::string_view params);
std::string rpc_result(JsonSpan id, std::string_view result);
std::string rpc_error(JsonSpan id, std::int64_t code, std::string_view message);

// A reader of a value that was validated as part of its text.
JsonReader reader_of(JsonSpan value);

}  // namespace aiw
