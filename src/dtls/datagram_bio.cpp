#include "dtls/datagram_bio.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace peerage::dtls {
namespace {

DatagramPort* portOf(BIO* bio) { return static_cast<DatagramPort*>(BIO_get_data(bio)); }

int readDatagram(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  DatagramPort* port = portOf(bio);
  if (port->input.empty() || size <= 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  // As recvfrom() does, what does not fit is cut off: it is one datagram a read.
  const ByteView datagram = std::exchange(port->input, {});
  const size_t count = std::min(datagram.size(), static_cast<size_t>(size));
  std::memcpy(out, datagram.data(), count);
  return static_cast<int>(count);
}

int writeDatagram(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  if (size > 0) portOf(bio)->output({reinterpret_cast<const uint8_t*>(data), static_cast<size_t>(size)});
  return size;
}

/// OpenSSL 3.0 and 3.1 pass the address of the connection's own deadline, later ones that of a copy on their stack.
bool deadlineIsTheLibrarys() {
  static const bool known = OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
  return known;
}

long control(BIO* bio, int command, long, void* argument) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
      if (deadlineIsTheLibrarys()) portOf(bio)->libraryDeadline = static_cast<timeval*>(argument);
      return 1;
    default: return 0;
  }
}

int create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* makeMethod() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams in memory");
  if (!method) return nullptr;
  BIO_meth_set_read(method, readDatagram);
  BIO_meth_set_write(method, writeDatagram);
  BIO_meth_set_ctrl(method, control);
  BIO_meth_set_create(method, create);
  return method;
}

}  // namespace

BIO* newDatagramBio(DatagramPort* port) {
  static BIO_METHOD* const method = makeMethod();
  BIO* bio = method ? BIO_new(method) : nullptr;
  if (bio) BIO_set_data(bio, port);
  return bio;
}

}  // namespace peerage::dtls
