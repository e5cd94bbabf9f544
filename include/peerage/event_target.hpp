// Events and their listeners: DOM's EventTarget and HTML's event handler attributes, typed.
//
//   pc.ontrack = [](RTCTrackEvent& e) { … };                       // the attribute; nullptr takes it away
//   auto id = pc.addEventListener("track", [](RTCTrackEvent& e) { … });  // any number; the type is checked at compile time
//   pc.addEventListener<"track">([](auto& e) { … });               // for a generic lambda
//   pc.removeEventListener(id);
//
// Listeners are called in the order in which they were added; the attribute has the place where it was first set. What a
// callable throws goes to EventLoop::onerror and stops no other; a Promise that it returns is waited for only in that its
// rejection reaches EventLoop::onunhandledrejection. The callable and the event live until that promise has settled, so a
// coroutine lambda may use its captures and its event after a co_await.
//
// Any callable may destroy the target, or take away any callable, itself included: nothing of a destroyed target is called.
//
// A class with events:
//
//   class RTCDataChannel : public TypedEventTarget<RTCDataChannel> {
//    public:
//     EventHandler<Event> onopen;
//     EventHandler<MessageEvent> onmessage;
//     using Events = EventMap<EventOf<"open", &RTCDataChannel::onopen>, EventOf<"message", &RTCDataChannel::onmessage>>;
//   };
//   channel.dispatchEvent<"open">();
//   channel.dispatchEvent<"message">(MessageEvent{…});
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "peerage/detail/function.hpp"
#include "peerage/detail/loop_core.hpp"
#include "peerage/promise.hpp"

namespace peerage {

class EventTarget;

/// DOM §2.2. The events of WebRTC neither bubble nor can be cancelled.
struct Event {
  std::string_view type;          ///< "track"; set when the event is fired
  EventTarget* target = nullptr;  ///< what it was fired at; set when it is fired
  static constexpr bool bubbles = false;
  static constexpr bool cancelable = false;

  /// No listener after the present one is called.
  void stopImmediatePropagation() { stopped_ = true; }
  bool isStopped() const { return stopped_; }

 private:
  bool stopped_ = false;
};

struct AddEventListenerOptions {
  bool once = false;     ///< taken away before its first call
  bool passive = false;  ///< a promise not to cancel; no event here can be cancelled
};

namespace detail {

/// One callable in a slot, with its place. `removed` is DOM's flag: it stops calls that are already under way.
struct Listener {
  bool removed = false;
  bool once = false;
  bool attribute = false;
  virtual ~Listener() = default;
  virtual void remove() = 0;
};

}  // namespace detail

/// What addEventListener() returned; removeEventListener() takes it. Outliving the target is harmless.
class ListenerId {
 public:
  ListenerId() = default;
  explicit ListenerId(std::weak_ptr<detail::Listener> listener) : listener_(std::move(listener)) {}
  /// Takes the listener away; nothing when that has happened.
  void remove() {
    if (auto listener = std::exchange(listener_, {}).lock()) listener->remove();
  }

 private:
  std::weak_ptr<detail::Listener> listener_;
};

/// Callables that can be listeners for E: of nothing, of E&, const E&, E or a base of E; any result, a Promise too.
template <typename F, typename E>
concept ListenerFor = std::invocable<std::decay_t<F>&> || std::invocable<std::decay_t<F>&, E&>;

/// An event handler attribute together with the listeners of the same event type: `pc.ontrack`.
template <typename E>
class EventHandler {
 public:
  using EventType = E;

  EventHandler() = default;
  EventHandler(const EventHandler&) = delete;
  EventHandler& operator=(const EventHandler&) = delete;
  ~EventHandler() {
    if (list_) list_->alive = false;
  }

  EventHandler& operator=(std::nullptr_t) {
    if (list_) list_->removeAttribute();
    return *this;
  }
  template <typename F>
    requires ListenerFor<F, E>
  EventHandler& operator=(F&& callable) {
    if (detail::isEmpty(callable)) return *this = nullptr;
    auto listener = make(std::forward<F>(callable));
    listener->attribute = true;
    list_->setAttribute(std::move(listener));
    return *this;
  }
  /// The attribute is set.
  explicit operator bool() const { return list_ && list_->hasAttribute(); }

  template <typename F>
    requires ListenerFor<F, E>
  ListenerId addEventListener(F&& callable, AddEventListenerOptions options = {}) {
    auto listener = make(std::forward<F>(callable));
    listener->once = options.once;
    list_->add(listener);
    return ListenerId(listener);
  }
  bool hasListeners() const {
    if (!list_) return false;
    for (const auto& listener : list_->listeners) {
      if (!listener->removed) return true;
    }
    return false;
  }

  /// Calls all listeners now, as a part of the task that runs. The handler may be gone afterwards.
  void dispatch(E event) {
    if (!hasListeners()) return;
    const std::shared_ptr<List> list = list_;
    const auto shared = std::make_shared<E>(std::move(event));
    // DOM §2.10, inner invoke: over a copy, so that listeners added now are not called.
    const std::vector<std::shared_ptr<Entry>> listeners = list->listeners;
    for (const auto& listener : listeners) {
      if (!list->alive || shared->isStopped()) return;
      if (listener->removed) continue;
      if (listener->once) listener->removed = true;
      try {
        listener->call(shared, listener);
      } catch (...) {
        if (detail::LoopCore* core = detail::LoopCore::current()) {
          core->reportException(std::current_exception());
        } else {
          throw;
        }
      }
    }
    if (list->alive) list->sweep();
  }

 private:
  struct List;
  struct Entry : detail::Listener {
    std::weak_ptr<List> list;
    void remove() override {
      removed = true;
      if (const auto from = list.lock()) from->sweep();
    }
    virtual void call(const std::shared_ptr<E>& event, const std::shared_ptr<Entry>& self) = 0;
  };
  template <typename F>
  struct EntryOf final : Entry {
    explicit EntryOf(F callable_) : callable(std::move(callable_)) {}
    F callable;

    decltype(auto) invoke(E& event) {
      if constexpr (std::invocable<F&>) {
        return callable();
      } else {
        return callable(event);
      }
    }
    void call(const std::shared_ptr<E>& event, const std::shared_ptr<Entry>& self) override {
      using Returned = decltype(invoke(*event));
      if constexpr (detail::kIsPromise<Returned>) {
        const auto promise = invoke(*event);
        promise.state()->keepAlive(std::make_shared<std::pair<std::shared_ptr<Entry>, std::shared_ptr<E>>>(self, event));
      } else {
        static_cast<void>(invoke(*event));
      }
    }
  };

  struct List {
    bool alive = true;
    std::vector<std::shared_ptr<Entry>> listeners;

    void add(std::shared_ptr<Entry> listener) {
      sweep();
      listeners.push_back(std::move(listener));
    }
    void setAttribute(std::shared_ptr<Entry> listener) {
      for (auto& present : listeners) {
        if (!present->attribute || present->removed) continue;
        present->removed = true;
        std::swap(present, listener);  // the old one is destroyed after the list is whole
        return;
      }
      add(std::move(listener));
    }
    void removeAttribute() {
      for (auto& present : listeners) {
        if (present->attribute) present->removed = true;
      }
      sweep();
    }
    bool hasAttribute() const {
      for (const auto& present : listeners) {
        if (present->attribute && !present->removed) return true;
      }
      return false;
    }
    void sweep() {
      std::vector<std::shared_ptr<Entry>> gone;  // destroyed last: their destructors may come back here
      for (size_t i = 0; i < listeners.size();) {
        if (listeners[i]->removed) {
          gone.push_back(std::move(listeners[i]));
          listeners.erase(listeners.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
          ++i;
        }
      }
    }
  };

  template <typename F>
  std::shared_ptr<Entry> make(F&& callable) {
    if (!list_) list_ = std::make_shared<List>();
    auto entry = std::make_shared<EntryOf<std::decay_t<F>>>(std::forward<F>(callable));
    entry->list = list_;
    return entry;
  }

  std::shared_ptr<List> list_;
};

/// What all targets share. Neither copied nor moved: listeners refer to it.
class EventTarget {
 public:
  EventTarget() = default;
  EventTarget(const EventTarget&) = delete;
  EventTarget& operator=(const EventTarget&) = delete;
  virtual ~EventTarget() = default;

  void removeEventListener(ListenerId& id) { id.remove(); }
  void removeEventListener(ListenerId&& id) { id.remove(); }
};

namespace detail {

template <size_t N>
struct FixedString {
  char characters[N]{};
  consteval FixedString(const char (&text)[N]) {
    for (size_t i = 0; i < N; ++i) characters[i] = text[i];
  }
  constexpr std::string_view view() const { return {characters, N - 1}; }
};

template <typename Member>
struct HandlerMember;
template <typename Target, typename E>
struct HandlerMember<EventHandler<E> Target::*> {
  using EventType = E;
};

}  // namespace detail

/// One line of an EventMap: the type's name and its attribute.
template <detail::FixedString Name, auto Handler>
struct EventOf {
  using EventType = typename detail::HandlerMember<decltype(Handler)>::EventType;
  static constexpr std::string_view name = Name.view();
  template <typename Target>
  static EventHandler<EventType>& handler(Target& target) {
    return target.*Handler;
  }
};

template <typename... Entries>
struct EventMap {
  static constexpr size_t size = sizeof...(Entries);
  template <size_t I>
  using At = std::tuple_element_t<I, std::tuple<Entries...>>;

  /// The place of `name`, or `size`.
  static constexpr size_t find(std::string_view name) {
    size_t index = 0;
    (void)((Entries::name == name || (++index, false)) || ...);
    return index;
  }
  /// Whether a callable whose parameter is written `Argument` (void: none) takes the event at `index`.
  template <typename Argument>
  static constexpr bool takes(size_t index) {
    if constexpr (std::is_void_v<Argument>) {
      return index < size;
    } else {
      constexpr std::array<bool, size> convertible{std::is_convertible_v<typename Entries::EventType&, Argument>...};
      return index < size && convertible[index];
    }
  }
};

namespace detail {

// Not constexpr: to reach one of them in a constant expression is the compile error that names the mistake.
inline void errorThisTargetHasNoEventOfThatName() {}
inline void errorTheListenerTakesAnotherEventType() {}
inline void errorGenericListenerWriteAddEventListenerWithTheNameInAngleBrackets() {}

/// The name of one of Target's events, checked where it is written against what the listener takes.
template <typename Target, typename Argument>
class EventName {
 public:
  template <size_t N>
  consteval EventName(const char (&name)[N]) : index_(Target::Events::find(std::string_view(name, N - 1))) {
    if (index_ == Target::Events::size) errorThisTargetHasNoEventOfThatName();
    if constexpr (std::is_same_v<Argument, AnyArgument>) {
      errorGenericListenerWriteAddEventListenerWithTheNameInAngleBrackets();
    } else {
      if (!Target::Events::template takes<Argument>(index_)) errorTheListenerTakesAnotherEventType();
    }
  }
  constexpr size_t index() const { return index_; }

 private:
  size_t index_;
};

}  // namespace detail

/// The base of a class with an `Events` map (see the head of this file).
template <typename Derived>
class TypedEventTarget : public EventTarget {
 public:
  /// Adds a listener; its place is after those already there. The name is a literal.
  template <typename F>
  ListenerId addEventListener(std::type_identity_t<detail::EventName<Derived, detail::CallableArgument<F>>> name,
                              F&& callable, AddEventListenerOptions options = {}) {
    return addAt<0>(name.index(), std::forward<F>(callable), options);
  }
  template <detail::FixedString Name, typename F>
  ListenerId addEventListener(F&& callable, AddEventListenerOptions options = {}) {
    return handlerOf<Name>().addEventListener(std::forward<F>(callable), options);
  }

  /// Fires an event at this object: sets its type and target, and calls the listeners now.
  template <detail::FixedString Name, typename E>
  void dispatchEvent(E event) {
    auto& handler = handlerOf<Name>();
    static_assert(std::is_same_v<E, typename std::remove_cvref_t<decltype(handler)>::EventType>,
                  "the event type of this name is another one");
    event.type = EventAt<Name>::name;
    event.target = this;
    handler.dispatch(std::move(event));
  }
  template <detail::FixedString Name>
  void dispatchEvent() {
    dispatchEvent<Name>(Event{});
  }

 private:
  template <detail::FixedString Name>
  static consteval size_t indexOf() {
    static_assert(Derived::Events::find(Name.view()) < Derived::Events::size, "this target has no event of that name");
    return Derived::Events::find(Name.view());
  }
  template <detail::FixedString Name, typename Self = Derived>
  using EventAt = typename Self::Events::template At<indexOf<Name>()>;

  template <detail::FixedString Name>
  auto& handlerOf() {
    return EventAt<Name>::handler(static_cast<Derived&>(*this));
  }

  template <size_t I, typename F>
  ListenerId addAt(size_t index, F&& callable, AddEventListenerOptions options) {
    using Events = typename Derived::Events;
    if constexpr (I < Events::size) {
      if constexpr (ListenerFor<F, typename Events::template At<I>::EventType>) {
        if (I == index) {
          auto& handler = Events::template At<I>::handler(static_cast<Derived&>(*this));
          return handler.addEventListener(std::forward<F>(callable), options);
        }
      }
      return addAt<I + 1>(index, std::forward<F>(callable), options);
    } else {
      throw std::logic_error("addEventListener(): the name was checked when this was compiled");
    }
  }
};

}  // namespace peerage
