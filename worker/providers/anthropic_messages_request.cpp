// Builds the request of a step for the Messages API: address, headers, and the body in its order.
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "worker/providers/anthropic_messages.hpp"
#include "worker/providers/anthropic_messages_betas.hpp"
#include "worker/providers/anthropic_messages_content.hpp"
#include "worker/providers/anthropic_messages_options.hpp"

namespace aiw {
namespace {

constexpr std::string_view kDefaultBaseUrl = "https://api.anthropic.com";
constexpr std::string_view kApiVersion = "2023-06-01";
constexpr std::string_view kBetaHeader = "anthropic-beta";
// Ours, and not for providerOptions: the answer could not be read, or the conversation would be lost. Other hosts than
// Anthropic have the model in the URL.
constexpr std::array<std::string_view, 4> kReserved = {"messages", "system", "stream", "model"};

std::string endpoint(std::string_view base_url, std::string_view path) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  if (base_url.empty()) base_url = kDefaultBaseUrl;
  if (base_url.ends_with("/v1")) path.remove_prefix(std::string_view("v1/").size());
  return join_url(base_url, path);
}

bool is_beta_header(const Header& header) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::ranges::equal(header.name, kBetaHeader, {}, lower);
}

}  // namespace

std::expected<AnthropicBody, Error> build_anthropic_body(const StepInput& input, AnthropicHost host) {
  RequestNotes notes;
  AnthropicConversation conversation(input.messages, notes);
  if (auto planned = conversation.plan(); !planned) return std::unexpected(std::move(planned.error()));
  AnthropicBody built;
  built.betas = anthropic_betas(input.chat);
  if (host == AnthropicHost::bedrock) {
    for (const Header& header : input.target.headers) {
      if (is_beta_header(header)) merge_betas(built.betas, header.value);
    }
  }
  const auto reserved = std::span(kReserved).first(host == AnthropicHost::anthropic ? 3 : 4);
  std::string options =
      apply_provider_options(AnthropicOptions(input, host, notes).write(built.betas), input.chat, reserved, notes);
  if (host == AnthropicHost::bedrock) built.betas.clear();
  options.pop_back();  // the object goes on
  built.body.append(options);
  conversation.write_system(built.body, input.chat.system);
  built.body.append(",\"messages\":");
  conversation.write_messages(built.body);
  built.body.append("}");
  built.notes = notes.take();
  return built;
}

void add_anthropic_betas(HttpRequest& request, const std::vector<std::string>& betas) {
  if (betas.empty()) return;
  auto header = std::ranges::find_if(request.headers, is_beta_header);
  if (header == request.headers.end()) header = request.headers.insert(header, {std::string(kBetaHeader), "", false});
  std::vector<std::string> all;
  merge_betas(all, header->value);
  for (const std::string& beta : betas) merge_betas(all, beta);
  header->value.clear();
  for (const std::string& beta : all) header->value += (header->value.empty() ? "" : ",") + beta;
}

std::expected<BuiltRequest, Error> build_anthropic_messages(const StepInput& input) {
  const std::string_view accept = input.chat.stream.upstream ? "text/event-stream" : "application/json";
  auto request = start_request("POST", endpoint(input.target.base_url, "v1/messages"),
                               {{"Content-Type", "application/json", false},
                                {"Accept", std::string(accept), false},
                                {"anthropic-version", std::string(kApiVersion), false}},
                               input.target);
  if (!request) return std::unexpected(std::move(request.error()));
  auto built = build_anthropic_body(input, AnthropicHost::anthropic);
  if (!built) return std::unexpected(std::move(built.error()));
  add_anthropic_betas(*request, built->betas);
  request->body = std::move(built->body);
  return BuiltRequest{std::move(*request), std::move(built->notes)};
}

}  // namespace aiw
