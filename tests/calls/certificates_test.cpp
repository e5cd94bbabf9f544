// Certificates of the real cryptography, over real sockets on loopback.
#include "pair.hpp"

namespace peerage::calls {
namespace {

TEST(RealLoop, AnRsaCertificateFromPemAnswersAnEcdsaOne) {
  EventLoop loop({.includeLoopback = true});
  auto made = loop.runUntil(RTCPeerConnection::generateCertificate(
      loop, {.name = "RSASSA-PKCS1-v1_5", .modulusLength = 2048, .publicExponent = {{1, 0, 1}}, .hash = "SHA-256"}));
  auto rsa = RTCCertificate::fromPem(loop, made->toPem());
  EXPECT_EQ(rsa->getFingerprints()[0].value, made->getFingerprints()[0].value);
  EXPECT_LE(std::abs(rsa->expires() - made->expires()), 1000);
  EXPECT_NE(made->toPem().privateKey.find("BEGIN PRIVATE KEY"), std::string::npos);

  RTCPeerConnection one(loop);
  RTCPeerConnection with(loop, {.certificates = {rsa}});
  EXPECT_EQ(with.getConfiguration().certificates[0], rsa);
  const auto pass = [](RTCPeerConnection& to) {
    return [&to](RTCPeerConnectionIceEvent& e) {
      if (e.candidate) to.addIceCandidate(e.candidate->toJSON()).markHandled();
    };
  };
  one.onicecandidate = pass(with);
  with.onicecandidate = pass(one);
  auto channel = one.createDataChannel("x");
  bool open = false;
  channel->onopen = [&] { open = true; };
  const auto negotiate = [](EventLoop&, RTCPeerConnection& from, RTCPeerConnection& to) -> Promise<> {
    co_await from.setLocalDescription();
    co_await to.setRemoteDescription(*from.localDescription());
    co_await to.setLocalDescription();
    co_await from.setRemoteDescription(*to.localDescription());
  };
  loop.runUntil(negotiate(loop, one, with));
  EXPECT_TRUE(loop.runUntil([&] { return open; }, 30s));
  EXPECT_EQ(one.sctp()->transport()->getRemoteCertificates().size(), 1u);
}

}  // namespace
}  // namespace peerage::calls
