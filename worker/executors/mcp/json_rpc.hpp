// JSON-RPC 2.0 as the Model Context Protocol uses it: reads and writes messages. No I/O.
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

// Parsed message. Its views point into the text that it was read from.
struct RpcMessage {
  enum class Kind { request, notification, result, error };
  Kind kind = Kind::notification;
  std::string method{};                   // set for a request or notification
  JsonSpan id{};                          // id of a request, as written
  std::optional<std::int64_t> answers{};  // set for a result or error: id of our request; absent if it is not ours
  JsonSpan body{};                        // params or result; empty if absent
  std::int64_t error_code = 0;
  std::string error_message{};
};

// Reads one message or a batch (part of revision 2025-03-26; servers of other revisions send them too). Removes a byte
// order mark from `text`. Replaces lone surrogates, invalid UTF-8, and syntax that only lenient parsers accept
// (lenient_json.hpp). Error: description that does not quote the text.
std::expected<std::vector<RpcMessage>, std::string> read_rpc(std::string& text);
// Returns the ids of our requests to which a text responds, for texts that read_rpc rejects. Omits ids that cannot be
// found.
std::vector<std::int64_t> find_answered(std::string_view text);

// `params` and `result` are JSON objects. Empty `params` are omitted.
std::string rpc_request(std::int64_t id, std::string_view method, std::string_view params);
std::string rpc_notification(std::string_view method, std::string_view params);
std::string rpc_result(JsonSpan id, std::string_view result);
std::string rpc_error(JsonSpan id, std::int64_t code, std::string_view message);

// Returns a reader for a value that was validated as part of its text.
JsonReader reader_of(JsonSpan value);

}  // namespace aiw
