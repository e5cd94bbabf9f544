// OpenSSL's view of our datagrams: a BIO over memory that keeps their boundaries.
#pragma once

#include <openssl/bio.h>

#include <functional>
#include <sys/time.h>

#include "base/bytes.hpp"

namespace peerage::dtls {

/// What a datagram BIO reads from and writes to. It must outlive the BIO.
struct DatagramPort {
  ByteView input;                               ///< the datagram that comes next; empty when read
  std::function<void(ByteView)> output;         ///< one datagram
  /// Where the library keeps the deadline of its own timer, while it tells a BIO by address (3.0 and 3.1 do).
  timeval* libraryDeadline = nullptr;
};

/// A BIO for both directions over `port`; nullptr when out of memory.
BIO* newDatagramBio(DatagramPort* port);

}  // namespace peerage::dtls
