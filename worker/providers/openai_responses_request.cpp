#include "worker/providers/http_error.hpp"
#include "worker/providers/openai_responses.hpp"
#include "worker/providers/request.hpp"
namespace aiw {
std::expected<BuiltRequest, Error> build_openai_responses(const StepInput&) {
  return std::unexpected(invalid_request("", ""));
}
const WireApi& openai_responses_api() {
  static constexpr WireApi kApi = {build_openai_responses, make_openai_responses_decoder, http_error};
  return kApi;
}
}  // namespace aiw
