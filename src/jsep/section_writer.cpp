#include "jsep/section_writer.hpp"

#include <algorithm>

#include "jsep/codecs.hpp"

namespace peerage::jsep {
namespace {

constexpr uint16_t kDiscardPort = 9;  // RFC 9429 §5.2.1: no candidate is known when the section is made

void writeTransport(const Session& session, const SectionStart& in, sdp::Lines& lines) {
  if (!in.transport) return;
  const TransportLines& transport = *in.transport;
  for (const std::string& candidate : transport.candidates) lines.push_back(sdp::CandidateAttribute{candidate});
  if (transport.endOfCandidates) lines.push_back(sdp::EndOfCandidates{});
  lines.push_back(sdp::IceUfrag{transport.ice.ufrag});
  lines.push_back(sdp::IcePwd{transport.ice.pwd});
  for (const sdp::Fingerprint& print : session.config.fingerprints) lines.push_back(print);
  lines.push_back(sdp::Setup{transport.setup});
  if (!transport.tlsId.empty()) lines.push_back(sdp::TlsId{transport.tlsId});
}

void writeCodecs(const std::vector<Codec>& codecs, sdp::MediaSection& section) {
  for (const Codec& codec : codecs) {
    const std::string format = std::to_string(codec.payloadType);
    section.formats.push_back(format);
    section.lines.push_back(
        sdp::Rtpmap{codec.payloadType, codec.name, codec.clockRate, codec.channels > 1 ? codec.channels : 0});
    for (const Feedback& feedback : codec.feedback)
      section.lines.push_back(sdp::RtcpFb{codec.payloadType, feedback.type, feedback.parameter});
    if (!codec.fmtp.empty()) section.lines.push_back(sdp::Fmtp{format, codec.fmtp});
  }
}

/// a=rid and a=simulcast (RFC 8851, RFC 8853) or, for a sender of one stream, its SSRCs (RFC 5576).
void writeStreams(const Session& session, const RtpSection& in, sdp::Lines& lines) {
  if (!sends(in.direction)) return;
  if (!in.sendRids.empty()) {
    sdp::Simulcast simulcast;
    for (const std::string& rid : in.sendRids) {
      lines.push_back(sdp::Rid{rid, true, {}});
      simulcast.send.push_back({{rid, false}});
    }
    lines.push_back(std::move(simulcast));
    return;
  }
  const SendEncoding& encoding = in.transceiver->sendEncodings.front();
  const bool rtx = std::ranges::any_of(in.codecs, isRtx) && encoding.rtxSsrc != 0;
  if (rtx) lines.push_back(sdp::SsrcGroup{"FID", {encoding.ssrc, encoding.rtxSsrc}});
  lines.push_back(sdp::Ssrc{encoding.ssrc, "cname", session.cname});
  if (rtx) lines.push_back(sdp::Ssrc{encoding.rtxSsrc, "cname", session.cname});
}

sdp::MediaSection startSection(const SectionStart& in) {
  sdp::MediaSection section;
  section.media = in.media;
  section.protocol = in.protocol;
  section.port = in.bundleOnly ? 0 : kDiscardPort;
  sdp::Connection connection;
  if (const auto destination =
          defaultDestination(in.transport ? in.transport->candidates : std::vector<std::string>())) {
    section.port = destination->port;
    connection = destination->connection;
  }
  section.lines.push_back(std::move(connection));
  return section;
}

}  // namespace

std::vector<std::string> msidsOf(const Transceiver& t) {
  return t.associatedStreamIds.empty() ? std::vector<std::string>{"-"} : t.associatedStreamIds;
}

sdp::MediaSection writeRtpSection(const Session& session, const RtpSection& in) {
  sdp::MediaSection section = startSection(in.start);
  sdp::Lines& lines = section.lines;
  if (in.start.initial && in.start.transport && in.start.transport->candidates.empty())
    lines.push_back(sdp::Rtcp{kDiscardPort, sdp::Connection{}});
  writeTransport(session, in.start, lines);
  if (in.start.mid) lines.push_back(sdp::Mid{*in.start.mid});
  for (const sdp::Extmap& extension : in.extensions) lines.push_back(extension);
  lines.push_back(sdp::DirectionAttribute{in.direction});
  // By the transceiver's direction, not the section's (RFC 9429 §5.3.1): an answer that may not send yet says already
  // what it would send, and negotiation is not needed for that once more.
  if (sends(in.transceiver->direction))
    for (const std::string& id : msidsOf(*in.transceiver)) lines.push_back(sdp::Msid{id, in.transceiver->senderId});
  // In bundled sections too, against RFC 9429 §5.2.1: browsers refuse a bundled section that does not say it.
  lines.push_back(sdp::RtcpMux{});
  if (in.start.initial && in.start.transport) lines.push_back(sdp::RtcpMuxOnly{});
  if (in.reducedSizeRtcp) lines.push_back(sdp::RtcpRsize{});
  if (in.start.bundleOnly) lines.push_back(sdp::BundleOnly{});
  writeCodecs(in.codecs, section);
  writeStreams(session, in, lines);
  return section;
}

sdp::MediaSection writeDataSection(const Session& session, const SectionStart& in) {
  sdp::MediaSection section = startSection(in);
  section.formats = {"webrtc-datachannel"};
  writeTransport(session, in, section.lines);
  if (in.mid) section.lines.push_back(sdp::Mid{*in.mid});
  if (in.bundleOnly) section.lines.push_back(sdp::BundleOnly{});
  section.lines.push_back(sdp::SctpPort{session.config.localSctpPort});
  section.lines.push_back(sdp::MaxMessageSize{session.config.localMaxMessageSize});
  return section;
}

sdp::MediaSection writeRejectedSection(const sdp::MediaSection& like, const std::optional<std::string>& mid) {
  sdp::MediaSection section;
  section.media = like.media;
  section.protocol = like.protocol;
  section.port = 0;
  section.formats = like.formats;
  section.lines.push_back(sdp::Connection{});
  if (mid) section.lines.push_back(sdp::Mid{*mid});
  section.lines.push_back(sdp::DirectionAttribute{Direction::inactive});
  for (const auto& map : like.lines.all<sdp::Rtpmap>()) section.lines.push_back(map);
  if (const auto* port = like.lines.first<sdp::SctpPort>()) section.lines.push_back(*port);
  return section;
}

sdp::SessionDescription startDescription(const Session& session, uint64_t version) {
  sdp::SessionDescription description;
  description.origin.sessionId = std::to_string(session.originId);
  description.origin.sessionVersion = std::to_string(version);
  description.lines.push_back(sdp::OtherLine{'t', "0 0"});
  return description;
}

}  // namespace peerage::jsep
