// The cryptography that providers' signatures need (SHA-256, HMAC, RSA), by OpenSSL's libcrypto, which is loaded with
// the first call: it would cost every start and idle process time and memory that most never need.
#pragma once

#include <array>
#include <expected>
#include <string>
#include <string_view>

#include "worker/base/rope.hpp"

namespace aiw {

using Sha256Digest = std::array<unsigned char, 32>;

// FIPS 180-4. Error, here and below: why it cannot be done, in words that hold no input.
std::expected<Sha256Digest, std::string> sha256(std::string_view data);
// Of the body's pieces where they lie.
std::expected<Sha256Digest, std::string> sha256(const Rope& data);

// RFC 2104 with SHA-256.
std::expected<Sha256Digest, std::string> hmac_sha256(std::string_view key, std::string_view data);

// RSASSA-PKCS1-v1_5 with SHA-256, "RS256" (RFC 7518, 3.3), with an unencrypted PEM private key (PKCS #8 or #1). The
// signature's bytes: the same key and data give the same.
std::expected<std::string, std::string> rs256_sign(std::string_view private_key_pem, std::string_view data);

// A digest's bytes as a string, and as lower-case hexadecimal digits.
std::string_view bytes_of(const Sha256Digest& digest);
std::string to_hex(const Sha256Digest& digest);

}  // namespace aiw
