// links: engine
// A session of a transport with sound and pictures in both directions, whose peer sends what it likes: decrypted RTP
// and RTCP of any content, at any pace, between frames of ours and changes of the plan.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "dtls/fake_factory.hpp"
#include "engine/rtp_session.hpp"
#include "engine/testing_codecs.hpp"

using namespace peerage;
using namespace peerage::engine;

namespace {

jsep::MediaPlan plan(uint32_t id, jsep::MediaKind kind) {
  jsep::MediaPlan out;
  const bool video = kind == jsep::MediaKind::video;
  out.mid = std::to_string(id);
  out.transceiver = jsep::TransceiverId{id};
  out.kind = kind;
  out.transport = jsep::TransportId{1};
  out.send = out.hasTrack = out.receive = true;
  jsep::Codec codec = video ? jsep::Codec{.payloadType = 96, .name = "VP8", .clockRate = 90000}
                            : jsep::Codec{.payloadType = 111, .name = "opus", .clockRate = 48000, .channels = 2};
  codec.feedback = {{"nack", ""}, {"nack", "pli"}, {"ccm", "fir"}, {"transport-cc", ""}};
  out.sendCodec = jsep::CodecPlan{codec, video ? std::optional<uint8_t>(97) : std::nullopt};
  out.receiveCodecs = {*out.sendCodec};
  out.encodings.push_back({.ssrc = 100 + id, .rtxSsrc = video ? 200 + id : 0});
  out.cname = "c";
  out.headerExtensions = {{1, std::string(rtp::uri(rtp::ExtensionType::mid))},
                          {2, std::string(rtp::uri(rtp::ExtensionType::transport_sequence_number))},
                          {3, std::string(rtp::uri(rtp::ExtensionType::audio_level))}};
  out.remoteSsrcs = {{.ssrc = id, .rtxSsrc = video ? std::optional<uint32_t>(50 + id) : std::nullopt}};
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  SeededRandom random(1);
  dtls::FakeFactory factory;
  const Options options{.random = &random, .dtls = &factory, .codecs = std::make_shared<engine::testing::FakeCodecs>()};
  std::deque<Event> events;
  DropCounters dropped;
  MediaContext context{options, random, events, dropped, {}};
  transport::Options transportOptions;
  transportOptions.dtls.certificate = *factory.makeCertificate({}, random);
  auto transport = transport::Transport::make(std::move(transportOptions), factory, random);
  if (!transport) std::abort();
  RtpSession session(context, **transport);
  jsep::MediaPlan plans[] = {plan(1, jsep::MediaKind::audio), plan(2, jsep::MediaKind::video)};
  std::unique_ptr<Sender> senders[2];
  std::unique_ptr<Receiver> receivers[2];
  Timestamp now{10s};
  const auto configure = [&] {
    std::vector<RtpSession::Section> sections;
    for (int i = 0; i < 2; ++i) {
      if (!senders[i]) senders[i] = Sender::make(context, plans[i]);
      if (!receivers[i]) receivers[i] = Receiver::make(context, plans[i]);
      sections.push_back({&plans[i], senders[i].get(), receivers[i].get()});
    }
    for (int i = 0; i < 2; ++i) {
      senders[i]->stream().extensions = RtpSession::extensionMap(sections);
      if (!senders[i]->configure(now, plans[i], std::nullopt)) std::abort();
      receivers[i]->configure(now, plans[i]);
    }
    session.configure(now, sections);
  };
  configure();
  session.start(now);

  ByteReader reader({data, size});
  while (const auto op = reader.u8()) {
    const uint8_t argument = reader.u8().value_or(0);
    now += std::chrono::milliseconds(argument);
    switch (*op % 8) {
      case 0:
      case 1:
      case 2: {  // a packet with a right header, so that more of them get far
        const bool video = *op % 8 != 0;
        const bool rtx = *op % 8 == 2;
        const auto sequence = reader.u16().value_or(0);
        const size_t length = reader.u8().value_or(0) % 64;
        const ByteView payload = reader.bytes(std::min(length, reader.remaining())).value_or(ByteView{});
        Bytes packet;
        rtp::writeHeader({.marker = (argument & 1) != 0,
                          .payloadType = static_cast<uint8_t>(rtx ? 97 : video ? 96 : 111),
                          .sequenceNumber = sequence,
                          .timestamp = sequence * 960u,
                          .ssrc = rtp::Ssrc{rtx ? 52u : video ? 2u : 1u}},
                         {}, {}, packet);
        packet.insert(packet.end(), payload.begin(), payload.end());
        session.onRtp(now, packet);
        break;
      }
      case 3: session.onRtp(now, *reader.bytes(std::min<size_t>(argument, reader.remaining()))); break;
      case 4: session.onRtcp(now, *reader.bytes(std::min<size_t>(argument, reader.remaining()))); break;
      case 5: {
        AudioFrame sound;
        sound.samples.assign(960, 100);
        senders[0]->sendAudio(now, sound);
        senders[1]->sendVideo(now, engine::testing::numberedPicture(argument, 64, 64));
        session.flush(now);
        break;
      }
      case 6:
        plans[argument & 1].receive = (argument & 2) != 0;
        plans[argument & 1].send = (argument & 4) != 0;
        configure();
        break;
      default: break;
    }
    // Time must always be able to go on: a deadline that stays in the past would be a spin.
    for (int i = 0; i < 200; ++i) {
      const auto due = session.nextTimeout();
      if (!due || due->at > now) break;
      if (i == 199) std::abort();
      session.handleTimeout(now);
    }
    events.clear();
    while ((*transport)->pollEvent()) {
    }
  }
  for (const auto& receiver : receivers) {
    std::vector<InboundStats> stats;
    receiver->fillStats(now, stats);
    if (stats.size() > 16) std::abort();
  }
  session.byeAll(now);
  return 0;
}
