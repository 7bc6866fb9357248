// Moves fields from a recorded body into a chat payload, so that what nobody took can be seen.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace aiw::tools {

// Takes `key` out of `object`; null if it is not there.
inline nlohmann::json take(nlohmann::json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  nlohmann::json value = std::move(*found);
  object.erase(found);
  return value;
}

// Takes `from` out of `source` and, unless it was null, makes it the field `to` of `into`.
inline void move_field(nlohmann::json& source, std::string_view from, nlohmann::json& into, std::string_view to) {
  nlohmann::json value = take(source, from);
  if (!value.is_null()) into[std::string(to)] = std::move(value);
}

// The options that most APIs name alike.
inline void move_common_options(nlohmann::json& source, nlohmann::json& payload) {
  move_field(source, "temperature", payload, "temperature");
  move_field(source, "frequency_penalty", payload, "frequencyPenalty");
  move_field(source, "presence_penalty", payload, "presencePenalty");
  move_field(source, "seed", payload, "seed");
}

// The same of OpenAI's APIs, whose `stop` is "string / array".
inline void move_openai_options(nlohmann::json& source, nlohmann::json& payload) {
  move_common_options(source, payload);
  move_field(source, "max_tokens", payload, "maxOutputTokens");
  move_field(source, "top_p", payload, "topP");
  if (nlohmann::json stop = take(source, "stop"); !stop.is_null()) {
    payload["stopSequences"] = stop.is_array() ? stop : nlohmann::json::array({stop});
  }
}

// What no name was found for travels in providerOptions. An explicit null says the same as an absent field to every
// API; in providerOptions, a merge patch, it would take a member out of the request.
inline void leave_to_provider_options(nlohmann::json rest, nlohmann::json& payload) {
  for (auto& [key, value] : rest.items()) {
    if (!value.is_null()) payload["providerOptions"][key] = value;
  }
}

// Takes `key` out of `object` if its value says the same as none: the API's default, mostly.
inline void erase_if(nlohmann::json& object, std::string_view key, const nlohmann::json& value) {
  const auto found = object.find(key);
  if (found != object.end() && *found == value) object.erase(found);
}

// `value` without the members of objects that are null.
inline nlohmann::json without_nulls(nlohmann::json value) {
  if (value.is_object()) {
    for (auto member = value.begin(); member != value.end();) {
      if (member->is_null()) {
        member = value.erase(member);
      } else {
        *member = without_nulls(std::move(*member));
        ++member;
      }
    }
  } else if (value.is_array()) {
    for (auto& item : value) item = without_nulls(std::move(item));
  }
  return value;
}

}  // namespace aiw::tools
