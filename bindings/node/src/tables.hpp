// The parts of the table that the module exports.
#pragma once

#include "environment.hpp"

namespace peerage::node {

void addConnection(Environment& e, Napi::Object exports);
void addRtp(Environment& e, Napi::Object exports);
void addTransports(Environment& e, Napi::Object exports);
void addMedia(Environment& e, Napi::Object exports);
void addSourcesAndSinks(Environment& e, Napi::Object exports);

}  // namespace peerage::node
