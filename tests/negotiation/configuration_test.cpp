// webrtc-pc §4.4.1.6 "set the configuration", §4.9 certificates, and NEGOTIATION rule 74.
#include "fixture.hpp"

namespace peerage::negotiation {
namespace {

TEST_F(Negotiation, Rule74_ServersAreCheckedByBothDoors) {
  const RTCIceServer turn{.urls = {"turn:turn.example.org"}, .username = "user", .credential = "cred"};
  const auto both = [&](std::vector<RTCIceServer> servers) {
    const RTCConfiguration configuration{.iceServers = std::move(servers)};
    const std::string made = thrown([&] { RTCPeerConnection pc(loop, configuration); });
    EXPECT_EQ(thrown([&] { a.setConfiguration(configuration); }), made);
    return made;
  };
  EXPECT_EQ(both({}), "");
  EXPECT_EQ(both({{.urls = {"stun:stun1.example.net", "stun:stun2.example.net:19302"}}}), "");
  EXPECT_EQ(both({turn}), "");
  EXPECT_EQ(both({{.urls = {"turns:turn.example.org", "turn:turn.example.net?transport=tcp"}, .username = "", .credential = ""}}), "");
  EXPECT_EQ(both({{.urls = {"stuns:stun.example.net"}}}), "");
  EXPECT_EQ(both({{.urls = {}}}), "SyntaxError");
  EXPECT_EQ(both({{.urls = {"stun:stun1.example.net", ""}}}), "SyntaxError");
  EXPECT_EQ(both({{.urls = {"stun://example.org"}}}), "SyntaxError");
  EXPECT_EQ(both({{.urls = {"turn:turn.example.org"}}}), "InvalidAccessError");
  EXPECT_EQ(both({turn, {.urls = {"http://example.org"}}}), "SyntaxError");
  EXPECT_EQ(a.getConfiguration().iceServers.size(), 1u) << "what was refused changed nothing";
  RTCPeerConnection pc(loop, {.iceServers = {turn}});
  EXPECT_EQ(pc.getConfiguration().iceServers[0].username, "user");
  EXPECT_EQ(pc.getConfiguration().iceServers[0].urls, turn.urls);
}

TEST_F(Negotiation, Rule74_GatheringSaysOfATurnServerThatItIsNotAsked) {
  run([&]() -> Promise<> {
    a.setConfiguration({.iceServers = {{.urls = {"turn:turn.example.org", "turns:turn.example.org"}, .username = "u", .credential = "c"},
                                       {.urls = {"stuns:stun.example.org"}}}});
    std::vector<std::string> errors;
    bool complete = false;
    a.onicecandidateerror = [&](RTCPeerConnectionIceErrorEvent& e) {
      EXPECT_EQ(e.errorCode, 701);
      EXPECT_FALSE(e.address);
      EXPECT_FALSE(e.port);
      EXPECT_FALSE(e.errorText.empty());
      EXPECT_FALSE(complete);
      errors.push_back(e.url);
    };
    a.onicecandidate = [&](RTCPeerConnectionIceEvent& e) { complete = complete || !e.candidate; };
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    co_await settle();
    EXPECT_EQ(errors, (std::vector<std::string>{"turn:turn.example.org", "turns:turn.example.org", "stuns:stun.example.org"}));
    EXPECT_TRUE(complete);
  });
}

TEST_F(Negotiation, Rule74_PoolSizeIsFixedOnceSetLocalDescriptionWasCalled) {
  run([&]() -> Promise<> {
    a.setConfiguration({.iceCandidatePoolSize = 3});
    EXPECT_EQ(a.getConfiguration().iceCandidatePoolSize, 3);
    auto described = a.setLocalDescription();
    EXPECT_EQ(thrown([&] { a.setConfiguration({.iceCandidatePoolSize = 4}); }), "InvalidModificationError") << "called, not done";
    EXPECT_EQ(thrown([&] { a.setConfiguration({.iceCandidatePoolSize = 3}); }), "");
    co_await described;
    a.close();
    EXPECT_EQ(thrown([&] { a.setConfiguration({.iceCandidatePoolSize = 3}); }), "InvalidStateError");
    EXPECT_EQ(a.getConfiguration().iceCandidatePoolSize, 3);
  });
}

TEST_F(Negotiation, Rule74_CertificatesAreFixed) {
  run([&]() -> Promise<> {
    auto one = co_await RTCPeerConnection::generateCertificate(loop);
    auto two = co_await RTCPeerConnection::generateCertificate(loop);
    RTCPeerConnection pc(loop, {.certificates = {one}});
    EXPECT_EQ(thrown([&] { pc.setConfiguration({.certificates = {one}}); }), "");
    EXPECT_EQ(thrown([&] { pc.setConfiguration({.certificates = {two}}); }), "InvalidModificationError");
    EXPECT_EQ(thrown([&] { pc.setConfiguration({.certificates = {one, two}}); }), "InvalidModificationError");
    EXPECT_EQ(thrown([&] { pc.setConfiguration({}); }), "InvalidModificationError");
    EXPECT_EQ(pc.getConfiguration().certificates, (std::vector{one}));
  });
}

TEST_F(Negotiation, Rule74_ThePolicyHoldsFromTheNextGatheringOn) {
  run([&]() -> Promise<> {
    int candidates = 0;
    a.onicecandidate = [&](RTCPeerConnectionIceEvent& e) { candidates += e.candidate && !e.candidate->candidate().empty(); };
    a.setConfiguration({.iceTransportPolicy = RTCIceTransportPolicy::relay});
    a.createDataChannel("x");
    co_await negotiate(a, b);
    co_await settle();
    EXPECT_EQ(candidates, 0) << "no relay, no candidate";
    a.setConfiguration({.iceTransportPolicy = RTCIceTransportPolicy::all});
    co_await settle();
    EXPECT_EQ(candidates, 0);
    a.restartIce();
    co_await negotiate(a, b);
    co_await settle();
    EXPECT_GT(candidates, 0);
  });
}

TEST_F(Negotiation, CertificatesOfTheAlgorithmsThatMustBe) {
  run([&]() -> Promise<> {
    // Named before they are awaited: GCC 12 destroys an aggregate twice that is written inside a co_await expression.
    const auto make = [&](const AlgorithmIdentifier& algorithm) { return RTCPeerConnection::generateCertificate(loop, algorithm); };
    const AlgorithmIdentifier invalid{.name = "invalid-algo"}, otherCurve{.namedCurve = "P-521"}, noCurve;
    const auto ecdsa = co_await RTCPeerConnection::generateCertificate(loop);
    AlgorithmIdentifier rsa{.name = "rsassa-pkcs1-v1_5", .modulusLength = 2048, .publicExponent = {{1, 0, 1}}, .hash = "SHA-256"};
    auto certificate = co_await make(rsa);
    EXPECT_NEAR(double(certificate->expires()), double(ecdsa->expires()), 1000);
    for (const auto& fingerprint : certificate->getFingerprints()) {
      EXPECT_EQ(fingerprint.algorithm, "sha-256");
      EXPECT_EQ(fingerprint.value.find_first_not_of("0123456789abcdef:"), std::string::npos);
    }
    const auto with = [&](auto change) {
      AlgorithmIdentifier algorithm = rsa;
      change(algorithm);
      return rejection(make(algorithm));
    };
    EXPECT_EQ(co_await rejection(make(invalid)), "NotSupportedError");
    EXPECT_EQ(co_await rejection(make(otherCurve)), "NotSupportedError");
    EXPECT_EQ(co_await rejection(make(noCurve)), "TypeError") << "ECDSA needs its curve";
    EXPECT_EQ(co_await with([](auto& a) { a.modulusLength = 1024; }), "NotSupportedError");
    EXPECT_EQ(co_await with([](auto& a) { a.publicExponent = {{3}}; }), "NotSupportedError");
    EXPECT_EQ(co_await with([](auto& a) { a.hash = "SHA-1"; }), "NotSupportedError");
    EXPECT_EQ(co_await with([](auto& a) { a.modulusLength.reset(); }), "TypeError");
    EXPECT_EQ(co_await with([](auto& a) { a.publicExponent.reset(); }), "TypeError");
    EXPECT_EQ(co_await with([](auto& a) { a.hash.reset(); }), "TypeError");
  });
}

TEST_F(Negotiation, CertificatesExpire) {
  run([&]() -> Promise<> {
    const auto make = [&](uint64_t expires) {
      return RTCPeerConnection::generateCertificate(loop, {.namedCurve = "P-256", .expires = expires});
    };
    auto at_once = co_await make(0);
    EXPECT_EQ(thrown([&] { RTCPeerConnection pc(loop, {.certificates = {at_once}}); }), "InvalidAccessError");
    auto soon = co_await make(2000);
    EXPECT_EQ(soon->expires() - at_once->expires(), 2000);
    auto never = co_await make(UINT64_MAX);
    EXPECT_EQ(never->expires() - at_once->expires(), 31536000000);
    EXPECT_EQ(thrown([&] { RTCPeerConnection pc(loop, {.certificates = {soon}}); }), "");
    co_await loop.delay(3s);
    EXPECT_EQ(thrown([&] { RTCPeerConnection pc(loop, {.iceServers = {{.urls = {"nothing"}}}, .certificates = {soon}}); }),
              "InvalidAccessError")
        << "before the servers are looked at";
  });
}

TEST_F(Negotiation, EveryCertificateIsInTheOffer) {
  run([&]() -> Promise<> {
    auto one = co_await RTCPeerConnection::generateCertificate(loop);
    auto made = co_await RTCPeerConnection::generateCertificate(loop);
    auto two = RTCCertificate::fromPem(loop, made->toPem());
    RTCPeerConnection pc(loop, {.certificates = {one, two}});
    pc.createDataChannel("x");
    const auto offer = co_await pc.createOffer();
    for (const auto& certificate : {one, two}) {
      std::string value = certificate->getFingerprints()[0].value;
      std::ranges::transform(value, value.begin(), [](char c) { return c >= 'a' ? char(c - 32) : c; });
      EXPECT_TRUE(hasLine(offer.sdp, "a=fingerprint:sha-256 " + value)) << value;
    }
    EXPECT_EQ(thrown([&] { RTCCertificate::fromPem(loop, {one->toPem().certificate, two->toPem().privateKey}); }), "DataError");
    EXPECT_EQ(thrown([&] { RTCCertificate::fromPem(loop, {"x", "y"}); }), "DataError");
  });
}

}  // namespace
}  // namespace peerage::negotiation
