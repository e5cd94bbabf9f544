#include "sim/link.hpp"

#include <algorithm>

namespace peerage::sim {

Link::Fate Link::offer(Timestamp now, size_t packetBytes, RandomSource& random) {
  ++counters_.sent;
  // Drawn for every datagram in one order, needed or not: changing one impairment leaves the others' draws alone.
  const bool lost = random.unit() < options_.loss;
  const bool twice = random.unit() < options_.duplicate;
  const bool late = random.unit() < options_.reorder;
  const bool corrupted = random.unit() < options_.corrupt;
  const Duration jitter(static_cast<int64_t>(random.unit() * static_cast<double>(options_.jitter.count())));

  Fate fate;
  if (!options_.up || lost) {
    ++counters_.lost;
    return fate;
  }
  if (packetBytes > options_.mtu) {
    ++counters_.tooBig;
    return fate;
  }
  Timestamp departure = now;
  if (options_.bitsPerSecond > 0) {
    const double nanosecondsPerByte = 8e9 / static_cast<double>(options_.bitsPerSecond);
    const double backlog = static_cast<double>(std::max(busyUntil_ - now, Duration::zero()).count());
    const double waitingBytes = backlog / nanosecondsPerByte;
    if (waitingBytes + static_cast<double>(packetBytes) > static_cast<double>(options_.queueBytes)) {
      ++counters_.queueFull;
      return fate;
    }
    departure = std::max(now, busyUntil_) + Duration(static_cast<int64_t>(nanosecondsPerByte * double(packetBytes)));
    busyUntil_ = departure;
  }
  fate.arrives = true;
  fate.at = std::max(departure + options_.latency + jitter, lastArrival_);
  if (late) {
    ++counters_.reordered;
    fate.at += options_.reorderDelay;  // those sent after it do not wait for it
  } else {
    lastArrival_ = fate.at;
  }
  fate.twice = twice;
  fate.corrupted = corrupted;
  counters_.duplicated += twice;
  counters_.corrupted += corrupted;
  return fate;
}

}  // namespace peerage::sim
