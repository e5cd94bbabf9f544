// links: dtls
// Two ends and a path between them that the input rules: it delivers, drops, repeats, cuts and damages datagrams,
// injects its own, and moves time. Whatever happens, an end with the wrong fingerprints never gets a key or data.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>

#include "dtls/fake_factory.hpp"
#include "dtls/openssl_factory.hpp"

using namespace peerage;

namespace {

struct Certificates {
  dtls::CertificatePtr left, right;
};

Certificates make(dtls::Factory& factory) {
  SeededRandom random(1);
  const crypto::CertificateOptions options{.now = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1)};
  return {factory.makeCertificate(options, random).value(), factory.makeCertificate(options, random).value()};
}

class Run {
 public:
  Run(dtls::Factory& factory, const Certificates& certificates, uint8_t mode) : random_(mode) {
    dtls::Options options;
    options.certificate = certificates.left;
    left_ = factory.makeConnection(options, random_).value();
    options.certificate = certificates.right;
    right_ = factory.makeConnection(options, random_).value();
    leftBelieves_ = mode & 2;
    leftFingerprints_ = {leftBelieves_ ? certificates.right->fingerprint() : dtls::Fingerprint{"sha-256", "00"}};
    right_->setRemoteFingerprints(now_, {certificates.left->fingerprint()});
    if (mode & 4) tellLeft();
    left_->start(now_, mode & 8 ? dtls::Role::client : dtls::Role::server);
    right_->start(now_, mode & 8 ? dtls::Role::server : dtls::Role::client);
    drain();
  }

  void step(uint8_t operation, ByteReader& reader) {
    const bool toLeft = operation & 0x80;
    std::deque<Bytes>& queue = toLeft ? toLeft_ : toRight_;
    dtls::Connection& target = toLeft ? *left_ : *right_;
    switch (operation & 7) {
      case 0:
      case 1: deliver(target, queue, false); break;
      case 2: deliver(target, queue, true); break;
      case 3:
        if (!queue.empty()) queue.pop_front();
        break;
      case 4: damage(queue, reader); break;
      case 5: {
        const auto size = reader.u8().value_or(0);
        target.handleInput(now_, *reader.bytes(std::min<size_t>(size, reader.remaining())));
        break;
      }
      case 6:
        now_ += std::chrono::milliseconds(100 * (operation >> 3 & 15));
        left_->handleTimeout(now_);
        right_->handleTimeout(now_);
        break;
      case 7: act(target, operation >> 3 & 3); break;
    }
    drain();
  }

 private:
  void tellLeft() { left_->setRemoteFingerprints(now_, leftFingerprints_); }

  void deliver(dtls::Connection& target, std::deque<Bytes>& queue, bool keep) {
    if (queue.empty()) return;
    const Bytes datagram = queue.front();
    if (!keep) queue.pop_front();
    target.handleInput(now_, datagram);
  }

  void damage(std::deque<Bytes>& queue, ByteReader& reader) {
    const size_t at = reader.u16().value_or(0);
    const uint8_t mask = reader.u8().value_or(0);
    if (queue.empty() || queue.front().empty()) return;
    Bytes& datagram = queue.front();
    if (mask == 0) {
      datagram.resize(at % datagram.size());
    } else {
      datagram[at % datagram.size()] ^= mask;
    }
  }

  void act(dtls::Connection& target, int what) {
    static constexpr std::array<uint8_t, 5> kData{1, 2, 3, 4, 5};
    if (what == 0) tellLeft();
    if (what == 1 || what == 2) target.send(now_, kData);
    if (what == 3) target.close(now_);
  }

  void drain() {
    while (auto datagram = left_->pollTransmit()) push(toRight_, std::move(*datagram));
    while (auto datagram = right_->pollTransmit()) push(toLeft_, std::move(*datagram));
    while (auto event = left_->pollEvent()) {
      const bool forbidden =
          std::holds_alternative<dtls::Connected>(*event) || std::holds_alternative<dtls::ApplicationData>(*event);
      if (forbidden && !leftBelieves_) std::abort();
    }
    if (left_->srtpKeys() && !leftBelieves_) std::abort();
    while (right_->pollEvent()) {
    }
  }

  static void push(std::deque<Bytes>& queue, Bytes datagram) {
    if (queue.size() < 64) queue.push_back(std::move(datagram));
  }

  Timestamp now_{1000s};
  SeededRandom random_;
  std::unique_ptr<dtls::Connection> left_, right_;
  bool leftBelieves_ = false;
  std::vector<dtls::Fingerprint> leftFingerprints_;
  std::deque<Bytes> toLeft_, toRight_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static dtls::OpenSslFactory real;
  static dtls::FakeFactory fake;
  static const Certificates realCertificates = make(real);
  static const Certificates fakeCertificates = make(fake);
  ByteReader reader({data, size});
  const uint8_t mode = reader.u8().value_or(0);
  const bool useReal = mode & 1;
  Run run(useReal ? static_cast<dtls::Factory&>(real) : fake, useReal ? realCertificates : fakeCertificates, mode);
  for (int steps = 0; steps < 200; ++steps) {
    const auto operation = reader.u8();
    if (!operation) break;
    run.step(*operation, reader);
  }
  return 0;
}
