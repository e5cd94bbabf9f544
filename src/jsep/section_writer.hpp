// m-sections as this end writes them, offers and answers alike.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jsep/session.hpp"

namespace peerage::jsep {

/// The attributes of category TRANSPORT and IDENTICAL (RFC 8859). Browsers repeat them in each bundled section, and so
/// do we; candidates stand in the section of the BUNDLE tag alone.
struct TransportLines {
  IceCredentials ice;
  sdp::SetupRole setup = sdp::SetupRole::actpass;
  std::string tlsId;  ///< empty: no a=tls-id
  std::vector<std::string> candidates;
  bool endOfCandidates = false;
};

struct SectionStart {
  std::string media;
  std::string protocol;
  std::optional<std::string> mid;  ///< nullopt: an answer to a section without a=mid
  bool bundleOnly = false;
  /// First offer of a section, until it is answered: a=rtcp and a=rtcp-mux-only (RFC 9429 §5.2.1, §5.2.2).
  bool initial = false;
  std::optional<TransportLines> transport;  ///< nullopt: bundle-only
};

struct RtpSection {
  SectionStart start;
  Direction direction = Direction::sendrecv;
  std::vector<Codec> codecs;
  std::vector<sdp::Extmap> extensions;
  bool reducedSizeRtcp = true;
  std::vector<std::string> sendRids;  ///< in order; not empty: a=rid and a=simulcast:send
  const Transceiver* transceiver = nullptr;
};

sdp::MediaSection writeRtpSection(const Session& session, const RtpSection& in);
sdp::MediaSection writeDataSection(const Session& session, const SectionStart& in);
/// A section with port 0 in the place of `like` (RFC 3264 §6).
sdp::MediaSection writeRejectedSection(const sdp::MediaSection& like, const std::optional<std::string>& mid);

/// v=, o=, s=, t= and a=msid-semantic of a description of ours.
sdp::SessionDescription startDescription(const Session& session, uint64_t version);

/// a=msid ids of a transceiver's section: its streams, or "-" for none (RFC 8830 §2).
std::vector<std::string> msidsOf(const Transceiver& transceiver);

}  // namespace peerage::jsep
