#include "peerage/event_loop.hpp"

#include <dirent.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <uv.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/loop_body.hpp"
#include "peerage/dom_exception.hpp"

namespace peerage {
namespace {

EventLoop::Options quiet() {
  EventLoop::Options options;
  options.log = [](auto, auto, auto) {};
  return options;
}

size_t openDescriptors() {
  size_t count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder)) ++count;
  ::closedir(folder);
  return count;
}

TEST(EventLoop, TasksAndMicrotasksTakeTurns) {
  EventLoop loop;
  std::string log;
  loop.queueTask([&] {
    log += "t1 ";
    loop.queueMicrotask([&] { log += "m1 "; });
    loop.queueTask([&] { log += "t3 "; });
    Promise<>::resolve().then([&] { log += "m2 "; });
    EXPECT_TRUE(loop.isCurrent());
  });
  loop.queueTask([&] { log += "t2 "; });
  loop.queueMicrotask([&] { log += "m0 "; });
  EXPECT_FALSE(loop.isCurrent());
  EXPECT_EQ(log, "");
  loop.run();
  EXPECT_EQ(log, "m0 t1 m1 m2 t2 t3 ");
}

TEST(EventLoop, RunReturnsAtOnceWithoutWork) {
  EventLoop loop;
  loop.run();
  const Deferred<> never(loop);
  EXPECT_THROW(loop.runUntil(never.promise()), std::logic_error);
}

TEST(EventLoop, TimersFireInOrderNotEarly) {
  EventLoop loop;
  std::string log;
  const auto start = loop.now();
  loop.setTimeout([&] { log += "c"; EXPECT_GE(loop.now() - start, 15ms); }, 15ms);
  loop.setTimeout([&] { log += "a"; EXPECT_GE(loop.now() - start, 5ms); }, 5ms);
  loop.setTimeout([&] { log += "b"; }, 5ms);
  loop.setTimeout([&] { log += "0"; }, 0ms);
  const auto cleared = loop.setTimeout([&] { log += "never"; }, 1ms);
  loop.clearTimeout(cleared);
  loop.clearTimeout(0);
  loop.run();
  EXPECT_EQ(log, "0abc");
}

TEST(EventLoop, IntervalsUntilClearedByThemselves) {
  EventLoop loop;
  int count = 0;
  EventLoop::TimerId id = 0;
  id = loop.setInterval([&, token = std::make_shared<int>(7)] {
    if (++count == 3) loop.clearInterval(id);
    EXPECT_EQ(*token, 7);
  }, 1ms);
  loop.run();
  EXPECT_EQ(count, 3);
}

TEST(EventLoop, DelayAndRunUntilAPromise) {
  EventLoop loop;
  auto work = [](EventLoop& on) -> Promise<int> {
    const auto start = on.now();
    co_await on.delay(3ms);
    EXPECT_GE(on.now() - start, 3ms);
    co_return 11;
  };
  EXPECT_EQ(loop.runUntil(work(loop)), 11);
  EXPECT_THROW(loop.runUntil(Promise<>::reject(loop, TypeError("x"))), TypeError);
  EXPECT_FALSE(loop.runUntil([] { return false; }, 2ms));
  const auto hold = loop.keepAlive();
  EXPECT_FALSE(loop.runUntil([] { return false; }, 2ms));
}

TEST(EventLoop, ClockStandsStillWithinATask) {
  EventLoop loop;
  loop.queueTask([&] {
    const auto before = loop.now();
    const auto until = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < until) {
    }
    EXPECT_EQ(loop.now(), before);
  });
  loop.run();
}

TEST(EventLoop, PostsOfManyThreadsAllArriveInTheirOrder) {
  EventLoop loop;
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  std::array<int, kThreads> next{};
  int total = 0;
  {
    auto hold = std::make_shared<EventLoop::KeepAlive>(loop.keepAlive());
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kPosts; ++i) {
          loop.post([&, t, i] {
            EXPECT_EQ(next[static_cast<size_t>(t)]++, i);
            if (++total == kThreads * kPosts) hold.reset();
          });
        }
      });
    }
    loop.run();
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(total, kThreads * kPosts);
  loop.post([&] { ++total; });  // by the loop's own thread, before run()
  loop.run();
  EXPECT_EQ(total, kThreads * kPosts + 1);
}

TEST(EventLoop, StopReturnsAfterThePresentTask) {
  EventLoop loop;
  std::string log;
  loop.queueTask([&] {
    log += "a";
    loop.queueMicrotask([&] { log += "m"; });
    loop.stop();
  });
  loop.queueTask([&] { log += "b"; });
  loop.run();
  EXPECT_EQ(log, "am");
  loop.run();
  EXPECT_EQ(log, "amb");
}

TEST(EventLoop, StopReturnsAlsoWhenAnotherTimerIsDue) {
  EventLoop loop;
  int fired = 0;
  for (int i = 0; i < 2; ++i) {
    loop.setTimeout([&] {
      ++fired;
      loop.stop();
    }, 1ms);
  }
  loop.run();
  EXPECT_EQ(fired, 1);
  loop.run();
  EXPECT_EQ(fired, 2);
}

TEST(EventLoop, ATimerThatIsAlwaysLateDoesNotKeepTheTurnForItself) {
  EventLoop loop;
  int fired = 0;
  std::unique_ptr<detail::LoopTimer> timer = loop.body()->makeTimer([&] {
    if (++fired < 1000) timer->set(loop.body()->now() - 1ms);
  });
  timer->set(loop.body()->now());
  loop.runOnce();
  EXPECT_LT(fired, 10);
  loop.run();
  EXPECT_EQ(fired, 1000);
}

TEST(EventLoop, AnExceptionLeavesRunAndTheLoopGoesOnAfterwards) {
  std::string printed;
  EventLoop::Options options;
  options.log = [&](auto, std::string_view, std::string_view text) { printed += text; };
  EventLoop loop(options);
  std::string log;
  loop.queueTask([] { throw DOMException("bad", DOMException::kInvalidStateError); });
  loop.queueTask([&] { log += "next"; });
  EXPECT_THROW(loop.run(), DOMException);
  EXPECT_EQ(log, "");
  EXPECT_NE(printed.find("InvalidStateError: bad"), std::string::npos);
  loop.run();
  EXPECT_EQ(log, "next");
  std::string caught;
  loop.onerror = [&](std::exception_ptr error) { caught = detail::describe(error); };
  loop.setTimeout([] { throw TypeError("in a timer"); }, 1ms);
  loop.run();
  EXPECT_EQ(caught, "TypeError: in a timer");
}

TEST(EventLoop, UnhandledRejectionsReachTheHookHandledOnesDoNot) {
  EventLoop loop(quiet());
  std::vector<std::string> seen;
  loop.onunhandledrejection = [&](std::exception_ptr reason) { seen.push_back(detail::describe(reason)); };
  loop.queueTask([&] {
    Promise<>::reject(TypeError("one"));
    Promise<>::reject(TypeError("handled")).catch_([] {});
    const auto late = Promise<>::reject(TypeError("within the checkpoint"));
    Promise<>::resolve().then([late] { late.catch_([] {}); });
    Promise<>::reject(TypeError("marked")).markHandled();
    Promise<>::reject(TypeError("chain")).then([] {}).then([] {});
    []() -> Promise<> {
      throw RangeError("coroutine");
      co_return;
    }();
  });
  loop.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"TypeError: one", "RangeError: coroutine", "TypeError: chain"}));
}

TEST(EventLoop, RunFromItsOwnCallbackIsAnError) {
  EventLoop loop(quiet());
  loop.queueTask([&] { EXPECT_THROW(loop.run(), std::logic_error); });
  loop.run();
}

TEST(EventLoop, DestructionDropsWhatIsQueuedAndDestroysWhatWaits) {
  auto token = std::make_shared<int>(1);
  const auto copy = token;
  bool ran = false;
  std::shared_ptr<detail::LoopBody> body;
  std::unique_ptr<detail::LoopTimer> timer;
  std::optional<Promise<>> kept;
  {
    EventLoop loop;
    body = loop.body();
    timer = body->makeTimer([&, token] { ran = true; });
    timer->set(body->now());
    loop.queueTask([&, token] { ran = true; });
    loop.queueMicrotask([&, token] { ran = true; });
    loop.post([&, token] { ran = true; });
    loop.setTimeout([&, token] { ran = true; }, 0ms);
    kept = loop.delay(1h);
    [](Promise<> p, std::shared_ptr<int> t, bool& flag) -> Promise<> {
      co_await p;
      flag = *t == 0;
    }(*kept, std::move(token), ran);
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(copy.use_count(), 2);  // the timer's, which is ours
  timer->set(body->now());
  EXPECT_FALSE(timer->isSet());
  timer.reset();
  EXPECT_EQ(copy.use_count(), 1);
  EXPECT_FALSE(body->bindUdp({}, [](auto) {}).has_value());
  EXPECT_FALSE(body->runOnce(true));
  body->post([&] { ran = true; });
  body->queueTask([&] { ran = true; });
  EXPECT_FALSE(ran);
}

TEST(EventLoop, OverALoopThatOthersRun) {
  uv_loop_t foreign;
  ASSERT_EQ(uv_loop_init(&foreign), 0);
  std::string log;
  {
    EventLoop loop(&foreign);
    EXPECT_EQ(loop.uvLoop(), &foreign);
    loop.queueTask([&] { log += "task "; });
    loop.setTimeout([&] { log += "timer "; }, 2ms);
    std::thread([&] { loop.post([&] { log += "post "; }); }).join();
    uv_run(&foreign, UV_RUN_DEFAULT);
    EXPECT_NE(log.find("task "), std::string::npos);
    EXPECT_NE(log.find("timer "), std::string::npos);
    EXPECT_NE(log.find("post "), std::string::npos);
  }
  uv_run(&foreign, UV_RUN_DEFAULT);
  EXPECT_EQ(uv_loop_close(&foreign), 0);
}

TEST(EventLoop, PolledByAnotherKindOfLoop) {
  EventLoop loop;
  int done = 0;
  EXPECT_FALSE(loop.backendTimeout().has_value());
  loop.setTimeout([&] { ++done; }, 5ms);
  std::thread thread([&] { loop.post([&] { ++done; }); });
  int wakes = 0;
  while (done < 2 && wakes < 1000) {
    const auto timeout = loop.backendTimeout();
    pollfd entry{loop.backendFd(), POLLIN, 0};
    ::poll(&entry, 1, timeout ? static_cast<int>(timeout->count() / 1000000) : -1);
    loop.runOnce(false);
    ++wakes;
  }
  thread.join();
  EXPECT_EQ(done, 2);
  EXPECT_LT(wakes, 50);  // it waits, it does not spin
}

TEST(EventLoop, TwoLoopsOnTwoThreads) {
  std::atomic<int> sum = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&sum] {
      EventLoop loop;
      sum += loop.runUntil([](EventLoop& on) -> Promise<int> {
        int turns = 0;
        for (; turns < 100; ++turns) co_await on.delay(0ms);
        co_return turns;
      }(loop));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(sum, 200);
}

TEST(EventLoop, ThousandsOfLoopsLeaveNoDescriptorBehind) {
  { EventLoop warm; }
  const size_t before = openDescriptors();
  for (int i = 0; i < 2000; ++i) {
    EventLoop loop;
    loop.queueTask([] {});
    if (i % 10 == 0) loop.run();
  }
  EXPECT_EQ(openDescriptors(), before);
}

TEST(Resolver, LiteralsNamesCancellationAndErrors) {
  EventLoop loop(quiet());
  auto& body = *loop.body();
  std::vector<std::string> log;
  const auto note = [&](Result<std::vector<IpAddress>> result) {
    log.push_back(result ? result->front().toString() : "error");
  };
  const auto literal = body.resolve("192.0.2.7", note);
  const auto empty = body.resolve("", note);
  EXPECT_TRUE(log.empty());
  loop.run();
  EXPECT_EQ(log, (std::vector<std::string>{"192.0.2.7", "error"}));
  log.clear();
  const auto local = body.resolve("localhost", note);
  loop.run();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_TRUE(log[0] == "127.0.0.1" || log[0] == "::1") << log[0];
  log.clear();
  body.resolve("localhost", note).reset();
  auto pending = body.resolve("localhost", note);
  loop.queueTask([&] { pending.reset(); });
  loop.run();
  EXPECT_TRUE(log.empty());
}

TEST(Resolver, ALoopMayEndWithALookupUnderWay) {
  std::unique_ptr<detail::ResolveRequest> request;
  bool called = false;
  {
    EventLoop loop;
    request = loop.body()->resolve("localhost", [&](auto) { called = true; });
  }
  request.reset();
  EXPECT_FALSE(called);
}

TEST(Interfaces, LoopbackOnlyWhenAskedFor) {
  EventLoop::Options options;
  options.includeLoopback = true;
  EventLoop with(options);
  EventLoop without;
  bool found = false;
  for (const auto& entry : with.body()->interfaces()) {
    found |= entry.address.isLoopback();
    EXPECT_FALSE(entry.name.empty());
    if (entry.address == IpAddress::v4(127, 0, 0, 1)) {
      EXPECT_EQ(entry.type, detail::InterfaceType::loopback);
      EXPECT_EQ(entry.prefixLength, 8);
    }
  }
  EXPECT_TRUE(found);
  for (const auto& entry : without.body()->interfaces()) EXPECT_FALSE(entry.address.isLoopback());
}

TEST(Randomness, SeededLoopsReplayOthersDoNot) {
  EventLoop::Options options;
  options.seed = 5;
  EventLoop a(options);
  EventLoop b(options);
  EXPECT_EQ(a.body()->random().u64(), b.body()->random().u64());
  EventLoop c;
  EventLoop d;
  EXPECT_NE(c.body()->random().u64(), d.body()->random().u64());
}

}  // namespace
}  // namespace peerage
