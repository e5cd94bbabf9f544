#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "crypto/system_random.hpp"
#include "dtls/fake_factory.hpp"
#include "dtls/fingerprint.hpp"
#include "dtls/openssl_factory.hpp"

namespace peerage::dtls {
namespace {

constexpr Timestamp kStart{1000s};

struct Network {
  Duration latency = 20ms;
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;  ///< share of datagrams that take 30 ms longer
};

/// One connection and what came out of it.
struct End {
  std::unique_ptr<Connection> connection;
  std::vector<Event> events;
  std::vector<std::string> received;
  std::vector<Bytes> sent;
  std::optional<Connected> connected;
  std::vector<Alert> alerts;
  std::string reason;

  State state() const { return connection->state(); }
};

/// Two connections, and the path between them in virtual time.
class Pair {
 public:
  Pair(Factory& a, Factory& b, Network network = {}, uint64_t seed = 1, Options options = {})
      : network_(network), random_(seed) {
    for (auto [factory, end, certificate] :
         {std::tuple{&a, &left, &leftCertificate}, std::tuple{&b, &right, &rightCertificate}}) {
      *certificate = factory->makeCertificate({.now = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1)}, random_)
                         .value();
      options.certificate = *certificate;
      end->connection = factory->makeConnection(options, random_).value();
    }
  }
  explicit Pair(Factory& both, Network network = {}, uint64_t seed = 1, Options options = {})
      : Pair(both, both, network, seed, options) {}

  void tellFingerprints() {
    left.connection->setRemoteFingerprints(now, {rightCertificate->fingerprint()});
    right.connection->setRemoteFingerprints(now, {leftCertificate->fingerprint()});
  }
  void start(Role leftRole = Role::client) {
    left.connection->start(now, leftRole);
    right.connection->start(now, leftRole == Role::client ? Role::server : Role::client);
  }

  void drain() {
    drain(left, right);
    drain(right, left);
  }

  /// Runs until nothing is due before `limit` from now.
  void run(Duration limit = 60s) {
    const Timestamp end = now + limit;
    for (drain();; drain()) {
      std::optional<Timestamp> next;
      if (!flying_.empty()) next = flying_.begin()->first;
      for (End* e : {&left, &right}) {
        const auto timeout = e->connection->nextTimeout();
        if (timeout && (!next || timeout->at < *next)) next = timeout->at;
      }
      if (!next || *next > end) break;
      now = std::max(now, *next);
      while (!flying_.empty() && flying_.begin()->first <= now) {
        auto [to, data] = std::move(flying_.begin()->second);
        flying_.erase(flying_.begin());
        to->connection->handleInput(now, data);
        drain();
      }
      left.connection->handleTimeout(now);
      right.connection->handleTimeout(now);
    }
    now = end;
  }

  Timestamp now = kStart;
  End left, right;
  CertificatePtr leftCertificate, rightCertificate;
  bool cut = false;                                 ///< nothing arrives
  std::function<bool(const End&, ByteView)> drop;   ///< true: this datagram is lost

 private:
  void drain(End& from, End& to) {
    while (auto datagram = from.connection->pollTransmit()) {
      from.sent.push_back(*datagram);
      if (cut || (drop && drop(from, *datagram)) || random_.unit() < network_.loss) continue;
      const int copies = random_.unit() < network_.duplicate ? 2 : 1;
      for (int i = 0; i < copies; ++i) {
        const Duration extra = random_.unit() < network_.reorder ? Duration(30ms) : Duration(0);
        flying_.emplace(now + network_.latency + extra, std::pair{&to, *datagram});
      }
    }
    while (auto event = from.connection->pollEvent()) {
      if (auto* data = std::get_if<ApplicationData>(&*event)) from.received.emplace_back(asText(data->data));
      if (auto* connected = std::get_if<Connected>(&*event)) from.connected = *connected;
      if (auto* alert = std::get_if<Alert>(&*event)) from.alerts.push_back(*alert);
      if (auto* changed = std::get_if<StateChanged>(&*event)) from.reason = changed->reason;
      from.events.push_back(std::move(*event));
    }
  }

  Network network_;
  SeededRandom random_;
  std::multimap<Timestamp, std::pair<End*, Bytes>> flying_;
};

enum class Kind { real, fake };

class Dtls : public testing::TestWithParam<Kind> {
 protected:
  Factory& factory() {
    if (GetParam() == Kind::real) return real_;
    return fake_;
  }
  OpenSslFactory real_;
  FakeFactory fake_;
};
INSTANTIATE_TEST_SUITE_P(Both, Dtls, testing::Values(Kind::real, Kind::fake), [](const auto& which) {
  return std::string(which.param == Kind::real ? "OpenSsl" : "Fake");
});

void expectNoKeys(const End& end) {
  EXPECT_FALSE(end.connection->srtpKeys());
  EXPECT_FALSE(end.connected);
  EXPECT_TRUE(end.received.empty());
  EXPECT_TRUE(end.connection->remoteCertificates().empty());
}

void expectConnected(Pair& pair) {
  for (End* end : {&pair.left, &pair.right}) {
    ASSERT_EQ(end->state(), State::connected) << end->reason;
    ASSERT_TRUE(end->connected);
    ASSERT_TRUE(end->connection->srtpKeys());
  }
  const SrtpKeys l = *pair.left.connection->srtpKeys();
  const SrtpKeys r = *pair.right.connection->srtpKeys();
  EXPECT_EQ(l.profile, r.profile);
  EXPECT_EQ(l.clientKey, r.clientKey);
  EXPECT_EQ(l.serverKey, r.serverKey);
  EXPECT_EQ(l.clientSalt, r.clientSalt);
  EXPECT_EQ(l.serverSalt, r.serverSalt);
  EXPECT_NE(l.clientKey, l.serverKey);
  EXPECT_EQ(l.clientKey.size(), srtpKeySize(l.profile));
  EXPECT_EQ(l.clientSalt.size(), srtpSaltSize(l.profile));
}

TEST_P(Dtls, ConnectsInBothRoles) {
  for (Role role : {Role::client, Role::server}) {
    Pair pair(factory());
    pair.tellFingerprints();
    pair.start(role);
    pair.run(5s);
    expectConnected(pair);
    EXPECT_EQ(pair.left.connected->srtpProfile, SrtpProfile::aead_aes_128_gcm);
    EXPECT_EQ(pair.left.connected->cipher, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    EXPECT_EQ(pair.left.connected->version, "FEFD");
    EXPECT_EQ(pair.left.connected->group, pair.right.connected->group);
    ASSERT_EQ(pair.left.connection->remoteCertificates().size(), 1u);
    EXPECT_TRUE(std::ranges::equal(pair.left.connection->remoteCertificates()[0], pair.rightCertificate->der()));
    EXPECT_EQ(pair.left.connection->counters().retransmissions, 0u);
    EXPECT_EQ(pair.left.connection->nextTimeout().has_value(), false);
    EXPECT_EQ(pair.right.connection->nextTimeout().has_value(), false);
    for (const End* end : {&pair.left, &pair.right}) {
      for (const Bytes& datagram : end->sent) {
        EXPECT_LE(datagram.size(), 1200u);
        EXPECT_GE(datagram[0], 20);
        EXPECT_LE(datagram[0], 63);  // RFC 7983
      }
    }
  }
}

TEST_P(Dtls, ApplicationDataKeepsBoundaries) {
  Pair pair(factory());
  pair.tellFingerprints();
  EXPECT_FALSE(pair.left.connection->send(pair.now, asBytes("too early")));
  pair.start();
  pair.run(5s);
  EXPECT_TRUE(pair.left.connection->send(pair.now, asBytes("one")));
  EXPECT_TRUE(pair.left.connection->send(pair.now, asBytes("two")));
  EXPECT_TRUE(pair.right.connection->send(pair.now, Bytes(16384, 'x')));
  EXPECT_FALSE(pair.right.connection->send(pair.now, Bytes(16385, 'x')));
  pair.run(1s);
  EXPECT_THAT(pair.right.received, testing::ElementsAre("one", "two"));
  EXPECT_THAT(pair.left.received, testing::ElementsAre(std::string(16384, 'x')));
}

TEST_P(Dtls, ReplayedApplicationDataIsDropped) {
  Pair pair(factory());
  pair.tellFingerprints();
  pair.start();
  pair.run(5s);
  pair.left.connection->send(pair.now, asBytes("once"));
  const Bytes datagram = *pair.left.connection->pollTransmit();
  for (int i = 0; i < 3; ++i) pair.right.connection->handleInput(pair.now, datagram);
  pair.run(1s);
  EXPECT_THAT(pair.right.received, testing::ElementsAre("once"));
  EXPECT_EQ(pair.right.state(), State::connected);
}

TEST_P(Dtls, LostFlightsAreSentAgain) {
  // Every single datagram of the handshake in turn, from either end, is lost once.
  for (bool fromLeft : {true, false}) {
    for (int lost = 0; lost < 6; ++lost) {
      SCOPED_TRACE(testing::Message() << "left " << fromLeft << " datagram " << lost);
      Pair pair(factory());
      int count = 0;
      pair.drop = [&](const End& from, ByteView) { return (&from == &pair.left) == fromLeft && count++ == lost; };
      pair.tellFingerprints();
      pair.start();
      pair.run(20s);
      expectConnected(pair);
    }
  }
}

TEST_P(Dtls, ConnectsThroughHeavyLoss) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair(factory(), {.loss = 0.3, .duplicate = 0.1, .reorder = 0.2}, seed);
    pair.tellFingerprints();
    pair.start();
    pair.run(35s);
    expectConnected(pair);
  }
}

TEST_P(Dtls, RetransmissionFollowsTheOwnersTime) {
  Pair pair(factory());
  pair.cut = true;
  pair.tellFingerprints();
  pair.left.connection->setRoundTripTime(100ms);
  pair.start();
  pair.drain();
  const size_t flight = pair.left.sent.size();
  Timestamp expected = kStart;
  for (Duration wait : {250ms, 500ms, 1000ms, 2000ms, 4000ms, 4000ms}) {
    expected += wait;
    ASSERT_TRUE(pair.left.connection->nextTimeout());
    EXPECT_EQ(pair.left.connection->nextTimeout()->at, expected);
    pair.left.connection->handleTimeout(expected - 1ms);
    EXPECT_FALSE(pair.left.connection->pollTransmit());
    pair.left.connection->handleTimeout(expected);
    for (size_t i = 0; i < flight; ++i) EXPECT_TRUE(pair.left.connection->pollTransmit());
    EXPECT_FALSE(pair.left.connection->pollTransmit());
  }
  EXPECT_EQ(pair.left.connection->counters().retransmissions, 6u);
}

TEST_P(Dtls, PeerThatIsLateByMinutes) {
  Pair pair(factory());
  pair.cut = true;
  pair.tellFingerprints();
  pair.start();
  pair.run(300s);
  EXPECT_EQ(pair.left.state(), State::connecting);
  pair.cut = false;
  pair.run(10s);
  expectConnected(pair);
}

TEST_P(Dtls, PeerThatVanishesInTheHandshakeDoesNotSpin) {
  Pair pair(factory());
  pair.tellFingerprints();
  pair.drop = [&](const End& from, ByteView) { return &from == &pair.right; };
  pair.start();
  pair.run(600s);
  EXPECT_NE(pair.right.state(), State::connected);
  if (GetParam() == Kind::real) {
    EXPECT_EQ(pair.right.state(), State::failed);  // OpenSSL gives up after twelve times
    EXPECT_EQ(pair.right.connection->counters().retransmissions, 13u);
  }
  EXPECT_LT(pair.right.sent.size(), 1000u);
  expectNoKeys(pair.right);
}

TEST_P(Dtls, HeldUntilTheFingerprintsAreKnown) {
  Pair pair(factory());
  pair.right.connection->setRemoteFingerprints(pair.now, {pair.leftCertificate->fingerprint()});
  pair.start(Role::server);
  pair.run(5s);
  EXPECT_EQ(pair.left.state(), State::connecting);
  expectNoKeys(pair.left);
  EXPECT_FALSE(pair.left.connection->send(pair.now, asBytes("not yet")));
  ASSERT_EQ(pair.right.state(), State::connected);
  for (int i = 0; i < 100; ++i) pair.right.connection->send(pair.now, asBytes("early"));
  pair.run(1s);
  expectNoKeys(pair.left);
  EXPECT_EQ(pair.left.connection->counters().dropped, 1u + 36u);

  pair.left.connection->setRemoteFingerprints(pair.now, {pair.rightCertificate->fingerprint()});
  pair.run(1s);
  expectConnected(pair);
  EXPECT_EQ(pair.left.received.size(), 64u);
}

TEST_P(Dtls, HeldAndThenTheWrongFingerprint) {
  Pair pair(factory());
  pair.right.connection->setRemoteFingerprints(pair.now, {pair.leftCertificate->fingerprint()});
  pair.start(Role::server);
  pair.run(5s);
  pair.right.connection->send(pair.now, asBytes("never believed"));
  pair.run(1s);
  pair.left.connection->setRemoteFingerprints(pair.now, {pair.leftCertificate->fingerprint()});
  pair.run(1s);
  EXPECT_EQ(pair.left.state(), State::failed);
  expectNoKeys(pair.left);
  EXPECT_NE(pair.right.state(), State::connected);  // it was told
}

TEST_P(Dtls, WrongFingerprintInEachRoleFailsWithoutKeys) {
  for (Role role : {Role::client, Role::server}) {
    Pair pair(factory());
    pair.left.connection->setRemoteFingerprints(pair.now, {pair.leftCertificate->fingerprint()});
    pair.right.connection->setRemoteFingerprints(pair.now, {pair.leftCertificate->fingerprint()});
    pair.start(role);
    pair.run(10s);
    EXPECT_EQ(pair.left.state(), State::failed);
    expectNoKeys(pair.left);
    EXPECT_THAT(pair.left.alerts, testing::Contains(testing::AllOf(testing::Field(&Alert::sent, true),
                                                                   testing::Field(&Alert::description, 42))));
    EXPECT_EQ(pair.right.state(), State::failed);
    expectNoKeys(pair.right);
    EXPECT_THAT(pair.right.alerts, testing::Contains(testing::AllOf(testing::Field(&Alert::sent, false),
                                                                    testing::Field(&Alert::description, 42))));
  }
}

TEST_P(Dtls, NoFingerprintAtAllFails) {
  for (const std::vector<Fingerprint>& none :
       {std::vector<Fingerprint>{}, std::vector<Fingerprint>{{"md5", "00"}, {"sha-3", "00"}}}) {
    Pair pair(factory());
    pair.left.connection->setRemoteFingerprints(pair.now, none);
    pair.right.connection->setRemoteFingerprints(pair.now, {pair.leftCertificate->fingerprint()});
    pair.start();
    pair.run(10s);
    EXPECT_EQ(pair.left.state(), State::failed);
    expectNoKeys(pair.left);
  }
}

TEST_P(Dtls, LaterFingerprintsThatDoNotMatchEndTheConnection) {
  Pair pair(factory());
  pair.tellFingerprints();
  pair.start();
  pair.run(5s);
  pair.tellFingerprints();
  EXPECT_EQ(pair.left.state(), State::connected);
  pair.left.connection->setRemoteFingerprints(pair.now, {pair.leftCertificate->fingerprint()});
  EXPECT_EQ(pair.left.state(), State::failed);
  EXPECT_FALSE(pair.left.connection->srtpKeys());
  EXPECT_FALSE(pair.left.connection->send(pair.now, asBytes("no")));
}

TEST_P(Dtls, CloseNotifyClosesBothEnds) {
  Pair pair(factory());
  pair.tellFingerprints();
  pair.start();
  pair.run(5s);
  pair.left.connection->close(pair.now);
  EXPECT_EQ(pair.left.state(), State::closed);
  pair.run(1s);
  EXPECT_EQ(pair.right.state(), State::closed);
  EXPECT_FALSE(pair.right.connection->srtpKeys());
  EXPECT_FALSE(pair.right.connection->send(pair.now, asBytes("no")));
  EXPECT_THAT(pair.right.alerts, testing::Contains(testing::Field(&Alert::description, 0)));
  EXPECT_EQ(pair.left.connection->remoteCertificates().size(), 1u);
}

TEST_P(Dtls, CloseBeforeStart) {
  Pair pair(factory());
  pair.left.connection->close(pair.now);
  pair.left.connection->start(pair.now, Role::client);
  pair.drain();
  EXPECT_EQ(pair.left.state(), State::closed);
  EXPECT_TRUE(pair.left.sent.empty());
}

TEST_P(Dtls, ClientHelloBeforeStartIsKept) {
  Pair pair(factory());
  pair.tellFingerprints();
  pair.left.connection->start(pair.now, Role::client);
  pair.run(100ms);
  pair.right.connection->start(pair.now, Role::server);
  pair.run(100ms);
  expectConnected(pair);
}

TEST_P(Dtls, SrtpProfileIsNegotiated) {
  for (SrtpProfile profile :
       {SrtpProfile::aead_aes_128_gcm, SrtpProfile::aead_aes_256_gcm, SrtpProfile::aes128_cm_sha1_80}) {
    Options options;
    options.srtpProfiles = {profile};
    Pair pair(factory(), {}, 1, options);
    pair.tellFingerprints();
    pair.start();
    pair.run(5s);
    expectConnected(pair);
    EXPECT_EQ(pair.right.connection->srtpKeys()->profile, profile);
  }
}

TEST_P(Dtls, WithoutSrtp) {
  Options options;
  options.srtpProfiles = {};
  Pair pair(factory(), {}, 1, options);
  pair.tellFingerprints();
  pair.start();
  pair.run(5s);
  EXPECT_EQ(pair.left.state(), State::connected);
  EXPECT_FALSE(pair.left.connected->srtpProfile);
  EXPECT_FALSE(pair.left.connection->srtpKeys());
}

TEST_P(Dtls, GarbageChangesNothing) {
  Pair pair(factory());
  pair.tellFingerprints();
  SeededRandom random(7);
  const auto flood = [&] {
    for (int i = 0; i < 300; ++i) {
      Bytes junk(random.below(100));
      random.fill(junk);
      if (!junk.empty()) junk[0] = static_cast<uint8_t>(20 + random.below(44));
      for (End* end : {&pair.left, &pair.right}) end->connection->handleInput(pair.now, junk);
    }
  };
  flood();
  pair.start();
  flood();
  pair.run(10s);
  flood();
  pair.run(1s);
  expectConnected(pair);
  pair.left.connection->send(pair.now, asBytes("still here"));
  pair.run(1s);
  EXPECT_THAT(pair.right.received, testing::ElementsAre("still here"));
}

TEST_P(Dtls, DamagedRecordsAreDropped) {
  Pair pair(factory());
  pair.tellFingerprints();
  pair.start();
  pair.run(5s);
  pair.left.connection->send(pair.now, asBytes("damaged"));
  Bytes datagram = *pair.left.connection->pollTransmit();
  for (size_t i = 13; i < datagram.size(); ++i) {
    Bytes damaged = datagram;
    damaged[i] ^= 0x40;
    pair.right.connection->handleInput(pair.now, damaged);
  }
  pair.run(1s);
  EXPECT_EQ(pair.right.state(), State::connected);
  // Bytes 13..20 are the explicit nonce, which the simulated record does not use.
  if (GetParam() == Kind::real) {
    EXPECT_TRUE(pair.right.received.empty());
  }
}

TEST_P(Dtls, PemRoundTrip) {
  SeededRandom random(3);
  const auto made = factory().makeCertificate({.now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)}, random);
  ASSERT_TRUE(made);
  const auto again = factory().certificateFromPem((*made)->certificatePem(), (*made)->privateKeyPem());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->fingerprint(), (*made)->fingerprint());
  EXPECT_EQ((*again)->notAfter(), (*made)->notAfter());
  EXPECT_FALSE(factory().certificateFromPem((*made)->certificatePem(), "x"));
  EXPECT_FALSE(factory().certificateFromPem("", (*made)->privateKeyPem()));
}

// --- Only the real one -----------------------------------------------------------------------------------------------

TEST(OpenSsl, RsaCertificate) {
  OpenSslFactory factory;
  SeededRandom random(1);
  Pair pair(factory);
  const auto rsa = factory
                       .makeCertificate({.kind = crypto::KeyKind::rsa_2048,
                                         .now = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1)},
                                        random)
                       .value();
  pair.rightCertificate = rsa;
  Options options;
  options.certificate = rsa;
  pair.right.connection = factory.makeConnection(options, random).value();
  pair.tellFingerprints();
  pair.start();
  pair.run(5s);
  expectConnected(pair);
  EXPECT_EQ(pair.left.connected->cipher, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
}

/// Cuts the one handshake message of a datagram into pieces of `size` bytes, each a record of its own
/// (RFC 6347 §4.2.2).
std::vector<Bytes> fragments(const Bytes& datagram, size_t size) {
  const ByteView body = ByteView(datagram).subspan(13 + 12);
  std::vector<Bytes> pieces;
  for (size_t offset = 0; offset < body.size(); offset += size) {
    const ByteView part = body.subspan(offset, std::min(size, body.size() - offset));
    Bytes piece;
    ByteWriter writer(piece);
    writer.bytes(ByteView(datagram).first(3));
    writer.u16(0);
    writer.u16(0);
    writer.u32(static_cast<uint32_t>(pieces.size()));
    writer.u16(static_cast<uint16_t>(12 + part.size()));
    writer.bytes(ByteView(datagram).subspan(13, 6));  // type, length, message_seq
    writer.u24(static_cast<uint32_t>(offset));
    writer.u24(static_cast<uint32_t>(part.size()));
    writer.bytes(part);
    pieces.push_back(piece);
  }
  return pieces;
}

TEST(OpenSsl, FragmentedAndReorderedClientHello) {
  for (bool reversed : {false, true}) {
    OpenSslFactory factory;
    Pair pair(factory);
    pair.tellFingerprints();
    pair.start();
    const Bytes hello = *pair.left.connection->pollTransmit();
    EXPECT_FALSE(pair.left.connection->pollTransmit());
    std::vector<Bytes> pieces = fragments(hello, 70);
    ASSERT_GE(pieces.size(), 3u);
    if (reversed) std::ranges::reverse(pieces);
    for (const Bytes& piece : pieces) pair.right.connection->handleInput(pair.now, piece);
    pair.run(2s);
    // The client's next record after a ClientHello in one record has sequence number 1, which the pieces have used; the
    // retransmission brings newer ones.
    pair.run(10s);
    expectConnected(pair);
  }
}

TEST(OpenSsl, RealAndFakeNeverConnect) {
  OpenSslFactory real;
  FakeFactory fake;
  for (Role role : {Role::client, Role::server}) {
    Pair pair(real, fake);
    pair.tellFingerprints();
    pair.start(role);
    pair.run(60s);
    expectNoKeys(pair.left);
    expectNoKeys(pair.right);
  }
  SeededRandom random(1);
  Options options;
  EXPECT_FALSE(real.makeConnection(options, random));
  options.certificate = fake.makeCertificate({}, random).value();
  EXPECT_FALSE(real.makeConnection(options, random));
  options.certificate = real.makeCertificate({}, random).value();
  EXPECT_FALSE(fake.makeConnection(options, random));
}

TEST(Fake, SameSeedSameBytes) {
  FakeFactory factory;
  const auto bytes = [&](uint64_t seed) {
    Pair pair(factory, {.loss = 0.2}, seed);
    pair.tellFingerprints();
    pair.start();
    pair.run(30s);
    std::vector<Bytes> all = pair.left.sent;
    all.insert(all.end(), pair.right.sent.begin(), pair.right.sent.end());
    return all;
  };
  EXPECT_EQ(bytes(5), bytes(5));
  EXPECT_NE(bytes(5), bytes(6));
}

TEST(Fingerprints, StrongestHashDecides) {  // RFC 8122 §5
  const Bytes der{1, 2, 3};
  const auto print = [&](crypto::HashAlgorithm algorithm) {
    return Fingerprint{std::string(crypto::toString(algorithm)), crypto::fingerprint(algorithm, der)};
  };
  using enum crypto::HashAlgorithm;
  for (auto algorithm : {sha1, sha224, sha256, sha384, sha512}) {
    EXPECT_TRUE(fingerprintsMatch(std::vector{print(algorithm)}, der));
  }
  const Fingerprint wrong256{"sha-256", "00:11"};
  const Fingerprint wrong1{"sha-1", "00:11"};
  EXPECT_FALSE(fingerprintsMatch(std::vector{wrong256}, der));
  EXPECT_TRUE(fingerprintsMatch(std::vector{wrong256, print(sha256)}, der));
  EXPECT_FALSE(fingerprintsMatch(std::vector{wrong256, print(sha1)}, der));
  EXPECT_TRUE(fingerprintsMatch(std::vector{wrong1, print(sha256)}, der));
  EXPECT_TRUE(fingerprintsMatch(std::vector{Fingerprint{"unknown", "00"}, print(sha1)}, der));
  EXPECT_FALSE(fingerprintsMatch(std::vector{Fingerprint{"md5", "00"}}, der));
  EXPECT_FALSE(fingerprintsMatch({}, der));
  Fingerprint lower = print(sha256);
  std::ranges::transform(lower.value, lower.value.begin(), [](unsigned char c) { return std::tolower(c); });
  lower.algorithm = "SHA-256";
  EXPECT_TRUE(fingerprintsMatch(std::vector{lower}, der));
  std::vector<Fingerprint> many(kMaxFingerprints, wrong256);
  many.push_back(print(sha256));
  EXPECT_FALSE(fingerprintsMatch(many, der));
}

}  // namespace
}  // namespace peerage::dtls
