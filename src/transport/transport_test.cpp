#include "transport/transport.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "dtls/fake_factory.hpp"
#include "dtls/openssl_factory.hpp"
#include "srtp/session.hpp"

namespace peerage::transport {
namespace {

using testing::ElementsAre;

const SocketAddress kLeft{IpAddress::v4(10, 0, 0, 1), 1000};
const SocketAddress kRight{IpAddress::v4(10, 0, 0, 2), 2000};
const SocketAddress kStranger{IpAddress::v4(10, 0, 0, 66), 6666};

struct Network {
  Duration latency = 20ms;
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;
};

/// One transport and what came out of it.
struct End {
  std::unique_ptr<Transport> transport;
  dtls::CertificatePtr certificate;
  SocketAddress address;
  std::vector<ice::State> iceStates;
  std::vector<dtls::State> dtlsStates;
  std::vector<dtls::Alert> alerts;
  std::vector<Bytes> rtp, rtcp;
  std::vector<std::string> messages;
  std::optional<dtls::SrtpProfile> srtp;
  bool sctpUp = false, sctpAborted = false;
  std::vector<size_t> kinds;  ///< indices of all events, in order

  const Counters& counters() const { return transport->counters(); }
  dtls::State dtls() const { return transport->dtls().state(); }
};

Bytes rtpPacket(uint16_t sequence, size_t payload = 100) {
  Bytes packet{0x80, 96};
  ByteWriter writer(packet);
  writer.u16(sequence);
  writer.u32(sequence * 3000u);
  writer.u32(0x1234);
  for (size_t i = 0; i < payload; ++i) writer.u8(static_cast<uint8_t>(i));
  return packet;
}
Bytes rtcpPacket() {
  Bytes packet{0x80, 201};
  ByteWriter writer(packet);
  writer.u16(1);
  writer.u32(0x1234);
  return packet;
}

/// Two transports, a path in virtual time, and signalling that the test drives.
class Call {
 public:
  explicit Call(dtls::Factory& factory, Network network = {}, uint64_t seed = 1) : random_(seed), network_(network) {
    left.address = kLeft;
    right.address = kRight;
    for (End* end : {&left, &right}) {
      end->certificate =
          factory.makeCertificate({.now = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1)}, random_).value();
      Options options;
      options.ice.role = end == &left ? ice::Role::controlling : ice::Role::controlled;
      options.dtls.certificate = end->certificate;
      end->transport = Transport::make(options, factory, random_).value();
    }
  }

  End& other(const End& end) { return &end == &left ? right : left; }

  void gather() {
    for (End* end : {&left, &right}) {
      end->transport->addLocalHost(now, end->address);
      end->transport->endOfHosts(now);
    }
  }
  /// What the description of the other end says about ICE; its candidates trickle in through drain().
  void tellIce(End& end) {
    end.transport->setRemoteIceParameters(now, other(end).transport->ice().localParameters());
    for (const ice::LocalCandidate& candidate : other(end).transport->ice().localCandidates()) {
      end.transport->addRemoteCandidate(now, candidate.candidate);
    }
  }
  void tellFingerprint(End& end) {
    end.transport->setRemoteFingerprints(now, {other(end).certificate->fingerprint()});
  }
  /// Everything that an offer and an answer bring.
  void connect(dtls::Role leftRole = dtls::Role::client) {
    gather();
    for (End* end : {&left, &right}) {
      tellIce(*end);
      tellFingerprint(*end);
    }
    left.transport->setDtlsRole(now, leftRole);
    right.transport->setDtlsRole(now, leftRole == dtls::Role::client ? dtls::Role::server : dtls::Role::client);
  }

  void drain() {
    drain(left);
    drain(right);
  }

  void run(Duration limit) {
    const Timestamp end = now + limit;
    for (drain();; drain()) {
      std::optional<Timestamp> next;
      if (!flying_.empty()) next = flying_.begin()->first;
      for (End* e : {&left, &right}) {
        const auto timeout = e->transport->nextTimeout();
        if (timeout && (!next || timeout->at < *next)) next = timeout->at;
      }
      if (!next || *next > end) break;
      now = std::max(now, *next);
      while (!flying_.empty() && flying_.begin()->first <= now) {
        auto [to, from, data] = std::move(flying_.begin()->second);
        flying_.erase(flying_.begin());
        to->transport->handleInput(now, to->address, from, data);
        drain();
      }
      left.transport->handleTimeout(now);
      right.transport->handleTimeout(now);
    }
    now = end;
  }

  Timestamp now{1000s};
  End left, right;
  std::function<bool(const End& from, Bytes& data)> tap;  ///< may change a datagram; true: it is lost

 private:
  void drain(End& from) {
    Datagram datagram;
    while (from.transport->pollTransmit(datagram)) {
      EXPECT_EQ(datagram.local, from.address);
      if (datagram.remote != other(from).address) continue;
      if (random_.unit() < network_.loss) continue;
      Bytes data = datagram.data;
      if (tap && tap(from, data)) continue;
      const int copies = random_.unit() < network_.duplicate ? 2 : 1;
      for (int i = 0; i < copies; ++i) {
        const Duration extra = random_.unit() < network_.reorder ? Duration(30ms) : Duration(0);
        flying_.emplace(now + network_.latency + extra, std::tuple{&other(from), from.address, data});
      }
    }
    while (auto event = from.transport->pollEvent()) take(from, *event);
  }

  void take(End& end, Event& event) {
    end.kinds.push_back(event.index());
    if (auto* ice = std::get_if<IceEvent>(&event)) {
      if (auto* changed = std::get_if<ice::StateChanged>(&ice->event)) end.iceStates.push_back(changed->state);
    } else if (auto* dtls = std::get_if<DtlsStateChanged>(&event)) {
      end.dtlsStates.push_back(dtls->state);
    } else if (auto* alert = std::get_if<DtlsAlert>(&event)) {
      end.alerts.push_back(alert->alert);
    } else if (auto* ready = std::get_if<SrtpReady>(&event)) {
      end.srtp = ready->profile;
    } else if (auto* rtp = std::get_if<RtpPacket>(&event)) {
      end.rtp.push_back(rtp->data);
      end.transport->recycle(std::move(rtp->data));
    } else if (auto* rtcp = std::get_if<RtcpPacket>(&event)) {
      end.rtcp.push_back(rtcp->data);
    } else if (auto* sctp = std::get_if<SctpEvent>(&event)) {
      if (std::holds_alternative<sctp::Connected>(sctp->event)) end.sctpUp = true;
      if (std::holds_alternative<sctp::Aborted>(sctp->event)) end.sctpAborted = true;
      if (auto* message = std::get_if<sctp::Message>(&sctp->event)) end.messages.emplace_back(asText(message->data));
    }
  }

  SeededRandom random_;
  Network network_;
  std::multimap<Timestamp, std::tuple<End*, SocketAddress, Bytes>> flying_;
};

enum class Kind { real, fake };

class TransportWith : public testing::TestWithParam<Kind> {
 protected:
  dtls::Factory& factory() {
    if (GetParam() == Kind::real) return real_;
    return fake_;
  }
  dtls::OpenSslFactory real_;
  dtls::FakeFactory fake_;
};
INSTANTIATE_TEST_SUITE_P(Dtls, TransportWith, testing::Values(Kind::real, Kind::fake), [](const auto& which) {
  return std::string(which.param == Kind::real ? "OpenSsl" : "Fake");
});

void expectConnected(Call& call) {
  for (End* end : {&call.left, &call.right}) {
    EXPECT_THAT(end->dtlsStates, ElementsAre(dtls::State::connecting, dtls::State::connected));
    EXPECT_EQ(end->srtp, dtls::SrtpProfile::aead_aes_128_gcm);
    EXPECT_TRUE(end->transport->srtpReady());
  }
}

void expectNothingBelieved(const End& end) {
  EXPECT_FALSE(end.srtp);
  EXPECT_FALSE(end.transport->srtpReady());
  EXPECT_FALSE(end.transport->dtls().srtpKeys());
  EXPECT_TRUE(end.rtp.empty());
  EXPECT_TRUE(end.messages.empty());
  EXPECT_FALSE(end.sctpUp);
}

sctp::SendResult say(Call& call, End& end, std::string_view text) {
  const ByteView bytes = asBytes(text);
  return end.transport->sctp()->send(call.now, sctp::StreamId(0), sctp::Ppid(51), Bytes(bytes.begin(), bytes.end()));
}

TEST_P(TransportWith, MediaAndDataBothWaysInBothRoles) {
  for (dtls::Role role : {dtls::Role::client, dtls::Role::server}) {
    Call call(factory());
    call.connect(role);
    call.left.transport->startSctp(call.now, {});
    call.right.transport->startSctp(call.now, {});
    call.run(3s);
    expectConnected(call);
    ASSERT_TRUE(call.left.sctpUp && call.right.sctpUp);
    for (End* end : {&call.left, &call.right}) {
      for (uint16_t i = 0; i < 50; ++i) EXPECT_TRUE(end->transport->sendRtp(call.now, rtpPacket(i)));
      EXPECT_TRUE(end->transport->sendRtcp(call.now, rtcpPacket()));
      EXPECT_EQ(say(call, *end, "hello"), sctp::SendResult::ok);
    }
    call.run(1s);
    for (End* end : {&call.left, &call.right}) {
      ASSERT_EQ(end->rtp.size(), 50u);
      EXPECT_EQ(end->rtp[49], rtpPacket(49));
      EXPECT_THAT(end->rtcp, ElementsAre(rtcpPacket()));
      EXPECT_THAT(end->messages, ElementsAre("hello"));
      EXPECT_EQ(end->counters().rtpReceived, 50u);
      EXPECT_EQ(end->counters().rtpSent, 50u);
      EXPECT_EQ(end->counters().unvalidatedPath, 0u);
      EXPECT_GT(end->counters().bytesSent, 50u * 128);
    }
    EXPECT_EQ(call.left.counters().packetsSent, call.right.counters().packetsReceived);
  }
}

TEST_P(TransportWith, MediaIsNotInTheClearOnTheWire) {
  Call call(factory());
  call.connect();
  call.run(3s);
  const Bytes plain = rtpPacket(1);
  bool seen = false;
  call.tap = [&](const End&, Bytes& data) {
    if (data[0] == 0x80) {
      seen = true;
      EXPECT_EQ(std::ranges::search(data, ByteView(plain).subspan(12, 16)).size(), 0u);
    }
    return false;
  };
  call.left.transport->sendRtp(call.now, plain);
  call.run(100ms);
  EXPECT_TRUE(seen);
  EXPECT_THAT(call.right.rtp, ElementsAre(plain));
}

TEST_P(TransportWith, LossyNetworkOfManySeeds) {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    Call call(factory(), {.loss = 0.15, .duplicate = 0.05, .reorder = 0.1}, seed);
    call.connect(seed % 2 ? dtls::Role::client : dtls::Role::server);
    call.left.transport->startSctp(call.now, {});
    call.right.transport->startSctp(call.now, {});
    call.run(20s);
    expectConnected(call);
    std::vector<std::string> sent;
    for (int i = 0; i < 30; ++i) {
      sent.push_back("message " + std::to_string(i));
      EXPECT_EQ(say(call, call.left, sent.back()), sctp::SendResult::ok);
      call.right.transport->sendRtp(call.now, rtpPacket(static_cast<uint16_t>(i)));
      call.run(10ms);
    }
    call.run(20s);
    EXPECT_EQ(call.right.messages, sent);
    EXPECT_GT(call.left.rtp.size(), 10u);
    EXPECT_LE(call.left.rtp.size(), 30u);  // duplicates are refused
  }
}

TEST_P(TransportWith, ClientHelloBeforeTheRemoteDescription) {
  // The right end answers and is the DTLS client; the answer itself is on its way for a second.
  Call call(factory());
  call.gather();
  call.tellIce(call.right);
  call.tellFingerprint(call.right);
  call.right.transport->setDtlsRole(call.now, dtls::Role::client);
  call.run(1s);
  EXPECT_TRUE(call.left.dtlsStates.empty());
  expectNothingBelieved(call.left);
  call.tellIce(call.left);
  call.left.transport->setDtlsRole(call.now, dtls::Role::server);
  call.run(3s);
  EXPECT_THAT(call.left.dtlsStates, ElementsAre(dtls::State::connecting));  // through, but held
  expectNothingBelieved(call.left);
  EXPECT_EQ(call.right.dtls(), dtls::State::connected);
  EXPECT_TRUE(call.right.transport->sendRtp(call.now, rtpPacket(1)));
  call.run(100ms);
  expectNothingBelieved(call.left);
  EXPECT_EQ(call.left.counters().srtpNotReady, 1u);
  call.tellFingerprint(call.left);
  call.run(100ms);
  expectConnected(call);
}

TEST_P(TransportWith, WrongFingerprintFailsInEachRoleWithoutKeys) {
  for (dtls::Role role : {dtls::Role::client, dtls::Role::server}) {
    for (const std::vector<dtls::Fingerprint>& wrong :
         {std::vector<dtls::Fingerprint>{{"sha-256", "00:11:22"}}, std::vector<dtls::Fingerprint>{},
          std::vector<dtls::Fingerprint>{{"md5", "00"}}}) {
      Call call(factory());
      call.gather();
      call.tellIce(call.left);
      call.tellIce(call.right);
      call.tellFingerprint(call.right);
      call.left.transport->setRemoteFingerprints(call.now, wrong);
      call.left.transport->setDtlsRole(call.now, role);
      call.right.transport->setDtlsRole(call.now, role == dtls::Role::client ? dtls::Role::server : dtls::Role::client);
      call.left.transport->startSctp(call.now, {});
      call.right.transport->startSctp(call.now, {});
      call.run(10s);
      EXPECT_EQ(call.left.dtls(), dtls::State::failed);
      EXPECT_THAT(call.left.dtlsStates, ElementsAre(dtls::State::connecting, dtls::State::failed));
      expectNothingBelieved(call.left);
      EXPECT_FALSE(call.left.transport->sendRtp(call.now, rtpPacket(1)));
      EXPECT_NE(call.right.dtls(), dtls::State::connected);
      EXPECT_FALSE(call.right.sctpUp);
    }
  }
}

TEST_P(TransportWith, OneRightFingerprintAmongSeveral) {
  Call call(factory());
  call.connect();
  call.left.transport->setRemoteFingerprints(
      call.now, {{"sha-256", "00:11"}, call.right.certificate->fingerprint(), {"sha-1", "22:33"}});
  call.run(3s);
  expectConnected(call);
}

TEST_P(TransportWith, NothingFromAnUnvalidatedPathReachesDtlsOrSrtp) {
  Call call(factory());
  call.connect();
  std::vector<Bytes> handshake;
  call.tap = [&](const End& from, Bytes& data) {
    if (&from == &call.left && data[0] >= 20 && data[0] <= 63) handshake.push_back(data);
    return false;
  };
  // Before any check went through, even the peer's own address is not believed.
  const Bytes junk{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};
  call.right.transport->handleInput(call.now, kRight, kLeft, junk);
  EXPECT_EQ(call.right.counters().unvalidatedPath, 1u);
  EXPECT_EQ(call.right.transport->dtls().counters().datagramsReceived, 0u);
  call.run(3s);
  expectConnected(call);

  const uint64_t seen = call.right.transport->dtls().counters().datagramsReceived;
  ASSERT_FALSE(handshake.empty());
  for (const Bytes& datagram : handshake) call.right.transport->handleInput(call.now, kRight, kStranger, datagram);
  Bytes media = rtpPacket(1);
  call.tap = [&](const End&, Bytes& data) {
    if (data[0] == 0x80) media = data;
    return true;
  };
  call.left.transport->sendRtp(call.now, media);
  call.drain();
  call.right.transport->handleInput(call.now, kRight, kStranger, media);  // authentic, from a stranger
  call.drain();
  EXPECT_EQ(call.right.counters().unvalidatedPath, 2u + handshake.size());
  EXPECT_EQ(call.right.transport->dtls().counters().datagramsReceived, seen);
  EXPECT_TRUE(call.right.rtp.empty());
}

TEST_P(TransportWith, PlainDamagedAndReplayedMediaIsDroppedAndCounted) {
  Call call(factory());
  call.connect();
  EXPECT_FALSE(call.left.transport->sendRtp(call.now, rtpPacket(0)));
  EXPECT_EQ(call.left.counters().sendNotReady, 1u);
  call.run(3s);
  std::vector<Bytes> wire;
  call.tap = [&](const End&, Bytes& data) {
    if (data[0] == 0x80) wire.push_back(data);
    return data[0] == 0x80;
  };
  call.left.transport->sendRtp(call.now, rtpPacket(1));
  call.left.transport->sendRtcp(call.now, rtcpPacket());
  call.drain();
  ASSERT_EQ(wire.size(), 2u);
  const auto arrive = [&](const Bytes& data) {
    call.right.transport->handleInput(call.now, kRight, kLeft, data);
    call.drain();
  };
  arrive(rtpPacket(7));
  arrive(rtcpPacket());
  EXPECT_EQ(call.right.counters().srtpBadTag, 1u);
  EXPECT_EQ(call.right.counters().srtpMalformed, 1u);  // 8 bytes have no room for a tag
  Bytes damaged = wire[0];
  damaged.back() ^= 1;
  arrive(damaged);
  EXPECT_EQ(call.right.counters().srtpBadTag, 2u);
  EXPECT_TRUE(call.right.rtp.empty());
  for (int i = 0; i < 3; ++i) {
    arrive(wire[0]);
    arrive(wire[1]);
  }
  EXPECT_EQ(call.right.rtp.size(), 1u);
  EXPECT_EQ(call.right.rtcp.size(), 1u);
  EXPECT_EQ(call.right.counters().srtpReplayed, 4u);
  arrive({0x80});
  EXPECT_EQ(call.right.counters().srtpMalformed, 2u);
}

TEST_P(TransportWith, FirstBytesOfNobody) {
  Call call(factory());
  call.connect();
  call.run(3s);
  uint64_t expected = 0;
  for (int first : {4, 19, 64, 79, 80, 127, 192, 255}) {
    call.right.transport->handleInput(call.now, kRight, kLeft, Bytes(20, static_cast<uint8_t>(first)));
    EXPECT_EQ(call.right.counters().unknownKind, ++expected) << first;
  }
  call.right.transport->handleInput(call.now, kRight, kLeft, {});
  EXPECT_EQ(call.right.counters().unknownKind, ++expected);
}

TEST_P(TransportWith, CloseNotifyClosesTheOtherEnd) {
  Call call(factory());
  call.connect();
  call.left.transport->startSctp(call.now, {});
  call.right.transport->startSctp(call.now, {});
  call.run(3s);
  EXPECT_EQ(say(call, call.left, "last words"), sctp::SendResult::ok);
  call.drain();
  call.left.transport->close(call.now);
  call.run(1s);
  EXPECT_EQ(call.left.dtls(), dtls::State::closed);
  EXPECT_EQ(call.left.iceStates.back(), ice::State::closed);
  EXPECT_EQ(call.right.dtls(), dtls::State::closed);
  EXPECT_THAT(call.right.messages, ElementsAre("last words"));
  EXPECT_TRUE(call.right.sctpAborted);
  EXPECT_FALSE(call.right.transport->srtpReady());
  EXPECT_FALSE(call.right.transport->sendRtp(call.now, rtpPacket(1)));
  EXPECT_FALSE(call.left.transport->nextTimeout());
  const uint64_t before = call.left.counters().afterClose;
  call.left.transport->handleInput(call.now, kLeft, kRight, rtpPacket(1));
  EXPECT_EQ(call.left.counters().afterClose, before + 1);
}

TEST_P(TransportWith, SctpStartsLateOnOneSide) {
  Call call(factory());
  call.connect();
  call.left.transport->startSctp(call.now, {});
  call.run(2s);
  EXPECT_FALSE(call.left.sctpUp);
  call.right.transport->startSctp(call.now, {});
  call.run(2s);
  EXPECT_TRUE(call.left.sctpUp);
  EXPECT_TRUE(call.right.sctpUp);
}

TEST_P(TransportWith, IceRestartKeepsDtlsAndSctp) {
  Call call(factory());
  call.connect();
  call.left.transport->startSctp(call.now, {});
  call.right.transport->startSctp(call.now, {});
  call.run(3s);
  call.left.transport->restartIce(call.now);
  call.right.transport->restartIce(call.now);
  call.gather();
  call.tellIce(call.left);
  call.tellIce(call.right);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(call.left.transport->sendRtp(call.now, rtpPacket(static_cast<uint16_t>(i))));
    call.run(50ms);
  }
  EXPECT_EQ(say(call, call.right, "after the restart"), sctp::SendResult::ok);
  call.run(2s);
  EXPECT_EQ(call.right.rtp.size(), 20u);
  EXPECT_THAT(call.left.messages, ElementsAre("after the restart"));
  EXPECT_EQ(call.left.dtls(), dtls::State::connected);
}

TEST_P(TransportWith, SilentPathStopsSendingAndResumes) {
  Call call(factory());
  call.connect();
  call.left.transport->startSctp(call.now, {.maxRetransmits = std::nullopt});
  call.right.transport->startSctp(call.now, {.maxRetransmits = std::nullopt});
  call.run(3s);
  call.tap = [](const End&, Bytes&) { return true; };
  EXPECT_EQ(say(call, call.left, "into the void"), sctp::SendResult::ok);
  call.run(60s);
  EXPECT_FALSE(call.left.transport->ice().sendPath());
  EXPECT_FALSE(call.left.transport->sendRtp(call.now, rtpPacket(1)));
  EXPECT_EQ(call.left.counters().noPath, 1u);
  call.tap = nullptr;
  call.left.transport->restartIce(call.now);
  call.right.transport->restartIce(call.now);
  call.gather();
  call.tellIce(call.left);
  call.tellIce(call.right);
  call.run(10s);
  EXPECT_TRUE(call.left.transport->sendRtp(call.now, rtpPacket(2)));
  call.run(1s);
  EXPECT_EQ(call.right.rtp.size(), 1u);
  EXPECT_THAT(call.right.messages, ElementsAre("into the void"));
}

TEST_P(TransportWith, MediaThatIsNotRtpIsRefused) {
  Call call(factory());
  call.connect();
  call.run(3s);
  EXPECT_FALSE(call.left.transport->sendRtp(call.now, {1, 2, 3}));
  EXPECT_FALSE(call.left.transport->sendRtcp(call.now, {}));
  EXPECT_EQ(call.left.counters().sendRefused, 2u);
}

TEST_P(TransportWith, EventsComeInOrder) {
  Call call(factory());
  call.connect();
  call.run(3s);
  const auto at = [&](size_t kind) {
    return std::ranges::find(call.left.kinds, kind) - call.left.kinds.begin();
  };
  const auto connected = at(2);  // DtlsConnected
  EXPECT_EQ(call.left.kinds[static_cast<size_t>(connected) - 1], 1u);  // DtlsStateChanged
  EXPECT_EQ(call.left.kinds[static_cast<size_t>(connected) + 1], 4u);  // SrtpReady
}

TEST(Transport, NeedsACertificateOfItsFactory) {
  dtls::FakeFactory fake;
  dtls::OpenSslFactory real;
  SeededRandom random(1);
  Options options;
  EXPECT_FALSE(Transport::make(options, fake, random));
  options.dtls.certificate = fake.makeCertificate({}, random).value();
  EXPECT_FALSE(Transport::make(options, real, random));
  EXPECT_TRUE(Transport::make(options, fake, random));
}

TEST(Transport, SameSeedSameBytes) {
  const auto bytes = [](uint64_t seed) {
    dtls::FakeFactory factory;
    Call call(factory, {.loss = 0.1}, seed);
    std::vector<Bytes> all;
    call.tap = [&](const End&, Bytes& data) {
      all.push_back(data);
      return false;
    };
    call.connect();
    call.left.transport->startSctp(call.now, {});
    call.right.transport->startSctp(call.now, {});
    call.run(10s);
    return all;
  };
  EXPECT_EQ(bytes(3), bytes(3));
}

}  // namespace
}  // namespace peerage::transport
