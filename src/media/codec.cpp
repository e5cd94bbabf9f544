#include "media/codec.hpp"

#include <algorithm>
#include <charconv>

namespace peerage::media {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

constexpr size_t kMaxFmtpPairs = 64;

}  // namespace

std::string_view CodecDescription::encodingName() const {
  const std::string_view mime = mimeType;
  const size_t slash = mime.find('/');
  return slash == std::string_view::npos ? mime : mime.substr(slash + 1);
}

bool sameCodecName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::pair<std::string, std::string>> parseFmtp(std::string_view line) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!line.empty() && pairs.size() < kMaxFmtpPairs) {
    const size_t end = std::min(line.find(';'), line.size());
    const std::string_view item = trimmed(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
    if (item.empty()) continue;
    const size_t equals = std::min(item.find('='), item.size());
    std::string key(trimmed(item.substr(0, equals)));
    std::ranges::transform(key, key.begin(), lower);
    pairs.emplace_back(std::move(key), trimmed(item.substr(std::min(equals + 1, item.size()))));
  }
  return pairs;
}

std::optional<int64_t> fmtpNumber(std::string_view line, std::string_view key, int64_t low, int64_t high) {
  for (const auto& [name, text] : parseFmtp(line)) {
    if (name != key) continue;
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

AudioEncoderConfig opusConfigFromFmtp(std::string_view fmtpLine) {
  // RFC 7587 §6.1: what the receiver prefers. FEC is used only when asked for (default 0), stereo likewise.
  AudioEncoderConfig config;
  config.channels = fmtpNumber(fmtpLine, "stereo", 0, 1).value_or(0) == 1 ? 2 : 1;
  config.inbandFec = fmtpNumber(fmtpLine, "useinbandfec", 0, 1).value_or(0) == 1;
  config.dtx = fmtpNumber(fmtpLine, "usedtx", 0, 1).value_or(0) == 1;
  config.constantBitrate = fmtpNumber(fmtpLine, "cbr", 0, 1).value_or(0) == 1;
  config.maxPlaybackRate = static_cast<int>(fmtpNumber(fmtpLine, "maxplaybackrate", 8000, 48000).value_or(48000));
  // RFC 7587 §3.1.1 gives 28 to 40 kbit/s for fullband speech in one channel and 64 to 128 kbit/s for stereo music.
  const int preferred = config.channels == 2 ? 64'000 : 32'000;
  const auto limit = fmtpNumber(fmtpLine, "maxaveragebitrate", 6'000, 510'000);
  config.bitrate = limit ? static_cast<int>(*limit) : preferred;
  config.voice = config.channels == 1;
  return config;
}

}  // namespace peerage::media
