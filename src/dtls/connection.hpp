// One DTLS association over memory, sans-IO, as an interface: OpenSSL's (openssl_factory.hpp) in real connections, a
// deterministic one (fake_factory.hpp) in simulated calls.
//
// Nothing is believed before the peer's certificate has been matched with a fingerprint of the remote description: only
// then is the state `connected`, are keys given, and is application data let through. A handshake that completes while
// the fingerprints are not known yet is held (state `connecting`) until setRemoteFingerprints().
//
// Drain rule: after each call that takes a time, poll pollTransmit() and pollEvent() until both are empty, then ask
// nextTimeout().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "dtls/certificate.hpp"

namespace peerage::dtls {

enum class Role : uint8_t { client, server };

/// RTCDtlsTransportState (webrtc-pc §5.5.1). closed and failed are final.
enum class State : uint8_t { new_, connecting, connected, closed, failed };

/// SRTP protection profiles by their IANA number (RFC 5764 §4.1.2, RFC 7714 §14.2).
enum class SrtpProfile : uint16_t {
  aes128_cm_sha1_80 = 0x0001,
  aead_aes_128_gcm = 0x0007,
  aead_aes_256_gcm = 0x0008,
};

std::string_view toString(Role role);
std::string_view toString(State state);
/// RTCTransportStats.srtpCipher: "SRTP_AEAD_AES_128_GCM", …
std::string_view toString(SrtpProfile profile);
/// Bytes of the master key (16, 16, 32) and of the master salt (14, 12, 12).
size_t srtpKeySize(SrtpProfile profile);
size_t srtpSaltSize(SrtpProfile profile);

/// Exported with the label EXTRACTOR-dtls_srtp (RFC 5764 §4.2): the client's protect what the client sends.
struct SrtpKeys {
  SrtpProfile profile{};
  Bytes clientKey, clientSalt;
  Bytes serverKey, serverSalt;
};

struct Options {
  CertificatePtr certificate;  ///< required, made by the same Factory
  /// Offered (client) or accepted (server) in this order of preference. 128-bit GCM first: the fastest of the three.
  std::vector<SrtpProfile> srtpProfiles = {SrtpProfile::aead_aes_128_gcm, SrtpProfile::aead_aes_256_gcm,
                                           SrtpProfile::aes128_cm_sha1_80};
  /// Largest datagram of the handshake. 1200 passes every path that IPv6's 1280 passes, a TURN header included; the
  /// bound of application data is its sender's business.
  size_t mtu = 1200;
  /// First wait before a flight is sent again. RFC 6347 §4.2.4.1 has 1 s, "SHOULD", for want of knowledge of the path;
  /// here ICE has just measured it, and a handshake waits for every lost datagram in full. See setRoundTripTime().
  Duration initialRetransmit = 400ms;
  Duration minRetransmit = 200ms;  ///< bound of what a measured round trip may make of it
  Duration maxRetransmit = 4s;     ///< doubling ends here
  /// Datagrams of application data held from before the fingerprints are known; more are dropped and counted.
  size_t maxHeldDatagrams = 64;
};

// --- Events ----------------------------------------------------------------------------------------------------------

struct StateChanged {
  State state{};
  std::string reason;  ///< for people
};
/// Comes right after StateChanged{connected}.
struct Connected {
  std::optional<SrtpProfile> srtpProfile;  ///< nullopt: the peer does not do SRTP
  std::string cipher;                      ///< IANA's name: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
  std::string version;                     ///< RTCTransportStats.tlsVersion: "FEFD" is DTLS 1.2
  std::string group;                       ///< of the key exchange: "X25519"; empty when unknown
};
struct ApplicationData {
  Bytes data;  ///< one record's
};
/// RTCError.sentAlert, receivedAlert.
struct Alert {
  bool sent = false;
  uint8_t level = 0;        ///< 1 warning, 2 fatal
  uint8_t description = 0;  ///< RFC 5246 §7.2: 0 close_notify, 42 bad_certificate, …
};

using Event = std::variant<StateChanged, Connected, ApplicationData, Alert>;

struct Counters {
  uint64_t datagramsReceived = 0;
  uint64_t datagramsSent = 0;
  uint64_t retransmissions = 0;    ///< flights sent again
  uint64_t malformed = 0;          ///< datagrams that are not DTLS records
  uint64_t dropped = 0;            ///< application data beyond maxHeldDatagrams, input after the end, refused sends
};

// --- The connection --------------------------------------------------------------------------------------------------

class Connection {
 public:
  virtual ~Connection() = default;

  /// Begins as client (sends a ClientHello) or as server (waits for one). Once; later calls do nothing.
  virtual void start(Timestamp now, Role role) = 0;
  /// The fingerprints of the remote description; at most 16 are looked at. RFC 8122 §5: of the strongest hash function
  /// that we know among them, one must match the peer's certificate, or the connection ends `failed` (bad_certificate).
  /// Empty, or none known: failed as soon as there is a certificate. May be called again; a connected peer whose
  /// certificate does not match the new ones fails, too.
  virtual void setRemoteFingerprints(Timestamp now, std::vector<Fingerprint> fingerprints) = 0;
  /// A round trip that ICE measured; takes effect with the next flight. The first wait becomes 2 · rtt + 50 ms within
  /// Options' bounds.
  virtual void setRoundTripTime(Duration rtt) = 0;
  /// One datagram of application data, at most 16384 bytes, in one record. False when not connected or too large.
  virtual bool send(Timestamp now, ByteView data) = 0;
  /// Sends close_notify where there is a connection; state closed. Does nothing at the end.
  virtual void close(Timestamp now) = 0;

  /// One datagram whose first byte is 20..63.
  virtual void handleInput(Timestamp now, ByteView datagram) = 0;
  virtual void handleTimeout(Timestamp now) = 0;
  virtual std::optional<Bytes> pollTransmit() = 0;
  /// The next datagram into `out`, whose capacity is reused; false when there is none.
  virtual bool pollTransmit(Bytes& out) = 0;
  virtual std::optional<Event> pollEvent() = 0;
  /// Gives a buffer back for reuse (one of ApplicationData or pollTransmit()); a kindness, never needed.
  virtual void recycle(Bytes buffer) = 0;
  virtual std::optional<Timeout> nextTimeout() const = 0;

  virtual State state() const = 0;
  virtual std::optional<Role> role() const = 0;
  /// Once connected and when a profile was agreed; nullopt before, and after the end.
  virtual std::optional<SrtpKeys> srtpKeys() const = 0;
  /// The peer's chain in DER, its own certificate first; empty before it is verified (webrtc-pc §5.5
  /// getRemoteCertificates).
  virtual std::vector<Bytes> remoteCertificates() const = 0;
  virtual const Counters& counters() const = 0;
};

/// Makes what belongs together: certificates and connections of one implementation.
class Factory {
 public:
  virtual ~Factory() = default;
  /// Error: the library could not make it. `random` gives the serial, and everything in a simulated call.
  virtual Result<CertificatePtr> makeCertificate(const crypto::CertificateOptions& options, RandomSource& random) = 0;
  /// RTCCertificate from stored PEM. Error: not PEM, or the key is another one's.
  virtual Result<CertificatePtr> certificateFromPem(std::string_view certificatePem,
                                                    std::string_view privateKeyPem) = 0;
  /// Error: no certificate, or one of another factory. `random` must outlive the connection.
  virtual Result<std::unique_ptr<Connection>> makeConnection(Options options, RandomSource& random, Log log = {}) = 0;
};

}  // namespace peerage::dtls
