// C++ exceptions as JavaScript's: lib/native.js makes the object.
#include <exception>

#include "values.hpp"

namespace peerage::node {

Napi::Value errorValue(Environment& e, const std::exception_ptr& error) {
  const auto make = [&](const char* kind, const std::string& name, const std::string& message, Napi::Value details) {
    return e.help("error", {Napi::String::New(e.env(), kind), Napi::String::New(e.env(), name),
                            Napi::String::New(e.env(), message), details});
  };
  try {
    std::rethrow_exception(error);
  } catch (const RTCError& exception) {
    auto details = Napi::Object::New(e.env());
    const auto set = [&](const char* name, const auto& value) {
      if (value) details.Set(name, Js<std::remove_cvref_t<decltype(*value)>>::to(e, *value));
    };
    details.Set("errorDetail", Js<RTCErrorDetailType>::to(e, exception.errorDetail()));
    set("sdpLineNumber", exception.sdpLineNumber());
    set("sctpCauseCode", exception.sctpCauseCode());
    set("receivedAlert", exception.receivedAlert());
    set("sentAlert", exception.sentAlert());
    return make("RTCError", exception.name(), exception.message(), details);
  } catch (const TypeError& exception) {
    return make("TypeError", exception.name(), exception.message(), e.env().Undefined());
  } catch (const RangeError& exception) {
    return make("RangeError", exception.name(), exception.message(), e.env().Undefined());
  } catch (const Exception& exception) {
    return make("DOMException", exception.name(), exception.message(), e.env().Undefined());
  } catch (const std::exception& exception) {
    return make("Error", "Error", exception.what(), e.env().Undefined());
  } catch (...) {
    return make("Error", "Error", "an object that is not a std::exception", e.env().Undefined());
  }
}

}  // namespace peerage::node
