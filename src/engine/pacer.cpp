#include "engine/pacer.hpp"

#include <algorithm>
#include <utility>

#include "engine/outgoing_stream.hpp"

namespace peerage::engine {

double Pacer::rate() const { return std::max(config_.factor * bitrate_ / 8, burstRate_); }

bool Pacer::push(Timestamp now, OutgoingStream* stream, Bytes packet, Sending sending) {
  if (bytes_ + packet.size() > config_.maxBytes) return false;
  bytes_ += packet.size();
  burstRate_ = std::max(burstRate_, static_cast<double>(bytes_) / seconds(config_.drain));
  (sending == Sending::first ? queue_ : urgent_).push_back({stream, std::move(packet), sending, now});
  return true;
}

std::optional<Pacer::Item> Pacer::pop(Timestamp now) {
  std::deque<Item>& from = urgent_.empty() ? queue_ : urgent_;
  if (from.empty() || free_ > now) return std::nullopt;
  const double bytesPerSecond = rate();
  Item item = std::move(from.front());
  from.pop_front();
  // After a pause a quantum's worth may leave at once.
  free_ = std::max(free_, now - config_.quantum) +
          fromSeconds(static_cast<double>(item.packet.size()) / std::max(bytesPerSecond, 1.0));
  released_ = now;
  bytes_ -= item.packet.size();
  if (bytes_ == 0) burstRate_ = 0;
  return item;
}

std::optional<Timeout> Pacer::nextTimeout() const {
  if (queue_.empty() && urgent_.empty()) return std::nullopt;
  return Timeout{std::max(free_, released_ + config_.quantum), "pacer"};
}

void Pacer::remove(const OutgoingStream* stream) {
  const auto drop = [&](const Item& item) {
    if (item.stream != stream) return false;
    bytes_ -= item.packet.size();
    return true;
  };
  std::erase_if(queue_, drop);
  std::erase_if(urgent_, drop);
}

Duration Pacer::backlog() const { return fromSeconds(static_cast<double>(bytes_) / std::max(rate(), 1.0)); }

}  // namespace peerage::engine
