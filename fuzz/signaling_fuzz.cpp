// links: signaling
// Whole conversations with the signalling server: lines of the input come, close, pass time, or are messages of one of
// four connections. Whatever they do, counts stay within the limits and an empty server ends with nothing to wait for.
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "signaling/protocol/hub.hpp"

using namespace peerage;
using namespace peerage::signaling;

namespace {

constexpr size_t kConnections = 4;

struct Player {
  SeededRandom random{1};
  Hub hub{limits(), random};
  Timestamp now{};
  uint64_t next = 1;
  std::vector<std::optional<ConnectionId>> connections = std::vector<std::optional<ConnectionId>>(kConnections);

  static Limits limits() {
    Limits out;
    out.messageBytes = 512;
    out.users = 3;
    out.messageBurst = 20;
    out.unacknowledgedMessages = 8;
    return out;
  }
  void drain() {
    size_t count = 0;
    while (auto output = hub.pollTransmit()) {
      if (++count > 100) std::abort();  // an input must not be answered by a flood
    }
    while (hub.pollEvent()) {
    }
  }
  void close(size_t which) {
    if (connections[which]) hub.handleClose(now, *connections[which]);
    connections[which].reset();
  }
  /// The first character says what, the second who; what follows is the message.
  void play(std::string_view line) {
    if (line.size() < 2) return;
    const size_t which = static_cast<unsigned char>(line[1]) % kConnections;
    switch (line[0]) {
      case 'j':
      case 'p':
        close(which);
        connections[which] = ConnectionId(next++);
        hub.handleConnect(now, *connections[which], line[0] == 'j' ? Protocol::json : Protocol::peerage_1);
        break;
      case 'c': close(which); break;
      case 't':
        now += std::chrono::seconds(static_cast<unsigned char>(line[1]));
        hub.handleTimeout(now);
        break;
      default:
        if (connections[which]) hub.handleInput(now, *connections[which], line.substr(2));
    }
    drain();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Player player;
  std::string_view rest = asText({data, size});
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    player.play(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  for (size_t i = 0; i < kConnections; ++i) player.close(i);
  for (int i = 0; i < 3; ++i) {
    player.now += 60s;
    player.hub.handleTimeout(player.now);
    player.drain();
  }
  if (player.hub.connections() != 0 || player.hub.nextTimeout()) std::abort();
  return 0;
}
