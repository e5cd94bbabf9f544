// The order of reactions is ECMAScript's (ECMA-262 §27.2); each expected order was taken from its algorithms.
#include "peerage/promise.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "peerage/dom_exception.hpp"

namespace peerage {
namespace {

using detail::LoopCore;

/// A loop's core without a body.
class PromiseTest : public testing::Test {
 protected:
  std::shared_ptr<LoopCore> core = [] {
    auto made = std::make_shared<LoopCore>([] {});
    made->announce();
    return made;
  }();
  std::string log;

  ~PromiseTest() override { core->close(); }
  /// A task, and the checkpoint after it.
  template <typename F>
  void task(F f) {
    core->runTask(f);
    if (auto error = core->takeError()) std::rethrow_exception(error);
  }
  auto note(std::string text) {
    return [this, text] { log += text + " "; };
  }
};

TEST_F(PromiseTest, AReactionNeverRunsInsideTheCallThatAttachesOrSettles) {
  task([&] {
    const Deferred<int> deferred;
    deferred.promise().then([&](int v) { log += "value" + std::to_string(v) + " "; });
    deferred.resolve(7);
    log += "resolved ";
    Promise<>::resolve().then(note("late"));
    log += "end ";
  });
  EXPECT_EQ(log, "resolved end value7 late ");
}

TEST_F(PromiseTest, ReactionsRunInTheOrderOfAttachment) {
  task([&] {
    const auto p = Promise<>::resolve();
    p.then(note("a")).then(note("a2"));
    p.then(note("b")).then(note("b2"));
    core->queueMicrotask(note("m"));
    p.then(note("c"));
  });
  EXPECT_EQ(log, "a b m c a2 b2 ");
}

TEST_F(PromiseTest, ReturningAPromiseFromThenTakesTwoTicksMore) {
  task([&] {
    Promise<>::resolve().then([&] { log += "0 "; return Promise<int>::resolve(4); }).then([&](int v) {
      log += std::to_string(v) + " ";
    });
    Promise<>::resolve().then(note("1")).then(note("2")).then(note("3")).then(note("5")).then(note("6"));
  });
  EXPECT_EQ(log, "0 1 2 3 4 5 6 ");
}

TEST_F(PromiseTest, AwaitOfASettledPromiseTakesOneTick) {
  task([&] {
    [](std::string& out) -> Promise<> {
      out += "start ";
      co_await Promise<>::resolve();
      out += "after-1 ";
      co_await Promise<>::resolve();
      out += "after-2 ";
    }(log);
    Promise<>::resolve().then(note("p1")).then(note("p2")).then(note("p3"));
    log += "sync ";
  });
  EXPECT_EQ(log, "start sync after-1 p1 after-2 p2 p3 ");
}

TEST_F(PromiseTest, CoReturnOfAPromiseIsAsReturnInAnAsyncFunction) {
  task([&] {
    [](LoopCore&) -> Promise<int> { co_return Promise<int>::resolve(1); }(*core).then([&](int) { log += "async "; });
    Promise<>::resolve().then(note("1")).then(note("2")).then(note("3")).then(note("4"));
  });
  EXPECT_EQ(log, "1 2 async 3 4 ");
}

TEST_F(PromiseTest, AValueResolvesAnAsyncFunctionsPromiseAtOnce) {
  task([&] {
    auto f = []() -> Promise<int> { co_return 5; };
    f().then([&](int v) { log += "v" + std::to_string(v) + " "; });
    Promise<>::resolve().then(note("1"));
  });
  EXPECT_EQ(log, "v5 1 ");
}

TEST_F(PromiseTest, FinallyPassesTheOutcomeOnAfterAsManyTicksAsInJavaScript) {
  task([&] {
    Promise<int>::resolve(3).finally_(note("f")).then([&](int v) { log += "v" + std::to_string(v) + " "; });
    Promise<>::resolve().then(note("1")).then(note("2")).then(note("3")).then(note("4")).then(note("5"));
  });
  // thenFinally at 1; its thenable job at 2; its promise's then(valueThunk) settled at 2 as well; adopted at 3; reaction at 4.
  EXPECT_EQ(log, "f 1 2 3 v3 4 5 ");
  log.clear();
  task([&] {
    Promise<int>::reject(TypeError("x")).finally_(note("f")).catch_([&](const TypeError& e) {
      log += e.message();
      return 0;
    });
  });
  EXPECT_EQ(log, "f x");
  log.clear();
  task([&] {
    Promise<int>::resolve(1).finally_([] { throw RangeError("from finally"); }).then([](int) {}, [&](const RangeError& e) {
      log += e.message();
    });
  });
  EXPECT_EQ(log, "from finally");
}

TEST_F(PromiseTest, ARejectionPassesByUntilAHandlerOfItsType) {
  task([&] {
    Promise<int>::reject(DOMException("closed", DOMException::kInvalidStateError))
        .then([&](int) { log += "never "; })
        .catch_([&](const TypeError&) { log += "never "; })
        .catch_([&](const DOMException& e) { log += e.name() + " "; })
        .then(note("recovered"));
  });
  EXPECT_EQ(log, "InvalidStateError recovered ");
}

TEST_F(PromiseTest, AThrowRejectsAndAHandlersValueFulfils) {
  task([&] {
    Promise<int>::resolve(1)
        .then([](int) -> int { throw std::runtime_error("boom"); })
        .catch_([](std::exception_ptr) { return 42; })
        .then([&](int v) { log += std::to_string(v) + " "; });
    Promise<>::resolve().then([] { throw TypeError("t"); }, note("not me")).catch_([&](const Exception& e) {
      log += e.what();
    });
  });
  EXPECT_EQ(log, "TypeError: t42 ");
}

TEST_F(PromiseTest, OnlyTheFirstSettlementCounts) {
  task([&] {
    const Deferred<int> deferred;
    deferred.resolve(1);
    deferred.resolve(2);
    deferred.reject(TypeError());
    EXPECT_EQ(deferred.promise().value(), 1);
    const Deferred<int> outer;
    const Deferred<int> inner;
    outer.resolve(inner.promise());
    outer.resolve(9);  // locked in already
    EXPECT_TRUE(outer.isResolved());
    EXPECT_EQ(outer.promise().status(), PromiseStatus::pending);
    inner.resolve(5);
    outer.promise().then([&](int v) { log += std::to_string(v); });
  });
  EXPECT_EQ(log, "5");
}

TEST_F(PromiseTest, APromiseResolvedWithItselfIsRejected) {
  task([&] {
    const Deferred<> deferred;
    deferred.resolve(deferred.promise());
    deferred.promise().catch_([&](std::exception_ptr) { log += "rejected"; });
  });
  EXPECT_EQ(log, "rejected");
}

TEST_F(PromiseTest, ExceptionsOfACoroutineRejectAndOnesAwaitedAreThrown) {
  task([&] {
    auto fails = []() -> Promise<int> {
      co_await Promise<>::resolve();
      throw DOMException("no", DOMException::kNotSupportedError);
    };
    auto immediately = []() -> Promise<> {
      throw TypeError("at once");
      co_return;
    };
    auto outer = [](auto inner, auto other, std::string& out) -> Promise<> {
      try {
        co_await inner();
      } catch (const DOMException& e) {
        out += e.name() + " ";
      }
      try {
        co_await other();
      } catch (const TypeError& e) {
        out += e.message();
      }
    };
    outer(fails, immediately, log);
  });
  EXPECT_EQ(log, "NotSupportedError at once");
}

TEST_F(PromiseTest, MoveOnlyValuesPassThroughAwaitThenAndAdoption) {
  task([&] {
    auto make = []() -> Promise<std::unique_ptr<int>> {
      co_await Promise<>::resolve();
      co_return std::make_unique<int>(8);
    };
    [](auto make_, std::string& out) -> Promise<> {
      std::unique_ptr<int> value = co_await make_();
      out += std::to_string(*value);
    }(make, log);
    make().then([&](std::unique_ptr<int>&& v) { log += std::to_string(*v); });
    Promise<>::resolve().then([make] { return make(); }).then([&](const std::unique_ptr<int>& v) { log += std::to_string(*v); });
  });
  EXPECT_EQ(log, "888");
}

TEST_F(PromiseTest, AllAndRace) {
  task([&] {
    const Deferred<int> a;
    const Deferred<int> b;
    Promise<>::all(std::vector{a.promise(), b.promise()}).then([&](const std::vector<int>& v) {
      log += "all" + std::to_string(v[0]) + std::to_string(v[1]) + " ";
    });
    Promise<>::race(std::vector{a.promise(), b.promise()}).then([&](int v) { log += "first" + std::to_string(v) + " "; });
    Promise<>::all(std::vector<Promise<>>{}).then(note("none"));
    Promise<>::all(std::vector{Promise<int>::resolve(1), Promise<int>::reject(TypeError("bad"))})
        .then([](const std::vector<int>&) {}, [&](const TypeError& e) { log += e.message() + " "; });
    b.resolve(2);
    a.resolve(1);
  });
  EXPECT_EQ(log, "none bad first2 all12 ");
}

// ---- what never settles

struct Sentinel {
  explicit Sentinel(int& count_) : count(&count_) { ++*count; }
  Sentinel(const Sentinel& other) : count(other.count) { ++*count; }
  Sentinel& operator=(const Sentinel&) = delete;
  ~Sentinel() { --*count; }
  int* count;
};

Promise<> waitFor(Promise<> what, int& alive, std::string& log) {
  Sentinel sentinel(alive);
  co_await what;
  log += "resumed ";
}

TEST_F(PromiseTest, ACoroutineIsDestroyedWhenWhatItAwaitsCanNeverSettle) {
  int alive = 0;
  task([&] {
    std::optional<Deferred<>> deferred(std::in_place);
    const Promise<> outer = waitFor(deferred->promise(), alive, log);
    const Promise<> chain = waitFor(outer, alive, log);
    EXPECT_EQ(alive, 2);
    deferred.reset();  // though promises of all three are still held
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(chain.status(), PromiseStatus::pending);
    waitFor(chain, alive, log);  // no one will ever resume this one
    EXPECT_EQ(alive, 0);
  });
  EXPECT_EQ(log, "");
}

TEST_F(PromiseTest, AProducerMayDropInsideTheReactionOfAnother) {
  int alive = 0;
  task([&] {
    auto deferred = std::make_shared<std::optional<Deferred<>>>(std::in_place);
    waitFor((*deferred)->promise(), alive, log);
    Promise<>::resolve().then([deferred] { deferred->reset(); }).then([&] { log += std::to_string(alive); });
  });
  EXPECT_EQ(log, "0");
}

TEST_F(PromiseTest, ClosingTheLoopDestroysAllThatWaits) {
  int alive = 0;
  const Deferred<> kept(core);
  task([&] {
    waitFor(kept.promise(), alive, log);
    waitFor(waitFor(kept.promise(), alive, log), alive, log);
  });
  // Two that wait for each other: only the loop's end can find them.
  auto a = std::make_shared<std::optional<Promise<>>>();
  task([&] {
    *a = [](std::shared_ptr<std::optional<Promise<>>> self, int& count) -> Promise<> {
      Sentinel sentinel(count);
      co_await Promise<>::resolve();
      co_await **self;
    }(a, alive);
  });
  EXPECT_EQ(alive, 4);
  core->close();
  EXPECT_EQ(alive, 0);
  kept.resolve();
  kept.promise().then(note("never"));
  EXPECT_THROW(waitFor(kept.promise(), alive, log), std::logic_error);  // no loop for a new coroutine
  const auto another = std::make_shared<LoopCore>([] {});
  another->announce();
  waitFor(kept.promise(), alive, log);  // awaits what belongs to the closed one
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(log, "");
  a->reset();
  another->close();
}

TEST_F(PromiseTest, AMicrotaskThatIsDroppedDestroysItsCoroutine) {
  int alive = 0;
  const Deferred<> deferred(core);
  waitFor(deferred.promise(), alive, log);
  deferred.resolve();  // outside of a task: the resumption waits for the loop's next turn, which never comes
  EXPECT_EQ(alive, 1);
  core->close();
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(log, "");
}

TEST_F(PromiseTest, ReactionsToAnObjectsPromisesAreDroppedOnceItIsGone) {
  int alive = 0;
  task([&] {
    auto owner = std::make_shared<int>(0);
    const Deferred<> deferred(core, owner);
    const Promise<> promise = deferred.promise();
    waitFor(promise, alive, log);
    promise.then(note("then")).then(note("derived"));
    deferred.resolve();
    owner.reset();
  });
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(log, "");
  task([&] {  // between two reactions
    auto owner = std::make_shared<int>(0);
    const Deferred<> deferred(core, owner);
    deferred.promise().then([this, owner]() mutable { log += "one "; owner.reset(); });
    deferred.promise().then(note("two"));
    deferred.resolve();
  });
  EXPECT_EQ(log, "one ");
}

TEST_F(PromiseTest, ACoroutineLambdaInThenKeepsItsCapturesAndItsValue) {
  task([&] {
    const Deferred<> gate;
    auto text = std::make_shared<std::string>("captured ");
    Promise<std::string>::resolve("value ").then([this, text, gate](const std::string& value) -> Promise<> {
      co_await gate.promise();
      log += *text + value;
    });
    text.reset();
    Promise<>::resolve().then([] {}).then([gate] { gate.resolve(); });
  });
  EXPECT_EQ(log, "captured value ");
}

TEST_F(PromiseTest, StateThatIsDroppedIsFreedWithItsReactions) {
  int alive = 0;
  {
    std::optional<Promise<>> promise;
    {
      const Deferred<> deferred(core);
      promise = deferred.promise();
      promise->then([sentinel = Sentinel(alive)] {});
      EXPECT_EQ(alive, 1);
    }
    EXPECT_EQ(alive, 0);
  }
}

TEST_F(PromiseTest, ExceptionsOfMicrotasksAreReportedAndTheOthersRun) {
  EXPECT_THROW(task([&] {
                 core->queueMicrotask([] { throw RangeError("x"); });
                 core->queueMicrotask(note("next"));
               }),
               RangeError);
  EXPECT_EQ(log, "next ");
}

TEST_F(PromiseTest, WithoutALoopOnTheThreadThereIsAClearError) {
  core->close();
  EXPECT_THROW((void)Promise<>::resolve(), std::logic_error);
  EXPECT_THROW([]() -> Promise<> { co_return; }(), std::logic_error);
}

TEST_F(PromiseTest, ManyTicksAreFlat) {
  int left = 200000;  // deep recursion would end the process
  task([&] {
    [](int& count) -> Promise<> {
      while (count > 0) {
        co_await Promise<>::resolve();
        --count;
      }
    }(left);
  });
  EXPECT_EQ(left, 0);
}

TEST_F(PromiseTest, ALongChainIsFreedWithoutRecursionProblems) {
  task([&] {
    Promise<int> p = Promise<int>::resolve(0);
    for (int i = 0; i < 10000; ++i) p = p.then([](int v) { return v + 1; });
    p.then([&](int v) { log = std::to_string(v); });
  });
  EXPECT_EQ(log, "10000");
}

TEST(DomException, NamesCodesAndText) {
  const DOMException error("the connection is closed", DOMException::kInvalidStateError);
  EXPECT_EQ(error.code(), 11);
  EXPECT_STREQ(error.what(), "InvalidStateError: the connection is closed");
  EXPECT_EQ(DOMException("x", DOMException::kOperationError).code(), 0);
  EXPECT_EQ(DOMException().name(), "Error");
  EXPECT_EQ(TypeError("t").name(), "TypeError");
  const Exception copy = error;
  EXPECT_EQ(copy.message(), "the connection is closed");
}

}  // namespace
}  // namespace peerage
