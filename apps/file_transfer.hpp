// Files over a data channel: a JSON header {name, size, type, sha256} as text, the bytes in binary messages, and from the
// receiver {received, sha256} as text, where a file that it refuses has received: 0. docs/demo.md describes it.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "peerage/rtc_data_channel.hpp"

namespace peerage::app {

/// SHA-256 of bytes that come in pieces, as lower-case hexadecimal.
class Sha256 {
 public:
  Sha256();
  void update(std::span<const uint8_t> bytes);
  std::string finish();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

/// One file at a time in each direction over one channel.
class FileTransfer {
 public:
  struct Received {
    std::string name;
    std::vector<uint8_t> bytes;
    bool intact = false;  ///< the digest is the one that the header told
  };
  /// Takes the channel's onmessage and onbufferedamountlow; lives as long as the channel is used.
  explicit FileTransfer(std::shared_ptr<RTCDataChannel> channel);
  ~FileTransfer();
  FileTransfer(const FileTransfer&) = delete;
  FileTransfer& operator=(const FileTransfer&) = delete;

  /// Starts to send; throws DOMException while another file is under way, the channel is not open, or the file has more than
  /// 256 MiB.
  void send(std::string name, std::string type, std::vector<uint8_t> bytes);

  std::function<void(const Received&)> onreceived;
  /// The other side has it; `intact` when its digest was ours.
  std::function<void(const std::string& name, bool intact)> onsent;
  /// What the other side sent made no sense, or a transfer was cut off: a sentence.
  std::function<void(const std::string&)> onproblem;

 private:
  void handleText(const std::string& text);
  void handleBytes(const std::vector<uint8_t>& bytes);
  void finishReceiving();
  void refuse(const std::string& why);
  void pump();
  void problem(const std::string& what);

  std::shared_ptr<RTCDataChannel> channel_;
  struct Outgoing {
    std::string name;
    std::string sha256;
    std::vector<uint8_t> bytes;
    size_t sent = 0;
  };
  std::optional<Outgoing> outgoing_;
  struct Incoming {
    Received file;
    size_t size = 0;
    std::string sha256;
    Sha256 digest;
  };
  std::optional<Incoming> incoming_;
  bool discarding_ = false;  ///< of a file that was refused
};

}  // namespace peerage::app
