#include "crypto/handles.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace peerage::crypto {

std::string drainErrors() {
  std::string first;
  while (const unsigned long code = ERR_get_error()) {
    if (!first.empty()) continue;
    char text[160];
    ERR_error_string_n(code, text, sizeof text);
    first = text;
  }
  return first;
}

void HandleDeleter::operator()(evp_md_ctx_st* handle) const { EVP_MD_CTX_free(handle); }
void HandleDeleter::operator()(evp_mac_ctx_st* handle) const { EVP_MAC_CTX_free(handle); }
void HandleDeleter::operator()(evp_cipher_ctx_st* handle) const { EVP_CIPHER_CTX_free(handle); }
void HandleDeleter::operator()(evp_pkey_st* handle) const { EVP_PKEY_free(handle); }
void HandleDeleter::operator()(x509_st* handle) const { X509_free(handle); }

}  // namespace peerage::crypto
