#include "dtls/connection.hpp"

namespace peerage::dtls {

std::string_view toString(Role role) {
  switch (role) {
    case Role::client: return "client";
    case Role::server: return "server";
  }
  return "";
}

std::string_view toString(State state) {
  switch (state) {
    case State::new_: return "new";
    case State::connecting: return "connecting";
    case State::connected: return "connected";
    case State::closed: return "closed";
    case State::failed: return "failed";
  }
  return "";
}

std::string_view toString(SrtpProfile profile) {
  switch (profile) {
    case SrtpProfile::aes128_cm_sha1_80: return "SRTP_AES128_CM_SHA1_80";
    case SrtpProfile::aead_aes_128_gcm: return "SRTP_AEAD_AES_128_GCM";
    case SrtpProfile::aead_aes_256_gcm: return "SRTP_AEAD_AES_256_GCM";
  }
  return "";
}

size_t srtpKeySize(SrtpProfile profile) { return profile == SrtpProfile::aead_aes_256_gcm ? 32 : 16; }
size_t srtpSaltSize(SrtpProfile profile) { return profile == SrtpProfile::aes128_cm_sha1_80 ? 14 : 12; }

}  // namespace peerage::dtls
