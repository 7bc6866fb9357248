// Access tokens for Google Cloud from a service account's key file: builds the token request and reads its response
// (RFC 7523; developers.google.com/identity/protocols/oauth2/service-account#httprest). No I/O.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "worker/base/http_message.hpp"

namespace aiw::google {

// Holds a private key: never print it. No error of this file contains the key.
struct ServiceAccount {
  std::string client_email, private_key, private_key_id, token_uri, project_id;
};

// Reads the JSON of a Google Cloud key file. Error: category auth.
std::expected<ServiceAccount, Error> read_service_account(std::string_view json);

// Builds the token request to token_uri, with a JSON Web Token that the key signs. Error: category auth.
std::expected<HttpRequest, Error> service_account_token_request(const ServiceAccount& account,
                                                                std::chrono::sys_seconds now);

struct AccessToken {
  std::string token;
  std::chrono::seconds lifetime{0};
};
// Reads the token from the response. Error: category auth if the account was refused, else as for any HTTP error.
std::expected<AccessToken, Error> read_access_token(const ResponseHead& head, std::string_view body);

}  // namespace aiw::google
