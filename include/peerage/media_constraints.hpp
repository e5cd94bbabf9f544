// mediacapture-streams §4.3.5 to §4.3.8: what a track can give, gives, and shall give. Members of cameras and microphones
// (facingMode, echoCancellation, …) are left out: the sources of a native program are its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "peerage/dom_exception.hpp"

namespace peerage {

struct ULongRange {
  std::optional<uint32_t> max = std::nullopt;
  std::optional<uint32_t> min = std::nullopt;
};
struct DoubleRange {
  std::optional<double> max = std::nullopt;
  std::optional<double> min = std::nullopt;
};
/// `min`, `max` and `exact` are required; `ideal`, as a bare number, is a wish.
struct ConstrainULongRange : ULongRange {
  std::optional<uint32_t> exact = std::nullopt;
  std::optional<uint32_t> ideal = std::nullopt;
};
struct ConstrainDoubleRange : DoubleRange {
  std::optional<double> exact = std::nullopt;
  std::optional<double> ideal = std::nullopt;
};
using ConstrainULong = std::variant<uint32_t, ConstrainULongRange>;
using ConstrainDouble = std::variant<double, ConstrainDoubleRange>;

/// mediacapture-streams §4.3.6. A range is one value: a source gives what it gives. Absent before the first frame.
struct MediaTrackCapabilities {
  std::optional<ULongRange> width = std::nullopt;        ///< pixels
  std::optional<ULongRange> height = std::nullopt;
  std::optional<DoubleRange> aspectRatio = std::nullopt;
  std::optional<DoubleRange> frameRate = std::nullopt;   ///< 1/s
  std::optional<ULongRange> sampleRate = std::nullopt;   ///< Hz
  std::optional<ULongRange> sampleSize = std::nullopt;   ///< bits
  std::optional<ULongRange> channelCount = std::nullopt;
};

/// mediacapture-streams §4.3.7: what the last frames were. Absent before the first.
struct MediaTrackSettings {
  std::optional<uint32_t> width = std::nullopt;  ///< pixels
  std::optional<uint32_t> height = std::nullopt;
  std::optional<double> aspectRatio = std::nullopt;
  std::optional<double> frameRate = std::nullopt;  ///< pictures in the last second of their timestamps
  std::optional<uint32_t> sampleRate = std::nullopt;  ///< Hz
  std::optional<uint32_t> sampleSize = std::nullopt;  ///< bits
  std::optional<uint32_t> channelCount = std::nullopt;
};

/// mediacapture-streams §4.3.8.
struct MediaTrackConstraintSet {
  std::optional<ConstrainULong> width = std::nullopt;
  std::optional<ConstrainULong> height = std::nullopt;
  std::optional<ConstrainDouble> aspectRatio = std::nullopt;
  std::optional<ConstrainDouble> frameRate = std::nullopt;
  std::optional<ConstrainULong> sampleRate = std::nullopt;
  std::optional<ConstrainULong> sampleSize = std::nullopt;
  std::optional<ConstrainULong> channelCount = std::nullopt;
};
struct MediaTrackConstraints : MediaTrackConstraintSet {
  std::optional<std::vector<MediaTrackConstraintSet>> advanced = std::nullopt;
};

/// mediacapture-streams §4.3.8, OverconstrainedError: a required constraint that cannot be met.
class OverconstrainedError : public DOMException {
 public:
  explicit OverconstrainedError(std::string_view constraint, std::string_view message = "")
      : DOMException(message, "OverconstrainedError"), constraint_(constraint) {}
  ~OverconstrainedError() override;
  const std::string& constraint() const noexcept { return constraint_; }

 private:
  std::string constraint_;
};

}  // namespace peerage
