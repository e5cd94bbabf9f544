// Senders, receivers and transceivers in the table.
#include "class_table.hpp"
#include "tables.hpp"

namespace peerage::node {

void addRtp(Environment& e, Napi::Object exports) {
  using Sender = RTCRtpSender;
  using Receiver = RTCRtpReceiver;
  using Transceiver = RTCRtpTransceiver;

  Class<Sender>(e, exports)
      .get<&Sender::track>("track")
      .get<&Sender::transport>("transport")
      .get<&Sender::dtmf>("dtmf")
      .call<&Sender::replaceTrack>("replaceTrack")
      .call<&Sender::setStreams>("setStreams")
      .call<&Sender::getStats>("getStats")
      .call<&Sender::getParameters>("getParameters")
      .call<&Sender::setParameters>("setParameters")
      .call<&Sender::getCapabilities>("getCapabilities");

  Class<Receiver>(e, exports)
      .get<&Receiver::track>("track")
      .get<&Receiver::transport>("transport")
      .call<&Receiver::getStats>("getStats")
      .get<&Receiver::jitterBufferTarget>("jitterBufferTarget")
      .set<&Receiver::setJitterBufferTarget>("jitterBufferTarget")
      .call<&Receiver::getContributingSources>("getContributingSources")
      .call<&Receiver::getSynchronizationSources>("getSynchronizationSources")
      .call<&Receiver::getParameters>("getParameters")
      .call<&Receiver::getCapabilities>("getCapabilities");

  Class<Transceiver>(e, exports)
      .get<&Transceiver::mid>("mid")
      .get<&Transceiver::sender>("sender")
      .get<&Transceiver::receiver>("receiver")
      .get<&Transceiver::direction>("direction")
      .set<&Transceiver::setDirection>("direction")
      .get<&Transceiver::currentDirection>("currentDirection")
      .call<&Transceiver::stop>("stop")
      .call<&Transceiver::setCodecPreferences>("setCodecPreferences");

  Class<RTCDTMFSender>(e, exports)
      .call<&RTCDTMFSender::insertDTMF>("insertDTMF")
      .get<&RTCDTMFSender::canInsertDTMF>("canInsertDTMF")
      .get<&RTCDTMFSender::toneBuffer>("toneBuffer");
}

}  // namespace peerage::node
