// The models list that OpenAI's APIs share: GET /models.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::openai_chat {

// They fit WireApi. The list is one page.
std::expected<HttpRequest, Error> list_models(const Target& target, std::string_view page,
                                              std::chrono::sys_seconds now);
std::expected<ModelPage, Error> read_models(std::string_view body);

}  // namespace aiw::openai_chat
