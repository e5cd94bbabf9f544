// The congestion window (RFC 9260 §7.2). What it is told and asked is all that a sender needs of a controller, so that
// another one can take its place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

namespace peerage::sctp {

class CongestionWindow {
 public:
  /// `packetPayload` is the most user data in one packet (PMDCS in RFC 9260's terms).
  CongestionWindow(size_t packetPayload, size_t initialPackets, size_t slowStartPacketsPerSack)
      : unit_(packetPayload), initial_(initialPackets * packetPayload), growthLimit_(slowStartPacketsPerSack),
        window_(initial_) {}

  size_t window() const { return window_; }
  size_t threshold() const { return threshold_; }
  bool slowStart() const { return window_ <= threshold_; }

  /// New data was acknowledged, the cumulative TSN moved and no recovery is on. `wasFull`: the window, not the
  /// application, was what limited sending; a window that is not used does not grow (§7.2.1, RFC 7661's concern).
  void onAcked(size_t bytes, bool wasFull) {
    if (!wasFull) return;
    if (slowStart()) {  // §7.2.1
      window_ += std::min(bytes, growthLimit_ * unit_);
      return;
    }
    partialBytesAcked_ += bytes;  // §7.2.2
    if (partialBytesAcked_ >= window_) {
      partialBytesAcked_ -= window_;
      window_ += unit_;
    }
  }
  /// Fast retransmit begins a recovery (§7.2.3, §7.2.4).
  void onLoss() {
    threshold_ = std::max(window_ / 2, 4 * unit_);
    window_ = threshold_;
    partialBytesAcked_ = 0;
  }
  /// T3-rtx expired (§7.2.3).
  void onTimeout() {
    threshold_ = std::max(window_ / 2, 4 * unit_);
    window_ = unit_;
    partialBytesAcked_ = 0;
  }
  /// Nothing was sent for `rtos` times the RTO: what the window knew of the path is old (§7.2.1).
  void onIdle(size_t rtos) {
    threshold_ = std::max(threshold_, window_ / 4 * 3);  // what was reached once may be reached quickly (RFC 2861 §2)
    for (; rtos > 0 && window_ > initial_; --rtos) window_ = std::max(window_ / 2, initial_);
  }

 private:
  // §7.2.1: the first slow-start threshold may be as high as one likes; 0 would never leave congestion avoidance.
  static constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();
  size_t unit_;
  size_t initial_;
  size_t growthLimit_;
  size_t window_;
  size_t threshold_ = kUnlimited;
  size_t partialBytesAcked_ = 0;
};

}  // namespace peerage::sctp
