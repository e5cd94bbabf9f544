#include "api/peer_connection.hpp"

#include <algorithm>
#include <stdexcept>

#include "api/capabilities.hpp"
#include "api/convert.hpp"
#include "api/track_source.hpp"
#include "jsep/operations.hpp"
#include "jsep/plan.hpp"
#include "sdp/text.hpp"

namespace peerage::detail {

namespace {

std::vector<IceServerUrl> parseServers(const RTCConfiguration& configuration) {
  std::vector<IceServerUrl> servers;
  for (const RTCIceServer& server : configuration.iceServers) {
    if (server.urls.empty()) throw DOMException("an ICE server has no URL", DOMException::kSyntaxError);
    for (const std::string& url : server.urls) servers.push_back(validateIceServerUrl(url, server));
  }
  return servers;
}

std::chrono::sys_seconds wallSeconds(LoopBody& body) {
  return std::chrono::time_point_cast<std::chrono::seconds>(body.wallClock());
}

int64_t wallMilliseconds(LoopBody& body) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(body.wallClock().time_since_epoch()).count();
}

std::shared_ptr<RTCCertificate> makeCertificate(LoopBody& body, crypto::KeyKind kind, std::chrono::milliseconds lifetime) {
  const int64_t now = wallMilliseconds(body);
  auto made = body.dtlsFactory().makeCertificate(
      {.kind = kind, .now = wallSeconds(body), .lifetime = std::chrono::ceil<std::chrono::seconds>(lifetime)}, body.random());
  if (!made) throw DOMException("no certificate: " + made.error().message, DOMException::kOperationError);
  return std::make_shared<RTCCertificate>(std::make_shared<CertificateData>(CertificateData{*made, now + lifetime.count()}));
}

constexpr std::chrono::milliseconds kDefaultLifetime = std::chrono::days(30);
constexpr std::chrono::milliseconds kMaxLifetime = std::chrono::days(365);

/// WebCrypto §18.4.4 "normalize an algorithm" for generateKey, with what makes a certificate here.
crypto::KeyKind normalize(const AlgorithmIdentifier& algorithm) {
  const auto missing = [&](const char* member) { return TypeError("generateCertificate: " + algorithm.name + " needs " + member); };
  const auto unsupported = [](const std::string& what) {
    return DOMException("generateCertificate: " + what + " is not supported", DOMException::kNotSupportedError);
  };
  if (sdp::sameIgnoringCase(algorithm.name, "ECDSA")) {
    if (!algorithm.namedCurve) throw missing("namedCurve");
    if (*algorithm.namedCurve != "P-256") throw unsupported("the curve \"" + *algorithm.namedCurve + "\"");
    return crypto::KeyKind::ecdsa_p256;
  }
  if (!sdp::sameIgnoringCase(algorithm.name, "RSASSA-PKCS1-v1_5")) throw unsupported("the algorithm \"" + algorithm.name + "\"");
  if (!algorithm.modulusLength) throw missing("modulusLength");
  if (!algorithm.publicExponent) throw missing("publicExponent");
  if (!algorithm.hash) throw missing("hash");
  if (!sdp::sameIgnoringCase(*algorithm.hash, "SHA-256")) throw unsupported("the hash \"" + *algorithm.hash + "\"");
  if (*algorithm.modulusLength != 2048) throw unsupported("a modulus of " + std::to_string(*algorithm.modulusLength) + " bits");
  if (*algorithm.publicExponent != std::vector<uint8_t>{1, 0, 1}) throw unsupported("another public exponent than 65537");
  return crypto::KeyKind::rsa_2048;
}

}  // namespace

std::shared_ptr<PeerConnection> PeerConnection::create(RTCPeerConnection& owner, EventLoop& loop,
                                                       RTCConfiguration configuration) {
  auto self = std::make_shared<PeerConnection>(owner, loop, std::move(configuration));
  // The timer's task needs a weak pointer, which the constructor does not have yet.
  self->timer_ = self->body_->makeTimer([weak = self->weak_from_this()] {
    auto locked = weak.lock();
    if (!locked || locked->closed_) return;
    locked->engine_->handleTimeout(locked->body_->now());
    locked->drain();
  });
  return self;
}

PeerConnection::PeerConnection(RTCPeerConnection& owner, EventLoop& loop, RTCConfiguration configuration)
    : owner_(&owner),
      body_(loop.body()),
      configuration_(std::move(configuration)),
      chain_([this] { chainEmptied(); }) {
  const int64_t now = wallMilliseconds(*body_);
  for (const auto& certificate : configuration_.certificates) {
    if (!certificate) throw TypeError("RTCConfiguration.certificates has a null entry");
    if (certificate->expires() <= now) throw DOMException("a certificate has expired", DOMException::kInvalidAccessError);
  }
  // DTLS presents the first; descriptions name all, so that a peer accepts whichever comes.
  std::vector<std::shared_ptr<RTCCertificate>> certificates = configuration_.certificates;
  if (certificates.empty()) certificates.push_back(makeCertificate(*body_, crypto::KeyKind::ecdsa_p256, kDefaultLifetime));
  certificate_ = certificates.front()->data_->certificate;
  servers_ = parseServers(configuration_);
  jsep::Config config;
  config.bundlePolicy = toJsep(configuration_.bundlePolicy);
  config.codecs = codecCapabilities(body_->codecs().get());
  config.headerExtensions = headerExtensions();
  for (const auto& certificate : certificates) {
    const dtls::Fingerprint fingerprint = certificate->data_->certificate->fingerprint();
    config.fingerprints.push_back({fingerprint.algorithm, fingerprint.value});
  }
  session_ = jsep::makeSession(std::move(config), body_->random());

  engine::Options options;
  options.random = &body_->random();
  options.dtls = &body_->dtlsFactory();
  options.certificate = certificate_;
  options.codecs = body_->codecs();
  options.icePolicy = toIce(configuration_.iceTransportPolicy);
  options.log = body_->log();
  engine_ = std::make_unique<engine::Connection>(std::move(options));
}

PeerConnection::~PeerConnection() = default;

void PeerConnection::disown() {
  owner_ = nullptr;
  close();
  for (const jsep::Transceiver& state : session_.transceivers) {
    if (const auto transceiver = find(state.id)) keepParameters(*transceiver, state);
  }
}

void PeerConnection::requireOpen(const char* what) const {
  if (closed_) throw DOMException(std::string(what) + ": the connection is closed", DOMException::kInvalidStateError);
}

/// §4.4.3 "close the connection": every state first, nothing fires.
void PeerConnection::close() {
  if (closed_) return;
  closed_ = true;
  chain_.close();
  jsep::close(session_);
  for (auto& [id, transceiver] : transceivers_) {
    transceiver->receiver_->track_->readyState_ = MediaStreamTrackState::ended;
    transceiver->sender_->sink_.reset();
    transceiver->direction_ = RTCRtpTransceiverDirection::stopped;
    transceiver->currentDirection_ = RTCRtpTransceiverDirection::stopped;
  }
  for (auto& [handle, channel] : channels_) {
    channel->bufferedAmount_ = bufferedAmount(*channel);
    channel->readyState_ = RTCDataChannelState::closed;
  }
  channels_.clear();
  if (!body_->closed()) {
    engine_->close(body_->now());
    transmit();
    timer_->cancel();
  }
  if (sctp_) sctp_->state_ = RTCSctpTransportState::closed;
  for (auto& [id, transport] : transports_) {
    transport.dtls->state_ = RTCDtlsTransportState::closed;
    transport.dtls->iceTransport_->state_ = RTCIceTransportState::closed;
    transport.lookups.clear();
    transport.sockets.clear();
  }
  socketByAddress_.clear();
  candidateLookups_.clear();
  iceConnectionState_ = RTCIceConnectionState::closed;
  connectionState_ = RTCPeerConnectionState::closed;
}

/// §4.4.1.6 "set a configuration".
void PeerConnection::setConfiguration(RTCConfiguration configuration) {
  requireOpen("setConfiguration");
  const auto refuse = [](const std::string& what) {
    throw DOMException("setConfiguration: " + what, DOMException::kInvalidModificationError);
  };
  if (configuration.certificates != configuration_.certificates) refuse("the certificates cannot be changed");
  if (configuration.bundlePolicy != configuration_.bundlePolicy) refuse("bundlePolicy cannot be changed");
  if (configuration.rtcpMuxPolicy != configuration_.rtcpMuxPolicy) refuse("rtcpMuxPolicy cannot be changed");
  if (configuration.iceCandidatePoolSize != configuration_.iceCandidatePoolSize && localDescriptionCalled_) {
    refuse("iceCandidatePoolSize cannot be changed after setLocalDescription");
  }
  servers_ = parseServers(configuration);  // asked at the next gathering
  engine_->setIcePolicy(toIce(configuration.iceTransportPolicy));
  configuration_ = std::move(configuration);
}

Promise<std::shared_ptr<RTCCertificate>> PeerConnection::generateCertificate(EventLoop& loop, AlgorithmIdentifier algorithm) {
  const Deferred<std::shared_ptr<RTCCertificate>> deferred(loop);
  const std::chrono::milliseconds lifetime =
      algorithm.expires ? std::chrono::milliseconds(std::min<uint64_t>(*algorithm.expires, kMaxLifetime.count()))
                        : kDefaultLifetime;
  try {
    const crypto::KeyKind kind = normalize(algorithm);
    loop.queueTask([deferred, kind, lifetime, body = loop.body()] {
      try {
        deferred.resolve(makeCertificate(*body, kind, lifetime));
      } catch (const DOMException&) {
        deferred.reject(std::current_exception());
      }
    });
  } catch (const Exception&) {
    deferred.reject(std::current_exception());
  }
  return deferred.promise();
}

}  // namespace peerage::detail

namespace peerage {

RTCCertificatePem RTCCertificate::toPem() const {
  return {data_->certificate->certificatePem(), data_->certificate->privateKeyPem()};
}

std::shared_ptr<RTCCertificate> RTCCertificate::fromPem(EventLoop& loop, const RTCCertificatePem& pem) {
  auto read = loop.body()->dtlsFactory().certificateFromPem(pem.certificate, pem.privateKey);
  if (!read) throw DOMException("RTCCertificate.fromPem: " + read.error().message, DOMException::kDataError);
  const int64_t expires =
      std::chrono::duration_cast<std::chrono::milliseconds>((*read)->notAfter().time_since_epoch()).count();
  return std::make_shared<RTCCertificate>(std::make_shared<detail::CertificateData>(detail::CertificateData{*read, expires}));
}

}  // namespace peerage
