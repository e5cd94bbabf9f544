// webrtc-pc §8 and webrtc-stats: the report of getStats().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace peerage {

/// A member's value: as in webrtc-stats, seconds are double, counts are unsigned, ids are strings.
using RTCStatsValue = std::variant<bool, int64_t, uint64_t, double, std::string>;

/// One stats object: the base dictionary RTCStats and the members of its type, by their names in webrtc-stats.
struct RTCStats {
  double timestamp = 0;  ///< milliseconds since the Unix epoch
  std::string type;      ///< "inbound-rtp", "candidate-pair", …
  std::string id;
  std::map<std::string, RTCStatsValue, std::less<>> members;

  /// The member as a number; nullopt when the object has no such member or it is not numeric.
  std::optional<double> number(std::string_view name) const;
  /// The member as text; empty when the object has no such member or it is no string.
  std::string text(std::string_view name) const;
};

/// webrtc-pc §8.4: a read-only map from id to stats object, in the order of creation of the objects' types.
class RTCStatsReport {
 public:
  using Map = std::map<std::string, RTCStats, std::less<>>;

  RTCStatsReport() = default;
  explicit RTCStatsReport(Map objects) : objects_(std::move(objects)) {}
  size_t size() const { return objects_.size(); }
  bool has(std::string_view id) const { return objects_.contains(id); }
  /// The object with this id; null when there is none.
  const RTCStats* get(std::string_view id) const;
  /// All objects of one type.
  std::vector<const RTCStats*> ofType(std::string_view type) const;
  Map::const_iterator begin() const { return objects_.begin(); }
  Map::const_iterator end() const { return objects_.end(); }

 private:
  Map objects_;
};

}  // namespace peerage
