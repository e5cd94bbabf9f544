#include "file_transfer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace peerage::app {

namespace {

constexpr size_t kChunk = 16 * 1024;            // what every browser takes
constexpr uint64_t kHigh = 1024 * 1024;         // stop handing chunks over above this much waiting
constexpr uint64_t kLow = 256 * 1024;           // and go on below this
constexpr size_t kLargestFile = size_t{256} << 20;  // kept in memory while it comes

std::string receipt(size_t received, const std::string& sha256) {
  return nlohmann::json{{"received", received}, {"sha256", sha256}}.dump();
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
void Sha256::update(std::span<const uint8_t> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
std::string Sha256::finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context_.get(), digest, &size);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

FileTransfer::FileTransfer(std::shared_ptr<RTCDataChannel> channel) : channel_(std::move(channel)) {
  channel_->setBufferedAmountLowThreshold(kLow);
  channel_->onbufferedamountlow = [this] { pump(); };
  channel_->onmessage = [this](MessageEvent& message) {
    try {
      message.isText() ? handleText(message.text()) : handleBytes(message.bytes());
    } catch (const std::exception& e) {  // whatever the peer sends, it ends nothing but its own transfer
      problem(std::string("the peer's message could not be answered: ") + e.what());
    }
  };
}

FileTransfer::~FileTransfer() {  // the peer may go on to send over the channel
  channel_->onbufferedamountlow = nullptr;
  channel_->onmessage = nullptr;
}

void FileTransfer::problem(const std::string& what) {
  if (onproblem) onproblem(what);
}

void FileTransfer::send(std::string name, std::string type, std::vector<uint8_t> bytes) {
  if (outgoing_) throw DOMException("a file is being sent already: " + outgoing_->name, DOMException::kInvalidStateError);
  if (bytes.size() > kLargestFile) {
    throw DOMException("a file of " + std::to_string(bytes.size()) + " bytes, at most " + std::to_string(kLargestFile) + " are taken",
                       DOMException::kNotSupportedError);
  }
  Sha256 digest;
  digest.update(bytes);
  outgoing_ = Outgoing{std::move(name), digest.finish(), std::move(bytes)};
  const nlohmann::json header = {
      {"name", outgoing_->name}, {"size", outgoing_->bytes.size()}, {"type", type}, {"sha256", outgoing_->sha256}};
  try {
    channel_->send(header.dump());
  } catch (...) {
    outgoing_.reset();
    throw;
  }
  pump();
}

void FileTransfer::pump() {
  while (outgoing_ && outgoing_->sent < outgoing_->bytes.size() && channel_->bufferedAmount() < kHigh &&
         channel_->readyState() == RTCDataChannelState::open) {
    const size_t size = std::min(kChunk, outgoing_->bytes.size() - outgoing_->sent);
    try {
      channel_->send(std::span(outgoing_->bytes).subspan(outgoing_->sent, size));
    } catch (const std::exception& e) {  // what the other channels have waiting fills the connection's buffer
      const std::string name = std::move(outgoing_->name);
      outgoing_.reset();
      return problem("\"" + name + "\" was cut off: " + e.what());
    }
    outgoing_->sent += size;
  }
}

void FileTransfer::handleText(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return problem("a text on the file channel is no JSON object");
  if (json.contains("received")) {  // the other side's receipt
    if (!outgoing_) return problem("a receipt for no file");
    const Outgoing done = std::move(*outgoing_);
    outgoing_.reset();
    if (!done.bytes.empty() && json["received"] == 0) return problem("\"" + done.name + "\" was refused there");
    const auto sha = json.find("sha256");
    if (onsent) onsent(done.name, sha != json.end() && sha->is_string() && sha->get<std::string>() == done.sha256);
    return;
  }
  const auto size = json.find("size");
  const auto name = json.find("name");
  if (size == json.end() || !size->is_number_unsigned() || name == json.end() || !name->is_string()) {
    return problem("a file header without name and size");
  }
  if (size->get<uint64_t>() > kLargestFile) {
    return refuse("a file of " + size->dump() + " bytes, at most " + std::to_string(kLargestFile) + " are taken");
  }
  discarding_ = false;
  incoming_.emplace(Incoming{});
  incoming_->file.name = name->get<std::string>();
  incoming_->size = size->get<size_t>();
  if (const auto sha = json.find("sha256"); sha != json.end() && sha->is_string()) incoming_->sha256 = sha->get<std::string>();
  if (incoming_->size == 0) finishReceiving();
}

void FileTransfer::handleBytes(const std::vector<uint8_t>& bytes) {
  if (discarding_) return;
  if (!incoming_) return refuse("bytes without a file header");
  auto& file = incoming_->file.bytes;
  if (file.size() + bytes.size() > incoming_->size) {
    return refuse("more bytes than the file header told");
  }
  incoming_->digest.update(bytes);
  file.insert(file.end(), bytes.begin(), bytes.end());
  if (file.size() == incoming_->size) finishReceiving();
}

/// What else comes of it is dropped without a word, until the next header.
void FileTransfer::refuse(const std::string& why) {
  incoming_.reset();
  discarding_ = true;
  problem(why);
  if (channel_->readyState() == RTCDataChannelState::open) channel_->send(receipt(0, ""));
}

void FileTransfer::finishReceiving() {
  Incoming done = std::move(*incoming_);
  incoming_.reset();
  const std::string digest = done.digest.finish();
  done.file.intact = done.sha256.empty() || done.sha256 == digest;
  if (onreceived) onreceived(done.file);
  if (channel_->readyState() != RTCDataChannelState::open) return;  // closing: nobody waits for the receipt
  channel_->send(receipt(done.size, digest));
}

}  // namespace peerage::app
