#include "jsep/codecs.hpp"

#include <algorithm>
#include <array>

#include "sdp/text.hpp"

namespace peerage::jsep {
namespace {

using sdp::sameIgnoringCase;

constexpr size_t kMaxPayloadTypeUses = 1024;  // what a peer can make us remember

int normalChannels(int channels) { return channels == 0 ? 1 : channels; }

std::string valueOr(const std::map<std::string, std::string>& values, const char* key, const char* absent) {
  const auto at = values.find(key);
  return at == values.end() ? absent : at->second;
}

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The profile in an H.264 profile-level-id: profile_idc and those constraint flags that make another profile of it
/// (RFC 6184 §8.1, table 5). Level and unknown combinations are left as they are.
int h264Profile(std::string_view profileLevelId) {
  int bytes = 0;
  if (profileLevelId.size() != 6) return -1;
  for (int i = 0; i < 4; ++i) {
    const int digit = hexDigit(profileLevelId[static_cast<size_t>(i)]);
    if (digit < 0) return -1;
    bytes = bytes << 4 | digit;
  }
  const int idc = bytes >> 8;
  const int flags = bytes & 0xff;
  constexpr int kConstrainedBaseline = 0x42e0;
  if ((idc == 0x42 && (flags & 0x40)) || (idc == 0x4d && (flags & 0x80)) || (idc == 0x58 && (flags & 0xc0) == 0xc0))
    return kConstrainedBaseline;
  return idc == 0x64 && (flags & 0x0c) == 0x0c ? 0x640c : idc << 8;
}

bool sameParameters(std::string_view name, std::string_view fmtpA, std::string_view fmtpB) {
  const auto check = [&](std::initializer_list<std::pair<const char*, const char*>> keys) {
    const auto a = parseFmtp(fmtpA).value_or(std::map<std::string, std::string>());
    const auto b = parseFmtp(fmtpB).value_or(std::map<std::string, std::string>());
    return std::ranges::all_of(
        keys, [&](const auto& key) { return valueOr(a, key.first, key.second) == valueOr(b, key.first, key.second); });
  };
  if (sameIgnoringCase(name, "H264")) {
    const auto a = parseFmtp(fmtpA).value_or(std::map<std::string, std::string>());
    const auto b = parseFmtp(fmtpB).value_or(std::map<std::string, std::string>());
    return valueOr(a, "packetization-mode", "0") == valueOr(b, "packetization-mode", "0") &&
           h264Profile(valueOr(a, "profile-level-id", "420010")) ==
               h264Profile(valueOr(b, "profile-level-id", "420010"));
  }
  if (sameIgnoringCase(name, "VP9")) return check({{"profile-id", "0"}});
  if (sameIgnoringCase(name, "AV1")) return check({{"profile", "0"}});
  if (sameIgnoringCase(name, "H265")) return check({{"profile-id", "1"}, {"tx-mode", "SRST"}});
  return true;
}

struct StaticFormat {
  uint8_t payloadType;
  const char* name;
  uint32_t clockRate;
};
constexpr std::array<StaticFormat, 6> kStaticFormats{
    {{0, "PCMU", 8000}, {3, "GSM", 8000}, {8, "PCMA", 8000}, {9, "G722", 8000}, {13, "CN", 8000}, {18, "G729", 8000}}};

bool capable(const CodecCapability& capability, bool send, bool receive) {
  return (!send || capability.send) && (!receive || capability.receive);
}

const StaticFormat* staticFormat(const Codec& codec) {
  for (const StaticFormat& format : kStaticFormats)
    if (format.clockRate == codec.clockRate && sameIgnoringCase(format.name, codec.name)) return &format;
  return nullptr;
}

void addUse(NumberRegistry& numbers, MediaKind kind, Codec codec) {
  codec.feedback.clear();
  PayloadTypeUse use{kind, std::move(codec)};
  if (numbers.payloadTypes.size() < kMaxPayloadTypeUses && !contains(numbers.payloadTypes, use))
    numbers.payloadTypes.push_back(std::move(use));
}

/// Gives payload types to the codecs of one section.
class PayloadTypes {
 public:
  PayloadTypes(const Config& config, NumberRegistry& numbers, MediaKind kind) : numbers_(numbers), kind_(kind) {
    for (const PayloadTypeUse& use : numbers.payloadTypes) known_[use.codec.payloadType & 127] = true;
    for (const CodecCapability& capability : config.codecs) preferred_[capability.preferredPayloadType & 127] = true;
  }

  /// The payload type for a codec: that of `local`, else one that the session has for it, else the preferred or a free
  /// one.
  std::optional<uint8_t> choose(const Codec& codec, uint8_t preferred, const std::vector<Codec>& local) {
    const auto type = find(codec, preferred, local);
    if (!type) return type;
    Codec numbered = codec;
    numbered.payloadType = *type;
    addUse(numbers_, kind_, std::move(numbered));
    return type;
  }

 private:
  std::optional<uint8_t> find(const Codec& codec, uint8_t preferred, const std::vector<Codec>& local) {
    for (const Codec& old : local)
      if (matches(old, codec) && take(old.payloadType)) return old.payloadType;
    const auto& uses = numbers_.payloadTypes;
    for (auto use = uses.rbegin(); use != uses.rend(); ++use)
      if (use->kind == kind_ && matches(use->codec, codec) && unambiguous(*use) && take(use->codec.payloadType))
        return use->codec.payloadType;
    const StaticFormat* fixed = staticFormat(codec);
    if (fixed && !known_[fixed->payloadType] && take(fixed->payloadType)) return fixed->payloadType;
    if (preferred != 0 && !known_[preferred & 127] && take(preferred)) return preferred;
    // Dynamic ones first (RFC 3551 §6), then 35 to 63: RFC 5761 §4 keeps 64 to 95 free of RTP. Those that another codec
    // prefers come last.
    for (const bool sparing : {true, false}) {
      for (int type = 96; type <= 127; ++type)
        if (takeFree(type, sparing)) return static_cast<uint8_t>(type);
      for (int type = 63; type >= 35; --type)
        if (takeFree(type, sparing)) return static_cast<uint8_t>(type);
    }
    return std::nullopt;
  }

  static bool matches(const Codec& a, const Codec& b) {
    if (isRtx(a) || isRtx(b)) return isRtx(a) && isRtx(b) && a.clockRate == b.clockRate && a.fmtp == b.fmtp;
    return sameFormat(a, b);
  }
  bool unambiguous(const PayloadTypeUse& use) const {
    return std::ranges::all_of(numbers_.payloadTypes, [&](const PayloadTypeUse& other) {
      return other.codec.payloadType != use.codec.payloadType || matches(other.codec, use.codec);
    });
  }
  bool take(uint8_t payloadType) {
    if (taken_[payloadType & 127]) return false;
    return taken_[payloadType & 127] = true;
  }
  bool takeFree(int type, bool sparing) {
    const auto index = static_cast<size_t>(type);
    return !known_[index] && !(sparing && preferred_[index]) && take(static_cast<uint8_t>(type));
  }

  NumberRegistry& numbers_;
  MediaKind kind_;
  std::array<bool, 128> known_{};
  std::array<bool, 128> preferred_{};
  std::array<bool, 128> taken_{};
};

Codec asCodec(const CodecCapability& capability) {
  return Codec{0, capability.name, capability.clockRate, capability.channels, capability.fmtp, capability.feedback};
}

const CodecCapability* rtxCapability(const Config& config, MediaKind kind) {
  for (const CodecCapability& capability : config.codecs)
    if (capability.kind == kind && sameIgnoringCase(capability.name, "rtx")) return &capability;
  return nullptr;
}

bool preferenceMatches(const CodecPreference& preference, const CodecCapability& capability) {
  return sameFormat(preference, capability);
}

}  // namespace

bool isRtx(const Codec& codec) { return sameIgnoringCase(codec.name, "rtx"); }

bool isResilienceCodec(std::string_view name) {
  for (const char* other : {"rtx", "red", "ulpfec", "flexfec", "flexfec-03", "CN", "telephone-event"})
    if (sameIgnoringCase(name, other)) return true;
  return false;
}

std::optional<std::map<std::string, std::string>> parseFmtp(std::string_view fmtp) {
  std::map<std::string, std::string> values;
  while (!fmtp.empty()) {
    std::string_view pair = sdp::takeUntil(fmtp, ';');
    while (!pair.empty() && pair.front() == ' ') pair.remove_prefix(1);
    while (!pair.empty() && pair.back() == ' ') pair.remove_suffix(1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || values.size() >= 64) return std::nullopt;
    std::string key(pair.substr(0, equals));
    for (char& c : key)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    values.emplace(std::move(key), pair.substr(equals + 1));
  }
  return values;
}

std::optional<uint8_t> associatedPayloadType(const Codec& rtx) {
  const auto values = parseFmtp(rtx.fmtp);
  const auto apt = values ? values->find("apt") : std::map<std::string, std::string>::const_iterator();
  if (!values || apt == values->end()) return std::nullopt;
  return sdp::parseNumber<uint8_t>(apt->second, 127);
}

bool sameFormat(std::string_view nameA, uint32_t clockA, int channelsA, std::string_view fmtpA, std::string_view nameB,
                uint32_t clockB, int channelsB, std::string_view fmtpB) {
  return clockA == clockB && sameIgnoringCase(nameA, nameB) && normalChannels(channelsA) == normalChannels(channelsB) &&
         sameParameters(nameA, fmtpA, fmtpB);
}

std::vector<Codec> codecsOf(const sdp::MediaSection& section) {
  std::array<Codec, 128> byType;
  std::vector<std::pair<std::optional<uint8_t>, Feedback>> feedback;
  for (const sdp::Line& line : section.lines) {
    if (const auto* map = std::get_if<sdp::Rtpmap>(&line)) {
      Codec& codec = byType[map->payloadType & 127];
      codec.name = map->encoding;
      codec.clockRate = map->clockRate;
      codec.channels = map->channels;
    } else if (const auto* fmtp = std::get_if<sdp::Fmtp>(&line)) {
      if (const auto type = sdp::parseNumber<uint8_t>(fmtp->format, 127)) byType[*type].fmtp = fmtp->parameters;
    } else if (const auto* fb = std::get_if<sdp::RtcpFb>(&line)) {
      feedback.emplace_back(fb->payloadType, Feedback{fb->type, fb->parameter});
    }
  }
  for (const StaticFormat& format : kStaticFormats)
    if (byType[format.payloadType].name.empty()) {
      byType[format.payloadType].name = format.name;
      byType[format.payloadType].clockRate = format.clockRate;
    }
  std::vector<Codec> codecs;
  std::array<bool, 128> seen{};
  for (const std::string& format : section.formats) {
    const auto type = sdp::parseNumber<uint8_t>(format, 127);
    if (!type || seen[*type] || byType[*type].name.empty()) continue;
    seen[*type] = true;
    Codec codec = std::move(byType[*type]);
    codec.payloadType = *type;
    codecs.push_back(std::move(codec));
  }
  for (const auto& [type, value] : feedback)
    for (Codec& codec : codecs)
      if ((!type || *type == codec.payloadType) && !contains(codec.feedback, value)) codec.feedback.push_back(value);
  return codecs;
}

const Codec* findCodec(const std::vector<Codec>& codecs, uint8_t payloadType) {
  const auto at = std::ranges::find(codecs, payloadType, &Codec::payloadType);
  return at == codecs.end() ? nullptr : &*at;
}

const CodecCapability* findCapability(const Config& config, MediaKind kind, const Codec& codec, bool send,
                                      bool receive) {
  for (const CodecCapability& capability : config.codecs)
    if (capability.kind == kind && capable(capability, send, receive) && sameFormat(capability, codec))
      return &capability;
  return nullptr;
}

bool implementsRtx(const Config& config, MediaKind kind) { return rtxCapability(config, kind) != nullptr; }

bool hasCodecPreferences(const Config& config, const Transceiver& t) {
  const bool send = sends(t.direction);
  const bool receive = receives(t.direction);
  return std::ranges::any_of(t.preferredCodecs, [&](const CodecPreference& preference) {
    return std::ranges::any_of(config.codecs, [&](const CodecCapability& c) {
      return c.kind == t.kind && capable(c, send, receive) && preferenceMatches(preference, c);
    });
  });
}

std::vector<const CodecCapability*> orderedCapabilities(const Config& config, const Transceiver& t) {
  const bool send = sends(t.direction);
  const bool receive = receives(t.direction);
  std::vector<const CodecCapability*> ordered;
  const auto add = [&](const CodecCapability& c) {
    if (c.kind == t.kind && capable(c, send, receive) && !sameIgnoringCase(c.name, "rtx") && !contains(ordered, &c))
      ordered.push_back(&c);
  };
  if (hasCodecPreferences(config, t)) {
    for (const CodecPreference& preference : t.preferredCodecs)
      for (const CodecCapability& c : config.codecs)
        if (preferenceMatches(preference, c)) add(c);
  } else {
    for (const CodecCapability& c : config.codecs) add(c);
  }
  return ordered;
}

bool wantsRtx(const Config& config, const Transceiver& t) {
  if (!implementsRtx(config, t.kind)) return false;
  if (!hasCodecPreferences(config, t)) return true;
  return std::ranges::any_of(t.preferredCodecs, [](const auto& p) { return sameIgnoringCase(p.name, "rtx"); });
}

std::vector<Feedback> commonFeedback(const std::vector<Feedback>& ours, const std::vector<Feedback>& theirs) {
  std::vector<Feedback> common;
  for (const Feedback& feedback : ours)
    if (contains(theirs, feedback)) common.push_back(feedback);
  return common;
}

Outcome<std::vector<Codec>> offeredCodecs(const Config& config, NumberRegistry& numbers, const Transceiver& t,
                                          const sdp::MediaSection* answered, const sdp::MediaSection* local) {
  auto ordered = orderedCapabilities(config, t);
  if (answered && !hasCodecPreferences(config, t)) {
    // RFC 9429 §5.2.2: the order of the most recent answer, and what it did not have after it.
    const auto order = codecsOf(*answered);
    std::vector<const CodecCapability*> sorted;
    for (const Codec& codec : order)
      for (const CodecCapability* c : ordered)
        if (sameFormat(*c, codec) && !contains(sorted, c)) sorted.push_back(c);
    for (const CodecCapability* c : ordered)
      if (!contains(sorted, c)) sorted.push_back(c);
    ordered = std::move(sorted);
  }
  const std::vector<Codec> before = local ? codecsOf(*local) : std::vector<Codec>();
  PayloadTypes types(config, numbers, t.kind);
  const CodecCapability* rtx = wantsRtx(config, t) ? rtxCapability(config, t.kind) : nullptr;
  std::vector<Codec> codecs;
  const auto add = [&](Codec codec, uint8_t preferred) {
    const auto type = types.choose(codec, preferred, before);
    if (type) {
      codec.payloadType = *type;
      codecs.push_back(std::move(codec));
    }
    return type;
  };
  for (const CodecCapability* capability : ordered) {
    const auto type = add(asCodec(*capability), capability->preferredPayloadType);
    if (!type) return fail(ErrorKind::operation, "no payload type is left for " + capability->name);
    if (!rtx || isResilienceCodec(capability->name)) continue;
    Codec retransmission{0, "rtx", capability->clockRate, 0, "apt=" + std::to_string(*type), rtx->feedback};
    if (!add(std::move(retransmission), *type < 127 ? static_cast<uint8_t>(*type + 1) : uint8_t{0}))
      return fail(ErrorKind::operation, "no payload type is left for rtx");
  }
  return codecs;
}

std::vector<Codec> answeredCodecs(const Config& config, const Transceiver& t, const sdp::MediaSection& offered) {
  const auto theirs = codecsOf(offered);
  const auto ordered = orderedCapabilities(config, t);
  std::vector<Codec> codecs;
  bool primary = false;
  const auto take = [&](const Codec& codec, const CodecCapability& capability) {
    Codec answer = asCodec(capability);
    answer.name = codec.name;
    answer.payloadType = codec.payloadType;
    answer.feedback = commonFeedback(capability.feedback, codec.feedback);
    primary = primary || !isResilienceCodec(codec.name);
    codecs.push_back(std::move(answer));
  };
  if (hasCodecPreferences(config, t)) {
    for (const CodecCapability* capability : ordered)
      for (const Codec& codec : theirs)
        if (sameFormat(*capability, codec)) take(codec, *capability);
  } else {
    for (const Codec& codec : theirs) {
      const auto at = std::ranges::find_if(ordered, [&](const auto* c) { return sameFormat(*c, codec); });
      if (at != ordered.end()) take(codec, **at);
    }
  }
  if (!primary) return {};
  if (wantsRtx(config, t)) {
    std::vector<Codec> with;
    for (Codec& codec : codecs) {
      with.push_back(codec);
      for (const Codec& rtx : theirs)
        if (isRtx(rtx) && rtx.clockRate == codec.clockRate && associatedPayloadType(rtx) == codec.payloadType) {
          with.push_back(
              Codec{rtx.payloadType, "rtx", rtx.clockRate, 0, "apt=" + std::to_string(codec.payloadType), {}});
          break;
        }
    }
    codecs = std::move(with);
  }
  return codecs;
}

namespace {

/// Keeps an rtx entry only when the codec that it serves was kept, and then right after it.
std::vector<Codec> withRtx(std::vector<Codec> primaries, const std::vector<Codec>& all, bool rtxInOther) {
  if (!rtxInOther) return primaries;
  std::vector<Codec> out;
  for (Codec& codec : primaries) {
    out.push_back(std::move(codec));
    const uint8_t type = out.back().payloadType;
    for (const Codec& rtx : all)
      if (isRtx(rtx) && associatedPayloadType(rtx) == type) {
        out.push_back(rtx);
        break;
      }
  }
  return out;
}

bool hasRtx(const std::vector<Codec>& codecs) { return std::ranges::any_of(codecs, isRtx); }

}  // namespace

std::vector<Codec> negotiatedSendCodecs(const Config& config, MediaKind kind, const std::vector<Codec>& theirs,
                                        const std::vector<Codec>& ours) {
  std::vector<Codec> codecs;
  for (const Codec& codec : theirs) {
    if (isRtx(codec)) continue;
    const CodecCapability* capability = findCapability(config, kind, codec, true, false);
    const auto own = std::ranges::find_if(ours, [&](const Codec& c) { return !isRtx(c) && sameFormat(c, codec); });
    if (!capability || own == ours.end()) continue;
    codecs.push_back(codec);
    codecs.back().feedback = commonFeedback(own->feedback, codec.feedback);
  }
  return withRtx(std::move(codecs), theirs, hasRtx(ours));
}

std::vector<Codec> negotiatedReceiveCodecs(const std::vector<Codec>& ours, const std::vector<Codec>& theirs) {
  std::vector<Codec> codecs;
  for (const Codec& codec : ours) {
    if (isRtx(codec)) continue;
    const auto other = std::ranges::find_if(theirs, [&](const Codec& c) { return !isRtx(c) && sameFormat(c, codec); });
    if (other == theirs.end()) continue;
    codecs.push_back(codec);
    codecs.back().feedback = commonFeedback(codec.feedback, other->feedback);
  }
  return withRtx(std::move(codecs), ours, hasRtx(theirs));
}

// ---- Header extensions ------------------------------------------------------------------------------------------

std::vector<HeaderExtension> extensionsOf(const sdp::MediaSection& section) {
  std::vector<HeaderExtension> extensions;
  for (const sdp::Extmap& map : section.lines.all<sdp::Extmap>()) {
    if (extensions.size() >= 255) break;
    if (contains(extensions, map.uri, &HeaderExtension::uri)) continue;
    if (map.direction != Direction::inactive) extensions.push_back({map.id, map.uri});
  }
  return extensions;
}

namespace {

/// The newest meaning of an id and the newest id of a URI hold.
void addExtension(NumberRegistry& numbers, HeaderExtension extension) {
  if (contains(numbers.extensions, extension)) return;
  std::erase_if(numbers.extensions, [&](const auto& e) { return e.id == extension.id || e.uri == extension.uri; });
  numbers.extensions.push_back(std::move(extension));
}

}  // namespace

std::vector<sdp::Extmap> offeredExtensions(const Config& config, NumberRegistry& numbers, MediaKind kind,
                                           const sdp::MediaSection* local) {
  const auto before = local ? extensionsOf(*local) : std::vector<HeaderExtension>();
  std::vector<sdp::Extmap> offered;
  const auto taken = [&](uint16_t id) { return contains(offered, id, &sdp::Extmap::id); };
  const auto idIn = [&](const std::vector<HeaderExtension>& list, const std::string& uri) -> std::optional<uint16_t> {
    const auto at = std::ranges::find(list, uri, &HeaderExtension::uri);
    return at == list.end() || taken(at->id) ? std::nullopt : std::optional(at->id);
  };
  const auto known = [&](uint16_t id) {
    return contains(numbers.extensions, id, &HeaderExtension::id) || contains(before, id, &HeaderExtension::id);
  };
  const auto preferredByAnother = [&](uint16_t id, const std::string& uri) {
    return std::ranges::any_of(config.headerExtensions,
                               [&](const auto& c) { return c.preferredId == id && c.uri != uri; });
  };
  for (const HeaderExtensionCapability& capability : config.headerExtensions) {
    if (capability.kind != kind || contains(offered, capability.uri, &sdp::Extmap::uri)) continue;
    std::optional<uint16_t> id = idIn(before, capability.uri);
    if (!id) id = idIn(numbers.extensions, capability.uri);
    if (!id && capability.preferredId != 0 && !known(capability.preferredId) && !taken(capability.preferredId))
      id = capability.preferredId;
    // RFC 8285 §4.2: one-byte headers have ids 1 to 14; an extension for which none is left is not offered.
    for (const bool sparing : {true, false})
      for (uint16_t i = 1; i <= 14 && !id; ++i)
        if (!known(i) && !taken(i) && !(sparing && preferredByAnother(i, capability.uri))) id = i;
    if (!id) continue;
    offered.push_back(sdp::Extmap{*id, std::nullopt, capability.uri, {}});
    addExtension(numbers, {*id, capability.uri});
  }
  return offered;
}

std::vector<sdp::Extmap> answeredExtensions(const Config& config, MediaKind kind, const sdp::MediaSection& offered) {
  std::vector<sdp::Extmap> answered;
  for (const sdp::Extmap& map : offered.lines.all<sdp::Extmap>()) {
    const bool implemented =
        std::ranges::any_of(config.headerExtensions, [&](const auto& c) { return c.kind == kind && c.uri == map.uri; });
    if (!implemented || map.direction == Direction::inactive || map.id > 255) continue;
    if (contains(answered, map.uri, &sdp::Extmap::uri) || contains(answered, map.id, &sdp::Extmap::id)) continue;
    answered.push_back(
        {map.id, map.direction ? std::optional(sdp::reversed(*map.direction)) : std::nullopt, map.uri, {}});
  }
  return answered;
}

std::vector<HeaderExtension> commonExtensions(const std::vector<HeaderExtension>& ours,
                                              const std::vector<HeaderExtension>& theirs) {
  std::vector<HeaderExtension> common;
  for (const HeaderExtension& extension : ours)
    if (contains(theirs, extension.uri, &HeaderExtension::uri)) common.push_back(extension);
  return common;
}

// ---- The registries ---------------------------------------------------------------------------------------------

void registerNumbers(NumberRegistry& numbers, const sdp::SessionDescription& description) {
  for (const sdp::MediaSection& section : description.media) {
    const bool audio = section.media == "audio";
    if (section.rejected() || (!audio && section.media != "video")) continue;
    for (Codec& codec : codecsOf(section))
      addUse(numbers, audio ? MediaKind::audio : MediaKind::video, std::move(codec));
    for (HeaderExtension& extension : extensionsOf(section)) addExtension(numbers, std::move(extension));
  }
}

}  // namespace peerage::jsep
