// The module: everything that lib/native.js gets from require("../build/peerage.node").
#include "class_table.hpp"
#include "tables.hpp"

namespace peerage::node {

namespace {

/// The names of the members that each dictionary has here: lib/webidl.js leaves out the others, as for any dictionary member
/// that an implementation does not know.
template <typename... D>
Napi::Object dictionaries(Environment& e) {
  auto all = Napi::Object::New(e.env());
  const auto add = [&]<typename T>(std::type_identity<T>) {
    auto names = Napi::Array::New(e.env());
    uint32_t i = 0;
    std::apply([&](const auto&... f) { (names.Set(i++, f.name), ...); }, Dictionary<T>::fields);
    all.Set(Dictionary<T>::name, names);
  };
  (add(std::type_identity<D>()), ...);
  return all;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  const auto environment = Environment::create(env);
  Environment& e = *environment;
  addConnection(e, exports);
  addRtp(e, exports);
  addTransports(e, exports);
  addMedia(e, exports);
  addSourcesAndSinks(e, exports);
  exports.Set("dictionaries", dictionaries<RTCIceServer, RTCConfiguration, RTCDataChannelInit, RTCRtpEncodingParameters,
                                           RTCRtpTransceiverInit>(e));
  exports.Set("setHelpers", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                Environment::of(info.Env()).setHelpers(info[0].As<Napi::Object>());
              }));
  return exports;
}

}  // namespace

NODE_API_MODULE(peerage, initialize)

}  // namespace peerage::node
