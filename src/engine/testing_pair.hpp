// Two connections over a network made of memory: virtual time, latency, loss, duplication, reordering from a seed;
// descriptions are plans made by hand.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "dtls/fake_factory.hpp"
#include "engine/connection.hpp"
#include "engine/testing_codecs.hpp"

namespace peerage::engine::testing {

inline constexpr jsep::TransceiverId kAudio{1}, kVideo{2};

/// One end and what happened to it.
struct Peer {
  Peer(uint64_t seed, uint8_t host_, Duration playout = 10ms)
      : random(seed),
        host(host_),
        certificate(*factory.makeCertificate({}, random)),
        connection({.random = &random,
                    .dtls = &factory,
                    .certificate = certificate,
                    .codecs = std::make_shared<FakeCodecs>(),
                    .audioPlayout = playout}) {}

  template <typename T>
  std::vector<T> all() const {
    std::vector<T> out;
    for (const Event& e : events) {
      if (const T* t = std::get_if<T>(&e)) out.push_back(*t);
    }
    return out;
  }
  template <typename T>
  size_t count() const {
    return all<T>().size();
  }
  template <typename T>
  std::vector<T> channelEvents() const {
    std::vector<T> out;
    for (const DataChannelEvent& e : all<DataChannelEvent>()) {
      if (const T* t = std::get_if<T>(&e.event)) out.push_back(*t);
    }
    return out;
  }

  SeededRandom random;
  uint8_t host;
  dtls::FakeFactory factory;
  dtls::CertificatePtr certificate;
  Connection connection;
  jsep::Plan plan;
  std::vector<Event> events;
  std::vector<uint32_t> pictures;  ///< numbers, as they came
  size_t soundFrames = 0;
  size_t loudFrames = 0;
  uint16_t nextPort = 1000;
  bool hideHost = false;  ///< tell candidates as host names
};

struct Network {
  Duration latency = 20ms;
  double loss = 0;
  double duplication = 0;
  Duration jitter{0};
};

class Pair {
 public:
  explicit Pair(uint64_t seed = 1) : a(seed * 2 + 1, 1), b(seed * 2 + 2, 2), random_(seed) {}

  Peer a, b;
  Network network;
  Timestamp now{100s};
  uint64_t hash = 14695981039346656037u;  ///< over every datagram
  uint64_t datagrams = 0;
  std::function<bool(const Datagram&)> drop;

  /// Plans with everything agreed: a is the offerer, controlling and DTLS server.
  void makePlans(bool audio, bool video, bool data, std::vector<std::pair<std::string, std::string>> videoFeedback = {
                                                        {"nack", ""}, {"nack", "pli"}, {"transport-cc", ""}},
                 bool rtx = true) {
    for (Peer* peer : {&a, &b}) {
      const bool offerer = peer == &a;
      peer->plan = {};
      peer->plan.transports.push_back(transportPlan(*peer, 1, 0));
      if (audio)
        peer->plan.media.push_back(mediaPlan(*peer, "0", kAudio, jsep::MediaKind::audio, {{"transport-cc", ""}}));
      if (video) peer->plan.media.push_back(mediaPlan(*peer, "1", kVideo, jsep::MediaKind::video, videoFeedback));
      if (video && !rtx) {
        for (jsep::CodecPlan* codec : {&*peer->plan.media.back().sendCodec, &peer->plan.media.back().sendCodecs[0],
                                       &peer->plan.media.back().receiveCodecs[0]})
          codec->rtxPayloadType.reset();
      }
      if (data) {
        peer->plan.data = jsep::DataPlan{.mid = "2",
                                         .transport = jsep::TransportId{1},
                                         .remotePort = 5000,
                                         .remoteMaxMessageSize = 262144,
                                         .dtlsRole = offerer ? jsep::DtlsRole::server : jsep::DtlsRole::client};
      }
    }
  }
  jsep::TransportPlan transportPlan(Peer& peer, uint32_t id, int generation) {
    Peer& other = &peer == &a ? b : a;
    jsep::TransportPlan plan;
    plan.id = jsep::TransportId{id};
    plan.ice.emplace();
    plan.ice->local = credentials(peer, id, generation);
    plan.ice->remote = credentials(other, id, generation);
    plan.iceRole = &peer == &a ? jsep::IceRole::controlling : jsep::IceRole::controlled;
    plan.dtlsRole = &peer == &a ? jsep::DtlsRole::server : jsep::DtlsRole::client;
    const dtls::Fingerprint f = other.certificate->fingerprint();
    plan.remoteFingerprints = {{f.algorithm, f.value}};
    return plan;
  }
  static jsep::IceCredentials credentials(const Peer& peer, uint32_t id, int generation) {
    const std::string tag =
        "p" + std::to_string(peer.host) + "t" + std::to_string(id) + "g" + std::to_string(generation);
    return {tag, tag + "aaaabbbbccccddddeeee"};
  }
  jsep::MediaPlan mediaPlan(const Peer& peer, std::string mid, jsep::TransceiverId id, jsep::MediaKind kind,
                            const std::vector<std::pair<std::string, std::string>>& feedback) {
    jsep::MediaPlan plan;
    plan.mid = std::move(mid);
    plan.transceiver = id;
    plan.kind = kind;
    plan.transport = jsep::TransportId{1};
    plan.send = plan.hasTrack = plan.receive = true;
    jsep::Codec codec{.payloadType = 111, .name = "opus", .clockRate = 48000, .channels = 2};
    if (kind == jsep::MediaKind::video) codec = {.payloadType = 96, .name = "VP8", .clockRate = 90000};
    for (const auto& [type, parameter] : feedback) codec.feedback.push_back({type, parameter});
    const bool nack = std::ranges::count(feedback, std::pair<std::string, std::string>("nack", "")) > 0;
    plan.sendCodec = jsep::CodecPlan{codec, nack ? std::optional<uint8_t>(97) : std::nullopt};
    plan.sendCodecs = plan.receiveCodecs = {*plan.sendCodec};
    plan.encodings.push_back({.ssrc = peer.host * 1000u + id.value(), .rtxSsrc = nack ? peer.host * 1000u + 500u : 0});
    plan.cname = "peer" + std::to_string(peer.host);
    plan.headerExtensions = {{4, "urn:ietf:params:rtp-hdrext:sdes:mid"},
                             {2, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"},
                             {3, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"},
                             {1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"}};
    plan.reducedSizeRtcp = true;
    return plan;
  }

  void apply() {
    a.connection.apply(now, a.plan);
    b.connection.apply(now, b.plan);
    settle();
  }

  /// Everything that is due without time passing.
  void settle() {
    for (Peer* peer : {&a, &b, &a}) drain(*peer);
  }

  /// Virtual time goes on by `span`; `tick` is called every 10 ms.
  void run(Duration span, const std::function<void()>& tick = {}) {
    const Timestamp end = now + span;
    Timestamp nextTick = now;
    while (true) {
      Timestamp next = end;
      if (tick) next = std::min(next, nextTick);
      if (!inFlight_.empty()) next = std::min(next, inFlight_.begin()->first);
      for (Peer* peer : {&a, &b}) {
        if (const auto due = peer->connection.nextTimeout()) next = std::min(next, due->at);
      }
      now = std::max(now, next);
      if (now >= end) break;
      if (tick && now >= nextTick) {
        tick();
        nextTick += 10ms;
      }
      while (!inFlight_.empty() && inFlight_.begin()->first <= now) {
        const Datagram datagram = std::move(inFlight_.begin()->second);
        inFlight_.erase(inFlight_.begin());
        Peer& to = datagram.local.ip == addressOf(a) ? b : a;
        to.connection.handleInput(now, datagram.remote, datagram.local, datagram.data);
      }
      for (Peer* peer : {&a, &b}) {
        const auto due = peer->connection.nextTimeout();
        if (due && due->at <= now) {
          peer->connection.handleTimeout(now);
          ++timeouts[due->reason];
        }
      }
      settle();
    }
    settle();
  }
  std::map<std::string, size_t> timeouts;

  /// Sends sound from both ends and pictures at 25 a second for so long.
  void call(Duration span, bool audio = true, bool video = true) {
    run(span, [&, ticks = 0]() mutable {
      if (audio) {
        AudioFrame sound;
        sound.samples.assign(480, 5000);
        a.connection.sendAudio(now, kAudio, sound);
        b.connection.sendAudio(now, kAudio, sound);
      }
      if (video && ticks++ % 4 == 0) {
        VideoFrame picture = numberedPicture(++pictureNumber_, 640, 480);
        picture.timestamp = now.time_since_epoch();
        a.connection.sendVideo(now, kVideo, picture);
        b.connection.sendVideo(now, kVideo, picture);
      }
    });
  }
  uint32_t picturesSent() const { return pictureNumber_; }

 private:
  static IpAddress addressOf(const Peer& peer) { return IpAddress::v4(10, 0, 0, peer.host); }

  void drain(Peer& peer) {
    Peer& other = &peer == &a ? b : a;
    while (auto event = peer.connection.pollEvent()) {
      if (const auto* needed = std::get_if<GatheringNeeded>(&*event)) {
        peer.connection.addLocalHost(now, needed->transport, {addressOf(peer), peer.nextPort++},
                                     {.hostName = peer.hideHost ? "hidden.local" : ""});
        peer.connection.endOfHosts(now, needed->transport);
      } else if (const auto* gathered = std::get_if<CandidateGathered>(&*event)) {
        trickle(other, gathered->transport, gathered->candidate.candidate);
      } else if (const auto* name = std::get_if<CandidateToResolve>(&*event)) {
        ice::Candidate resolved = name->candidate;
        resolved.address = addressOf(other).toString();
        peer.connection.addRemoteCandidate(now, name->transport, resolved);
      } else if (const auto* picture = std::get_if<VideoReceived>(&*event)) {
        peer.pictures.push_back(pictureNumber(picture->frame));
        continue;
      } else if (const auto* sound = std::get_if<AudioReceived>(&*event)) {
        ++peer.soundFrames;
        if (std::ranges::count_if(sound->frame.samples, [](int16_t s) { return s > 4000; }) > 200) ++peer.loudFrames;
        continue;
      }
      peer.events.push_back(std::move(*event));
    }
    Datagram datagram;
    while (peer.connection.pollTransmit(datagram)) transmit(datagram);
  }

  void trickle(Peer& to, jsep::TransportId transport, const ice::Candidate& candidate) {
    for (jsep::TransportPlan& plan : to.plan.transports) {
      if (plan.id != transport || !plan.ice) continue;
      plan.ice->remoteCandidates.push_back(*sdp::parseCandidate(candidate.toString()));
    }
    to.connection.apply(now, to.plan);
  }

  void transmit(const Datagram& datagram) {
    ++datagrams;
    for (const uint8_t byte : datagram.data) hash = (hash ^ byte) * 1099511628211u;
    if (drop && drop(datagram)) return;
    const int copies = random_.unit() < network.duplication ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (random_.unit() < network.loss) continue;
      Duration delay = network.latency;
      if (network.jitter > Duration{0})
        delay += Duration(static_cast<int64_t>(random_.below(uint64_t(network.jitter.count()))));
      inFlight_.emplace(now + delay, datagram);
    }
  }

  SeededRandom random_;
  std::multimap<Timestamp, Datagram> inFlight_;
  uint32_t pictureNumber_ = 0;
};

}  // namespace peerage::engine::testing
