#include "source_folder.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace peerage::tests {

std::string sourceFolder() { return PEERAGE_SOURCE_DIR; }

std::string sourceFile(const std::string& path) {
  std::ifstream file(sourceFolder() + "/" + path, std::ios::binary);
  if (!file) throw std::runtime_error("there is no " + sourceFolder() + "/" + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace peerage::tests
