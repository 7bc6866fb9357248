// A tool that is an HTTP endpoint: how a call's arguments become a request, and its answer an output. Plain structs,
// owned, so that one declaration serves many chats.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/json_reader.hpp"

namespace aiw {

// Text with places that are filled for each call.
struct TextTemplate {
  enum class Kind {
    literal,
    argument,  // `text` is the name of an argument, or a JSON pointer into the arguments (it begins with a slash)
    secret,    // `text` is a key reference, ${NAME} or ${file:PATH}
  };
  struct Piece {
    Kind kind = Kind::literal;
    std::string text;
  };
  std::vector<Piece> pieces;
};

enum class ResponseForm {
  automatic,  // JSON if it says so and is, else text
  json,
  text,
};

struct HttpTool {
  struct QueryParameter {
    std::string name;
    TextTemplate value;
    bool repeated = false;  // an array's items are parameters of their own; else one, joined by commas
  };

  std::string method;  // GET, POST, PUT, PATCH or DELETE
  TextTemplate url;    // no secrets
  std::vector<QueryParameter> query;
  std::vector<std::pair<std::string, TextTemplate>> headers;
  // JSON in which {"$arg": name} stands for an argument; empty: the arguments that nothing else uses, if the method is
  // POST, PUT or PATCH.
  std::string body;
  std::string response_pointer;  // RFC 6901; empty: the whole answer
  ResponseForm response_form = ResponseForm::automatic;
  std::int64_t max_bytes = std::int64_t{1} << 20;  // of the answer's body, decoded
  std::string error_prefix = "HTTP error";         // "<prefix> (<status>): <body>" is what the model sees
};

// The member of a body template that names an argument.
inline constexpr std::string_view kArgumentMember = "$arg";

// Reads the declaration that `in` stands at.
HttpTool read_http_tool(JsonReader& in);

}  // namespace aiw
