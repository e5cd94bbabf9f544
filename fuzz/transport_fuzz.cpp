// links: transport
// Two transports over a path that the input rules: datagrams are delivered, lost, repeated, damaged, injected from the
// peer's address and from a stranger's; time moves, media and data are sent, ends close. The left end may have been
// told a wrong fingerprint, and then nothing may ever come out of it.
#include <algorithm>
#include <cstdlib>
#include <deque>

#include "dtls/fake_factory.hpp"
#include "transport/transport.hpp"

using namespace peerage;

namespace {

const SocketAddress kAddresses[] = {{IpAddress::v4(10, 0, 0, 1), 1000}, {IpAddress::v4(10, 0, 0, 2), 2000}};
const SocketAddress kStranger{IpAddress::v4(10, 0, 0, 3), 3000};

class Run {
 public:
  explicit Run(uint8_t mode) : random_(mode), believes_(mode & 1) {
    dtls::FakeFactory factory;
    dtls::CertificatePtr certificates[2];
    for (size_t i = 0; i < 2; ++i) {
      certificates[i] = factory.makeCertificate({}, random_).value();
      transport::Options options;
      options.ice.role = i == 0 ? ice::Role::controlling : ice::Role::controlled;
      options.dtls.certificate = certificates[i];
      ends_[i] = transport::Transport::make(options, factory, random_).value();
      ends_[i]->addLocalHost(now_, kAddresses[i]);
      ends_[i]->endOfHosts(now_);
    }
    for (size_t i = 0; i < 2; ++i) {
      ends_[i]->setRemoteIceParameters(now_, ends_[1 - i]->ice().localParameters());
      for (const auto& local : ends_[1 - i]->ice().localCandidates()) {
        ends_[i]->addRemoteCandidate(now_, local.candidate);
      }
      const bool wrong = i == 0 && !believes_;
      ends_[i]->setRemoteFingerprints(
          now_, {wrong ? dtls::Fingerprint{"sha-256", "00"} : certificates[1 - i]->fingerprint()});
      ends_[i]->setDtlsRole(now_, (i == 0) == !(mode & 2) ? dtls::Role::client : dtls::Role::server);
      if (mode & 4) ends_[i]->startSctp(now_, {});
    }
    drain();
    if (mode & 8) {  // an undisturbed beginning, so that short inputs reach what comes after it
      for (int i = 0; i < 60; ++i) quietly();
    }
  }

  void step(uint8_t operation, ByteReader& reader) {
    const size_t to = operation >> 7;
    std::deque<Bytes>& queue = queues_[to];
    switch (operation & 7) {
      case 0: deliver(to, false); break;
      case 1: deliver(to, true); break;
      case 2:
        if (!queue.empty()) queue.pop_front();
        break;
      case 3: damage(queue, reader); break;
      case 4: inject(to, kAddresses[1 - to], reader); break;
      case 5: inject(to, kStranger, reader); break;
      case 6: pass(std::chrono::milliseconds(20 * (operation >> 3 & 15))); break;
      case 7: act(to, operation >> 3 & 7, reader); break;
    }
    drain();
  }

 private:
  void deliver(size_t to, bool keep) {
    if (queues_[to].empty()) return;
    const Bytes datagram = queues_[to].front();
    if (!keep) queues_[to].pop_front();
    ends_[to]->handleInput(now_, kAddresses[to], kAddresses[1 - to], datagram);
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

  void inject(size_t to, const SocketAddress& from, ByteReader& reader) {
    const size_t size = reader.u8().value_or(0);
    ends_[to]->handleInput(now_, kAddresses[to], from, *reader.bytes(std::min(size, reader.remaining())));
  }

  void pass(Duration time) {
    now_ += time;
    for (auto& end : ends_) end->handleTimeout(now_);
  }

  void quietly() {
    for (size_t to = 0; to < 2; ++to) {
      while (!queues_[to].empty()) deliver(to, false);
    }
    pass(20ms);
    drain();
  }

  void act(size_t at, int what, ByteReader& reader) {
    transport::Transport& end = *ends_[at];
    const size_t size = reader.u8().value_or(0);
    const ByteView view = *reader.bytes(std::min(size, reader.remaining()));
    const Bytes data(view.begin(), view.end());
    switch (what) {
      case 0: end.sendRtp(now_, data); break;
      case 1: end.sendRtcp(now_, data); break;
      case 2: {
        Bytes packet{0x80, 96, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
        storeU16(&packet[2], sequence_++);
        packet.insert(packet.end(), data.begin(), data.end());
        end.sendRtp(now_, packet);
        break;
      }
      case 3:
      case 4:
        if (end.sctp()) end.sctp()->send(now_, sctp::StreamId(0), sctp::Ppid(53), data);
        break;
      case 5: end.startSctp(now_, {}); break;
      case 6: end.restartIce(now_); break;
      case 7: end.close(now_); break;
    }
  }

  void drain() {
    Datagram datagram;
    for (size_t i = 0; i < 2; ++i) {
      while (ends_[i]->pollTransmit(datagram)) {
        if (queues_[1 - i].size() < 256) queues_[1 - i].push_back(datagram.data);
      }
      while (auto event = ends_[i]->pollEvent()) check(i, *event);
      if (i == 0 && !believes_ && ends_[i]->srtpReady()) std::abort();
    }
  }

  void check(size_t end, const transport::Event& event) const {
    if (end != 0 || believes_) return;
    if (std::holds_alternative<transport::RtpPacket>(event) || std::holds_alternative<transport::RtcpPacket>(event) ||
        std::holds_alternative<transport::DtlsConnected>(event)) {
      std::abort();
    }
  }

  Timestamp now_{1000s};
  SeededRandom random_;
  bool believes_;
  uint16_t sequence_ = 0;
  std::unique_ptr<transport::Transport> ends_[2];
  std::deque<Bytes> queues_[2];
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader reader({data, size});
  Run run(reader.u8().value_or(0));
  for (int steps = 0; steps < 300; ++steps) {
    const auto operation = reader.u8();
    if (!operation) break;
    run.step(*operation, reader);
  }
  return 0;
}
