#include "ice/candidate.hpp"

#include <gtest/gtest.h>

namespace peerage::ice {
namespace {

Candidate parsed(std::string_view text) {
  auto candidate = Candidate::parse(text);
  EXPECT_TRUE(candidate) << text << ": " << (candidate ? "" : candidate.error().message);
  return candidate.value_or(Candidate{});
}

TEST(Candidate, HostOfChromium) {
  const auto c = parsed(
      "candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0 ufrag EsAw network-id 1 "
      "network-cost 10");
  EXPECT_EQ(c.foundation, "1467250027");
  EXPECT_EQ(c.component, 1);
  EXPECT_EQ(c.protocol, Protocol::udp);
  EXPECT_EQ(c.priority, 2122260223u);
  EXPECT_EQ(c.endpoint(), SocketAddress::parse("192.168.0.196:46243"));
  EXPECT_EQ(c.type, CandidateType::host);
  EXPECT_EQ(c.ufrag, "EsAw");
  const std::vector<std::pair<std::string, std::string>> extensions{
      {"generation", "0"}, {"network-id", "1"}, {"network-cost", "10"}};
  EXPECT_EQ(c.extensions, extensions);
}

TEST(Candidate, ExamplesOfRfc8839) {
  const auto c = parsed("a=candidate:2 1 UDP 1694498815 203.0.113.141 8998 typ srflx raddr 2001:db8::1 rport 5000\r\n");
  EXPECT_EQ(c.protocol, Protocol::udp);
  EXPECT_EQ(c.type, CandidateType::srflx);
  EXPECT_EQ(c.relatedAddress, "2001:db8::1");
  EXPECT_EQ(c.relatedPort, 5000);
  EXPECT_EQ(c.toString(), "candidate:2 1 udp 1694498815 203.0.113.141 8998 typ srflx raddr 2001:db8::1 rport 5000");
}

TEST(Candidate, TcpOfRfc6544) {
  const auto c = parsed("candidate:1 1 TCP 2128609279 10.0.1.1 9 typ host tcptype active");
  EXPECT_EQ(c.protocol, Protocol::tcp);
  EXPECT_EQ(c.tcpType, TcpType::active);
  EXPECT_EQ(c.port, 9);
}

TEST(Candidate, HostNamesStayText) {
  const auto c = parsed("candidate:0 1 UDP 2122187007 8d0a3c21-0f3b-4ac5-b5b5-3e3b0c1c7b3a.local 50000 typ host");
  EXPECT_EQ(c.address, "8d0a3c21-0f3b-4ac5-b5b5-3e3b0c1c7b3a.local");
  EXPECT_FALSE(c.ip());
  EXPECT_FALSE(c.endpoint());
}

TEST(Candidate, WhatIsUnknownSurvives) {
  const std::string text =
      "candidate:1 1 quic 1 2001:db8::1 1 typ teleport raddr 0.0.0.0 rport 0 x-a b x-c d ufrag abcd";
  const auto c = parsed(text);
  EXPECT_EQ(c.protocol, Protocol::unknown);
  EXPECT_EQ(c.type, CandidateType::unknown);
  EXPECT_EQ(c.toString(), text);
  EXPECT_EQ(parsed(c.toString()), c);
}

TEST(Candidate, PrefixesAreOptionalAndANameWithoutValueIsLeftOut) {
  const auto c = parsed("1 1 udp 1 192.0.2.1 1 typ host generation");
  EXPECT_TRUE(c.extensions.empty());
  EXPECT_EQ(c, parsed("candidate:1 1 udp 1 192.0.2.1 1 typ host"));
  EXPECT_EQ(c, parsed("a=candidate:1  1  udp 1 192.0.2.1 1 typ host"));
}

TEST(Candidate, WrongOnesSayWhatIsWrong) {
  const auto error = [](std::string_view text) {
    const auto candidate = Candidate::parse(text);
    return candidate ? std::string() : candidate.error().message;
  };
  EXPECT_EQ(error(""), "candidate: foundation is missing");
  EXPECT_EQ(error("candidate:1"), "candidate: component is missing");
  EXPECT_EQ(error("candidate:1 0 udp 1 1.1.1.1 1 typ host"), "candidate: component \"0\"");
  EXPECT_EQ(error("candidate:1 257 udp 1 1.1.1.1 1 typ host"), "candidate: component \"257\"");
  EXPECT_EQ(error("candidate:1 1 udp -1 1.1.1.1 1 typ host"), "candidate: priority \"-1\"");
  EXPECT_EQ(error("candidate:1 1 udp 4294967296 1.1.1.1 1 typ host"), "candidate: priority \"4294967296\"");
  EXPECT_EQ(error("candidate:1 1 udp 1 1.1.1.1 65536 typ host"), "candidate: port \"65536\"");
  EXPECT_EQ(error("candidate:1 1 udp 1 1.1.1.1 1 host"), "candidate: \"typ\" \"host\"");
  EXPECT_EQ(error("candidate:1 1 udp 1 1.1.1.1 1 typ"), "candidate: type is missing");
  EXPECT_EQ(error("candidate:1! 1 udp 1 1.1.1.1 1 typ host"), "candidate: foundation \"1!\"");
  EXPECT_EQ(error("candidate:1 1 udp 1 1.1.1.1 1 typ host tcptype quick"), "candidate: tcptype \"quick\"");
  EXPECT_FALSE(error("candidate:1 1 udp 1 1.1.1.1 1 typ host\r\na=x").empty());
  EXPECT_FALSE(error("candidate:" + std::string(33, '1') + " 1 udp 1 1.1.1.1 1 typ host").empty());
  EXPECT_FALSE(error(std::string(kMaxCandidateLength + 1, '1')).empty());
  std::string many = "candidate:1 1 udp 1 1.1.1.1 1 typ host";
  for (int i = 0; i < 33; ++i) many += " a b";
  EXPECT_FALSE(error(many).empty());
}

TEST(Priority, FormulasOfRfc8445) {
  EXPECT_EQ(candidatePriority(126, 65535, 1), 2130706431u);
  EXPECT_EQ(candidatePriority(100, 65535, 1), 1694498815u);
  EXPECT_EQ(pairPriority(2, 1), (uint64_t{1} << 32) + 4 + 1);
  EXPECT_EQ(pairPriority(1, 2), (uint64_t{1} << 32) + 4);
}

TEST(Credentials, LengthsAndCharacters) {
  EXPECT_TRUE(isUfrag("ab+/"));
  EXPECT_FALSE(isUfrag("abc"));
  EXPECT_FALSE(isUfrag("ab:c"));
  EXPECT_FALSE(isUfrag(std::string(257, 'a')));
  EXPECT_TRUE(isPassword(std::string(22, 'a')));
  EXPECT_FALSE(isPassword(std::string(21, 'a')));
}

}  // namespace
}  // namespace peerage::ice
