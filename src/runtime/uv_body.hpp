// The loop's body over libuv: the library's only system calls are here and beside it.
#pragma once

#include <uv.h>

#include <atomic>
#include <mutex>
#include <unordered_set>

#include "api/loop_body.hpp"
#include "dtls/openssl_factory.hpp"
#include "runtime/system_random.hpp"
#include "runtime/timer_heap.hpp"

namespace peerage::runtime {

class UdpSocketImpl;
struct UdpBatch;
struct UdpHandle;

/// Over a loop of its own, or laid over one that others run.
class UvBody final : public detail::LoopBody {
 public:
  /// `existing` null: makes its own. Throws std::system_error when the system has no descriptors left.
  static std::shared_ptr<UvBody> make(uv_loop_t* existing, EventLoopOptions options);
  ~UvBody() override;

  Timestamp now() const override;
  std::chrono::system_clock::time_point wallClock() const override;
  RandomSource& random() override;
  dtls::Factory& dtlsFactory() override { return dtls_; }
  const std::shared_ptr<const media::CodecFactory>& codecs() const override { return options_.codecs; }
  const Log& log() const override { return log_; }

  std::unique_ptr<detail::LoopTimer> makeTimer(detail::Task task) override;
  Result<std::unique_ptr<detail::UdpSocket>> bindUdp(const SocketAddress& local, detail::UdpReceiver receiver) override;
  std::vector<detail::NetworkInterface> interfaces() override;
  std::unique_ptr<detail::ResolveRequest> resolve(std::string_view hostname, detail::ResolveCallback callback) override;

  void post(detail::Task task) override;
  bool runOnce(bool wait) override;
  void hold(int difference) override;
  int backendFd() const override;
  std::optional<Duration> backendTimeout() const override;
  uv_loop_s* uvLoop() const override { return loop_; }
  void close() override;

  // For what lives beside it.
  size_t socketBufferBytes() const { return options_.socketBufferBytes; }
  UdpBatch& udpBatch() { return *batch_; }
  /// Every callback from libuv that runs users' code goes through here: takes the time, runs `task` as a task, then what
  /// it queued.
  template <typename F>
  void dispatch(F&& task) {
    wake();
    core()->runTask(task);
    afterTask();
  }
  /// run() is about to return: leave what is ready for the next turn.
  bool stopping() const { return core()->stopped(); }
  void setTimer(TimerEntry& entry, Timestamp at);
  void cancelTimer(TimerEntry& entry);
  void add(UdpHandle& handle) { udp_.insert(&handle); }
  void remove(UdpHandle& handle) { udp_.erase(&handle); }

 private:
  UvBody(uv_loop_t* existing, EventLoopOptions options);
  void open();
  void wake();
  void afterTask();
  void takePosted();
  void startIdle();
  void onIdle();
  void onTimer();
  void arm();
  void finishOwnLoop();

  EventLoopOptions options_;
  Log log_;
  SystemRandom systemRandom_;
  std::optional<SeededRandom> seededRandom_;
  dtls::OpenSslFactory dtls_;

  std::unique_ptr<uv_loop_t> own_;
  uv_loop_t* loop_ = nullptr;
  // Each is freed by its own close callback, which may come after this object.
  uv_async_t* async_ = nullptr;
  uv_idle_t* idle_ = nullptr;
  uv_timer_t* timer_ = nullptr;

  Timestamp now_{};
  TimerHeap timers_;
  uint64_t armedFor_ = 0;  // on uv_now()'s line, in ms; 0: not armed
  bool inTimers_ = false;  // libuv runs our timer
  std::unique_ptr<UdpBatch> batch_;
  std::unordered_set<UdpHandle*> udp_;
  int alive_ = 0;
  int turning_ = 0;

  mutable std::mutex postedMutex_;
  std::vector<detail::Task> posted_;
  bool postedClosed_ = false;
};

}  // namespace peerage::runtime
