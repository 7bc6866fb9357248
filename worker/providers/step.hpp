// One step of a chat as a provider answers it: the normalised events that every wire API decodes to.
#pragma once

#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/event.hpp"
#include "protocol/usage.hpp"

namespace aiw {

// A call the model asks for, once its input is complete.
struct ToolCall {
  std::string id;  // never empty: the decoder makes one ("call_<n>") where the wire has none
  std::string name;
  std::string input_text;    // the arguments as the model wrote them; empty arguments are "{}"
  bool by_provider = false;  // the provider carries it out itself
};

// Something that the answer rests on. Valid UTF-8; what the provider does not say is empty.
struct Source {
  enum class Type { url, document } type = Type::url;
  std::string id{}, url{}, title{}, media_type{}, filename{};
  std::string quote{};  // the words cited
};

// A file that the model made. Exactly one of data (base64) and url is set.
struct GeneratedFile {
  std::string media_type{}, data{}, url{}, filename{};
};

// What a tool gave that the provider ran itself.
struct ProviderToolResult {
  std::string tool_call_id;  // of a ToolCall with by_provider, here or in an answer that paused
  std::string tool_name;
  std::string output;  // valid JSON: {type, value} as in the protocol
};

// Receives one answer in order. Text is valid UTF-8 and ends between characters; views live until the call returns.
// The last call is exactly one of `finish` and `fail`; after it the decoder is silent.
class StepSink {
 public:
  virtual ~StepSink() = default;

  // `part` numbers the content parts of the step from 0, in the order in which they began; one part has one kind.
  // `tool_call_id` is set for tool_input only. A part may be announced by an empty text.
  virtual void delta(int part, ContentKind kind, std::string_view text, std::string_view tool_call_id) = 0;
  // Part `part` will be a call of this tool; said before its first input by APIs that know. A name that is not known
  // yet is empty.
  virtual void tool_input_began(int part, std::string_view tool_call_id, std::string_view tool_name) {
    static_cast<void>(part), static_cast<void>(tool_call_id), static_cast<void>(tool_name);
  }
  // Part `part` is a whole tool call now. Parallel calls come in call order.
  virtual void tool_call(int part, ToolCall call) = 0;
  // Never before its own call, which may stand in an earlier answer, one that paused.
  virtual void tool_result(ProviderToolResult result) = 0;
  // Part `part` is a file; its state, if it has one, was told before.
  virtual void file(int part, GeneratedFile file) = 0;
  virtual void source(const Source& source) = 0;
  // Of part `part`'s text: a JSON array of {token, logprob, topLogprobs?: [{token, logprob}]}. Said whenever the wire
  // has them.
  virtual void logprobs(int part, std::string_view tokens) = 0;
  // What the provider wants back with part `part`, opaque ASCII: a reasoning part's signature, a tool call's, a text's,
  // or, if nothing else had that number, a part of its own.
  virtual void provider_state(int part, std::string state) = 0;
  // Replaces what was reported before in this step.
  virtual void usage(const Usage& usage) = 0;
  virtual void warning(std::string_view code, std::string_view message) = 0;
  // `raw` is the provider's word; empty where it gave none.
  virtual void finish(FinishReason reason, std::string_view raw) = 0;
  virtual void fail(Error error) = 0;
};

}  // namespace aiw
