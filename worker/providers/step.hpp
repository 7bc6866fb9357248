// One step of a chat: the normalised events that every wire API's response is decoded to.
#pragma once

#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/event.hpp"
#include "protocol/usage.hpp"

namespace aiw {

// A tool call of the model, reported when its input is complete.
struct ToolCall {
  std::string id;  // never empty: the decoder makes one ("call_<n>") if the wire has none
  std::string name;
  std::string input_text;    // the arguments as the model wrote them; "{}" if empty
  bool by_provider = false;  // the provider runs the tool itself
};

// A source that the response cites. Valid UTF-8; fields that the provider does not send are empty.
struct Source {
  enum class Type { url, document } type = Type::url;
  std::string id{}, url{}, title{}, media_type{}, filename{};
  std::string quote{};  // the cited words
};

// A file that the model made. Exactly one of data (base64) and url is set.
struct GeneratedFile {
  std::string media_type{}, data{}, url{}, filename{};
};

// Result of a tool that the provider ran itself.
struct ProviderToolResult {
  std::string tool_call_id;  // id of a ToolCall with by_provider, in this response or in an earlier one that paused
  std::string tool_name;
  std::string output;  // valid JSON: {type, value} as in the protocol
};

// Receives one response in order. Text is valid UTF-8 and is cut only between characters. Views are valid until the
// call returns. The last call is exactly one of `finish` and `fail`; after it the decoder makes no more calls.
class StepSink {
 public:
  virtual ~StepSink() = default;

  // `part` numbers the content parts of the step from 0, in the order in which they began. A part has one kind.
  // `tool_call_id` is set for tool_input only. An empty text may announce a part.
  virtual void delta(int part, ContentKind kind, std::string_view text, std::string_view tool_call_id) = 0;
  // Announces that part `part` is a call of this tool. APIs that know it early call this before the first input. A name
  // that is not known yet is empty.
  virtual void tool_input_began(int part, std::string_view tool_call_id, std::string_view tool_name) {
    static_cast<void>(part), static_cast<void>(tool_call_id), static_cast<void>(tool_name);
  }
  // Part `part` is a complete tool call. Parallel calls come in call order.
  virtual void tool_call(int part, ToolCall call) = 0;
  // Never comes before its own call. The call may be in an earlier response that paused.
  virtual void tool_result(ProviderToolResult result) = 0;
  // Part `part` is a file. Its state, if any, was reported before.
  virtual void file(int part, GeneratedFile file) = 0;
  virtual void source(const Source& source) = 0;
  // Log probabilities of the text of part `part`: a JSON array of {token, logprob, topLogprobs?: [{token, logprob}]}.
  // Reported whenever the wire has them.
  virtual void logprobs(int part, std::string_view tokens) = 0;
  // State that the provider wants back with part `part`, as opaque ASCII. It is the signature of a reasoning part, a
  // tool call or a text. If no content has that number, the state is a part of its own.
  virtual void provider_state(int part, std::string state) = 0;
  // Replaces the usage reported before in this step.
  virtual void usage(const Usage& usage) = 0;
  virtual void warning(std::string_view code, std::string_view message) = 0;
  // `raw` is the provider's own word; empty if it sent none.
  virtual void finish(FinishReason reason, std::string_view raw) = 0;
  virtual void fail(Error error) = 0;
};

}  // namespace aiw
