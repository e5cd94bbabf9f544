#include "api/peer_connection.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "api/capabilities.hpp"
#include "api/convert.hpp"
#include "api/track_source.hpp"
#include "jsep/operations.hpp"
#include "jsep/plan.hpp"

namespace peerage::detail {

namespace {

/// RFC 7064: "stun:" host [ ":" port ]. Throws what §4.4.1.6 wants for a URL that cannot be used.
StunServer parseServerUrl(const std::string& url, const RTCIceServer& server) {
  const auto syntax = [&](const std::string& why) {
    return DOMException("the ICE server URL \"" + url + "\" " + why, DOMException::kSyntaxError);
  };
  const size_t colon = url.find(':');
  if (colon == std::string::npos) throw syntax("has no scheme");
  std::string scheme = url.substr(0, colon);
  std::ranges::transform(scheme, scheme.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  if (scheme == "turn" || scheme == "turns") {
    if (!server.username || !server.credential) {
      throw DOMException("the TURN server \"" + url + "\" needs username and credential", DOMException::kInvalidAccessError);
    }
    throw DOMException("\"" + url + "\": TURN servers are not supported by this version", DOMException::kNotSupportedError);
  }
  if (scheme == "stuns") {
    throw DOMException("\"" + url + "\": STUN over TLS is not supported by this version", DOMException::kNotSupportedError);
  }
  if (scheme != "stun") throw syntax("has the scheme \"" + scheme + "\", which is none of stun, stuns, turn, turns");
  std::string_view rest = std::string_view(url).substr(colon + 1);
  if (rest.find_first_of("/?#@ ") != std::string_view::npos) throw syntax("has more than host and port");
  StunServer parsed;
  parsed.url = url;
  std::string_view port;
  if (rest.starts_with('[')) {  // an IPv6 literal
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) throw syntax("has an unclosed bracket");
    parsed.host = rest.substr(1, end - 1);
    if (!IpAddress::parse(parsed.host)) throw syntax("has no IPv6 address in its brackets");
    rest.remove_prefix(end + 1);
    if (!rest.empty() && rest.front() != ':') throw syntax("has text after its bracket");
    port = rest.empty() ? rest : rest.substr(1);
    if (!rest.empty() && port.empty()) throw syntax("has an empty port");
  } else {
    const size_t at = rest.find(':');
    parsed.host = rest.substr(0, at);
    if (at != std::string_view::npos) {
      port = rest.substr(at + 1);
      if (port.empty()) throw syntax("has an empty port");
    }
  }
  if (parsed.host.empty()) throw syntax("has no host");
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
    if (error != std::errc{} || end != port.data() + port.size() || parsed.port == 0) {
      throw syntax("has the port \"" + std::string(port) + "\", which is not in 1..65535");
    }
  }
  return parsed;
}

std::vector<StunServer> parseServers(const RTCConfiguration& configuration) {
  std::vector<StunServer> servers;
  for (const RTCIceServer& server : configuration.iceServers) {
    if (server.urls.empty()) throw DOMException("an ICE server has no URL", DOMException::kSyntaxError);
    for (const std::string& url : server.urls) servers.push_back(parseServerUrl(url, server));
  }
  return servers;
}

std::chrono::sys_seconds wallSeconds(LoopBody& body) {
  return std::chrono::time_point_cast<std::chrono::seconds>(body.wallClock());
}

dtls::CertificatePtr makeCertificate(LoopBody& body) {
  auto made = body.dtlsFactory().makeCertificate({.now = wallSeconds(body)}, body.random());
  if (!made) throw DOMException("no certificate: " + made.error().message, DOMException::kOperationError);
  return *made;
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
  stunServers_ = parseServers(configuration_);
  for (const auto& certificate : configuration_.certificates) {
    if (!certificate) throw TypeError("RTCConfiguration.certificates has a null entry");
    if (certificate->expires() < std::chrono::duration_cast<std::chrono::milliseconds>(
                                     body_->wallClock().time_since_epoch()).count()) {
      throw DOMException("a certificate has expired", DOMException::kInvalidAccessError);
    }
  }
  certificate_ = configuration_.certificates.empty() ? makeCertificate(*body_)
                                                     : configuration_.certificates.front()->data_->certificate;
  jsep::Config config;
  config.bundlePolicy = toJsep(configuration_.bundlePolicy);
  config.codecs = codecCapabilities(body_->codecs().get());
  config.headerExtensions = headerExtensions();
  const dtls::Fingerprint fingerprint = certificate_->fingerprint();
  config.fingerprints = {{fingerprint.algorithm, fingerprint.value}};
  session_ = jsep::makeSession(std::move(config), body_->random());

  engine::Options options;
  options.random = &body_->random();
  options.dtls = &body_->dtlsFactory();
  options.certificate = certificate_;
  options.codecs = body_->codecs();
  options.icePolicy = configuration_.iceTransportPolicy == RTCIceTransportPolicy::relay ? ice::TransportPolicy::relay
                                                                                        : ice::TransportPolicy::all;
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
  if (!configuration.certificates.empty() && configuration.certificates != configuration_.certificates) {
    refuse("the certificates cannot be changed");
  }
  if (configuration.bundlePolicy != configuration_.bundlePolicy) refuse("bundlePolicy cannot be changed");
  if (configuration.rtcpMuxPolicy != configuration_.rtcpMuxPolicy) refuse("rtcpMuxPolicy cannot be changed");
  if (configuration.iceCandidatePoolSize != configuration_.iceCandidatePoolSize && session_.localDescription()) {
    refuse("iceCandidatePoolSize cannot be changed after setLocalDescription");
  }
  auto servers = parseServers(configuration);
  configuration.certificates = configuration_.certificates;
  stunServers_ = std::move(servers);  // asked at the next gathering
  configuration_ = std::move(configuration);
}

Promise<std::shared_ptr<RTCCertificate>> PeerConnection::generateCertificate(EventLoop& loop) {
  const Deferred<std::shared_ptr<RTCCertificate>> deferred(loop);
  loop.queueTask([deferred, body = loop.body()] {
    try {
      deferred.resolve(std::make_shared<RTCCertificate>(std::make_shared<CertificateData>(makeCertificate(*body))));
    } catch (const DOMException&) {
      deferred.reject(std::current_exception());
    }
  });
  return deferred.promise();
}

}  // namespace peerage::detail
