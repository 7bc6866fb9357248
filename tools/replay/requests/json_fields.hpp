// Moves fields from a recorded body into a chat payload. Fields that remain in the body were not converted.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace aiw::tools {

// Removes `key` from `object` and returns its value; null if absent.
inline nlohmann::json take(nlohmann::json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  nlohmann::json value = std::move(*found);
  object.erase(found);
  return value;
}

// Removes `from` from `source` and, unless it was null, stores it as the field `to` of `into`.
inline void move_field(nlohmann::json& source, std::string_view from, nlohmann::json& into, std::string_view to) {
  nlohmann::json value = take(source, from);
  if (!value.is_null()) into[std::string(to)] = std::move(value);
}

// Moves options that have the same name in most APIs.
inline void move_common_options(nlohmann::json& source, nlohmann::json& payload) {
  move_field(source, "temperature", payload, "temperature");
  move_field(source, "frequency_penalty", payload, "frequencyPenalty");
  move_field(source, "presence_penalty", payload, "presencePenalty");
  move_field(source, "seed", payload, "seed");
}

// Moves the options of OpenAI's APIs, where `stop` is "string / array".
inline void move_openai_options(nlohmann::json& source, nlohmann::json& payload) {
  move_common_options(source, payload);
  move_field(source, "max_tokens", payload, "maxOutputTokens");
  move_field(source, "top_p", payload, "topP");
  if (nlohmann::json stop = take(source, "stop"); !stop.is_null()) {
    payload["stopSequences"] = stop.is_array() ? stop : nlohmann::json::array({stop});
  }
}

// Moves the remaining fields to providerOptions. Omits nulls: for every API an explicit null equals an absent field,
// but in providerOptions, a merge patch, it would remove a member from the request.
inline void leave_to_provider_options(nlohmann::json rest, nlohmann::json& payload) {
  for (auto& [key, value] : rest.items()) {
    if (!value.is_null()) payload["providerOptions"][key] = value;
  }
}

// Removes `key` from `object` if its value is equivalent to absence, mostly because it is the API's default.
inline void erase_if(nlohmann::json& object, std::string_view key, const nlohmann::json& value) {
  const auto found = object.find(key);
  if (found != object.end() && *found == value) object.erase(found);
}

// Returns `value` without object members that are null.
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
