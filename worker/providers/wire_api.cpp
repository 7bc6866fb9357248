#include "worker/providers/anthropic_messages.hpp"
#include "worker/providers/azure.hpp"
#include "worker/providers/openai_chat.hpp"

namespace aiw {

const WireApi* wire_api(Api api) {
  switch (api) {
    case Api::openai_chat: return &openai_chat_api();
    case Api::azure_openai: return &azure_openai_api();
    case Api::anthropic_messages: return &anthropic_messages_api();
    default: return nullptr;
  }
}

}  // namespace aiw
