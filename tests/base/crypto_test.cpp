#include "worker/base/crypto.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/base/rfc7515_key.hpp"
#include "worker/base/base64.hpp"

using namespace aiw;

TEST_CASE("sha256 matches the vectors of RFC 6234") {
  CHECK(to_hex(sha256("abc").value()) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").value()) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(to_hex(sha256("").value()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("a rope has the hash of its bytes, however many pieces it has") {
  const std::string thousand(1000, 'a');
  Rope rope;
  for (int i = 0; i < 1000; ++i) i % 3 == 0 ? rope.append(thousand) : rope.splice(thousand);
  CHECK(to_hex(sha256(rope).value()) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK(sha256(Rope()).value() == sha256("").value());
}

TEST_CASE("hmac_sha256 matches the vectors of RFC 4231") {
  struct Row {
    std::string key, data;
    const char* expected;
  };
  const std::vector<Row> rows = {
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
  for (const auto& row : rows) CHECK(to_hex(hmac_sha256(row.key, row.data).value()) == row.expected);
}

TEST_CASE("an empty key is used as a key, not replaced by the previous one") {
  REQUIRE(hmac_sha256("Jefe", "x"));
  // HMAC of an empty message with an empty key, as FIPS 198-1 defines it.
  CHECK(to_hex(hmac_sha256({}, {}).value()) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("rs256_sign matches the example of RFC 7515") {
  const auto signature = rs256_sign(kRfc7515Key,
                                    "eyJhbGciOiJSUzI1NiJ9."
                                    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ");
  REQUIRE(signature);
  CHECK(base64url_encode(*signature) ==
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
        "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
        "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
        "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
        "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
        "p0igcN_IoypGlUPQGe77Rw");
}

// Returns one value in DER (X.690, 8.1): tag, length and content.
std::string der(unsigned char tag, const std::string& content) {
  std::string out(1, static_cast<char>(tag));
  const std::size_t size = content.size();
  if (size < 128) return out + static_cast<char>(size) + content;
  return out + '\x82' + static_cast<char>(size >> 8) + static_cast<char>(size & 255) + content;
}

// Returns a PKCS #1 RSAPrivateKey (RFC 8017, A.1.2) with numbers of this size. Its signatures are not valid.
std::string rsa_key(std::size_t bits) {
  const auto number = [](std::size_t bytes) { return der(2, std::string(1, '\x70') + std::string(bytes - 1, '\x71')); };
  const std::size_t all = bits / 8, half = bits / 16;
  std::string numbers = der(2, std::string(1, '\0')) + number(all) + der(2, "\x01\x01\x01") + number(all);
  for (int i = 0; i < 5; ++i) numbers += number(half);
  return "-----BEGIN RSA PRIVATE KEY-----\n" + base64_encode(der(0x30, numbers)) + "\n-----END RSA PRIVATE KEY-----\n";
}

TEST_CASE("an RSA key whose signature would take seconds is rejected") {
  CHECK(rs256_sign(rsa_key(16'384), "x").error() == "the RSA key has more than 8,192 bits");
  const auto allowed = rs256_sign(rsa_key(4096), "x");
  CHECK((allowed || allowed.error() == "signing failed"));
}

TEST_CASE("a key that cannot sign gives an error without the bytes of the key") {
  // Elliptic-curve key of RFC 7515, appendix A.3, as PEM (RFC 5915).
  const std::string ec_key = R"(-----BEGIN EC PRIVATE KEY-----
MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49
AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b
focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
-----END EC PRIVATE KEY-----
)";
  const std::string encrypted = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgP5cS6ebFqnwICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEN4ftlF+JlZUZnU4Cq5MpxEEgZAi
jkthPjRUxFLLpYkRqi2hLESJDtTXY+3twmcrhlKJUB+spYU2NRudJC9z6w2cDwNC
8pDnGTgqoi8PthFgHyMvrFWLqgO/dXikv81Zktx2n6G4cdypSUZAbjjzOwcd7XLt
yqXnD1vn3RbkzYxvEW4fTl3tPY6ir6nsmASkYFirBU0CalypK9jF8Gh4yexw37A=
-----END ENCRYPTED PRIVATE KEY-----
)";
  CHECK(rs256_sign(ec_key, "x").error() == "the private key is not an RSA key");
  // OpenSSL must not ask for a password: the process uses its standard input for the protocol.
  CHECK(rs256_sign(encrypted, "x").error() == "the private key is not readable PEM");
  for (const std::string_view pem : {std::string_view(), std::string_view("sk-secret"), kRfc7515Key.substr(0, 300)}) {
    CHECK(rs256_sign(pem, "x").error() == "the private key is not readable PEM");
  }
  CHECK(rs256_sign(kRfc7515Key, "x"));
}
