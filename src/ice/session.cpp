#include "ice/session.hpp"

#include <algorithm>
#include <string_view>

namespace peerage::ice {

Pair* Session::pair(PairId id) const {
  for (const auto& each : pairs) {
    if (each->id == id) return each.get();
  }
  return nullptr;
}

Pair* Session::pair(const Path& path) const {
  const auto found = pairByPath.find(path);
  return found == pairByPath.end() ? nullptr : found->second;
}

Pair* Session::active(Timestamp now) const {
  if (Pair* chosen = selectedPair(); chosen && chosen->usable(now)) return chosen;
  for (const auto& each : pairs) {
    if (each->usable(now)) return each.get();
  }
  return nullptr;
}

std::optional<size_t> Session::baseAt(const SocketAddress& address) const {
  for (size_t i = 0; i < locals.size(); ++i) {
    if (locals[i].sends && locals[i].candidate.base == address) return i;
  }
  return std::nullopt;
}

bool Session::isPending(const Pair& each) const {
  return each.queued || each.state == PairState::frozen || each.state == PairState::waiting ||
         each.state == PairState::in_progress;
}

bool Session::hasPending() const {
  return std::ranges::any_of(pairs, [this](const auto& each) { return isPending(*each); });
}

const LocalCandidate& Session::localOf(const Pair& each) const {
  return locals[each.mappedLocal.value_or(each.local)].candidate;
}

void Session::sortPairs() {
  std::ranges::sort(pairs, [](const auto& a, const auto& b) {
    return a->priority != b->priority ? a->priority > b->priority : a->id < b->id;
  });
}

void Session::thaw() {
  if (std::ranges::none_of(pairs, [](const auto& each) { return each->state == PairState::frozen; })) return;
  std::unordered_map<std::string_view, bool> busy;  // foundation -> has one that is waiting or in progress
  std::unordered_map<std::string_view, bool> good;
  for (const auto& each : pairs) {
    if (each->state == PairState::waiting || each->state == PairState::in_progress) busy[each->foundation] = true;
    if (each->state == PairState::succeeded) good[each->foundation] = true;
  }
  for (const auto& each : pairs) {
    if (each->state != PairState::frozen) continue;
    if (good.contains(each->foundation) || !busy[each->foundation]) {
      each->state = PairState::waiting;
      busy[each->foundation] = true;
    }
  }
}

void Session::removePair(PairId id) {
  const auto found = std::ranges::find(pairs, id, [](const auto& each) { return each->id; });
  if (found == pairs.end()) return;
  pairByPath.erase((*found)->path);
  std::erase(triggered, id);
  if (selected == id) selected.reset();
  if (nominating == id) nominating.reset();
  pairs.erase(found);
}

}  // namespace peerage::ice
