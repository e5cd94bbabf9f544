// Which TSNs have come, and when the peer must hear of it (RFC 9260 §6.2, §3.3.4).
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "base/unwrap.hpp"
#include "sctp/tsn_set.hpp"
#include "sctp/types.hpp"

namespace peerage::sctp {

class DataTracker {
 public:
  /// How far beyond the cumulative TSN a SACK can report: its gap blocks hold 16-bit offsets.
  static constexpr TsnValue kMaxAhead = 65535;
  /// Holes kept at most; a SACK has room for about 290 gap blocks, so more could not even be reported.
  static constexpr size_t kMaxRuns = 2048;
  /// Duplicates reported in one SACK at most; they are only a hint to the sender.
  static constexpr size_t kMaxDuplicates = 20;
  /// How far a FORWARD TSN may jump. Each chunk skipped took a byte of a window of at most some MiB.
  static constexpr TsnValue kMaxForward = TsnValue{1} << 24;

  enum class Verdict : uint8_t {
    fresh,      ///< not seen before: store its data, then add()
    duplicate,  ///< seen
    too_far,    ///< cannot be reported, so it is as if it had not come
  };

  explicit DataTracker(uint32_t peerInitialTsn);

  TsnValue cumulative() const { return cumulative_; }
  TsnValue unwrap(uint32_t tsn) const { return cumulative_ + static_cast<int32_t>(tsn - wireTsn(cumulative_)); }
  Verdict judge(TsnValue tsn) const;
  /// Takes in a fresh TSN.
  void add(TsnValue tsn);
  void addDuplicate(TsnValue tsn);
  /// FORWARD TSN: everything up to `tsn` counts as received. False when `tsn` is impossible.
  bool forward(TsnValue tsn);

  /// Called once for each packet that held DATA: a SACK is due at once for every second one, when there are holes, on a
  /// duplicate, and when the sender asks (I bit); otherwise after `delay` (§6.2).
  void packetHadData(Timestamp now, Duration delay, bool immediately);
  void requestSack() { due_ = Due::now; }
  bool sackDue() const { return due_ == Due::now; }
  /// True when a SACK would tell something new, so it may ride along with DATA.
  bool sackPending() const { return due_ != Due::none; }
  std::optional<Timestamp> sackDeadline() const { return due_ == Due::later ? deadline_ : std::nullopt; }
  void handleTimeout(Timestamp now);

  /// Appends a SACK chunk of at most `room` bytes (at least 16) and marks it as sent.
  void writeSack(Bytes& out, uint32_t receiveWindow, size_t room);

 private:
  enum class Due : uint8_t { none, later, now };
  TsnValue cumulative_;
  TsnSet beyond_;  ///< received, above cumulative_ + 1
  std::vector<TsnValue> duplicates_;
  bool sawDuplicate_ = false;
  bool hadHoles_ = false;
  Due due_ = Due::none;
  int packetsSinceSack_ = 0;
  std::optional<Timestamp> deadline_;
};

}  // namespace peerage::sctp
