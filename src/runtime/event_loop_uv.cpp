// EventLoop's constructors over libuv. A program that only simulates links without them.
#include "peerage/event_loop.hpp"
#include "runtime/uv_body.hpp"

namespace peerage {

EventLoop::EventLoop() : EventLoop(Options{}) {}
EventLoop::EventLoop(Options options) : EventLoop(runtime::UvBody::make(nullptr, std::move(options))) {}
EventLoop::EventLoop(uv_loop_s* existing) : EventLoop(existing, Options{}) {}
EventLoop::EventLoop(uv_loop_s* existing, Options options)
    : EventLoop(runtime::UvBody::make(existing, std::move(options))) {}

}  // namespace peerage
