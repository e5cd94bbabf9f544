#include "api/ice_server_url.hpp"

#include <gtest/gtest.h>

#include "peerage/dom_exception.hpp"

namespace peerage::detail {
namespace {

using Scheme = IceServerUrl::Scheme;

std::string errorOf(const std::string& url, const RTCIceServer& server = {.username = "u", .credential = "c"}) {
  try {
    validateIceServerUrl(url, server);
  } catch (const DOMException& e) {
    return e.name();
  }
  return "";
}

TEST(IceServerUrl, PartsOfWhatIsRight) {
  const RTCIceServer server{.username = "u", .credential = "c"};
  const auto stun = validateIceServerUrl("STUN:Stun.Example.org", server);
  EXPECT_EQ(stun.scheme, Scheme::stun);
  EXPECT_EQ(stun.host, "stun.example.org");
  EXPECT_EQ(stun.port, 3478);
  EXPECT_EQ(stun.url, "STUN:Stun.Example.org");
  EXPECT_EQ(validateIceServerUrl("stuns:h", server).port, 5349);
  EXPECT_EQ(validateIceServerUrl("turns:h", server).port, 5349);
  const auto turn = validateIceServerUrl("turn:[2001:db8::1]:19302?transport=tcp", server);
  EXPECT_EQ(turn.scheme, Scheme::turn);
  EXPECT_EQ(turn.host, "2001:db8::1");
  EXPECT_EQ(turn.port, 19302);
  EXPECT_TRUE(turn.tcp);
  EXPECT_FALSE(validateIceServerUrl("turn:h?transport=udp", server).tcp);
  EXPECT_EQ(validateIceServerUrl("  stun:h\n", server).host, "h") << "as the URL parser has it";
  EXPECT_EQ(validateIceServerUrl("stun:h:", server).port, 3478);
  EXPECT_EQ(validateIceServerUrl("stun:192.0.2.1", server).host, "192.0.2.1");
  EXPECT_EQ(validateIceServerUrl("stun:0xc0.514", server).host, "192.0.2.2");
  EXPECT_EQ(validateIceServerUrl("stun:a%62c", server).host, "abc");
}

TEST(IceServerUrl, SyntaxErrors) {
  for (const char* url :
       {"", "relative-url", "http://example.com", "turn://example.org/foo?x=y", "stun://example.org/foo?x=y", "stun:",
        "stun::3478", "stun:user@host", "stun:h/path", "stun:h\\path", "stun:h#", "stun:h?transport=udp", "stuns:h?", "turn:h?",
        "turn:h?transport=", "turn:h?transport=tls", "turn:h?Transport=udp", "turn:h?transport=udp&x=y", "stun:h:65536",
        "stun:h:-1", "stun:h:port", "stun:h:80:81", "stun:[::1", "stun:[192.0.2.1]", "stun:[::1]x", "stun:2001:db8::1",
        "stun:a b", "stun:a^b", "stun:a%20b", "stun:a%", "stun:256.1.1.1", "stun:1.2.3.4.5", "stun:1.2.3.09", "stun:h.1",
        "1stun:h", ":h", "st un:h"}) {
    EXPECT_EQ(errorOf(url), "SyntaxError") << url;
  }
}

TEST(IceServerUrl, Credentials) {
  for (const char* url : {"turn:turn.example.org", "turns:turn.example.org"}) {
    EXPECT_EQ(errorOf(url, {}), "InvalidAccessError");
    EXPECT_EQ(errorOf(url, {.username = "user"}), "InvalidAccessError");
    EXPECT_EQ(errorOf(url, {.credential = "cred"}), "InvalidAccessError");
    EXPECT_EQ(errorOf(url, {.username = std::string(509, 'u'), .credential = "c"}), "InvalidAccessError");
    EXPECT_EQ(errorOf(url, {.username = std::string(508, 'u'), .credential = "c"}), "");
    EXPECT_EQ(errorOf(url, {.username = "", .credential = ""}), "");
  }
  EXPECT_EQ(errorOf("stun:stun.example.org", {}), "");
  EXPECT_EQ(errorOf("stuns:stun.example.org", {}), "");
  EXPECT_EQ(errorOf("turn:bad/url", {}), "SyntaxError") << "before the credentials are looked at";
}

}  // namespace
}  // namespace peerage::detail
