#include "jsep/transceivers.hpp"

#include <algorithm>

#include "jsep/identifiers.hpp"

namespace peerage::jsep {

Transceiver& createTransceiver(Session& session, MediaKind kind, Direction direction, RandomSource& random) {
  Transceiver t;
  t.id = TransceiverId(session.nextTransceiver++);
  t.kind = kind;
  t.direction = direction;
  t.senderId = randomUuid(random);
  t.sendEncodings.emplace_back();
  if (kind == MediaKind::video) t.sendEncodings.front().scaleResolutionDownBy = 1.0;
  assignSsrcs(session, t.sendEncodings, random);
  session.transceivers.push_back(std::move(t));
  return session.transceivers.back();
}

void stopSendingAndReceiving(Transceiver& t) {
  t.direction = Direction::inactive;
  t.stopping = true;
}

void stopTransceiver(Transceiver& t) {
  if (!t.stopping) stopSendingAndReceiving(t);
  t.stopped = true;
  t.receptive = false;
  t.currentDirection.reset();
  t.remoteStreamIds.clear();
  t.lastStable.remoteStreamIds.clear();
}

void setCurrentDirection(Transceiver& t, Direction direction) {
  t.currentDirection = direction;
  t.everSent = t.everSent || sends(direction);
}

size_t maxEncodings(const Config& config, MediaKind kind) {
  return std::max<size_t>(1, kind == MediaKind::audio ? config.maxAudioEncodings : config.maxVideoEncodings);
}

double defaultScale(size_t index, size_t count) {
  double scale = 1.0;
  for (size_t i = index + 1; i < count; ++i) scale *= 2;
  return scale;
}

}  // namespace peerage::jsep
