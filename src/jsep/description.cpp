#include "jsep/description.hpp"

#include <algorithm>

namespace peerage::jsep {
namespace {

/// How much the candidate is wanted as the default destination: the one that most probably works with a peer that knows
/// no ICE, relayed before reflexive before host (RFC 8445 §5.1.4); 0 for one that cannot be named in a c= line.
int defaultRank(const sdp::Candidate& c) {
  if (c.component != 1 || (c.transport != "udp" && c.transport != "UDP")) return 0;
  if (c.address.ends_with(".local")) return 0;
  const int type = c.type == "relay" ? 3 : c.type == "srflx" ? 2 : c.type == "host" ? 1 : 0;
  const bool v4 = c.address.find(':') == std::string::npos;
  return type == 0 ? 0 : type * 2 + v4;
}

/// Replaces the port of an m= line.
std::string withPort(std::string_view line, const std::string& port) {
  const size_t from = line.find(' ');
  const size_t to = from == std::string_view::npos ? from : line.find(' ', from + 1);
  if (to == std::string_view::npos) return std::string(line);
  return std::string(line.substr(0, from + 1)) + port + std::string(line.substr(to));
}

}  // namespace

std::optional<DefaultDestination> defaultDestination(const std::vector<std::string>& candidates) {
  std::optional<sdp::Candidate> best;
  for (const std::string& text : candidates) {
    auto candidate = sdp::parseCandidate(text);
    if (!candidate || defaultRank(*candidate) == 0) continue;
    if (!best || defaultRank(*candidate) > defaultRank(*best)) best = std::move(*candidate);
  }
  if (!best) return std::nullopt;
  const bool v4 = best->address.find(':') == std::string::npos;
  return DefaultDestination{best->port, sdp::Connection{"IN", v4 ? "IP4" : "IP6", best->address}};
}

Description::Description(SdpType type, bool local, std::string text, sdp::SessionDescription parsed,
                         std::vector<std::string> mids)
    : type_(type), local_(local) {
  auto shared = std::make_shared<Shared>();
  shared->text = std::move(text);
  shared->parsed = std::move(parsed);
  shared->mids = std::move(mids);
  for (size_t i = 0; i < shared->mids.size(); ++i)
    if (!shared->mids[i].empty()) shared->byMid.emplace(shared->mids[i], i);
  for (const sdp::Group& group : shared->parsed.lines.all<sdp::Group>()) {
    if (group.semantics != "BUNDLE") continue;
    for (const std::string& mid : group.mids) shared->bundle.emplace(mid, &group);
  }
  shared_ = std::move(shared);
}

Description Description::withType(SdpType type) const {
  Description copy = *this;
  copy.type_ = type;
  return copy;
}

std::string Description::sdp() const {
  if (trickled_.empty()) return shared_->text;
  std::string out;
  std::string_view rest = shared_->text;
  std::optional<size_t> index;
  std::optional<DefaultDestination> destination;
  const auto finishSection = [&] {
    const auto trickled = index ? trickled_.find(*index) : trickled_.end();
    if (trickled == trickled_.end()) return;
    for (const std::string& candidate : trickled->second.candidates) out += "a=candidate:" + candidate + "\r\n";
    if (trickled->second.ended) out += "a=end-of-candidates\r\n";
  };
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (line.starts_with("m=")) {
      finishSection();
      index = index ? *index + 1 : 0;
      destination.reset();
      if (local_ && trickled_.contains(*index)) destination = defaultDestination(candidates(*index));
      out += destination ? withPort(line, std::to_string(destination->port)) : std::string(line);
    } else if (destination && line.starts_with("c=")) {
      const sdp::Connection& c = destination->connection;
      out += "c=" + c.netType + ' ' + c.addressType + ' ' + c.address;
    } else {
      out += line;
    }
    out += "\r\n";
  }
  finishSection();
  return out;
}

std::optional<size_t> Description::indexOf(std::string_view mid) const {
  const auto at = shared_->byMid.find(mid);
  return at == shared_->byMid.end() ? std::nullopt : std::optional(at->second);
}

const sdp::MediaSection* Description::find(std::string_view mid) const {
  const auto index = indexOf(mid);
  return index ? &section(*index) : nullptr;
}

std::optional<size_t> Description::dataSection() const {
  for (size_t i = 0; i < size(); ++i)
    if (section(i).media == "application" && !section(i).rejected()) return i;
  return std::nullopt;
}

const sdp::Group* Description::bundleOf(std::string_view mid) const {
  const auto at = shared_->bundle.find(mid);
  return at == shared_->bundle.end() ? nullptr : at->second;
}

std::string_view Description::tagOf(std::string_view mid) const {
  const sdp::Group* group = bundleOf(mid);
  if (!group) return mid;
  for (const std::string& member : group->mids) {
    const sdp::MediaSection* found = find(member);
    if (found && !found->rejected()) return member;
  }
  return mid;
}

std::optional<IceCredentials> Description::credentials(size_t index) const {
  const auto own = [&](const sdp::MediaSection& s) -> std::optional<IceCredentials> {
    const auto* ufrag = parsed().effective<sdp::IceUfrag>(s);
    const auto* pwd = parsed().effective<sdp::IcePwd>(s);
    if (!ufrag || !pwd) return std::nullopt;
    return IceCredentials{ufrag->value, pwd->value};
  };
  if (auto found = own(section(index))) return found;
  const auto tag = indexOf(tagOf(mid(index)));
  return tag ? own(section(*tag)) : std::nullopt;
}

std::vector<std::string> Description::candidates(size_t index) const {
  std::vector<std::string> all;
  for (const auto& attribute : section(index).lines.all<sdp::CandidateAttribute>()) all.push_back(attribute.value);
  if (const auto trickled = trickled_.find(index); trickled != trickled_.end())
    all.insert(all.end(), trickled->second.candidates.begin(), trickled->second.candidates.end());
  return all;
}

bool Description::endOfCandidates(size_t index) const {
  if (section(index).lines.has<sdp::EndOfCandidates>()) return true;
  const auto trickled = trickled_.find(index);
  return trickled != trickled_.end() && trickled->second.ended;
}

void Description::addCandidate(size_t index, std::string value) {
  trickled_[index].candidates.push_back(std::move(value));
}

void Description::endCandidates(size_t index) {
  if (!endOfCandidates(index)) trickled_[index].ended = true;
}

}  // namespace peerage::jsep
