// RTCPeerConnection, RTCDataChannel, RTCCertificate and RTCIceCandidate in the table.
#include "class_table.hpp"
#include "tables.hpp"

namespace peerage::node {

namespace {

using Pc = RTCPeerConnection;
using Candidate = RTCIceCandidate;
using Channel = RTCDataChannel;
using Track = std::shared_ptr<MediaStreamTrack>;
using Streams = std::vector<std::shared_ptr<MediaStream>>;

}  // namespace

void addConnection(Environment& e, Napi::Object exports) {
  Class<Pc>(e, exports)
      .construct<[](EventLoop& loop, RTCConfiguration configuration) { return std::make_shared<Pc>(loop, configuration); }>()
      .call<&Pc::createOffer>("createOffer")
      .call<&Pc::createAnswer>("createAnswer")
      .call<&Pc::setLocalDescription>("setLocalDescription")
      .call<&Pc::setRemoteDescription>("setRemoteDescription")
      .call<[](Pc& pc, RTCIceCandidateInit candidate) { return pc.addIceCandidate(std::move(candidate)); }>("addIceCandidate")
      .call<&Pc::restartIce>("restartIce")
      .get<&Pc::localDescription>("localDescription")
      .get<&Pc::currentLocalDescription>("currentLocalDescription")
      .get<&Pc::pendingLocalDescription>("pendingLocalDescription")
      .get<&Pc::remoteDescription>("remoteDescription")
      .get<&Pc::currentRemoteDescription>("currentRemoteDescription")
      .get<&Pc::pendingRemoteDescription>("pendingRemoteDescription")
      .get<&Pc::signalingState>("signalingState")
      .get<&Pc::iceGatheringState>("iceGatheringState")
      .get<&Pc::iceConnectionState>("iceConnectionState")
      .get<&Pc::connectionState>("connectionState")
      .get<&Pc::canTrickleIceCandidates>("canTrickleIceCandidates")
      .get<&Pc::sctp>("sctp")
      .call<&Pc::getConfiguration>("getConfiguration")
      .call<&Pc::setConfiguration>("setConfiguration")
      .call<&Pc::close>("close")
      .call<&Pc::getSenders>("getSenders")
      .call<&Pc::getReceivers>("getReceivers")
      .call<&Pc::getTransceivers>("getTransceivers")
      .call<[](Pc& pc, Track track, Streams streams) { return pc.addTrack(std::move(track), std::move(streams)); }>("addTrack")
      .call<&Pc::removeTrack>("removeTrack")
      .call<[](Environment& e, Pc& pc, Napi::Value trackOrKind, RTCRtpTransceiverInit init) {
        if (!trackOrKind.IsString()) return pc.addTransceiver(Js<Track>::from(e, trackOrKind), std::move(init));
        return pc.addTransceiver(Js<MediaKind>::from(e, trackOrKind), std::move(init));
      }>("addTransceiver")
      .call<&Pc::createDataChannel>("createDataChannel")
      .call<&Pc::getStats>("getStats")
      .call<[](EventLoop& loop, AlgorithmIdentifier algorithm) {
        return Pc::generateCertificate(loop, std::move(algorithm));
      }>("generateCertificate");

  Class<Channel>(e, exports)
      .get<&Channel::label>("label")
      .get<&Channel::ordered>("ordered")
      .get<&Channel::maxPacketLifeTime>("maxPacketLifeTime")
      .get<&Channel::maxRetransmits>("maxRetransmits")
      .get<&Channel::protocol>("protocol")
      .get<&Channel::negotiated>("negotiated")
      .get<&Channel::id>("id")
      .get<&Channel::readyState>("readyState")
      .get<&Channel::bufferedAmount>("bufferedAmount")
      .get<&Channel::bufferedAmountLowThreshold>("bufferedAmountLowThreshold")
      .set<&Channel::setBufferedAmountLowThreshold>("bufferedAmountLowThreshold")
      .get<&Channel::binaryType>("binaryType")
      .set<&Channel::setBinaryType>("binaryType")
      .call<[](Channel& channel, std::string_view text) { channel.send(text); }>("sendText")
      .call<[](Channel& channel, std::span<const uint8_t> bytes) { channel.send(bytes); }>("sendBytes")
      .call<&Channel::close>("close");

  Class<RTCCertificate>(e, exports)
      .get<&RTCCertificate::expires>("expires")
      .call<&RTCCertificate::getFingerprints>("getFingerprints");

  Class<Candidate>(e, exports)
      .construct<[](RTCIceCandidateInit init, std::optional<std::string> url) {
        return std::make_shared<Candidate>(std::move(init), std::move(url));
      }>()
      .get<&Candidate::candidate>("candidate")
      .get<&Candidate::sdpMid>("sdpMid")
      .get<&Candidate::sdpMLineIndex>("sdpMLineIndex")
      .get<&Candidate::foundation>("foundation")
      .get<&Candidate::component>("component")
      .get<&Candidate::priority>("priority")
      .get<&Candidate::address>("address")
      .get<&Candidate::protocol>("protocol")
      .get<&Candidate::port>("port")
      .get<&Candidate::type>("type")
      .get<&Candidate::tcpType>("tcpType")
      .get<&Candidate::relatedAddress>("relatedAddress")
      .get<&Candidate::relatedPort>("relatedPort")
      .get<&Candidate::usernameFragment>("usernameFragment")
      .get<&Candidate::relayProtocol>("relayProtocol")
      .get<&Candidate::url>("url");
}

}  // namespace peerage::node
