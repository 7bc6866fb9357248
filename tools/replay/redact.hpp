// Removes keys from the recorded data.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace aiw::tools {

class Redactor {
 public:
  // Adds a literal that must not appear anywhere. Secrets shorter than 4 bytes are ignored, because they would match
  // ordinary text.
  void add_secret(const std::string& secret);

  [[nodiscard]] std::string text(std::string_view text) const;
  // Returns a copy with secrets removed from every string and every object key.
  [[nodiscard]] nlohmann::ordered_json value(const nlohmann::ordered_json& value) const;
  // Returns true if `text` still contains a secret.
  [[nodiscard]] bool leaks(std::string_view text) const;

 private:
  std::vector<std::string> secrets_;  // longest first, so that a secret inside another leaves no remainder
};

// Returns true for a header that carries a credential or the identity of an account.
bool is_secret_header(std::string_view name);

// Returns true for response headers that a cassette keeps. `name` is in lower case.
bool is_kept_response_header(std::string_view name);

}  // namespace aiw::tools
