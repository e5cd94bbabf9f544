// The simulated DTLS. A handshake of four flights, as DTLS 1.2 has, each one datagram:
//
//      client                            server
//      hello    (random, profiles)  -->
//                                   <--  hello    (random, profile, certificate)
//      finished (certificate, check) ->
//                                   <--  finished (check)
//
// Records have the shape and the size of DTLS 1.2's with AES-GCM, so that a simulated packet is as long as a real one:
// type (1), version (2), epoch (2), sequence number (6), length (2); in epoch 1 then 8 bytes, the data, and a tag of
// 16.
#include "dtls/fake_factory.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <utility>

#include "crypto/base64.hpp"
#include "crypto/digest.hpp"
#include "dtls/connection_base.hpp"

namespace peerage::dtls {
namespace {

/// No version of DTLS: 254.x is taken by all of them.
constexpr uint16_t kFakeVersion = 0xfa4b;
constexpr size_t kNonceSize = 8;
constexpr size_t kTagSize = 16;
constexpr size_t kMaxCertificate = 4096;
constexpr size_t kMaxProfiles = 16;
constexpr std::string_view kMagic = "peerage simulated certificate";

enum class ContentType : uint8_t { alert = 21, handshake = 22, application_data = 23 };
enum class Message : uint8_t { client_hello = 1, server_hello = 2, client_finished = 20, server_finished = 21 };
enum class AlertDescription : uint8_t { close_notify = 0, bad_certificate = 42 };

// --- Certificates ----------------------------------------------------------------------------------------------------

class FakeCertificate final : public Certificate {
 public:
  FakeCertificate(Bytes der, crypto::KeyKind kind, std::chrono::sys_seconds notAfter)
      : der_(std::move(der)), kind_(kind), notAfter_(notAfter) {}

  ByteView der() const override { return der_; }
  std::chrono::sys_seconds notAfter() const override { return notAfter_; }
  crypto::KeyKind kind() const override { return kind_; }
  std::string certificatePem() const override { return "SIMULATED CERTIFICATE " + crypto::base64Encode(der_); }
  std::string privateKeyPem() const override { return "SIMULATED KEY " + crypto::base64Encode(crypto::sha256(der_)); }

 private:
  Bytes der_;
  crypto::KeyKind kind_;
  std::chrono::sys_seconds notAfter_;
};

std::optional<Bytes> unwrapText(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return crypto::base64Decode(text.substr(prefix.size()));
}

// --- The connection --------------------------------------------------------------------------------------------------

class FakeConnection final : public ConnectionBase {
 public:
  FakeConnection(Options options, RandomSource& random, Log log)
      : ConnectionBase(std::move(options), std::move(log)), random_(random) {}

 private:
  void onStart(Timestamp now) override;
  void onInput(Timestamp now, ByteView datagram) override;
  void onTimeout(Timestamp now) override;
  bool onSend(Timestamp now, ByteView data) override;
  void onEnd(bool badCertificate) override;
  std::optional<Connected> onAccept(std::optional<SrtpKeys>& keys) override;

  void handshakeInput(Timestamp now, ByteView body);
  bool clientHello(Timestamp now, ByteReader reader);
  bool serverHello(Timestamp now, ByteReader reader);
  bool clientFinished(Timestamp now, ByteReader reader);
  bool serverFinished(Timestamp now, ByteReader reader);
  void protectedInput(ContentType type, uint64_t sequence, ByteView body);
  bool takePeerCertificate(Bytes certificate);
  void agree(ByteView clientRandom, ByteView serverRandom);
  void sendFlight(Timestamp now, Bytes body, bool awaitsAnswer);
  void sendRecord(ContentType type, ByteView body, bool inHandshake);
  void sendAlert(AlertDescription description);
  std::array<uint8_t, kTagSize> tag(bool fromClient, uint64_t sequence, ByteView body) const;
  std::array<uint8_t, 32> check(bool ofClient) const;
  bool isNew(uint64_t sequence);
  void malformed() { ++mutableCounters().malformed; }
  bool offers(SrtpProfile profile) const {
    return std::ranges::find(options().srtpProfiles, profile) != options().srtpProfiles.end();
  }

  RandomSource& random_;
  Bytes localRandom_;
  Bytes remoteRandom_;
  Bytes flight_;               ///< body of the flight that was sent last
  bool agreed_ = false;        ///< both randoms are known
  bool through_ = false;       ///< the handshake is complete
  bool alerted_ = false;
  std::optional<SrtpProfile> profile_;
  std::array<uint8_t, 32> secret_{};
  uint64_t nextSequence_ = 0;
  uint64_t newestReceived_ = 0;
  std::bitset<64> received_;   ///< bit i: newestReceived_ - i
};

void FakeConnection::onStart(Timestamp now) {
  localRandom_.resize(32);
  random_.fill(localRandom_);
  if (role() == Role::server) return;
  Bytes body;
  ByteWriter writer(body);
  writer.u8(static_cast<uint8_t>(Message::client_hello));
  writer.bytes(localRandom_);
  const size_t count = std::min(options().srtpProfiles.size(), kMaxProfiles);
  writer.u8(static_cast<uint8_t>(count));
  for (size_t i = 0; i < count; ++i) writer.u16(static_cast<uint16_t>(options().srtpProfiles[i]));
  sendFlight(now, std::move(body), true);
}

void FakeConnection::onInput(Timestamp now, ByteView datagram) {
  ByteReader reader(datagram);
  const auto type = reader.u8();
  const auto version = reader.u16();
  const auto epoch = reader.u16();
  const auto sequenceHigh = reader.u16();
  const auto sequenceLow = reader.u32();
  const auto length = reader.u16();
  if (!length || version != kFakeVersion || *length != reader.remaining()) return malformed();
  const uint64_t sequence = uint64_t{*sequenceHigh} << 32 | *sequenceLow;
  if (epoch == 0 && *type == static_cast<uint8_t>(ContentType::handshake)) {
    handshakeInput(now, reader.rest());
  } else if (epoch == 0 && *type == static_cast<uint8_t>(ContentType::alert) && !through_ && reader.remaining() == 2) {
    const uint8_t level = *reader.u8();
    const uint8_t description = *reader.u8();
    emit(Alert{false, level, description});
    fail("alert " + std::to_string(description) + " from the peer");
  } else if (epoch == 1 && agreed_) {
    protectedInput(static_cast<ContentType>(*type), sequence, reader.rest());
  } else {
    malformed();
  }
}

void FakeConnection::handshakeInput(Timestamp now, ByteView body) {
  ByteReader reader(body);
  const uint8_t type = reader.u8().value_or(0);
  const bool client = role() == Role::client;
  bool fine = false;
  switch (static_cast<Message>(type)) {
    case Message::client_hello: fine = !client && clientHello(now, reader); break;
    case Message::server_hello: fine = client && serverHello(now, reader); break;
    case Message::client_finished: fine = !client && clientFinished(now, reader); break;
    case Message::server_finished: fine = client && serverFinished(now, reader); break;
  }
  if (!fine) malformed();
}

bool FakeConnection::clientHello(Timestamp now, ByteReader reader) {
  const auto random = reader.bytes(32);
  const auto count = reader.u8();
  if (!count || *count > kMaxProfiles || reader.remaining() != size_t{*count} * 2) return false;
  if (agreed_) return true;  // a repetition; our timer repeats the answer
  std::vector<SrtpProfile> offered;
  for (int i = 0; i < *count; ++i) offered.push_back(static_cast<SrtpProfile>(*reader.u16()));
  for (SrtpProfile profile : offered) {
    if (!profile_ && offers(profile)) profile_ = profile;
  }
  remoteRandom_.assign(random->begin(), random->end());
  agree(remoteRandom_, localRandom_);

  Bytes body;
  ByteWriter writer(body);
  writer.u8(static_cast<uint8_t>(Message::server_hello));
  writer.bytes(localRandom_);
  writer.u16(profile_ ? static_cast<uint16_t>(*profile_) : 0);
  writer.bytes(options().certificate->der());
  sendFlight(now, std::move(body), true);
  return true;
}

bool FakeConnection::serverHello(Timestamp now, ByteReader reader) {
  const auto random = reader.bytes(32);
  const auto profile = reader.u16();
  if (!profile || reader.empty() || reader.remaining() > kMaxCertificate) return false;
  if (agreed_) return true;
  if (*profile != 0) {
    if (!offers(static_cast<SrtpProfile>(*profile))) return false;
    profile_ = static_cast<SrtpProfile>(*profile);
  }
  if (!takePeerCertificate(Bytes(reader.rest().begin(), reader.rest().end()))) return true;
  remoteRandom_.assign(random->begin(), random->end());
  agree(localRandom_, remoteRandom_);

  Bytes body;
  ByteWriter writer(body);
  writer.u8(static_cast<uint8_t>(Message::client_finished));
  writer.bytes(check(true));
  writer.bytes(options().certificate->der());
  sendFlight(now, std::move(body), true);
  return true;
}

bool FakeConnection::clientFinished(Timestamp now, ByteReader reader) {
  const auto theirs = reader.bytes(32);
  if (!agreed_ || !theirs || !std::ranges::equal(*theirs, check(true))) return false;
  if (reader.empty() || reader.remaining() > kMaxCertificate) return false;
  if (!through_ && !takePeerCertificate(Bytes(reader.rest().begin(), reader.rest().end()))) return true;
  // Also when it comes again: our last flight has no timer and was lost (RFC 6347 §4.2.4).
  Bytes body;
  ByteWriter writer(body);
  writer.u8(static_cast<uint8_t>(Message::server_finished));
  writer.bytes(check(false));
  sendFlight(now, std::move(body), false);
  if (!std::exchange(through_, true)) handshakeFinished(now);
  return true;
}

bool FakeConnection::serverFinished(Timestamp now, ByteReader reader) {
  const auto theirs = reader.bytes(32);
  if (!agreed_ || !theirs || !reader.empty() || !std::ranges::equal(*theirs, check(false))) return false;
  if (!std::exchange(through_, true)) handshakeFinished(now);
  return true;
}

bool FakeConnection::takePeerCertificate(Bytes certificate) {
  std::vector<Bytes> chain;
  chain.push_back(std::move(certificate));
  if (peerCertificate(std::move(chain))) return true;
  onEnd(true);
  fail("the peer's certificate does not match the remote description's fingerprint");
  return false;
}

void FakeConnection::agree(ByteView clientRandom, ByteView serverRandom) {
  agreed_ = true;
  const Bytes secret = crypto::digest(crypto::HashAlgorithm::sha256, {clientRandom, serverRandom});
  std::ranges::copy(secret, secret_.begin());
}

std::array<uint8_t, 32> FakeConnection::check(bool ofClient) const {
  const Bytes sum = crypto::digest(crypto::HashAlgorithm::sha256,
                                   {secret_, asBytes(ofClient ? "client finished" : "server finished")});
  std::array<uint8_t, 32> out;
  std::ranges::copy(sum, out.begin());
  return out;
}

void FakeConnection::sendFlight(Timestamp now, Bytes body, bool awaitsAnswer) {
  flight_ = std::move(body);
  sendRecord(ContentType::handshake, flight_, true);
  if (awaitsAnswer) {
    timer().start(now);
  } else {
    timer().stop();
  }
}

void FakeConnection::onTimeout(Timestamp now) {
  ++mutableCounters().retransmissions;
  sendRecord(ContentType::handshake, flight_, true);
  timer().backOff(now);
}

void FakeConnection::sendRecord(ContentType type, ByteView body, bool inHandshake) {
  const uint64_t sequence = nextSequence_++;
  Bytes record = buffer();
  ByteWriter writer(record);
  writer.u8(static_cast<uint8_t>(type));
  writer.u16(kFakeVersion);
  writer.u16(inHandshake ? 0 : 1);
  writer.u16(static_cast<uint16_t>(sequence >> 32));
  writer.u32(static_cast<uint32_t>(sequence));
  writer.u16(static_cast<uint16_t>(body.size() + (inHandshake ? 0 : kNonceSize + kTagSize)));
  if (!inHandshake) writer.u64(sequence);
  writer.bytes(body);
  if (!inHandshake) writer.bytes(tag(role() == Role::client, sequence, body));
  transmit(std::move(record));
}

/// Not a MAC: it detects what a damaged packet or a wrong key would look like, at little cost.
std::array<uint8_t, kTagSize> FakeConnection::tag(bool fromClient, uint64_t sequence, ByteView body) const {
  uint64_t state = sequence * 2 + (fromClient ? 1 : 0);
  for (size_t i = 0; i < 8; ++i) state = state * 0x100000001b3 ^ secret_[i];
  size_t i = 0;
  for (; i + 8 <= body.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, &body[i], 8);
    state = (state ^ word) * 0x9e3779b97f4a7c15;
    state ^= state >> 29;
  }
  for (; i < body.size(); ++i) state = (state ^ body[i]) * 0x100000001b3;
  state ^= state >> 32;
  std::array<uint8_t, kTagSize> out;
  std::memcpy(&out[0], &state, 8);
  state *= 0xbf58476d1ce4e5b9;
  std::memcpy(&out[8], &state, 8);
  return out;
}

void FakeConnection::protectedInput(ContentType type, uint64_t sequence, ByteView body) {
  if (body.size() < kNonceSize + kTagSize) return malformed();
  const ByteView data = body.subspan(kNonceSize, body.size() - kNonceSize - kTagSize);
  if (!std::ranges::equal(tag(role() == Role::server, sequence, data), body.last(kTagSize))) return malformed();
  if (!isNew(sequence)) return;  // RFC 6347 §4.1.2.6: duplicates are dropped
  if (type == ContentType::application_data) {
    // What overtakes the server's last flight is kept as DTLS keeps records of the next epoch.
    applicationData(data);
  } else if (type == ContentType::alert && data.size() == 2) {
    emit(Alert{false, data[0], data[1]});
    if (data[1] == static_cast<uint8_t>(AlertDescription::close_notify)) {
      closedByPeer();
    } else {
      fail("alert " + std::to_string(data[1]) + " from the peer");
    }
  } else {
    malformed();
  }
}

bool FakeConnection::isNew(uint64_t sequence) {
  if (received_.none() || sequence > newestReceived_) {
    const uint64_t distance = received_.none() ? 0 : sequence - newestReceived_;
    received_ = distance < 64 ? received_ << distance : std::bitset<64>();
    received_.set(0);
    newestReceived_ = sequence;
    return true;
  }
  const uint64_t age = newestReceived_ - sequence;
  if (age >= 64 || received_.test(age)) return false;
  received_.set(age);
  return true;
}

bool FakeConnection::onSend(Timestamp, ByteView data) {
  sendRecord(ContentType::application_data, data, false);
  return true;
}

void FakeConnection::onEnd(bool badCertificate) {
  if (badCertificate) {
    sendAlert(AlertDescription::bad_certificate);
  } else if (through_) {
    sendAlert(AlertDescription::close_notify);
  }
}

void FakeConnection::sendAlert(AlertDescription description) {
  if (std::exchange(alerted_, true)) return;
  const uint8_t level = description == AlertDescription::close_notify ? 1 : 2;
  const uint8_t body[] = {level, static_cast<uint8_t>(description)};
  sendRecord(ContentType::alert, body, !through_);
  emit(Alert{true, level, body[1]});
}

std::optional<Connected> FakeConnection::onAccept(std::optional<SrtpKeys>& keys) {
  if (profile_) {
    keys.emplace();
    keys->profile = *profile_;
    const auto derive = [&](std::string_view label, size_t size) {
      Bytes out = crypto::digest(crypto::HashAlgorithm::sha256, {secret_, asBytes(label)});
      out.resize(size);
      return out;
    };
    keys->clientKey = derive("client key", srtpKeySize(*profile_));
    keys->serverKey = derive("server key", srtpKeySize(*profile_));
    keys->clientSalt = derive("client salt", srtpSaltSize(*profile_));
    keys->serverSalt = derive("server salt", srtpSaltSize(*profile_));
  }
  return Connected{profile_, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "FEFD", "X25519"};
}

}  // namespace

// --- The factory -----------------------------------------------------------------------------------------------------

Result<CertificatePtr> FakeFactory::makeCertificate(const crypto::CertificateOptions& options, RandomSource& random) {
  const auto notAfter = options.now + options.lifetime;
  Bytes der(kMagic.begin(), kMagic.end());
  ByteWriter writer(der);
  writer.u8(static_cast<uint8_t>(options.kind));
  writer.u64(static_cast<uint64_t>(notAfter.time_since_epoch().count()));
  for (int i = 0; i < 4; ++i) writer.u64(random.u64());
  return std::make_shared<FakeCertificate>(std::move(der), options.kind, notAfter);
}

Result<CertificatePtr> FakeFactory::certificateFromPem(std::string_view certificatePem,
                                                       std::string_view privateKeyPem) {
  auto der = unwrapText(certificatePem, "SIMULATED CERTIFICATE ");
  const auto key = unwrapText(privateKeyPem, "SIMULATED KEY ");
  if (!der || !asText(*der).starts_with(kMagic)) return failure("not a simulated certificate");
  if (!key || !std::ranges::equal(*key, crypto::sha256(*der))) {
    return failure("the private key is not the certificate's");
  }
  ByteReader reader(*der);
  reader.skip(kMagic.size());
  const auto kind = reader.u8();
  const auto notAfter = reader.u64();
  if (!notAfter || *kind > static_cast<uint8_t>(crypto::KeyKind::rsa_2048)) {
    return failure("not a simulated certificate");
  }
  const std::chrono::sys_seconds expires{std::chrono::seconds(static_cast<int64_t>(*notAfter))};
  return std::make_shared<FakeCertificate>(std::move(*der), static_cast<crypto::KeyKind>(*kind), expires);
}

Result<std::unique_ptr<Connection>> FakeFactory::makeConnection(Options options, RandomSource& random, Log log) {
  if (!dynamic_cast<const FakeCertificate*>(options.certificate.get())) {
    return failure("simulated DTLS needs a certificate made by FakeFactory");
  }
  return std::make_unique<FakeConnection>(std::move(options), random, std::move(log));
}

}  // namespace peerage::dtls
