// What single parts become in the Responses API's input: media, calls' inputs and what answers a call.
#pragma once

#include <string>
#include <string_view>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::openai_responses {

// A call as its answer needs to know it.
struct Call {
  std::string_view output_type = "function_call_output";
  std::string call_id{};  // the provider's, where the item says it; else the part's
};

// `breakpoint`: the prompt up to here is to be cached.
void append_input_text(Rope& body, RawString text, bool breakpoint);
// Whether the API takes it; notes it if not.
bool can_send_media(const MediaPart& media, RequestNotes& notes);
void append_input_media(Rope& body, const MediaPart& media);
// Without quotes. `is_text`: a custom tool's input, which is shown as a JSON string.
void append_call_input(Rope& body, const ToolCallPart& call, bool is_text);
// The item that answers `call`.
void append_call_output(Rope& body, const ToolResultPart& result, const Call& call, RequestNotes& notes);

}  // namespace aiw::openai_responses
