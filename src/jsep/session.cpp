#include "jsep/session.hpp"

#include <algorithm>

#include "jsep/identifiers.hpp"

namespace peerage::jsep {
namespace {

/// Ids grow with the order in which things are added.
template <typename Range, typename Id>
auto* findById(Range& range, Id id) {
  const auto at = std::ranges::lower_bound(range, id, {}, [](const auto& item) { return item.id; });
  return at == range.end() || at->id != id ? nullptr : &*at;
}

template <typename Range>
auto* findInByMid(Range& range, std::string_view mid) {
  const auto at = std::ranges::find_if(range, [&](const auto& t) { return t.mid && *t.mid == mid; });
  return at == range.end() ? nullptr : &*at;
}

}  // namespace

Transceiver* Session::find(TransceiverId id) { return findById(transceivers, id); }
const Transceiver* Session::find(TransceiverId id) const { return findById(transceivers, id); }
Transceiver* Session::findByMid(std::string_view mid) { return findInByMid(transceivers, mid); }
const Transceiver* Session::findByMid(std::string_view mid) const { return findInByMid(transceivers, mid); }
Transport* Session::find(TransportId id) { return findById(transports, id); }
const Transport* Session::find(TransportId id) const { return findById(transports, id); }

std::optional<TransportId> Session::transportOf(std::string_view mid) const {
  const auto at = midTransports.find(mid);
  return at == midTransports.end() ? std::nullopt : std::optional(at->second);
}

const Description* Session::localDescription() const {
  return pendingLocal ? &*pendingLocal : currentLocal ? &*currentLocal : nullptr;
}

const Description* Session::remoteDescription() const {
  return pendingRemote ? &*pendingRemote : currentRemote ? &*currentRemote : nullptr;
}

Session makeSession(Config config, RandomSource& random) {
  Session session;
  session.config = std::move(config);
  // RFC 9429 §5.2.1: a random quantity below 2^63 - 1, so that no parser sees a negative number.
  session.originId = random.below((uint64_t{1} << 63) - 2) + 1;
  session.cname = random.iceChars(16);  // RFC 7022 §4.2: at least 96 random bits
  session.defaultStreamId = randomUuid(random);
  return session;
}

}  // namespace peerage::jsep
