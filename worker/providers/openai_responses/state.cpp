#include "worker/providers/openai_responses/state.hpp"

#include <algorithm>

#include "protocol/json_writer.hpp"

namespace aiw::openai_responses {

std::string other_members(const EventJson& json, const JsonElement& object,
                          std::initializer_list<std::string_view> leave_out) {
  std::string out;
  JsonWriter writer(out);
  for (const auto [key, value] : members_of(object)) {
    if (std::ranges::find(leave_out, key) != leave_out.end()) continue;
    std::string name;
    append_json_escaped(name, json.plain_text(key));
    writer.key(name).copy(json.json_text(value));
  }
  return out;
}

}  // namespace aiw::openai_responses
