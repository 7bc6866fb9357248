#include "worker/base/crypto.hpp"

#include <dlfcn.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <limits>
#include <memory>
#include <span>

namespace aiw {
namespace {

constexpr const char* kLibrary = "libcrypto.so.3";  // ABI of OpenSSL 3, the same library as libcurl's (loaded once)
constexpr int kMaxRsaBits = 8192;                   // a signature takes time with the cube of this: 50 ms
constexpr std::string_view kMissing = "libcrypto cannot be loaded";

// Functions of libcrypto. `loaded` is true only if all of them were found.
struct LibCrypto {
  bool loaded = true;
  void* const library = dlopen(kLibrary, RTLD_LAZY | RTLD_LOCAL);

  template <typename Function>
  Function* find(const char* name) {
    auto* const function = library == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(library, name));
    loaded = loaded && function != nullptr;
    return function;
  }

#define FUNCTION(name) decltype(::name)* const name = find<decltype(::name)>(#name)
  FUNCTION(EVP_sha256);
  FUNCTION(EVP_MD_CTX_new);
  FUNCTION(EVP_MD_CTX_free);
  FUNCTION(EVP_DigestInit_ex);
  FUNCTION(EVP_DigestUpdate);
  FUNCTION(EVP_DigestFinal_ex);
  FUNCTION(EVP_DigestSignInit);
  FUNCTION(EVP_DigestSign);
  FUNCTION(EVP_PKEY_free);
  FUNCTION(EVP_PKEY_get_base_id);
  FUNCTION(EVP_PKEY_get_bits);
  FUNCTION(HMAC);
  FUNCTION(BIO_new_mem_buf);
  FUNCTION(BIO_free);
  FUNCTION(PEM_read_bio_PrivateKey);
  FUNCTION(ERR_clear_error);
#undef FUNCTION
};

// Returns nullptr if libcrypto is not installed.
const LibCrypto* lib() {
  static const LibCrypto functions;
  return functions.loaded ? &functions : nullptr;
}

template <typename T, auto Free>
struct Freed {
  void operator()(T* object) const { (lib()->*Free)(object); }
};
using Context = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, &LibCrypto::EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO, &LibCrypto::BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, &LibCrypto::EVP_PKEY_free>>;

// Returns an error and clears the thread's error queue. TLS code on the same thread would otherwise report the old
// error as its own.
std::unexpected<std::string> failed(std::string_view what) {
  if (lib() != nullptr) lib()->ERR_clear_error();
  return std::unexpected(std::string(what));
}

// Password callback that always fails. Without it OpenSSL would ask for a key's password on the terminal.
int no_password(char*, int, int, void*) { return -1; }

std::expected<Sha256Digest, std::string> hash(std::span<const std::string_view> pieces) {
  const auto* const c = lib();
  if (c == nullptr) return failed(kMissing);
  const Context context(c->EVP_MD_CTX_new());
  bool good = context != nullptr && c->EVP_DigestInit_ex(context.get(), c->EVP_sha256(), nullptr) == 1;
  for (const auto piece : pieces) good = good && c->EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1;
  Sha256Digest digest{};
  good = good && c->EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  if (!good) return failed("SHA-256 failed");
  return digest;
}

Key read_key(const LibCrypto& c, std::string_view pem) {
  if (pem.size() > std::numeric_limits<int>::max()) return nullptr;
  const Bio bio(c.BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return bio == nullptr ? nullptr : Key(c.PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
}

}  // namespace

std::expected<Sha256Digest, std::string> sha256(std::string_view data) { return hash({&data, 1}); }

std::expected<Sha256Digest, std::string> sha256(const Rope& data) { return hash(data.pieces()); }

std::expected<Sha256Digest, std::string> hmac_sha256(std::string_view key, std::string_view data) {
  const auto* const c = lib();
  if (c == nullptr) return failed(kMissing);
  if (key.size() > std::numeric_limits<int>::max()) return failed("the key is too long");
  Sha256Digest digest{};
  const auto* const bytes = reinterpret_cast<const unsigned char*>(data.data());
  // HMAC() treats a null key as the key of the previous call.
  const char* const key_bytes = key.empty() ? "" : key.data();
  if (c->HMAC(c->EVP_sha256(), key_bytes, static_cast<int>(key.size()), bytes, data.size(), digest.data(), nullptr) ==
      nullptr) {
    return failed("HMAC failed");
  }
  return digest;
}

std::expected<std::string, std::string> rs256_sign(std::string_view private_key_pem, std::string_view data) {
  const auto* const c = lib();
  if (c == nullptr) return failed(kMissing);
  const Key key = read_key(*c, private_key_pem);
  if (key == nullptr) return failed("the private key is not readable PEM");
  if (c->EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return failed("the private key is not an RSA key");
  if (c->EVP_PKEY_get_bits(key.get()) > kMaxRsaBits) return failed("the RSA key has more than 8,192 bits");
  const Context context(c->EVP_MD_CTX_new());
  if (context == nullptr || c->EVP_DigestSignInit(context.get(), nullptr, c->EVP_sha256(), nullptr, key.get()) != 1) {
    return failed("the private key cannot sign");
  }
  const auto* const bytes = reinterpret_cast<const unsigned char*>(data.data());
  std::size_t size = 0;
  if (c->EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size()) != 1) return failed("signing failed");
  std::string signature(size, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(signature.data());
  if (c->EVP_DigestSign(context.get(), out, &size, bytes, data.size()) != 1) return failed("signing failed");
  signature.resize(size);
  return signature;
}

std::string_view bytes_of(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string to_hex(const Sha256Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

}  // namespace aiw
