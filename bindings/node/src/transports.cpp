// The transport objects in the table.
#include "class_table.hpp"
#include "tables.hpp"

namespace peerage::node {

void addTransports(Environment& e, Napi::Object exports) {
  using Ice = RTCIceTransport;
  using Dtls = RTCDtlsTransport;
  using Sctp = RTCSctpTransport;

  Class<Ice>(e, exports)
      .get<&Ice::role>("role")
      .get<&Ice::component>("component")
      .get<&Ice::state>("state")
      .get<&Ice::gatheringState>("gatheringState")
      .call<&Ice::getLocalCandidates>("getLocalCandidates")
      .call<&Ice::getRemoteCandidates>("getRemoteCandidates")
      .call<&Ice::getSelectedCandidatePair>("getSelectedCandidatePair")
      .call<&Ice::getLocalParameters>("getLocalParameters")
      .call<&Ice::getRemoteParameters>("getRemoteParameters");

  Class<RTCIceCandidatePair>(e, exports)
      .get<&RTCIceCandidatePair::local>("local")
      .get<&RTCIceCandidatePair::remote>("remote");

  Class<Dtls>(e, exports)
      .get<&Dtls::iceTransport>("iceTransport")
      .get<&Dtls::state>("state")
      .call<&Dtls::getRemoteCertificates>("getRemoteCertificates");

  Class<Sctp>(e, exports)
      .get<&Sctp::transport>("transport")
      .get<&Sctp::state>("state")
      .get<&Sctp::maxMessageSize>("maxMessageSize")
      .get<&Sctp::maxChannels>("maxChannels");
}

}  // namespace peerage::node
