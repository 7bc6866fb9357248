#include "worker/secrets/log_redaction.hpp"

#include <algorithm>
#include <array>

#include "protocol/ascii.hpp"

namespace aiw {
namespace {

using namespace std::string_view_literals;

// Known prefixes of providers' keys and tokens.
constexpr std::array kBeginnings = {"sk-"sv,  "sk_"sv,  "pk-"sv,  "AIza"sv, "ya29."sv,   "xai-"sv,   "gsk_"sv, "hf_"sv,
                                    "AKIA"sv, "ASIA"sv, "ghp_"sv, "eyJ"sv,  "Bearer "sv, "Basic "sv, "key="sv};
constexpr std::size_t kShortestSecret = 8;

bool is_key_char(char c) { return is_ascii_alnum(c) || "-_.+/=~"sv.contains(c); }

bool is_word_char(char c) { return c != '_' && c != '-' && is_key_char(c); }

// Returns the length of the key prefix at the start of `text`; 0 if there is none.
std::size_t beginning_of_key(std::string_view text) {
  const auto found = std::ranges::find_if(kBeginnings, [&](auto beginning) { return text.starts_with(beginning); });
  return found == kBeginnings.end() ? 0 : found->size();
}

std::size_t key_length(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_key_char) - text.begin());
}

}  // namespace

std::string redact(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const bool at_word = at == 0 || !is_word_char(text[at - 1]);
    const std::size_t beginning = at_word ? beginning_of_key(text.substr(at)) : 0;
    const std::size_t length = beginning > 0 ? key_length(text.substr(at + beginning)) : 0;
    if (length >= kShortestSecret) {
      out.append(text, at, beginning).append("[redacted]");
      at += beginning + length;
    } else {
      out += text[at++];
    }
  }
  return out;
}

}  // namespace aiw
