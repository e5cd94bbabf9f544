// The only place of this layer that opens files: bytes from and to a path, with errors that name it.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace peerage::media {

class FileReader {
 public:
  static Result<FileReader> open(const std::string& path);
  /// Replaces `out` by the next bytes, at most `most`; empty at the end of the file.
  Result<> read(Bytes& out, size_t most = 65536);
  /// Back to the first byte.
  void rewind();

 private:
  std::ifstream stream_;
  std::string path_;
};

class FileWriter {
 public:
  /// Creates the file or empties it.
  static Result<FileWriter> open(const std::string& path);
  /// Creates the file; nullopt when there is one already, which stays as it is.
  static Result<std::optional<FileWriter>> create(const std::string& path);
  Result<> write(ByteView bytes);
  /// Overwrites the first bytes of the file (a header whose counts are known at the end) and goes back to its end.
  Result<> rewriteStart(ByteView bytes);
  /// Writes what is buffered; further writes fail.
  Result<> close();

 private:
  Result<> check(const char* what);
  std::ofstream stream_;
  std::string path_;
};

}  // namespace peerage::media
