// Reasoning of Chat Completions answers as it must go back: the name that it came under, or OpenRouter's details.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/providers/codec/event_json.hpp"

namespace aiw::openai_chat {

// OpenRouter's reasoning_details, merged block by block as they stream: what must go back to the provider that gave
// them, signatures and encrypted blocks included. Their text also comes as `reasoning`.
class ReasoningDetails {
 public:
  void add(const EventJson& json, const JsonElement& details);
  [[nodiscard]] bool empty() const { return blocks_.empty(); }
  // Whether a block is signed or encrypted, so that the text alone would not do.
  [[nodiscard]] bool is_sealed() const;
  // A JSON array of valid UTF-8.
  std::string take_json_array();

 private:
  struct Block {
    std::string type;
    std::optional<std::int64_t> index;
    std::string text{};     // of `text`, `summary` or `data`
    std::string members{};  // the others, as JSON
    std::string signature{};
    TextJoiner joiner{};
  };
  Block& find_or_begin(const EventJson& json, const JsonElement& detail);

  std::vector<Block> blocks_;
};

}  // namespace aiw::openai_chat
