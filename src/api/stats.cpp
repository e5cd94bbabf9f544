#include "peerage/stats.hpp"

namespace peerage {

std::optional<double> RTCStats::number(std::string_view name) const {
  const auto it = members.find(name);
  if (it == members.end()) return std::nullopt;
  if (const auto* i = std::get_if<int64_t>(&it->second)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<uint64_t>(&it->second)) return static_cast<double>(*u);
  if (const auto* d = std::get_if<double>(&it->second)) return *d;
  return std::nullopt;
}

std::string RTCStats::text(std::string_view name) const {
  const auto it = members.find(name);
  if (it == members.end()) return {};
  const auto* text = std::get_if<std::string>(&it->second);
  return text ? *text : std::string{};
}

const RTCStats* RTCStatsReport::get(std::string_view id) const {
  const auto it = objects_.find(id);
  return it == objects_.end() ? nullptr : &it->second;
}

std::vector<const RTCStats*> RTCStatsReport::ofType(std::string_view type) const {
  std::vector<const RTCStats*> found;
  for (const auto& [id, stats] : objects_) {
    if (stats.type == type) found.push_back(&stats);
  }
  return found;
}

}  // namespace peerage
