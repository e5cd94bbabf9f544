// links: base sctp datachannel
// Two managers over two associations that lose nothing, and a program of operations: channels made, used and closed,
// and messages that a peer sends past its manager. Whatever happens, a channel's events keep their order.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "datachannel/manager.hpp"

using namespace peerage;
using namespace peerage::datachannel;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

struct End {
  explicit End(uint64_t seed) : random(seed), association(sctp::Options{}, random) {}
  SeededRandom random;
  sctp::Association association;
  Manager manager;
  std::vector<ChannelHandle> channels;
  std::map<ChannelHandle, int> stage;  // 1 made, 2 open, 3 closing, 4 closed

  void advance(ChannelHandle channel, int from, int to) {
    int& now = stage[channel];
    require(now >= from && now < to);
    now = to;
  }
  void note(const Incoming& e) {
    advance(e.channel, 0, 1);
    channels.push_back(e.channel);
  }
  void note(const Opened& e) { advance(e.channel, 1, 2); }
  void note(const Received& e) { require(stage[e.channel] == 2 || stage[e.channel] == 3); }
  void note(const BufferedAmountLow& e) { require(stage[e.channel] == 2 || stage[e.channel] == 3); }
  void note(const Closing& e) { advance(e.channel, 2, 3); }
  void note(const Closed& e) { advance(e.channel, 1, 4); }
};

void settle(End& a, End& b, Timestamp now) {
  bool moved = true;
  for (int rounds = 0; moved; ++rounds) {
    require(rounds < 10000);  // two ends that answer each other for ever
    moved = false;
    for (End* end : {&a, &b}) {
      End& other = end == &a ? b : a;
      while (auto event = end->association.pollEvent()) {
        end->manager.handleEvent(now, std::move(*event));
        moved = true;
      }
      while (auto event = end->manager.pollEvent()) std::visit([&](const auto& e) { end->note(e); }, *event);
      Bytes packet;
      while (end->association.pollTransmit(packet)) {
        other.association.handleInput(now, packet);
        moved = true;
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader input(ByteView(data, std::min<size_t>(size, 2048)));
  const auto next = [&] { return input.u8().value_or(0); };
  End a(1), b(2);
  Timestamp now{1s};
  a.manager.attach(now, &a.association);
  b.manager.attach(now, &b.association);
  while (!input.empty()) {
    const uint8_t op = next();
    End& end = op & 0x80 ? a : b;
    const auto pick = [&]() -> ChannelHandle {
      return end.channels.empty() ? ChannelHandle{0} : end.channels[next() % end.channels.size()];
    };
    switch (op & 7) {
      case 0:
      case 1: {
        ChannelParams params{.label = std::string(next() % 32, 'l'), .ordered = (op & 0x10) != 0};
        if (op & 0x20) params.maxRetransmits = 1;
        if (op & 0x40) params.maxPacketLifeTime = 10;
        if ((op & 7) == 1) {
          params.negotiated = true;
          params.id = next() % 6;
        }
        if (const auto made = end.manager.create(now, params)) {
          end.channels.push_back(*made);
          end.stage[*made] = 1;
        }
        break;
      }
      case 2:
        end.manager.send(now, pick(), Bytes(next() * 10, 'x'), op & 0x10);
        break;
      case 3:
        end.manager.close(now, pick());
        break;
      case 4: {  // what only a broken peer sends
        const sctp::StreamId stream(next() % 8);
        const sctp::Ppid ppid(48 + next() % 12);
        const auto body = *input.bytes(std::min<size_t>(next(), input.remaining()));
        end.association.send(now, stream, ppid, Bytes(body.begin(), body.end()));
        break;
      }
      case 5: {
        const sctp::StreamId streams[] = {sctp::StreamId(next() % 8)};
        end.association.resetStreams(now, streams);
        break;
      }
      case 6:
        end.manager.setRole(now, &end == &a ? DtlsRole::client : DtlsRole::server);
        end.association.connect(now);
        break;
      case 7:
        now += Duration(1ms) * next();
        a.association.handleTimeout(now);
        b.association.handleTimeout(now);
        if (op == 0x77) end.association.abort(now, "fuzz");
        break;
    }
    settle(a, b, now);
  }
  for (End* end : {&a, &b}) {
    end->manager.closeAll(std::nullopt);
    while (auto event = end->manager.pollEvent()) std::visit([&](const auto& e) { end->note(e); }, *event);
    for (const auto& [channel, stage] : end->stage) require(stage == 4);
  }
  return 0;
}
