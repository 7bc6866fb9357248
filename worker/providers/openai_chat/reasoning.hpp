// Reasoning of Chat Completions responses as it must be sent back: the member in which it came, or OpenRouter's
// details.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/providers/codec/event_json.hpp"

namespace aiw::openai_chat {

// OpenRouter's reasoning_details, merged block by block from the stream. They must be sent back to the provider that
// made them, with signatures and encrypted blocks. Their text also comes as `reasoning`.
class ReasoningDetails {
 public:
  void add(const EventJson& json, const JsonElement& details);
  [[nodiscard]] bool empty() const { return blocks_.empty(); }
  // True if a block is signed or encrypted, so that the text alone is not enough.
  [[nodiscard]] bool is_sealed() const;
  // Returns a JSON array of valid UTF-8.
  std::string take_json_array();

 private:
  struct Block {
    std::string type;
    std::optional<std::int64_t> index;
    std::string text{};     // of `text`, `summary` or `data`
    std::string members{};  // the other members, as JSON
    std::string signature{};
    TextJoiner joiner{};
  };
  Block& find_or_begin(const EventJson& json, const JsonElement& detail);

  std::vector<Block> blocks_;
};

}  // namespace aiw::openai_chat
