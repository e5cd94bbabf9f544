#include "api/ice_server_url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "peerage/dom_exception.hpp"
#include "sdp/text.hpp"

namespace peerage::detail {

namespace {

/// RFC 8489 §14.3: USERNAME "MUST be at most 508 bytes".
constexpr size_t kMaxUsername = 508;

bool isControl(char c) { return static_cast<unsigned char>(c) < 0x20; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// What the URL parser takes away first: C0 controls and spaces around, tabs and newlines anywhere.
std::string cleaned(std::string_view url) {
  while (!url.empty() && (isControl(url.front()) || url.front() == ' ')) url.remove_prefix(1);
  while (!url.empty() && (isControl(url.back()) || url.back() == ' ')) url.remove_suffix(1);
  std::string out;
  std::ranges::copy_if(url, std::back_inserter(out), [](char c) { return c != '\t' && c != '\n' && c != '\r'; });
  return out;
}

/// A URL that has an opaque path, as far as it matters here.
struct Parsed {
  std::string scheme;
  std::string path;
  std::optional<std::string> query;
  bool fragment = false;
};

std::optional<Parsed> parse(const std::string& url) {
  const size_t colon = url.find(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  Parsed out;
  for (char c : url.substr(0, colon)) {
    const bool fits = out.scheme.empty() ? sdp::isAlnum(c) && !sdp::isDigit(c) : sdp::isAlnum(c) || c == '+' || c == '-' || c == '.';
    if (!fits) return std::nullopt;
    out.scheme += lower(c);
  }
  std::string_view rest = std::string_view(url).substr(colon + 1);
  if (const size_t hash = rest.find('#'); hash != std::string_view::npos) {
    out.fragment = true;
    rest = rest.substr(0, hash);
  }
  if (const size_t mark = rest.find('?'); mark != std::string_view::npos) {
    out.query = std::string(rest.substr(mark + 1));
    rest = rest.substr(0, mark);
  }
  out.path = rest;
  return out;
}

int hexDigit(char c) {
  if (sdp::isDigit(c)) return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percentDecoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hexDigit(text[i + 1]) >= 0 && hexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(hexDigit(text[i + 1]) * 16 + hexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// URL §3.5 "IPv4 number parser": decimal, 0 octal, 0x hexadecimal.
std::optional<uint64_t> ipv4Number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int base = 10;
  if (text.size() >= 2 && text[0] == '0' && lower(text[1]) == 'x') {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() >= 2 && text[0] == '0') {
    base = 8;
    text.remove_prefix(1);
  }
  if (text.empty()) return 0;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error == std::errc::result_out_of_range) return UINT64_MAX;
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> labelsOf(std::string_view host) {
  std::vector<std::string_view> labels;
  while (true) {
    const size_t dot = host.find('.');
    labels.push_back(host.substr(0, dot));
    if (dot == std::string_view::npos) break;
    host.remove_prefix(dot + 1);
  }
  if (labels.size() > 1 && labels.back().empty()) labels.pop_back();
  return labels;
}

/// URL §3.5: a host that ends in a number is an IPv4 address, or nothing.
bool endsInNumber(std::string_view host) {
  const std::string_view last = labelsOf(host).back();
  if (last.empty()) return false;
  return std::ranges::all_of(last, sdp::isDigit) || ipv4Number(last).has_value();
}

std::optional<std::string> ipv4(std::string_view host) {
  const auto labels = labelsOf(host);
  if (labels.size() > 4) return std::nullopt;
  uint64_t address = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto number = ipv4Number(labels[i]);
    const bool last = i + 1 == labels.size();
    const uint64_t limit = last ? uint64_t{1} << (8 * (5 - labels.size())) : 256;
    if (!number || *number >= limit) return std::nullopt;
    address += last ? *number : *number << (8 * (3 - i));
  }
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += (text.empty() ? "" : ".") + std::to_string(address >> shift & 255);
  return text;
}

/// URL §3.5 "host parser" of a special URL. Names beyond ASCII are left to the resolver.
std::optional<std::string> hostOf(std::string_view text) {
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return std::nullopt;
    const auto address = IpAddress::parse(text.substr(1, text.size() - 2));
    return address && address->isV6() ? std::optional(std::string(text.substr(1, text.size() - 2))) : std::nullopt;
  }
  std::string host = percentDecoded(text);
  if (host.empty()) return std::nullopt;
  constexpr std::string_view kForbidden = " #/:<>?@[\\]^|%\x7f";
  for (char& c : host) {
    if (isControl(c) || kForbidden.find(c) != std::string_view::npos) return std::nullopt;
    c = lower(c);
  }
  return endsInNumber(host) ? ipv4(host) : host;
}

}  // namespace

IceServerUrl validateIceServerUrl(const std::string& url, const RTCIceServer& server) {
  using Scheme = IceServerUrl::Scheme;
  const auto syntax = [&](const std::string& why) {
    return DOMException("the ICE server URL \"" + url + "\" " + why, DOMException::kSyntaxError);
  };
  const auto parsed = parse(cleaned(url));
  if (!parsed) throw syntax("is no URL");
  constexpr std::array<std::string_view, 4> kSchemes{"stun", "stuns", "turn", "turns"};
  const auto scheme = std::ranges::find(kSchemes, parsed->scheme);
  if (scheme == kSchemes.end()) throw syntax("has the scheme \"" + parsed->scheme + "\", which is none of stun, stuns, turn, turns");
  IceServerUrl out{.url = url, .scheme = static_cast<Scheme>(scheme - kSchemes.begin())};
  const bool turn = out.scheme == Scheme::turn || out.scheme == Scheme::turns;
  const bool tls = out.scheme == Scheme::stuns || out.scheme == Scheme::turns;
  if (parsed->path.find_first_of("/@\\") != std::string::npos) throw syntax("has more than host and port");
  if (parsed->fragment) throw syntax("has a fragment");
  if (!turn && parsed->query) throw syntax("has a query, which only TURN has");

  const std::string_view path = parsed->path;
  const size_t bracket = path.starts_with('[') ? path.find(']') : 0;
  const size_t colon = bracket == std::string_view::npos ? bracket : path.find(':', bracket);
  const auto host = hostOf(path.substr(0, colon));
  if (!host) throw syntax("has no host that could be one");
  out.host = *host;
  out.port = tls ? 5349 : 3478;
  if (colon != std::string_view::npos && colon + 1 < path.size()) {
    const std::string_view port = path.substr(colon + 1);
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (!std::ranges::all_of(port, sdp::isDigit) || error != std::errc{} || number > 65535) {
      throw syntax("has the port \"" + std::string(port) + "\", which is not in 0..65535");
    }
    out.port = static_cast<uint16_t>(number);
  }
  if (parsed->query && *parsed->query != "transport=udp" && *parsed->query != "transport=tcp") {
    throw syntax("has the query \"" + *parsed->query + "\", which is neither transport=udp nor transport=tcp");
  }
  out.tcp = tls || (parsed->query && *parsed->query == "transport=tcp");
  if (turn && (!server.username || !server.credential)) {
    throw DOMException("the TURN server \"" + url + "\" needs username and credential", DOMException::kInvalidAccessError);
  }
  if (turn && server.username->size() > kMaxUsername) {
    throw DOMException("the TURN server \"" + url + "\": the username has " + std::to_string(server.username->size()) +
                           " bytes, at most " + std::to_string(kMaxUsername) + " can be sent",
                       DOMException::kInvalidAccessError);
  }
  return out;
}

}  // namespace peerage::detail
