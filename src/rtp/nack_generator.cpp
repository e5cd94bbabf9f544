#include "rtp/nack_generator.hpp"

#include <algorithm>
#include <utility>

namespace peerage::rtp {

Duration NackGenerator::retryInterval() const { return std::max(config_.minRetry, roundTrip_ + 5ms); }

void NackGenerator::reset() {
  missing_.clear();
  highest_.reset();
  givenUp_ = false;
}

void NackGenerator::giveUp(size_t count) {
  if (count == 0) return;
  missing_.erase(missing_.begin(), missing_.begin() + static_cast<ptrdiff_t>(count));
  givenUp_ = true;
}

bool NackGenerator::onPacket(Timestamp now, int64_t sequence) {
  if (!highest_) {
    highest_ = sequence;
    return false;
  }
  if (sequence <= *highest_) {
    const auto at = std::ranges::lower_bound(missing_, sequence, {}, &Missing::sequence);
    if (at == missing_.end() || at->sequence != sequence) return false;
    const bool asked = at->retries > 0;
    missing_.erase(at);
    return asked;
  }
  const int64_t gap = sequence - *highest_ - 1;
  if (gap > 0 && missing_.size() + static_cast<size_t>(gap) > config_.maxMissing) {
    giveUp(missing_.size());
    givenUp_ = true;
  } else {
    for (int64_t lost = *highest_ + 1; lost < sequence; ++lost)
      missing_.push_back({lost, now, now + config_.reorderDelay, 0});
  }
  highest_ = sequence;
  // What newer packets have overtaken far enough is lost, not late. Only the last few can be on the edge.
  const int64_t edge = sequence - config_.reorderTolerance;
  for (auto it = missing_.rbegin(); it != missing_.rend() && it->retries == 0; ++it) {
    if (it->sequence <= edge) it->next = std::min(it->next, now);
  }
  return false;
}

void NackGenerator::forgetBefore(int64_t sequence) {
  const auto at = std::ranges::lower_bound(missing_, sequence, {}, &Missing::sequence);
  missing_.erase(missing_.begin(), at);
}

void NackGenerator::due(Timestamp now, std::vector<uint16_t>& out) {
  out.clear();
  size_t old = 0;
  while (old < missing_.size() && now - missing_[old].since >= config_.maxAge) ++old;
  giveUp(old);
  for (auto it = missing_.begin(); it != missing_.end();) {
    if (it->next > now) {
      ++it;
      continue;
    }
    if (it->retries >= config_.maxRetries) {
      it = missing_.erase(it);
      givenUp_ = true;
      continue;
    }
    ++it->retries;
    it->next = now + retryInterval();
    out.push_back(static_cast<uint16_t>(it->sequence));
    ++it;
  }
}

std::optional<Timeout> NackGenerator::nextTimeout() const {
  if (missing_.empty()) return std::nullopt;
  Timestamp at = missing_.front().since + config_.maxAge;
  for (const Missing& missing : missing_) at = std::min(at, missing.next);
  return Timeout{at, "nack"};
}

bool NackGenerator::takeGivenUp() { return std::exchange(givenUp_, false); }

}  // namespace peerage::rtp
