#include "worker/providers/codec/renamed_keys.hpp"

#include "protocol/json_text.hpp"

namespace aiw {
namespace {

// So many bytes more than twice its own may a text have with the other names. A short name stands for a long one as
// often as whoever wrote the text likes.
constexpr std::size_t kMostGrowth = std::size_t{1} << 20;

// The end of the string that begins at `at`, behind its closing quote; npos: it has none.
std::size_t end_of_string(std::string_view json, std::size_t at) {
  for (++at; at < json.size(); ++at) {
    if (json[at] == '\\') {
      ++at;
    } else if (json[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

bool is_key(std::string_view json, std::size_t end) {
  const auto next = json.find_first_not_of(" \t\r\n", end);
  return next != std::string_view::npos && json[next] == ':';
}

}  // namespace

std::optional<std::string> with_renamed_keys(std::string_view json,
                                             const std::map<std::string, std::string, std::less<>>& names) {
  const std::size_t most = 2 * json.size() + kMostGrowth;
  std::string out;
  std::size_t copied = 0;
  for (auto at = json.find('"'); at != std::string_view::npos;) {
    const auto end = end_of_string(json, at);
    if (end == std::string_view::npos) break;
    if (is_key(json, end)) {
      const RawString key{json.substr(at + 1, end - at - 2)};
      const auto found = key.raw.contains('\\') ? names.find(key.text()) : names.find(key.raw);
      if (found != names.end()) {
        out += json.substr(copied, at - copied);
        append_json_string(out, found->second);
        if (out.size() > most) return std::nullopt;
        copied = end;
      }
    }
    at = json.find('"', end);
  }
  if (copied == 0) return std::nullopt;
  return out.append(json.substr(copied));
}

}  // namespace aiw
