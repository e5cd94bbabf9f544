// DTLS 1.2 over OpenSSL. OpenSSL's retransmission timer reads the system clock; it is kept from ever expiring by
// itself, and made to have expired when our own schedule says so (see onTimeout).
#include "dtls/openssl_factory.hpp"

#include <openssl/err.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

#include "crypto/handles.hpp"
#include "dtls/connection_base.hpp"
#include "dtls/datagram_bio.hpp"

namespace peerage::dtls {
namespace {

/// Forward secrecy and AEAD alone. RFC 8827 §6.5: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 "MUST" be supported.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr const char* kGroups = "X25519:P-256";
/// Of all certificates together; a self-signed one has some 300 bytes, with RSA some 800.
constexpr long kMaxCertificateList = 32 * 1024;
/// RFC 5764 §4.2.
constexpr std::string_view kSrtpLabel = "EXTRACTOR-dtls_srtp";
/// DTLS record header: type, version, epoch, sequence number, length (RFC 6347 §4.1).
constexpr size_t kRecordHeader = 13;
constexpr size_t kMaxPlaintext = 16384;

class OpenSslCertificate final : public Certificate {
 public:
  explicit OpenSslCertificate(crypto::Certificate certificate) : certificate_(std::move(certificate)) {}
  ByteView der() const override { return certificate_.der(); }
  std::chrono::sys_seconds notAfter() const override { return certificate_.notAfter(); }
  crypto::KeyKind kind() const override { return certificate_.kind(); }
  std::string certificatePem() const override { return certificate_.certificatePem(); }
  std::string privateKeyPem() const override { return certificate_.privateKeyPem(); }
  const crypto::Certificate& certificate() const { return certificate_; }

 private:
  crypto::Certificate certificate_;
};

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

class OpenSslConnection final : public ConnectionBase {
 public:
  OpenSslConnection(Options options, Log log) : ConnectionBase(std::move(options), std::move(log)) {}
  Result<> init();

  // From OpenSSL's callbacks.
  bool verify(X509_STORE_CTX* store);
  void alert(bool sent, int code);
  unsigned libraryTimer(bool expired);

 private:
  void onStart(Timestamp now) override;
  void onInput(Timestamp now, ByteView datagram) override;
  void onTimeout(Timestamp now) override;
  bool onSend(Timestamp now, ByteView data) override;
  void onEnd(bool badCertificate) override;
  std::optional<Connected> onAccept(std::optional<SrtpKeys>& keys) override;

  void output(ByteView datagram);
  void drive(Timestamp now);
  void driveHandshake(Timestamp now);
  void readAll();
  void schedule(Timestamp now);
  void failFromLibrary(int sslError);
  std::optional<SrtpKeys> exportSrtpKeys();

  DatagramPort port_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  bool established_ = false;     ///< OpenSSL's handshake is through
  bool heardPeer_ = false;       ///< something came from the peer
  size_t written_ = 0;           ///< datagrams of the handshake since schedule() looked last
  std::vector<Bytes> firstFlight_;  ///< a client's first ClientHello
  Bytes scratch_;
};

// --- The shared SSL_CTX ----------------------------------------------------------------------------------------------

OpenSslConnection* ownerOf(const SSL* ssl) { return static_cast<OpenSslConnection*>(SSL_get_app_data(ssl)); }

/// Replaces chain building: WebRTC's certificates are self-signed, and the fingerprint is what vouches for them.
int verifyCallback(X509_STORE_CTX* store, void*) {
  const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (ssl && ownerOf(ssl)->verify(store)) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);  // becomes the alert bad_certificate (RFC 8122 §5)
  return 0;
}

void infoCallback(const SSL* ssl, int where, int code) {
  if (where & SSL_CB_ALERT) ownerOf(ssl)->alert((where & SSL_CB_WRITE) != 0, code);
}

unsigned int timerCallback(SSL* ssl, unsigned int previous) { return ownerOf(ssl)->libraryTimer(previous != 0); }

SSL_CTX* makeContext() {
  SSL_CTX* context = SSL_CTX_new(DTLS_method());
  if (!context) return nullptr;
  SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verifyCallback, nullptr);
  SSL_CTX_set_info_callback(context, infoCallback);
  SSL_CTX_set_read_ahead(context, 1);  // one datagram a read
  SSL_CTX_set_max_cert_list(context, kMaxCertificateList);
  if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
      SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
      SSL_CTX_set_cipher_list(context, kCiphers) == 1 && SSL_CTX_set1_groups_list(context, kGroups) == 1) {
    return context;
  }
  SSL_CTX_free(context);
  return nullptr;
}

/// One for the process, never changed: everything that differs is set on the SSL.
SSL_CTX* sharedContext() {
  static SSL_CTX* const context = makeContext();
  return context;
}

std::string profileList(const std::vector<SrtpProfile>& profiles) {
  std::string list;
  for (SrtpProfile profile : profiles) {
    if (!list.empty()) list += ':';
    list += toString(profile);
  }
  return list;
}

// --- The connection --------------------------------------------------------------------------------------------------

Result<> OpenSslConnection::init() {
  const auto* certificate = dynamic_cast<const OpenSslCertificate*>(options().certificate.get());
  if (!certificate) return failure("DTLS needs a certificate made by OpenSslFactory");
  if (!sharedContext()) return failure("OpenSSL has no DTLS 1.2: " + crypto::drainErrors());
  port_.output = [this](ByteView datagram) { output(datagram); };
  ssl_.reset(SSL_new(sharedContext()));
  BIO* bio = ssl_ ? newDatagramBio(&port_) : nullptr;
  if (!bio) return failure("SSL_new: " + crypto::drainErrors());
  SSL* ssl = ssl_.get();
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, this);
  DTLS_set_timer_cb(ssl, timerCallback);
  const std::string profiles = profileList(options().srtpProfiles);
  const bool ok = DTLS_set_link_mtu(ssl, static_cast<long>(options().mtu)) == 1 &&
                  SSL_use_certificate(ssl, certificate->certificate().x509()) == 1 &&
                  SSL_use_PrivateKey(ssl, certificate->certificate().key()) == 1 &&
                  (profiles.empty() || SSL_set_tlsext_use_srtp(ssl, profiles.c_str()) == 0);  // 0 is success here
  if (!ok) return failure("DTLS options: " + crypto::drainErrors());
  return {};
}

void OpenSslConnection::onStart(Timestamp now) {
  if (role() == Role::client) {
    SSL_set_connect_state(ssl_.get());
    drive(now);
  } else {
    // Never DTLSv1_listen(): it wants the ClientHello in one datagram, and today's, with a post-quantum key share, is
    // larger than a datagram. The address has been validated by ICE, so that no cookie is needed.
    SSL_set_accept_state(ssl_.get());
  }
}

void OpenSslConnection::onInput(Timestamp now, ByteView datagram) {
  // Refuse cheaply what is no record of DTLS: content type 20..25, version 254.x, a body that fits.
  if (datagram.size() < kRecordHeader || datagram[0] < SSL3_RT_CHANGE_CIPHER_SPEC || datagram[0] > 25 ||
      datagram[1] != 0xfe || kRecordHeader + loadU16(&datagram[11]) > datagram.size()) {
    ++mutableCounters().malformed;
    return;
  }
  heardPeer_ = true;
  port_.input = datagram;
  drive(now);
  port_.input = {};
}

void OpenSslConnection::drive(Timestamp now) {
  ERR_clear_error();
  if (!established_) driveHandshake(now);
  if (established_ && !ended()) readAll();
  crypto::drainErrors();
}

void OpenSslConnection::driveHandshake(Timestamp now) {
  const int result = SSL_do_handshake(ssl_.get());
  if (ended()) return;
  if (result == 1) {
    established_ = true;
    firstFlight_.clear();
    handshakeFinished(now);
    return;
  }
  const int error = SSL_get_error(ssl_.get(), result);
  if (error != SSL_ERROR_WANT_READ) {
    failFromLibrary(error);
    return;
  }
  schedule(now);
}

/// Keeps our timer in step with OpenSSL's, which runs exactly while a flight of ours awaits an answer.
void OpenSslConnection::schedule(Timestamp now) {
  timeval left{};
  const bool waiting = DTLSv1_get_timeout(ssl_.get(), &left) == 1;
  const bool sent = std::exchange(written_, 0) > 0;
  if (!waiting) {
    timer().stop();
  } else if (sent || !timer().deadline()) {
    timer().start(now);
  }
}

void OpenSslConnection::readAll() {
  scratch_.resize(kMaxPlaintext);
  while (!ended()) {
    size_t count = 0;
    if (SSL_read_ex(ssl_.get(), scratch_.data(), scratch_.size(), &count) == 1) {
      applicationData(ByteView(scratch_).first(count));
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), 0);
    if (error == SSL_ERROR_WANT_READ) return;
    if (error == SSL_ERROR_ZERO_RETURN) {
      closedByPeer();
    } else {
      failFromLibrary(error);
    }
  }
}

void OpenSslConnection::failFromLibrary(int sslError) {
  std::string reason = crypto::drainErrors();
  if (reason.empty()) reason = "OpenSSL error " + std::to_string(sslError);
  fail("DTLS: " + reason);
}

void OpenSslConnection::onTimeout(Timestamp now) {
  ++mutableCounters().retransmissions;
  // While nothing has been heard, the ClientHello goes out as it was: whoever has its records already drops them, and
  // there is no limit, since a peer may take its time to answer the offer. ICE says when the path is gone.
  if (!heardPeer_ && !firstFlight_.empty()) {
    for (const Bytes& datagram : firstFlight_) transmit(datagram);
    timer().backOff(now);
    return;
  }
  // For every other flight OpenSSL has to make new records. Its timer never expires by itself (see libraryTimer);
  // setting it to long ago makes it due now. Where its address is not known, that timer runs in real time by our
  // schedule.
  if (port_.libraryDeadline) *port_.libraryDeadline = timeval{1, 0};
  timeval left{};
  if (DTLSv1_get_timeout(ssl_.get(), &left) == 1 && (left.tv_sec > 0 || left.tv_usec > 0)) {
    timer().postpone(now + std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec + 1000));
    return;
  }
  ERR_clear_error();
  timer().backOff(now);
  if (DTLSv1_handle_timeout(ssl_.get()) < 0) failFromLibrary(SSL_ERROR_SSL);
  written_ = 0;
  crypto::drainErrors();
}

/// Microseconds until OpenSSL's own timer expires.
unsigned OpenSslConnection::libraryTimer(bool expired) {
  constexpr unsigned kNever = 3600u * 1'000'000u;  // fits 32 bits, and outlives every handshake
  static const bool ours = OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
  if (ours) return kNever;
  const Duration wait = expired ? timer().wait() : timer().firstWait();
  return static_cast<unsigned>(std::chrono::duration_cast<std::chrono::microseconds>(wait).count());
}

bool OpenSslConnection::onSend(Timestamp, ByteView data) {
  ERR_clear_error();
  size_t written = 0;
  const bool ok = SSL_write_ex(ssl_.get(), data.data(), data.size(), &written) == 1 && written == data.size();
  if (!ok) {
    ++mutableCounters().dropped;
    crypto::drainErrors();
  }
  return ok;
}

void OpenSslConnection::onEnd(bool) {
  ERR_clear_error();
  // OpenSSL lets nobody send an alert of one's choice: after the handshake a wrong certificate ends in close_notify,
  // too.
  if (established_) SSL_shutdown(ssl_.get());
  crypto::drainErrors();
}

void OpenSslConnection::output(ByteView datagram) {
  Bytes copy = buffer();
  copy.assign(datagram.begin(), datagram.end());
  if (!established_) {
    ++written_;
    if (role() == Role::client && !heardPeer_) firstFlight_.push_back(copy);
  }
  transmit(std::move(copy));
}

bool OpenSslConnection::verify(X509_STORE_CTX* store) {
  std::vector<Bytes> chain;
  const auto add = [&](const X509* x509) {
    const int size = x509 ? i2d_X509(x509, nullptr) : 0;
    if (size <= 0) return;
    Bytes der(static_cast<size_t>(size));
    unsigned char* out = der.data();
    i2d_X509(x509, &out);
    chain.push_back(std::move(der));
  };
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  add(leaf);
  const STACK_OF(X509)* rest = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; rest && i < sk_X509_num(rest); ++i) {
    if (sk_X509_value(rest, i) != leaf) add(sk_X509_value(rest, i));
  }
  return peerCertificate(std::move(chain));
}

void OpenSslConnection::alert(bool sent, int code) {
  emit(Alert{sent, static_cast<uint8_t>(code >> 8), static_cast<uint8_t>(code)});
}

std::optional<Connected> OpenSslConnection::onAccept(std::optional<SrtpKeys>& keys) {
  Connected connected;
  connected.version = "FEFD";
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get())) {
    connected.cipher = SSL_CIPHER_standard_name(cipher);
  }
  if (const char* group = SSL_group_to_name(ssl_.get(), static_cast<int>(SSL_get_negotiated_group(ssl_.get())))) {
    connected.group = group;
  }
  if (SSL_get_selected_srtp_profile(ssl_.get())) {
    keys = exportSrtpKeys();
    if (!keys) return std::nullopt;
    connected.srtpProfile = keys->profile;
  }
  return connected;
}

std::optional<SrtpKeys> OpenSslConnection::exportSrtpKeys() {
  SrtpKeys keys;
  keys.profile = static_cast<SrtpProfile>(SSL_get_selected_srtp_profile(ssl_.get())->id);
  const size_t key = srtpKeySize(keys.profile);
  const size_t salt = srtpSaltSize(keys.profile);
  Bytes material(2 * (key + salt));
  if (SSL_export_keying_material(ssl_.get(), material.data(), material.size(), kSrtpLabel.data(), kSrtpLabel.size(),
                                 nullptr, 0, 0) != 1) {
    return std::nullopt;
  }
  // RFC 5764 §4.2: client key, server key, client salt, server salt.
  ByteReader reader(material);
  for (auto [field, size] : {std::pair{&keys.clientKey, key}, std::pair{&keys.serverKey, key},
                             std::pair{&keys.clientSalt, salt}, std::pair{&keys.serverSalt, salt}}) {
    const ByteView part = *reader.bytes(size);
    field->assign(part.begin(), part.end());
  }
  return keys;
}

}  // namespace

// --- The factory -----------------------------------------------------------------------------------------------------

Result<CertificatePtr> OpenSslFactory::makeCertificate(const crypto::CertificateOptions& options,
                                                       RandomSource& random) {
  auto made = crypto::Certificate::generate(options, random);
  if (!made) return std::unexpected(made.error());
  return std::make_shared<OpenSslCertificate>(std::move(*made));
}

Result<CertificatePtr> OpenSslFactory::certificateFromPem(std::string_view certificatePem,
                                                          std::string_view privateKeyPem) {
  auto read = crypto::Certificate::fromPem(certificatePem, privateKeyPem);
  if (!read) return std::unexpected(read.error());
  return std::make_shared<OpenSslCertificate>(std::move(*read));
}

Result<std::unique_ptr<Connection>> OpenSslFactory::makeConnection(Options options, RandomSource&, Log log) {
  auto connection = std::make_unique<OpenSslConnection>(std::move(options), std::move(log));
  if (auto ready = connection->init(); !ready) return std::unexpected(ready.error());
  return connection;
}

}  // namespace peerage::dtls
