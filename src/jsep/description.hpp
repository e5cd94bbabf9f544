// A description that was applied: its text, its parsed form, and the candidates that were added to it since.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jsep/types.hpp"
#include "sdp/session_description.hpp"

namespace peerage::jsep {

/// Candidates of one m-section that came after the description was applied (trickle ICE, RFC 8838).
struct TrickledCandidates {
  std::vector<std::string> candidates;  ///< values of a=candidate, without "candidate:"
  bool ended = false;                   ///< a=end-of-candidates
  friend bool operator==(const TrickledCandidates&, const TrickledCandidates&) = default;
};

/// The default destination of a set of a=candidate values (RFC 8839 §4.2.1.2): what the m= and c= lines then name.
struct DefaultDestination {
  uint16_t port = 9;
  sdp::Connection connection;
};
/// nullopt when none of them can be named in a c= line.
std::optional<DefaultDestination> defaultDestination(const std::vector<std::string>& candidates);

/// A plain value; a copy shares everything but the trickled candidates. The text is put together when asked for.
class Description {
 public:
  /// `mids` names each section; empty entries are allowed for rejected sections only.
  Description(SdpType type, bool local, std::string text, sdp::SessionDescription parsed,
              std::vector<std::string> mids);

  SdpType type() const { return type_; }
  /// The same content as another type: a pranswer that is applied again as an answer.
  Description withType(SdpType type) const;
  /// The description as applied, without the candidates that trickled in later.
  const sdp::SessionDescription& parsed() const { return shared_->parsed; }
  /// RTCSessionDescription.sdp: the text with all candidates in their sections; of a local description the m= and c=
  /// lines then name the default candidate (RFC 8839 §4.2.1.2).
  std::string sdp() const;
  /// The text as applied.
  const std::string& text() const { return shared_->text; }

  size_t size() const { return shared_->parsed.media.size(); }
  const sdp::MediaSection& section(size_t index) const { return shared_->parsed.media[index]; }
  /// The section's mid; one was made up for a section without a=mid (RFC 9429 §5.10).
  const std::string& mid(size_t index) const { return shared_->mids[index]; }
  std::optional<size_t> indexOf(std::string_view mid) const;
  const sdp::MediaSection* find(std::string_view mid) const;
  /// First section of `media` "application" that is not rejected.
  std::optional<size_t> dataSection() const;

  /// The first BUNDLE group that names the mid; nullptr when none does.
  const sdp::Group* bundleOf(std::string_view mid) const;
  /// The mid whose transport the section uses: the tag of its BUNDLE group, else its own (RFC 9143 §7).
  std::string_view tagOf(std::string_view mid) const;
  /// Whether the section, or its BUNDLE tag, has the attribute. For those of category IDENTICAL: in bundled sections the
  /// tag's line counts as well (RFC 9143 §7.1.3).
  template <typename Attribute>
  bool has(size_t index) const {
    return section(index).lines.has<Attribute>() || section(indexOf(tagOf(mid(index))).value_or(index)).lines.has<Attribute>();
  }
  /// The ICE credentials of a section, those of its BUNDLE tag when it has none; nullopt when that has none either.
  std::optional<IceCredentials> credentials(size_t index) const;

  /// All a=candidate values of a section, those of the text first.
  std::vector<std::string> candidates(size_t index) const;
  bool endOfCandidates(size_t index) const;
  void addCandidate(size_t index, std::string value);
  void endCandidates(size_t index);

 private:
  struct Shared {
    std::string text;
    sdp::SessionDescription parsed;
    std::vector<std::string> mids;
    std::unordered_map<std::string_view, size_t> byMid;              // views into mids
    std::unordered_map<std::string_view, const sdp::Group*> bundle;  // views into parsed
  };
  SdpType type_;
  bool local_;
  std::shared_ptr<const Shared> shared_;
  std::map<size_t, TrickledCandidates> trickled_;
};

}  // namespace peerage::jsep
