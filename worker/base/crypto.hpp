// Cryptography for providers' signatures (SHA-256, HMAC, RSA), from OpenSSL's libcrypto. The library is loaded with the
// first call, since it would cost every process start-up time and memory, and most never need it.
#pragma once

#include <array>
#include <expected>
#include <string>
#include <string_view>

#include "worker/base/rope.hpp"

namespace aiw {

using Sha256Digest = std::array<unsigned char, 32>;

// SHA-256 (FIPS 180-4). Error, here and below: the reason, which contains no input.
std::expected<Sha256Digest, std::string> sha256(std::string_view data);
// Hashes the body's pieces without copying them.
std::expected<Sha256Digest, std::string> sha256(const Rope& data);

// HMAC (RFC 2104) with SHA-256.
std::expected<Sha256Digest, std::string> hmac_sha256(std::string_view key, std::string_view data);

// Signs with RSASSA-PKCS1-v1_5 and SHA-256, "RS256" (RFC 7518, 3.3). The key is an unencrypted PEM private key (PKCS #8
// or #1). Returns the bytes of the signature. Deterministic: the same key and data give the same signature.
std::expected<std::string, std::string> rs256_sign(std::string_view private_key_pem, std::string_view data);

// Return the digest as a byte string, and as lower-case hexadecimal digits.
std::string_view bytes_of(const Sha256Digest& digest);
std::string to_hex(const Sha256Digest& digest);

}  // namespace aiw
