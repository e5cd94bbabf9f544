// For tests: two associations on a simulated path, in virtual time. The same seed gives the same run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "sctp/association.hpp"

namespace peerage::sctp::testing {

struct PathOptions {
  Duration delay = 10ms;
  Duration jitter = 0ms;       ///< uniform, on top: reorders
  double loss = 0;             ///< of each packet, each way
  double duplicate = 0;
  double bytesPerSecond = 0;   ///< 0: no limit
  size_t queueBytes = 256 * 1024;
};

inline std::pair<Options, Options> bothWith(const Options& options) { return {options, options}; }

class Pair {
 public:
  struct Side {
    explicit Side(Options options, uint64_t seed) : random(seed), association(std::move(options), random) {}
    SeededRandom random;
    Association association;
    std::vector<Event> events;
    std::vector<Message> messages;
    Timestamp busyUntil{};
    uint64_t packets = 0;
    uint64_t wakeups = 0;
    /// Sees each packet on its way out; false drops it.
    std::function<bool(Bytes&)> filter;
    /// Takes each event instead of `events` and `messages`.
    std::function<void(Event)> onEvent;
  };

  explicit Pair(uint64_t seed = 1, PathOptions pathOptions = {}, Options options = {})
      : Pair(seed, pathOptions, options, options) {}
  Pair(uint64_t seed, PathOptions pathOptions, Options optionsA, Options optionsB)
      : path(pathOptions), random(seed), a(optionsA, seed * 2 + 100), b(optionsB, seed * 2 + 101) {}

  void connect() {
    a.association.connect(now);
    b.association.connect(now);
    run(5s);
  }

  /// Takes out what both have to say.
  void drain() {
    drain(a, b);
    drain(b, a);
  }

  /// To the next thing that happens; false when nothing will, or nothing before `end`.
  bool step(Timestamp end) {
    drain();
    std::optional<Timestamp> next;
    const auto consider = [&](Timestamp at) { next = next ? std::min(*next, at) : at; };
    if (!wire_.empty()) consider(wire_.begin()->first.first);
    if (const auto timeout = a.association.nextTimeout()) consider(timeout->at);
    if (const auto timeout = b.association.nextTimeout()) consider(timeout->at);
    if (!next || *next > end) return false;
    now = std::max(now, *next);
    while (!wire_.empty() && wire_.begin()->first.first <= now) {
      auto [to, packet] = std::move(wire_.begin()->second);
      wire_.erase(wire_.begin());
      to->association.handleInput(now, packet);
      drain();
    }
    for (Side* side : {&a, &b}) {
      const auto timeout = side->association.nextTimeout();
      if (timeout && timeout->at <= now) {
        side->association.handleTimeout(now);
        ++side->wakeups;
      }
    }
    drain();
    return true;
  }
  void run(Duration time) {
    const Timestamp end = now + time;
    while (step(end)) {
    }
    now = end;
  }
  /// Until `done` or the time is over; the result of `done`.
  bool runUntil(const std::function<bool()>& done, Duration time = 600s) {
    const Timestamp end = now + time;
    drain();
    while (!done()) {
      if (!step(end)) return done();
    }
    return true;
  }

  template <typename T>
  static size_t count(const Side& side) {
    size_t n = 0;
    for (const Event& event : side.events) n += std::holds_alternative<T>(event);
    return n;
  }
  template <typename T>
  static const T* last(const Side& side) {
    for (size_t i = side.events.size(); i-- > 0;) {
      if (const T* found = std::get_if<T>(&side.events[i])) return found;
    }
    return nullptr;
  }

  PathOptions path;
  SeededRandom random;
  Timestamp now{1s};
  Side a;
  Side b;

 private:
  void drain(Side& from, Side& to) {
    Bytes packet;
    while (from.association.pollTransmit(packet)) {
      ++from.packets;
      if (from.filter && !from.filter(packet)) continue;
      transmit(from, to, packet);
      if (path.duplicate > 0 && random.unit() < path.duplicate) transmit(from, to, packet);
    }
    while (auto event = from.association.pollEvent()) {
      if (from.onEvent) {
        from.onEvent(std::move(*event));
      } else if (Message* message = std::get_if<Message>(&*event)) {
        from.messages.push_back(std::move(*message));
      } else {
        from.events.push_back(std::move(*event));
      }
    }
  }
  void transmit(Side& from, Side& to, const Bytes& packet) {
    if (path.loss > 0 && random.unit() < path.loss) return;
    Timestamp leaves = now;
    if (path.bytesPerSecond > 0) {
      from.busyUntil = std::max(from.busyUntil, now);
      const double waiting = seconds(from.busyUntil - now) * path.bytesPerSecond;
      if (waiting > static_cast<double>(path.queueBytes)) return;
      from.busyUntil += fromSeconds(static_cast<double>(packet.size()) / path.bytesPerSecond);
      leaves = from.busyUntil;
    }
    Timestamp arrives = leaves + path.delay;
    if (path.jitter > Duration::zero()) {
      arrives += Duration(static_cast<int64_t>(random.below(static_cast<uint64_t>(path.jitter.count()) + 1)));
    }
    wire_.emplace(std::pair(arrives, order_++), std::pair(&to, packet));
  }

  std::map<std::pair<Timestamp, uint64_t>, std::pair<Side*, Bytes>> wire_;
  uint64_t order_ = 0;
};

}  // namespace peerage::sctp::testing
