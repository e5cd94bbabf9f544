// links: ice
// The bytes are a program of what an owner and a network may do to an agent: calls, time, answers to its own requests,
// checks with the right or wrong key, raw bytes. Two octets choose each step.
#include <deque>

#include "ice/agent.hpp"
#include "stun/message.hpp"

namespace {

using namespace peerage;
using namespace peerage::ice;

constexpr const char* kLocalPassword = "localpasswordlocalpassword";
constexpr const char* kRemotePassword = "remotepasswordremotepassword";

SocketAddress localAt(uint8_t n) { return {IpAddress::v4(192, 0, 2, static_cast<uint8_t>(n % 4 + 1)), 5000}; }
SocketAddress remoteAt(uint8_t n) {
  return {IpAddress::v4(198, 51, 100, static_cast<uint8_t>(n % 16 + 1)), static_cast<uint16_t>(6000 + n / 16)};
}

class Program {
 public:
  explicit Program(ByteView data) : reader_(data), agent_(makeOptions(), random_) {}

  void run() {
    for (int steps = 0; steps < 512; ++steps) {
      const auto what = reader_.u8();
      const auto which = reader_.u8();
      if (!what || !which) return;
      step(*what, *which);
      drain();
    }
  }

 private:
  static AgentOptions makeOptions() {
    AgentOptions options;
    options.local = {"local", kLocalPassword};
    options.tiebreaker = 1000;
    options.maxPairs = 20;
    options.maxRemoteCandidates = 24;
    return options;
  }

  void step(uint8_t what, uint8_t which) {
    switch (what % 16) {
      case 0: return agent_.addLocalHost(now_, localAt(which));
      case 1: return agent_.addStunServer(now_, remoteAt(which), "stun:x");
      case 2: return agent_.endOfHosts(now_);
      case 3:
        return agent_.setRemoteParameters(now_, {which % 4 ? "remote" : "other", kRemotePassword, which % 8 == 1});
      case 4: return addRemote(which);
      case 5: return agent_.endOfRemoteCandidates(now_);
      case 6: return agent_.restart(now_, {which % 2 ? "local" : "again", kLocalPassword});
      case 7: return agent_.setRole(which % 2 ? Role::controlling : Role::controlled);
      case 8: now_ += Duration(1ms) * which; return agent_.handleTimeout(now_);
      case 9: now_ += Duration(1s) * (which % 40); return agent_.handleTimeout(now_);
      case 10: return advance();
      case 11:
      case 12: return answer(which);
      case 13: return check(which);
      case 14: return raw(which);
      case 15: if (which == 255) agent_.close(now_);
    }
  }

  void addRemote(uint8_t which) {
    Candidate candidate;
    candidate.foundation = std::to_string(which % 5);
    candidate.priority = uint32_t{which} << 20;
    candidate.address = remoteAt(which).ip.toString();
    candidate.port = remoteAt(which).port;
    candidate.type = static_cast<CandidateType>(which % 5);
    if (which % 3 == 0) candidate.ufrag = which % 2 ? "remote" : "other";
    agent_.addRemoteCandidate(now_, candidate);
  }

  void advance() {
    const auto timeout = agent_.nextTimeout();
    if (!timeout) return;
    if (timeout->at > now_) now_ = timeout->at;
    agent_.handleTimeout(now_);
  }

  void answer(uint8_t which) {
    if (asked_.empty()) return;
    const Datagram request = std::move(asked_.front());
    asked_.pop_front();
    const auto message = stun::Message::parse(request.data);
    Bytes data;
    const bool error = which % 8 == 7;
    stun::Builder builder(data, error ? stun::Class::error : stun::Class::success, stun::Method::binding,
                          message->transactionId());
    if (error) builder.errorCode(which & 8 ? 487 : 400, "");
    builder.xorAddress(stun::AttributeType::xor_mapped_address, which & 16 ? remoteAt(which) : request.local);
    builder.integrity(which & 32 ? "wrong" : kRemotePassword).fingerprint();
    agent_.handleInput(now_, request.local, which & 64 ? remoteAt(which) : request.remote, data);
  }

  void check(uint8_t which) {
    Bytes data;
    stun::Builder builder(data, stun::Class::request, stun::Method::binding, stun::TransactionId::random(random_));
    builder.username(which & 1 ? "local:remote" : which & 2 ? "again:remote" : "local:other").priority(which * 9999u);
    if (which & 4) builder.useCandidate();
    if (which & 8) {
      builder.iceControlling(which * 100u);
    } else {
      builder.iceControlled(which * 100u);
    }
    builder.integrity(which == 77 ? "wrong" : kLocalPassword).fingerprint();
    agent_.handleInput(now_, localAt(which), remoteAt(reader_.u8().value_or(0)), data);
  }

  void raw(uint8_t which) {
    const auto bytes = reader_.bytes(std::min<size_t>(which, reader_.remaining()));
    agent_.handleInput(now_, localAt(which), remoteAt(which), *bytes);
  }

  void drain() {
    while (auto datagram = agent_.pollTransmit()) {
      const auto message = stun::Message::parse(datagram->data);
      if (!message || message->fingerprint() != stun::Check::valid) __builtin_trap();
      if (message->isRequest() && asked_.size() < 64) asked_.push_back(std::move(*datagram));
    }
    while (agent_.pollEvent()) continue;
    const auto path = agent_.sendPath();
    if (path && !agent_.validated(path->local, path->remote)) __builtin_trap();  // never send where nobody consented
    const State state = agent_.state();
    if ((state == State::connected || state == State::completed) && !path) __builtin_trap();
    if ((state == State::failed || state == State::closed) && path) __builtin_trap();
    if (agent_.pairStats().size() > 40 || agent_.allRemoteCandidates().size() > 48) __builtin_trap();
    (void)agent_.selectedPair();
    (void)agent_.roundTripTime();
  }

  ByteReader reader_;
  SeededRandom random_{7};
  Agent agent_;
  Timestamp now_{1s};
  std::deque<Datagram> asked_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Program({data, size}).run();
  return 0;
}
