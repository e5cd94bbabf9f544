// Files of the checkout that tests read. The checkout's place is known to one object file alone, so that a compiler cache
// serves the tests of every checkout.
#pragma once

#include <string>

namespace peerage::tests {

/// Where the checkout lies.
std::string sourceFolder();
/// A file's whole content, by its path in the checkout; throws std::runtime_error when it cannot be read.
std::string sourceFile(const std::string& path);

}  // namespace peerage::tests
