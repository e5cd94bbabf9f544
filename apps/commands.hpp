// The program's commands, each a function from its options to an exit code.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peerage/signaling.hpp"

namespace peerage::app {

struct ServeOptions {
  uint16_t port = 8080;
  std::string interface;
  std::string tlsCertificate;
  std::string tlsKey;
  std::string webRoot;    ///< empty: the page that belongs to the program
  std::string readyFile;  ///< written, with the port, once the server listens; for scripts
  bool quiet = false;
};
/// Serves until Ctrl-C.
int serve(const ServeOptions& options);

struct CallOptions {
  std::string server = "ws://localhost:8080";
  std::string name;
  signaling::Protocol protocol = signaling::Protocol::json;
  std::string room = "lobby";
  std::vector<std::string> iceServers;  ///< URLs (RFC 7064)
  std::string invite;       ///< empty: invites nobody
  bool autoAnswer = false;
  std::string source = "test";
  std::string record;       ///< empty: records nothing
  bool returnVideo = true;
  bool verifyCertificate = true;
};
/// Calls or is called until Ctrl-C, or until the invited peer hangs up.
int call(const CallOptions& options);

/// Two native peers through a real server on real sockets, with everything that a call has; prints the evidence.
int selfTest();

}  // namespace peerage::app
