// Base64 (RFC 4648 §4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace peerage::crypto {

/// With padding, without line breaks.
std::string base64Encode(ByteView data);
/// Strict: padded, no white space, no other alphabet; nullopt otherwise.
std::optional<Bytes> base64Decode(std::string_view text);

}  // namespace peerage::crypto
