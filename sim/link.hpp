// One direction between two hosts: when a datagram arrives, if it does.
#pragma once

#include "base/random.hpp"
#include "base/time.hpp"
#include "peerage/sim.hpp"

namespace peerage::sim {

class Link {
 public:
  explicit Link(const LinkOptions& options) : options_(options) {}
  void setOptions(const LinkOptions& options) { options_ = options; }
  const LinkCounters& counters() const { return counters_; }
  void countDelivered() { ++counters_.delivered; }

  /// What happens to one datagram of `packetBytes` (headers included).
  struct Fate {
    bool arrives = false;
    Timestamp at{};
    bool twice = false;
    bool corrupted = false;
  };
  Fate offer(Timestamp now, size_t packetBytes, RandomSource& random);

 private:
  LinkOptions options_;
  LinkCounters counters_;
  Timestamp busyUntil_{};
  Timestamp lastArrival_{};
};

}  // namespace peerage::sim
