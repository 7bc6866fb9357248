#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "tools/support/tls_front.hpp"

namespace aiw::tools {

namespace {

constexpr long kSecondsPerDay = 24L * 3600;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Freed<X509_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

void set_name(X509_NAME* name, const std::string& common_name) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()), -1,
                             -1, 0);
}

void add_extension(X509* cert, int id, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str()));
  X509_add_ext(cert, extension.get(), -1);
}

}  // namespace

Certificate make_certificate(const CertificateSpec& spec, const Certificate* issuer) {
  const Key key(EVP_EC_gen("P-256"));
  const Cert cert(X509_new());
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(cert.get()),
                         std::chrono::steady_clock::now().time_since_epoch().count());
  const long end = spec.days * kSecondsPerDay;
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), std::min(end, 0L) - kSecondsPerDay);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), end);
  set_name(X509_get_subject_name(cert.get()), spec.common_name);
  X509_set_pubkey(cert.get(), key.get());
  add_extension(cert.get(), NID_basic_constraints, spec.authority ? "critical,CA:TRUE" : "CA:FALSE");
  std::string names;
  for (const auto& name : spec.names) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) add_extension(cert.get(), NID_subject_alt_name, names);

  if (issuer == nullptr) {
    X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
    X509_sign(cert.get(), key.get(), EVP_sha256());
  } else {
    const Bio cert_text(BIO_new_mem_buf(issuer->cert.data(), static_cast<int>(issuer->cert.size())));
    const Bio key_text(BIO_new_mem_buf(issuer->key.data(), static_cast<int>(issuer->key.size())));
    const Cert issuing(PEM_read_bio_X509(cert_text.get(), nullptr, nullptr, nullptr));
    const Key signing(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
    X509_set_issuer_name(cert.get(), X509_get_subject_name(issuing.get()));
    X509_sign(cert.get(), signing.get(), EVP_sha256());
  }
  const Bio out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(out.get(), cert.get());
  const Bio key_out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(out.get()), text_of(key_out.get())};
}

}  // namespace aiw::tools
