// links: rtp
// Compound RTCP: every packet's views are read to their ends, feedback goes through to the sender's history.
#include <cstdint>
#include <cstdlib>

#include "rtp/rtcp.hpp"
#include "rtp/statistics.hpp"
#include "rtp/transport_feedback.hpp"

using namespace peerage;
using namespace peerage::rtp;

namespace {

struct Reader {
  uint64_t sum = 0;
  SendStatistics statistics;
  TransportFeedbackHistory history;

  void blocks(const ReportBlocks& all) {
    for (size_t i = 0; i < all.size(); ++i) statistics.onReportBlock(Timestamp{100s}, all[i], 90000);
  }
  void text(std::string_view t) {
    for (const char c : t) sum += static_cast<uint8_t>(c);
  }
  void operator()(const SenderReport& r) { blocks(r.blocks); }
  void operator()(const ReceiverReport& r) { blocks(r.blocks); }
  void operator()(const SourceDescription& s) { text(s.cname), text(s.mid); }
  void operator()(const Bye& b) {
    for (size_t i = 0; i < b.size(); ++i) sum += b[i].value();
    text(b.reason);
  }
  void operator()(const Nack& n) {
    n.forEach([this](uint16_t s) { sum += s; });
  }
  void operator()(const TransportFeedbackPacket& f) {
    TransportFeedback feedback;
    if (!parseTransportFeedback(f.body, feedback)) return;
    if (feedback.arrivals.size() > kMaxFeedbackStatuses) std::abort();
    std::vector<TransportFeedbackHistory::Result> results;
    history.onFeedback(feedback, results);
  }
  void operator()(const PictureLossIndication& p) { sum += p.media.value(); }
  void operator()(const FullIntraRequest& f) { sum += f.commandNumber; }
  void operator()(const Remb& r) { sum += r.bitrate + r.sources.size(); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Reader visitor;
  for (int i = 0; i < 20; ++i) visitor.history.onSent(Timestamp{1s}, 100);
  RtcpReader reader({data, size});
  size_t packets = 0;
  while (const auto packet = reader.next()) {
    std::visit(visitor, *packet);
    if (++packets > size) std::abort();
  }
  return visitor.sum == 0x1234567890 ? 1 : 0;
}
