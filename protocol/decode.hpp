// From a line to a request: pure, for any thread.
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

// Never throws and accepts any bytes. Memory: the line, and about 200 bytes for each part of a message.
Request decode_line(FramedLine line, const DecodeOptions& options = {});

// The messages of a JSON array in the shape that `done.messages` has, for the worker's own answers: what a step added
// to the conversation is written once and read like any other history. `json` must outlive the result and be valid.
std::vector<Message> decode_messages(std::string& json);

}  // namespace aiw
