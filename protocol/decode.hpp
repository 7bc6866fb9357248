// Decodes a line into a request. Pure functions, safe on any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/line_framer.hpp"
#include "protocol/request.hpp"

namespace aiw {

struct DecodeOptions {
  int max_depth = 128;
};

// Decodes one line. Never throws and accepts any bytes. Memory: the line, plus about 200 bytes for each part of a
// message.
Request decode_line(FramedLine line, const DecodeOptions& options = {});

// Decodes a JSON array of messages in the format of `done.messages`. Used for the worker's own responses: the output of
// a step is serialized once and then read like any other history. `json` must be valid and must outlive the result.
std::vector<Message> decode_messages(std::string& json);

}  // namespace aiw
