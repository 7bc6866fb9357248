#include "tools/replay/redact.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace aiw::tools {

using nlohmann::ordered_json;

namespace {

constexpr std::string_view kRemoved = "removed";

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

void Redactor::add_secret(const std::string& secret) {
  if (secret.size() < 4 || std::ranges::find(secrets_, secret) != secrets_.end()) return;
  const auto place = std::ranges::find_if(secrets_, [&](const std::string& s) { return s.size() < secret.size(); });
  secrets_.insert(place, secret);
}

std::string Redactor::text(std::string_view text) const {
  std::string out(text);
  for (const auto& secret : secrets_) {
    for (std::size_t at = 0; (at = out.find(secret, at)) != std::string::npos; at += kRemoved.size()) {
      out.replace(at, secret.size(), kRemoved);
    }
  }
  return out;
}

ordered_json Redactor::value(const ordered_json& value) const {
  if (value.is_string()) return text(value.get_ref<const std::string&>());
  if (value.is_array()) {
    ordered_json out = ordered_json::array();
    for (const auto& item : value) out.push_back(this->value(item));
    return out;
  }
  if (!value.is_object()) return value;
  ordered_json out = ordered_json::object();
  for (const auto& [key, member] : value.items()) out[text(key)] = this->value(member);
  return out;
}

bool Redactor::leaks(std::string_view text) const {
  return std::ranges::any_of(secrets_, [&](const std::string& s) { return text.find(s) != std::string_view::npos; });
}

bool is_secret_header(std::string_view name) {
  constexpr std::array<std::string_view, 10> kWords = {"auth",    "key",     "token",   "secret", "cookie",
                                                       "session", "account", "project", "org",    "user-id"};
  const std::string plain = lower(name);
  return std::ranges::any_of(kWords, [&](std::string_view word) { return plain.find(word) != std::string::npos; });
}

bool is_kept_response_header(std::string_view name) {
  constexpr std::array<std::string_view, 6> kKept = {"content-type",   "retry-after", "retry-after-ms",
                                                     "x-should-retry", "request-id",  "x-request-id"};
  return std::ranges::find(kKept, name) != kKept.end();
}

}  // namespace aiw::tools
