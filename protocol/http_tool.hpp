// A tool that is an HTTP endpoint: maps a call's arguments to a request, and the response to a tool output. Plain
// structs that own their data, so that one declaration serves many chats.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/json_reader.hpp"

namespace aiw {

// Text with placeholders that are filled in for each call.
struct TextTemplate {
  enum class Kind {
    literal,
    argument,  // `text` is an argument name, or a JSON pointer into the arguments (starts with a slash)
    secret,    // `text` is a key reference, ${NAME} or ${file:PATH}
  };
  struct Piece {
    Kind kind = Kind::literal;
    std::string text;
  };
  std::vector<Piece> pieces;
};

enum class ResponseForm {
  automatic,  // JSON if the content type is JSON or absent and the body is valid JSON; else text
  json,
  text,
};

struct HttpTool {
  struct QueryParameter {
    std::string name;
    TextTemplate value;
    bool repeated = false;  // true: one parameter per array item; false: one parameter, items joined by commas
  };

  std::string method;  // GET, POST, PUT, PATCH or DELETE
  TextTemplate url;    // contains no secrets
  std::vector<QueryParameter> query;
  std::vector<std::pair<std::string, TextTemplate>> headers;
  // JSON in which {"$arg": name} stands for an argument. Empty: POST, PUT and PATCH send all arguments that are not
  // used elsewhere.
  std::string body;
  std::string response_pointer;  // JSON pointer (RFC 6901); empty: the whole response
  ResponseForm response_form = ResponseForm::automatic;
  std::int64_t max_bytes = std::int64_t{1} << 20;  // maximum size of the decoded response body
  std::string error_prefix = "HTTP error";         // the model sees "<prefix> (<status>): <body>"
};

// Member of a body template that names an argument.
inline constexpr std::string_view kArgumentMember = "$arg";

// Reads the declaration at the position of `in`.
HttpTool read_http_tool(JsonReader& in);

}  // namespace aiw
