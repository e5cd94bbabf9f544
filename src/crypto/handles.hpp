// Owning handles of OpenSSL objects, without OpenSSL's headers: those stay in the .cpp files.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

struct evp_md_ctx_st;
struct evp_mac_ctx_st;
struct evp_cipher_ctx_st;
struct evp_pkey_st;
struct x509_st;

namespace peerage::crypto {

/// The library itself failed: out of memory, or a build of OpenSSL without an algorithm that WebRTC needs. Never the
/// outcome of anything that came from the network.
class LibraryFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Takes everything from OpenSSL's per-thread error queue; the text of the first entry, or "". Whoever calls into
/// OpenSSL and does not throw leaves the queue empty, since SSL_get_error() looks at it.
std::string drainErrors();

struct HandleDeleter {
  void operator()(evp_md_ctx_st* handle) const;
  void operator()(evp_mac_ctx_st* handle) const;
  void operator()(evp_cipher_ctx_st* handle) const;
  void operator()(evp_pkey_st* handle) const;
  void operator()(x509_st* handle) const;
};
template <typename T>
using Handle = std::unique_ptr<T, HandleDeleter>;

}  // namespace peerage::crypto
