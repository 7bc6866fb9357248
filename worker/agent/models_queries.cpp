#include "worker/agent/models_queries.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codes.hpp"

namespace aiw {
namespace {

// Limits on queries at once: for one provider, so that a slow one leaves room for others, and in total.
constexpr std::size_t kMaxForProvider = 16;
constexpr std::size_t kMax = 256;

Error too_many() {
  return {.code = error_code::overloaded,
          .category = Category::overloaded,
          .message = "too many lists of models are asked for",
          .retryable = true};
}

}  // namespace

std::optional<Error> ModelsQueries::refusal(std::string_view id) const {
  if (running_.contains(id)) {
    return Error{.code = error_code::duplicate_id,
                 .category = Category::invalid_request,
                 .message = "a request of that id is running",
                 .pointer = "/id"};
  }
  return running_.size() >= kMax ? std::optional(too_many()) : std::nullopt;
}

std::optional<Error> ModelsQueries::start(const std::string& id, Target target,
                                          std::function<void(ModelsQuery::Result)> on_done) {
  if (wire_api(target.api)->list_models == nullptr) {
    return Error{.code = error_code::not_supported,
                 .category = Category::invalid_request,
                 .message = std::string(to_string(target.api)) + " has no list of models",
                 .pointer = "/payload/providerId"};
  }
  if (is_full_for(target)) return too_many();
  auto end = [this, id, on_done = std::move(on_done)](ModelsQuery::Result result) {
    const auto query = running_.extract(id);  // destroyed when this returns
    on_done(std::move(result));
  };
  running_.emplace(id,
                   std::make_unique<ModelsQuery>(clock_, http_, memory_, tokens_, std::move(target), std::move(end)));
  return std::nullopt;
}

bool ModelsQueries::is_full_for(const Target& target) const {
  const auto of_provider =
      std::ranges::count_if(running_, [&](const auto& query) { return query.second->base_url() == target.base_url; });
  return static_cast<std::size_t>(of_provider) >= kMaxForProvider;
}

std::vector<std::string> ModelsQueries::abandon_all() {
  std::vector<std::string> ids;
  for (const auto& [id, query] : std::exchange(running_, {})) ids.push_back(id);
  return ids;
}

}  // namespace aiw
