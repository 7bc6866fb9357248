#include "worker/providers/google/request.hpp"

#include <algorithm>

#include "worker/base/url.hpp"
#include "worker/providers/google/api.hpp"
#include "worker/providers/google/messages.hpp"
#include "worker/providers/google/options.hpp"

namespace aiw::google {
namespace {

// "v1", "v1beta", "v1beta1", "v1alpha"
bool is_version(std::string_view segment) {
  return segment.size() >= 2 && segment[0] == 'v' && segment[1] >= '1' && segment[1] <= '9' &&
         segment.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string_view::npos;
}

}  // namespace

std::expected<Body, Error> build_body(const StepInput& input) {
  Body built;
  RequestNotes notes;
  const auto rules = model_rules(input.target.model);
  std::string options = write_options(input, rules, notes);
  options.back() = ',';
  built.body.append(options == "{," ? "{" : options);
  Contents contents(input.messages, rules, built.body, notes);
  contents.write_system(input.chat.system);
  built.body.append("\"contents\":");
  if (auto written = contents.write(); !written) return std::unexpected(std::move(written.error()));
  built.body.append("}");
  built.notes = notes.take();
  return built;
}

std::string with_api_version(std::string_view base_url, std::string_view version) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  if (is_version(base_url.substr(base_url.rfind('/') + 1))) return std::string(base_url);
  return join_url(base_url, version);
}

std::string_view operation_suffix(const ChatRequest& chat) {
  return chat.stream.upstream ? ":streamGenerateContent?alt=sse" : ":generateContent";
}

std::string encode_path(std::string_view text) {
  constexpr std::string_view kKept = "/:@";  // "publishers/x/models/y", "claude-sonnet-4@20250514"
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(kKept), text.size());
    out += percent_encode(text.substr(0, end));
    if (end < text.size()) out += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace aiw::google
