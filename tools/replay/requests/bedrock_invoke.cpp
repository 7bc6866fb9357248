// InvokeModel for Claude: a Messages body without model and stream, which are part of the path.
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html

#include "tools/replay/requests/bedrock_path.hpp"
#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/json_fields.hpp"

namespace aiw::tools {
namespace {

ConvertedRequest convert(const RecordedRequest& recorded) {
  RecordedRequest messages = recorded;
  messages.body["model"] = bedrock_model(recorded.path);
  messages.body["stream"] = recorded.path.ends_with("-stream");
  take(messages.body, "anthropic_version");  // only one version exists; the worker sets it itself
  ConvertedRequest out = anthropic_messages_requests().convert(messages);
  out.base_path.clear();
  return out;
}

}  // namespace

const RequestConverter& bedrock_invoke_requests() {
  static const RequestConverter kConverter = {"bedrock-invoke", convert, anthropic_messages_requests().normalise,
                                              anthropic_messages_requests().named, plain_bedrock_path};
  return kConverter;
}

}  // namespace aiw::tools
