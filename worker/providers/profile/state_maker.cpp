#include "worker/providers/profile/state_maker.hpp"

#include <algorithm>

#include "worker/base/url.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw {

namespace {

std::string server_of(const Target& target) {
  if (target.api == Api::vertex_anthropic || target.api == Api::bedrock_invoke) return std::string(kClaude);
  const auto url = parse_base_url(target.base_url);
  if (!url) return {};
  const auto* known = find_provider_by_host(url->host);
  if (known == nullptr) {
    // A gateway may have a path for each provider.
    std::string_view rest = target.base_url;
    rest.remove_prefix(std::min(rest.size(), rest.find("://") + 3));
    const auto slash = rest.find('/');
    auto path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
    while (path.ends_with('/')) path.remove_suffix(1);
    return url->authority() + std::string(path);
  }
  return std::string(known->id == "anthropic" ? kClaude : known->id);
}

}  // namespace

std::string state_maker(const Target& target) {
  std::string maker = server_of(target);
  const bool has_accounts = !maker.empty() && maker != kClaude;  // Claude's signatures are valid for every account
  if (has_accounts && !target.account.empty()) maker.append("#").append(target.account);
  return maker;
}

bool is_same_maker(std::string_view maker, std::string_view target_maker) {
  const auto at = maker.rfind('#'), target_at = target_maker.rfind('#');
  if (maker.substr(0, at) != target_maker.substr(0, target_at)) return false;
  constexpr auto kNone = std::string_view::npos;
  return at == kNone || target_at == kNone || maker.substr(at) == target_maker.substr(target_at);
}

std::string with_maker(std::string state, std::string_view maker) {
  if (!maker.empty()) state.append("@").append(maker);
  return state;
}

MadeState split_maker(std::string_view state) {
  const auto end = state.rfind('}');
  if (end == std::string_view::npos || end + 1 == state.size() || state[end + 1] != '@') return {state, {}};
  return {state.substr(0, end + 1), state.substr(end + 2)};
}

}  // namespace aiw
