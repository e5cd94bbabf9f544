// Each event of C++ as the event of JavaScript: which interface, and its members. The members go through lib/objects.js into an
// object of that interface.
#pragma once

#include <utility>

#include "values.hpp"

namespace peerage::node {

/// interface, and members(e, event).
template <typename E>
struct EventJs;

template <>
struct EventJs<Event> {
  static constexpr const char* interface = "Event";
  static void members(Environment&, Napi::Object&, const Event&) {}
};
template <>
struct EventJs<RTCPeerConnectionIceEvent> {
  static constexpr const char* interface = "RTCPeerConnectionIceEvent";
  static void members(Environment& e, Napi::Object& o, const RTCPeerConnectionIceEvent& event) {
    o.Set("candidate", e.wrap(event.candidate));
    o.Set("url", event.candidate ? Js<std::optional<std::string>>::to(e, event.candidate->url()) : e.env().Null());
  }
};
template <>
struct EventJs<RTCPeerConnectionIceErrorEvent> {
  static constexpr const char* interface = "RTCPeerConnectionIceErrorEvent";
  static void members(Environment& e, Napi::Object& o, const RTCPeerConnectionIceErrorEvent& event) {
    o.Set("address", Js<std::optional<std::string>>::to(e, event.address));
    o.Set("port", Js<std::optional<uint16_t>>::to(e, event.port));
    o.Set("url", event.url);
    o.Set("errorCode", double(event.errorCode));
    o.Set("errorText", event.errorText);
  }
};
template <>
struct EventJs<RTCTrackEvent> {
  static constexpr const char* interface = "RTCTrackEvent";
  static void members(Environment& e, Napi::Object& o, const RTCTrackEvent& event) {
    o.Set("receiver", e.wrap(event.receiver));
    o.Set("track", e.wrap(event.track));
    o.Set("streams", Js<std::vector<std::shared_ptr<MediaStream>>>::to(e, event.streams));
    o.Set("transceiver", e.wrap(event.transceiver));
  }
};
template <>
struct EventJs<RTCDataChannelEvent> {
  static constexpr const char* interface = "RTCDataChannelEvent";
  static void members(Environment& e, Napi::Object& o, const RTCDataChannelEvent& event) {
    o.Set("channel", e.wrap(event.channel));
  }
};
template <>
struct EventJs<MessageEvent> {
  static constexpr const char* interface = "MessageEvent";
  static void members(Environment& e, Napi::Object& o, const MessageEvent& event) {
    o.Set("data", Js<MessageEvent::Data>::to(e, event.data));
  }
};
template <>
struct EventJs<RTCDTMFToneChangeEvent> {
  static constexpr const char* interface = "RTCDTMFToneChangeEvent";
  static void members(Environment&, Napi::Object& o, const RTCDTMFToneChangeEvent& event) { o.Set("tone", event.tone); }
};
template <>
struct EventJs<RTCErrorEvent> {
  static constexpr const char* interface = "RTCErrorEvent";
  static void members(Environment& e, Napi::Object& o, const RTCErrorEvent& event) {
    o.Set("error", Js<RTCError>::to(e, event.error));
  }
};
template <>
struct EventJs<MediaStreamTrackEvent> {
  static constexpr const char* interface = "MediaStreamTrackEvent";
  static void members(Environment& e, Napi::Object& o, const MediaStreamTrackEvent& event) {
    o.Set("track", e.wrap(event.track));
  }
};

/// Every event of `object` goes to the JavaScript object of `handle`, until the handle is gone.
template <typename T>
void Environment::listen(Handle& handle, T& object) {
  const auto listenTo = [&]<typename Entry>(std::type_identity<Entry>) {
    using E = typename Entry::EventType;
    handle.listeners.push_back(Entry::handler(object).addEventListener([h = &handle](E& event) {
      const auto environment = h->environment;  // JavaScript may collect the handle's object meanwhile
      environment->dispatch(h, Entry::name, EventJs<E>::interface, [&] {
        auto members = Napi::Object::New(environment->env());
        EventJs<E>::members(*environment, members, event);
        return members;
      });
    }));
  };
  [&]<size_t... I>(std::index_sequence<I...>) {
    (listenTo(std::type_identity<typename T::Events::template At<I>>()), ...);
  }(std::make_index_sequence<T::Events::size>());
}

}  // namespace peerage::node
