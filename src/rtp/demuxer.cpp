#include "rtp/demuxer.hpp"

#include <algorithm>

namespace peerage::rtp {

void Demuxer::configure(std::span<const Section> sections) {
  // Where each old section went, by key.
  std::vector<std::optional<uint16_t>> moved(sections_.size());
  for (size_t i = 0; i < sections_.size(); ++i) {
    const auto at = std::ranges::find(sections, sections_[i].key, &Section::key);
    if (at != sections.end()) moved[i] = static_cast<uint16_t>(at - sections.begin());
  }
  std::unordered_map<Ssrc, Learned> kept;
  for (const auto& [ssrc, entry] : remote_) {
    if (!moved[entry.section] || (entry.signalled && !entry.seen)) continue;
    Learned now = entry;
    now.section = *moved[entry.section];
    now.signalled = false;
    if (entry.rid != kNoRid) {
      const auto& rids = sections[now.section].rids;
      const auto at = std::ranges::find(rids, sections_[entry.section].rids[entry.rid]);
      now.rid = at == rids.end() ? kNoRid : static_cast<uint16_t>(at - rids.begin());
    }
    kept.emplace(ssrc, now);
  }
  remote_ = std::move(kept);
  sections_.assign(sections.begin(), sections.end());
  local_.clear();
  payloadTypes_.assign(sections_.size(), {});
  payloadTypeSection_ = filled();
  for (size_t i = 0; i < sections_.size(); ++i) {
    const auto index = static_cast<uint16_t>(i);
    for (const uint8_t type : sections_[i].payloadTypes) {
      if (type > 127 || payloadTypes_[i][type]) continue;
      payloadTypes_[i][type] = true;
      int16_t& owner = payloadTypeSection_[type];
      owner = owner == kNoSection ? static_cast<int16_t>(index) : kAmbiguous;
    }
    for (const Ssrc ssrc : sections_[i].localSsrcs) local_.emplace(ssrc, index);
    for (const Ssrc ssrc : sections_[i].remoteSsrcs) {
      Learned* entry = insert(ssrc, index);
      if (!entry) continue;
      // What the description says gives way only to what packets have said with a MID.
      if (entry->section != index && !entry->midSequence) *entry = Learned{.section = index};
      entry->signalled = true;
    }
  }
}

int16_t Demuxer::sectionOf(std::string_view mid) const {
  for (size_t i = 0; i < sections_.size(); ++i) {
    if (sections_[i].mid == mid) return static_cast<int16_t>(i);
  }
  return kNoSection;
}

Demuxer::Learned* Demuxer::insert(Ssrc ssrc, uint16_t section) {
  if (const auto at = remote_.find(ssrc); at != remote_.end()) return &at->second;
  if (remote_.size() >= kMaxLearned) {
    ++counters_.tableFull;
    return nullptr;
  }
  Learned& entry = remote_[ssrc];
  entry.section = section;
  return &entry;
}

std::optional<Demuxer::Route> Demuxer::route(const PacketView& packet, const Extensions& values) {
  Learned* entry = nullptr;
  if (const auto at = remote_.find(packet.ssrc); at != remote_.end()) entry = &at->second;
  if (!values.mid.empty()) {
    // Nearly always the section the SSRC is mapped to already.
    if (!entry || sections_[entry->section].mid != values.mid) {
      const int16_t section = sectionOf(values.mid);
      if (section == kNoSection) {
        ++counters_.unknownMid;
        return std::nullopt;
      }
      // RFC 7941 §4.2.2: an older packet that comes late does not undo a newer packet's MID.
      const bool stale = entry && entry->midSequence &&
                         static_cast<int16_t>(packet.sequenceNumber - *entry->midSequence) < 0;
      if (!stale) {
        if (!accepts(static_cast<size_t>(section), packet.payloadType)) {
          ++counters_.wrongPayloadType;
          return std::nullopt;
        }
        if (!entry) entry = insert(packet.ssrc, static_cast<uint16_t>(section));
        if (!entry) return std::nullopt;
        if (entry->section != section) *entry = Learned{.section = static_cast<uint16_t>(section)};
      }
    }
    if (!entry->midSequence || static_cast<int16_t>(packet.sequenceNumber - *entry->midSequence) > 0)
      entry->midSequence = packet.sequenceNumber;
  }
  if (!entry) {
    const int16_t section = payloadTypeSection_[packet.payloadType & 127];
    if (section < 0) {
      ++counters_.unknown;
      return std::nullopt;
    }
    entry = insert(packet.ssrc, static_cast<uint16_t>(section));
    if (!entry) return std::nullopt;
  }
  if (!accepts(entry->section, packet.payloadType)) {
    ++counters_.wrongPayloadType;
    return std::nullopt;
  }
  const Section& section = sections_[entry->section];
  const std::string_view rid = values.rid.empty() ? values.repairedRid : values.rid;
  if (!rid.empty() && !section.rids.empty() && (entry->rid == kNoRid || section.rids[entry->rid] != rid)) {
    const auto at = std::ranges::find(section.rids, rid);
    if (at == section.rids.end()) {
      ++counters_.unknownRid;
      return std::nullopt;
    }
    entry->rid = static_cast<uint16_t>(at - section.rids.begin());
  }
  Route route;
  route.section = section.key;
  if (entry->rid != kNoRid) route.rid = section.rids[entry->rid];
  route.newSsrc = !entry->seen;
  entry->seen = true;
  return route;
}

std::optional<SectionKey> Demuxer::remoteSection(Ssrc ssrc) const {
  const auto at = remote_.find(ssrc);
  return at == remote_.end() ? std::nullopt : std::optional(sections_[at->second.section].key);
}

std::optional<SectionKey> Demuxer::localSection(Ssrc ssrc) const {
  const auto at = local_.find(ssrc);
  return at == local_.end() ? std::nullopt : std::optional(sections_[at->second].key);
}

void Demuxer::learn(Ssrc ssrc, std::string_view mid) {
  const int16_t section = sectionOf(mid);
  if (section == kNoSection) return;
  Learned* entry = insert(ssrc, static_cast<uint16_t>(section));
  if (entry && entry->section != section) *entry = Learned{.section = static_cast<uint16_t>(section)};
}

void Demuxer::forget(Ssrc ssrc) { remote_.erase(ssrc); }

}  // namespace peerage::rtp
