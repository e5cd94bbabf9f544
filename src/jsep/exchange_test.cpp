// Random programs of changes on two peers, negotiated as in webrtc-pc §10.7 (perfect negotiation) over a signalling
// channel that delays messages at will: whatever happens, both ends come to rest in agreement.
#include <deque>

#include "jsep/testing/peer.hpp"

namespace peerage::jsep {
namespace {

/// A description, or a candidate of one that went before.
struct Message {
  SdpType type = SdpType::offer;
  std::string sdp;
  std::optional<CandidateInit> candidate;
};

struct End {
  End(uint64_t seed, bool isPolite, Config config) : peer(seed, std::move(config)), polite(isPolite) {}

  Peer peer;
  bool polite;
  std::deque<Message> inbox;
  int tracks = 0;
  bool ignoredOffer = false;
};

class Exchange {
 public:
  explicit Exchange(uint64_t seed)
      : random_(seed), left_(seed * 2 + 1, true, config(random_)), right_(seed * 2 + 2, false, config(random_)) {}

  void run() {
    for (int step = 0; step < 60; ++step) {
      End& end = random_.below(2) ? left_ : right_;
      switch (random_.below(4)) {
        case 0: change(end); break;
        case 1: offerIfNeeded(end); break;
        default: deliver(end); break;
      }
      check();
      if (testing::Test::HasFailure()) return;
    }
    settle();
  }

 private:
  static Config config(RandomSource& random) {
    Config config = testConfig();
    config.bundlePolicy = static_cast<BundlePolicy>(random.below(3));
    if (random.below(2)) std::swap(config.codecs[2], config.codecs[3]);
    if (random.below(2)) config.codecs[2].preferredPayloadType = 120;
    return config;
  }

  End& other(End& end) { return &end == &left_ ? right_ : left_; }

  void change(End& end) {
    Session& s = end.peer.session;
    const auto kind = random_.below(2) ? MediaKind::audio : MediaKind::video;
    const auto some = [&] { return s.transceivers[random_.below(s.transceivers.size())].id; };
    const uint64_t what = s.transceivers.empty() ? random_.below(3) : random_.below(9);
    if (what == 0)
      end.peer.addTrack(kind, "track" + std::to_string(end.tracks++), {"stream" + std::to_string(random_.below(3))});
    if (what == 1) end.peer.add(kind, static_cast<Direction>(random_.below(4)));
    if (what == 2) createDataChannel(s);
    if (what == 3) removeTrack(s, some());
    if (what == 4) (void)setDirection(s, some(), static_cast<Direction>(random_.below(4)));
    if (what == 5) (void)stop(s, some());
    if (what == 6) (void)setStreams(s, some(), {"stream" + std::to_string(random_.below(3))});
    if (what == 7) restartIce(s);
    if (what == 8) (void)setCodecPreferences(s, some(), {});
  }

  void offerIfNeeded(End& end) {
    if (end.peer.session.signalingState != SignalingState::stable || !end.peer.needed()) return;
    applyAndSend(end, SdpType::offer);
  }

  /// Sets a local description, sends it, and the candidates of the generations that it starts.
  void applyAndSend(End& end, SdpType type) {
    const Effects effects = end.peer.local(type);
    auto& inbox = other(end).inbox;
    inbox.push_back({end.peer.session.localDescription()->type(), end.peer.localSdp(), {}});
    for (const TransportId id : effects.gather) {
      const Plan plan = makePlan(end.peer.session);
      const auto transport = std::ranges::find(plan.transports, id, &TransportPlan::id);
      ASSERT_NE(transport, plan.transports.end());
      const std::string& ufrag = transport->ice->local.ufrag;
      for (const char* text : {"candidate:1 1 udp 2122260223 192.0.2.4 54400 typ host", ""}) {
        const auto surfaced = addLocalCandidate(end.peer.session, {id, ufrag, text});
        ASSERT_TRUE(surfaced);
        EXPECT_EQ(surfaced->sdpMid, transport->mids.front());
        inbox.push_back(
            {type, "", CandidateInit{surfaced->candidate, surfaced->sdpMid, surfaced->sdpMLineIndex, ufrag}});
      }
    }
  }

  void deliver(End& end) {
    if (end.inbox.empty()) return;
    const Message message = std::move(end.inbox.front());
    end.inbox.pop_front();
    if (message.candidate) {
      const auto added = addRemoteCandidate(end.peer.session, *message.candidate);
      EXPECT_TRUE(added || end.ignoredOffer) << added.error().message;
      return;
    }
    const SignalingState state = end.peer.session.signalingState;
    // An offer that comes while an offer or a provisional answer of ours is out collides.
    end.ignoredOffer = message.type == SdpType::offer && state != SignalingState::stable && !end.polite;
    if (end.ignoredOffer) return;
    if (needsImplicitRollback(state, message.type)) end.peer.local(SdpType::rollback);
    // The answer to an offer that was rolled back does not come: the impolite end ignored that offer.
    end.peer.remote(message.type, message.sdp);
    if (message.type != SdpType::offer) return;
    if (random_.below(3) == 0) change(end);  // between the offer and its answer
    if (random_.below(4) == 0) applyAndSend(end, SdpType::pranswer);
    applyAndSend(end, SdpType::answer);
  }

  void settle() {
    for (int round = 0; round < 60 && !atRest(); ++round) {
      offerIfNeeded(left_);
      offerIfNeeded(right_);
      while (!left_.inbox.empty() || !right_.inbox.empty()) {
        deliver(random_.below(2) ? left_ : right_);
        if (testing::Test::HasFailure()) return;
      }
    }
    EXPECT_TRUE(atRest()) << "Rule97, Rule100: something still wants to be negotiated" << state(left_) << state(right_);
    agree();
  }

  static std::string state(const End& end) {
    const Session& s = end.peer.session;
    std::string text = "\n" + std::string(toString(s.signalingState)) +
                       (end.peer.needed() ? " needs negotiation" : "") + (s.dataChannelRequested ? " data" : "") +
                       (s.sctp ? " sctp" : "") + (s.localIceCredentialsToReplace.empty() ? "" : " restart");
    for (const Transceiver& t : s.transceivers)
      text += "\n  " + std::string(toString(t.kind)) + " mid " + t.mid.value_or("-") + " " +
              std::string(toString(t.direction)) + (t.stopping ? " stopping" : "") + (t.stopped ? " stopped" : "");
    return text + (s.currentLocal ? "\nlocal\n" + s.currentLocal->sdp() : "") +
           (s.currentRemote ? "\nremote\n" + s.currentRemote->sdp() : "");
  }

  bool atRest() const {
    for (const End* end : {&left_, &right_})
      if (end->peer.session.signalingState != SignalingState::stable || end->peer.needed() || !end->inbox.empty())
        return false;
    return true;
  }

  /// Invariants of one session at any time.
  void check() {
    for (const End* end : {&left_, &right_}) {
      const Session& s = end->peer.session;
      std::set<std::string> mids;
      for (const Transceiver& t : s.transceivers) {
        if (t.mid) {
          EXPECT_TRUE(mids.insert(*t.mid).second) << "two transceivers of one mid";
        }
        if (t.transport && !t.stopped) {
          EXPECT_TRUE(s.find(*t.transport)) << "a transport that is gone";
        }
      }
      for (const auto& [mid, id] : s.midTransports) EXPECT_TRUE(s.find(id));
      const Plan plan = makePlan(s);
      for (const MediaPlan& media : plan.media) EXPECT_TRUE(s.find(media.transport));
    }
  }

  void agree() {
    const Session& a = left_.peer.session;
    const Session& b = right_.peer.session;
    if (!a.currentLocal || !b.currentLocal) return;
    EXPECT_EQ(a.currentLocal->text(), b.currentRemote->text());
    EXPECT_EQ(b.currentLocal->text(), a.currentRemote->text());
    const Plan left = makePlan(a);
    const Plan right = makePlan(b);
    ASSERT_EQ(left.transports.size(), right.transports.size());
    for (const TransportPlan& plan : left.transports) {
      const auto same = std::ranges::find_if(right.transports, [&](const auto& p) { return p.mids == plan.mids; });
      ASSERT_NE(same, right.transports.end());
      EXPECT_EQ(plan.ice->local, same->ice->remote);
      EXPECT_EQ(plan.ice->remote, same->ice->local);
      EXPECT_NE(plan.dtlsRole, same->dtlsRole);
      EXPECT_FALSE(plan.previousIce);
      for (const auto* ice : {&*plan.ice, &*same->ice}) {
        EXPECT_EQ(ice->remoteCandidates.size(), 1u);
        EXPECT_TRUE(ice->remoteEndOfCandidates);
      }
    }
    ASSERT_EQ(left.media.size(), right.media.size());
    for (size_t i = 0; i < left.media.size(); ++i) {
      const MediaPlan& l = left.media[i];
      const MediaPlan& r = right.media[i];
      EXPECT_EQ(l.mid, r.mid);
      EXPECT_EQ(l.send, r.receive) << l.mid;
      EXPECT_EQ(l.receive, r.send) << l.mid;
      EXPECT_EQ(l.headerExtensions, r.headerExtensions);
      for (const auto& [sender, receiver] : {std::pair(&l, &r), std::pair(&r, &l)}) {
        if (!sender->send) continue;
        ASSERT_TRUE(sender->sendCodec);
        const uint8_t type = sender->sendCodec->codec.payloadType;
        const auto known =
            std::ranges::find_if(receiver->receiveCodecs, [&](const auto& c) { return c.codec.payloadType == type; });
        ASSERT_NE(known, receiver->receiveCodecs.end());
        EXPECT_EQ(known->codec.name, sender->sendCodec->codec.name);
      }
    }
    EXPECT_EQ(left.data.has_value(), right.data.has_value());
  }

  SeededRandom random_;
  End left_;
  End right_;
};

TEST(Exchange, Rule97_RandomInterleavingsConverge) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Exchange(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace peerage::jsep
