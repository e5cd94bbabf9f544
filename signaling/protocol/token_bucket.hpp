// Rate limiting: tokens flow in at a rate up to a depth; what is done takes some out.
#pragma once

#include <algorithm>

#include "base/time.hpp"

namespace peerage::signaling {

class TokenBucket {
 public:
  TokenBucket(Timestamp now, double perSecond, double burst)
      : perSecond_(perSecond), burst_(burst), tokens_(burst), last_(now) {}

  /// Takes `amount` out when that many are there; false, taking none, when not.
  bool take(Timestamp now, double amount) {
    if (now > last_) {
      tokens_ = std::min(burst_, tokens_ + seconds(now - last_) * perSecond_);
      last_ = now;
    }
    if (tokens_ < amount) return false;
    tokens_ -= amount;
    return true;
  }

 private:
  double perSecond_;
  double burst_;
  double tokens_;
  Timestamp last_;
};

}  // namespace peerage::signaling
