// links: stun
// Any bytes through the STUN parser and every accessor.
#include "stun/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peerage;
  using namespace peerage::stun;
  const auto message = Message::parse({data, size});
  if (!message) return 0;
  (void)message->username();
  (void)message->realm();
  (void)message->nonce();
  (void)message->software();
  (void)message->reflexiveAddress();
  (void)message->xorAddress(AttributeType::xor_peer_address);
  (void)message->errorCode();
  (void)message->unknownAttributes();
  (void)message->unknownRequired();
  (void)message->priority();
  (void)message->useCandidate();
  (void)message->iceControlled();
  (void)message->iceControlling();
  (void)message->fingerprint();
  (void)message->integrity("password");
  // A message that is rebuilt from its address says the same.
  if (const auto mapped = message->xorMappedAddress()) {
    Bytes out;
    Builder(out, Class::success, Method::binding, message->transactionId())
        .xorAddress(AttributeType::xor_mapped_address, *mapped)
        .integrity("k")
        .fingerprint();
    const auto again = Message::parse(out);
    if (!again || again->xorMappedAddress() != mapped || again->integrity("k") != Check::valid ||
        again->fingerprint() != Check::valid) {
      __builtin_trap();
    }
  }
  return 0;
}
