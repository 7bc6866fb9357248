// Takes keys out of what a recording keeps.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace aiw::tools {

class Redactor {
 public:
  // A literal that may appear nowhere. Shorter than 4 bytes it is ignored: it would tear holes into any text.
  void add_secret(const std::string& secret);

  [[nodiscard]] std::string text(std::string_view text) const;
  // Every string and every key in it.
  [[nodiscard]] nlohmann::ordered_json value(const nlohmann::ordered_json& value) const;
  // True if a secret is still in `text`.
  [[nodiscard]] bool leaks(std::string_view text) const;

 private:
  std::vector<std::string> secrets_;  // longest first, so that one inside another leaves nothing behind
};

// True for a header that carries a credential or the identity of an account.
bool is_secret_header(std::string_view name);

// The response headers that a cassette keeps; names in lower case.
bool is_kept_response_header(std::string_view name);

}  // namespace aiw::tools
