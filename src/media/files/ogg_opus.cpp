#include "media/files/ogg_opus.hpp"

#include <algorithm>
#include <utility>

#include "media/files/little_endian.hpp"
#include "media/opus.hpp"

namespace peerage::media {

namespace {

constexpr std::string_view kHeadMagic = "OpusHead";
constexpr std::string_view kTagsMagic = "OpusTags";
constexpr std::string_view kVendor = "peerage";
constexpr size_t kHeadBytes = 19;
constexpr int64_t kMostLost = int64_t{48'000} * 3600;

std::string at(const OggPage& page) { return " in the page at byte " + std::to_string(page.offset); }

bool startsWith(ByteView bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && asText(bytes.first(magic.size())) == magic;
}

/// RFC 7845 §5.1.
Result<OpusHead> parseHead(ByteView in) {
  if (!startsWith(in, kHeadMagic)) return failure("no Opus stream: its first packet is not \"OpusHead\"");
  if (in.size() < kHeadBytes) return failure("OpusHead of " + std::to_string(in.size()) + " bytes, under 19");
  if ((in[8] & 0xf0) != 0) return failure("OpusHead version " + std::to_string(in[8]) + ", only 0 to 15 are known");
  OpusHead head;
  head.channels = in[9];
  head.preSkip = loadLittle<uint16_t>(&in[10]);
  head.inputSampleRate = loadLittle<uint32_t>(&in[12]);
  head.outputGain = loadLittle<int16_t>(&in[16]);
  if (in[18] != 0) return failure("Opus channel mapping family " + std::to_string(in[18]) + ", only 0 is read");
  if (head.channels < 1 || head.channels > 2) {
    return failure("Opus stream of " + std::to_string(head.channels) + " channels, family 0 has 1 or 2");
  }
  return head;
}

}  // namespace

Result<std::optional<OggOpusPacket>> OggOpusReader::next() {
  while (packets_.empty()) {
    if (error_) return std::unexpected(*error_);
    auto page = pages_.next();
    if (!page) return std::unexpected(page.error());
    if (!*page) return std::nullopt;
    if (auto read = readPage(**page); !read) error_ = read.error();
  }
  OggOpusPacket packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

Result<> OggOpusReader::readPage(const OggPage& page) {
  if (state_ == State::ended) return {};
  if (!serial_) {
    // RFC 3533 §4: a file begins with the first pages of all its streams. Ours is the first one of Opus.
    if (!page.begin) return failure("no Opus stream among those of the Ogg file");
    if (!startsWith(page.body, kHeadMagic)) return {};
    serial_ = page.serial;
    nextPage_ = page.sequence;
  }
  if (page.serial != *serial_) return {};
  if (page.sequence != nextPage_) {
    return failure("Ogg page " + std::to_string(page.sequence) + " where " + std::to_string(nextPage_) + " should be," +
                   at(page).substr(3));
  }
  ++nextPage_;
  if (inPacket_ && !page.continued) return failure("packet cut off" + at(page));
  skipping_ = page.continued && !inPacket_;
  size_t position = 0;
  for (const uint8_t size : page.lacing) {
    const ByteView segment = page.body.subspan(position, size);
    position += size;
    inPacket_ = size == 255;
    // Comments may be long (RFC 7845 §5.2) and nobody here reads them.
    if (!skipping_ && !(state_ == State::tags && partial_.size() > kMaxOggOpusPacket)) {
      partial_.insert(partial_.end(), segment.begin(), segment.end());
    }
    if (state_ != State::tags && partial_.size() > kMaxOggOpusPacket) {
      return failure("Opus packet of over " + std::to_string(kMaxOggOpusPacket) + " bytes" + at(page));
    }
    if (inPacket_) continue;
    if (!std::exchange(skipping_, false)) {
      if (auto read = readPacket(page); !read) return read;
    }
    partial_.clear();
  }
  if (page.end) {
    state_ = State::ended;
    endPosition_ = page.granule >= 0 ? std::min(page.granule, position_) : position_;
  }
  return {};
}

Result<> OggOpusReader::readPacket(const OggPage& page) {
  switch (state_) {
    case State::head: {
      auto head = parseHead(partial_);
      if (!head) return failure(head.error().message + at(page));
      head_ = *head;
      state_ = State::tags;
      return {};
    }
    case State::tags:
      if (!startsWith(partial_, kTagsMagic)) return failure("no \"OpusTags\"" + at(page));
      state_ = State::audio;
      return {};
    case State::audio: {
      const auto samples = opusPacketSamples(partial_);
      if (!samples) return failure("no Opus packet" + at(page));
      packets_.push_back(OggOpusPacket{std::exchange(partial_, {}), *samples, position_});
      position_ += *samples;
      return {};
    }
    case State::ended:
      return {};
  }
  return {};
}

Result<> OggOpusReader::finish() const {
  if (error_) return std::unexpected(*error_);
  if (auto pages = pages_.finish(); !pages) return pages;
  if (state_ == State::head) return failure("no Opus stream in the Ogg file");
  if (state_ == State::tags) return failure("Ogg Opus file without \"OpusTags\"");
  if (inPacket_ && state_ != State::ended) return failure("Ogg Opus file ends within a packet");
  return {};
}

OggOpusWriter::OggOpusWriter(const OpusHead& head, uint32_t serial, int packetsPerPage)
    : head_(head), serial_(serial), packetsPerPage_(static_cast<size_t>(std::clamp(packetsPerPage, 1, 255))) {}

Result<> OggOpusWriter::begin(Bytes& out) {
  if (head_.channels < 1 || head_.channels > 2) {
    return failure("Ogg Opus file of " + std::to_string(head_.channels) + " channels, 1 or 2 are written");
  }
  if (head_.preSkip < 0 || head_.preSkip > 65535) {
    return failure("pre-skip of " + std::to_string(head_.preSkip) + " samples, outside 0 to 65535");
  }
  Bytes packet;
  packet.reserve(kHeadBytes);
  packet.insert(packet.end(), kHeadMagic.begin(), kHeadMagic.end());
  packet.push_back(1);  // version
  packet.push_back(static_cast<uint8_t>(head_.channels));
  appendLittle(packet, static_cast<uint16_t>(head_.preSkip));
  appendLittle(packet, head_.inputSampleRate);
  appendLittle(packet, static_cast<int16_t>(std::clamp(head_.outputGain, -32768, 32767)));
  packet.push_back(0);  // channel mapping family
  uint8_t lacing = static_cast<uint8_t>(packet.size());
  // RFC 7845 §3: the header packets have pages to themselves, with granule position 0.
  OggPage page{.begin = true, .granule = 0, .serial = serial_, .sequence = sequence_++, .lacing = {&lacing, 1}};
  page.body = packet;
  writeOggPage(page, out);
  packet.assign(kTagsMagic.begin(), kTagsMagic.end());
  appendLittle(packet, static_cast<uint32_t>(kVendor.size()));
  packet.insert(packet.end(), kVendor.begin(), kVendor.end());
  appendLittle<uint32_t>(packet, 0);  // no comments
  lacing = static_cast<uint8_t>(packet.size());
  page.begin = false;
  page.sequence = sequence_++;
  page.body = packet;
  writeOggPage(page, out);
  return {};
}

Result<> OggOpusWriter::packet(ByteView data, Bytes& out) {
  const auto samples = opusPacketSamples(data);
  if (!samples) return failure("no Opus packet");
  if (data.size() > kMaxOggOpusPacket) {
    return failure("Opus packet of " + std::to_string(data.size()) + " bytes, over " +
                   std::to_string(kMaxOggOpusPacket));
  }
  const size_t segments = data.size() / 255 + 1;
  // A page is written before what would not fit it, so that every packet begins and ends on one page; one packet is
  // always held back for the page that ends the stream.
  if (held_ >= packetsPerPage_ || lacing_.size() + segments > 255) flush(false, out);
  lacing_.insert(lacing_.end(), segments - 1, uint8_t{255});
  lacing_.push_back(static_cast<uint8_t>(data.size() % 255));
  body_.insert(body_.end(), data.begin(), data.end());
  ++held_;
  position_ += *samples;
  lastToc_ = data[0] & 0xfc;
  return {};
}

Result<> OggOpusWriter::lost(int64_t samples, Bytes& out) {
  if (samples < 0 || samples > kMostLost) {
    return failure("gap of " + std::to_string(samples) + " samples, outside 0 to an hour");
  }
  const uint8_t toc = lastToc_;  // code 0 with no bytes: one frame of length 0
  const int each = opusPacketSamples({&toc, 1}).value_or(960);
  for (int64_t written = 0; written + each / 2 < samples; written += each) {
    if (auto result = packet({&toc, 1}, out); !result) return result;
  }
  return {};
}

void OggOpusWriter::flush(bool end, Bytes& out) {
  OggPage page{.end = end, .granule = position_, .serial = serial_, .sequence = sequence_++};
  page.lacing = lacing_;
  page.body = body_;
  writeOggPage(page, out);
  lacing_.clear();
  body_.clear();
  held_ = 0;
}

void OggOpusWriter::finish(Bytes& out) { flush(true, out); }

}  // namespace peerage::media
