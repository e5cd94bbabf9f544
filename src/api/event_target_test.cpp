#include "peerage/event_target.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "peerage/dom_exception.hpp"

namespace peerage {
namespace {

struct CountEvent : Event {
  int count = 0;
};

class Target : public TypedEventTarget<Target> {
 public:
  EventHandler<CountEvent> oncount;
  EventHandler<Event> onplain;
  using Events = EventMap<EventOf<"count", &Target::oncount>, EventOf<"plain", &Target::onplain>>;
};

class EventTargetTest : public testing::Test {
 protected:
  std::shared_ptr<detail::LoopCore> core = [] {
    auto made = std::make_shared<detail::LoopCore>([] {});
    made->announce();
    return made;
  }();
  std::optional<Target> target{std::in_place};
  std::string log;

  ~EventTargetTest() override { core->close(); }
  auto note(std::string text) {
    return [this, text] { log += text + " "; };
  }
  std::exception_ptr plain() {
    core->runTask([&] { target->dispatchEvent<"plain">(); });
    return core->takeError();
  }
};

TEST_F(EventTargetTest, CallablesOfEveryFormAreTaken) {
  target->oncount = [&] { log += "none "; };
  target->addEventListener("count", [&](CountEvent& e) { log += "ref" + std::to_string(++e.count) + " "; });
  target->addEventListener("count", [&](const CountEvent& e) { log += "const" + std::to_string(e.count) + " "; });
  target->addEventListener("count", [&](CountEvent e) { log += "value" + std::to_string(e.count) + " "; });
  target->addEventListener("count", [&](Event& e) { log += std::string(e.type) + " "; });
  target->addEventListener<"count">([&](auto& e) { log += "auto" + std::to_string(e.count) + " "; });
  target->addEventListener("count", [&](CountEvent& e) -> Promise<> {
    log += e.target == &*target ? "target " : "other ";
    co_return;
  });
  std::function<void(CountEvent&)> function = [&](CountEvent&) { log += "function "; };
  target->addEventListener("count", function);
  CountEvent event;
  event.count = 4;
  target->dispatchEvent<"count">(event);
  EXPECT_EQ(log, "none ref5 const5 value5 count auto5 target function ");
}

TEST_F(EventTargetTest, TheAttributeKeepsThePlaceWhereItWasFirstSet) {
  target->addEventListener("plain", note("a"));
  target->onplain = note("old");
  target->addEventListener("plain", note("b"));
  target->onplain = note("new");
  plain();
  EXPECT_EQ(log, "a new b ");
  log.clear();
  target->onplain = nullptr;  // HTML §8.1.8.1: deactivated; set again it goes to the end
  EXPECT_FALSE(target->onplain);
  target->onplain = note("again");
  EXPECT_TRUE(target->onplain);
  plain();
  EXPECT_EQ(log, "a b again ");
  log.clear();
  target->onplain = std::function<void()>();  // empty, as null
  plain();
  EXPECT_EQ(log, "a b ");
}

TEST_F(EventTargetTest, OnceRemovalAndAdditionWhileBeingCalled) {
  ListenerId second;
  target->addEventListener("plain", note("once"), {.once = true});
  target->addEventListener("plain", [&] {
    log += "first ";
    target->removeEventListener(second);
    target->addEventListener("plain", note("added"), {.once = true});
  }, {.once = true});
  second = target->addEventListener("plain", note("second"));
  plain();
  EXPECT_EQ(log, "once first ");
  plain();
  EXPECT_EQ(log, "once first added ");
  plain();
  EXPECT_EQ(log, "once first added ");
  EXPECT_FALSE(target->onplain.hasListeners());
}

TEST_F(EventTargetTest, StopImmediatePropagationStopsTheRest) {
  target->addEventListener("plain", [&](Event& e) { e.stopImmediatePropagation(); });
  target->addEventListener("plain", note("never"));
  plain();
  EXPECT_EQ(log, "");
}

TEST_F(EventTargetTest, NothingOfADestroyedTargetIsCalled) {
  target->onplain = [&] {
    log += "destroy ";
    target.reset();
  };
  target->addEventListener("plain", note("never"));
  plain();
  EXPECT_EQ(log, "destroy ");
  EXPECT_FALSE(target);
}

TEST_F(EventTargetTest, ACallableMayReplaceItselfAndGoOnUsingItsCaptures) {
  auto text = std::make_shared<std::string>("alive ");
  target->onplain = [this, text] {
    target->onplain = nullptr;
    log += *text;
  };
  text.reset();
  plain();
  plain();
  EXPECT_EQ(log, "alive ");
}

TEST_F(EventTargetTest, RemovingAListenerFreesItAtOnceAndAnIdMayOutliveItsTarget) {
  auto token = std::make_shared<int>(1);
  ListenerId id = target->addEventListener("plain", [token] {});
  EXPECT_EQ(token.use_count(), 2);
  target->removeEventListener(id);
  EXPECT_EQ(token.use_count(), 1);
  ListenerId other = target->addEventListener("plain", [token] {});
  target.reset();
  EXPECT_EQ(token.use_count(), 1);
  other.remove();
}

TEST_F(EventTargetTest, AnExceptionIsReportedAndStopsNoOther) {
  target->onplain = [] { throw TypeError("mine"); };
  target->addEventListener("plain", note("next"));
  EXPECT_EQ(detail::describe(plain()), "TypeError: mine");
  EXPECT_EQ(log, "next ");
}

TEST_F(EventTargetTest, ACoroutineHandlerKeepsItsCapturesAndItsEvent) {
  const Deferred<> gate(core);
  auto text = std::make_shared<std::string>("captures ");
  target->oncount = [this, text, gate](CountEvent& e) -> Promise<> {
    co_await gate.promise();
    log += *text + std::to_string(e.count);
  };
  text.reset();
  core->runTask([&] {
    CountEvent event;
    event.count = 3;
    target->dispatchEvent<"count">(event);
    target->oncount = nullptr;
  });
  core->runTask([&] { gate.resolve(); });
  EXPECT_EQ(log, "captures 3");
}

TEST_F(EventTargetTest, ACoroutineHandlerThatNeverGoesOnIsFreed) {
  auto token = std::make_shared<int>(1);
  {
    const Deferred<> gate(core);
    target->oncount = [token, gate](CountEvent&) -> Promise<> {
      co_await gate.promise();
      ADD_FAILURE();
    };
    core->runTask([&] { target->dispatchEvent<"count">(CountEvent{}); });
    target.reset();
    // The closure holds the gate that it waits for: a knot that only the loop's end can open.
  }
  core->close();
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace peerage
