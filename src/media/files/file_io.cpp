#include "media/files/file_io.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

namespace peerage::media {

namespace {
std::string describe(const char* what, const std::string& path, int error) {
  std::string text = std::string("cannot ") + what + " \"" + path + "\"";
  if (error != 0) text += ": " + std::generic_category().message(error);
  return text;
}
}  // namespace

Result<FileReader> FileReader::open(const std::string& path) {
  FileReader file;
  file.path_ = path;
  errno = 0;
  file.stream_.open(path, std::ios::binary);
  if (!file.stream_) return failure(describe("open", path, errno));
  return file;
}

Result<> FileReader::read(Bytes& out, size_t most) {
  out.resize(most);
  errno = 0;
  stream_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(most));
  out.resize(static_cast<size_t>(stream_.gcount()));
  if (stream_.bad()) return failure(describe("read", path_, errno));
  return {};
}

void FileReader::rewind() {
  stream_.clear();
  stream_.seekg(0);
}

Result<FileWriter> FileWriter::open(const std::string& path) {
  FileWriter file;
  file.path_ = path;
  errno = 0;
  file.stream_.open(path, std::ios::binary | std::ios::trunc);
  if (!file.stream_) return failure(describe("create", path, errno));
  return file;
}

Result<std::optional<FileWriter>> FileWriter::create(const std::string& path) {
  FileWriter file;
  file.path_ = path;
  errno = 0;
  file.stream_.open(path, std::ios::binary | std::ios::out | std::ios::noreplace);
  if (!file.stream_ && errno == EEXIST) return std::nullopt;
  if (!file.stream_) return failure(describe("create", path, errno));
  return file;
}

Result<> FileWriter::check(const char* what) {
  if (!stream_) return failure(describe(what, path_, errno));
  return {};
}

Result<> FileWriter::write(ByteView bytes) {
  errno = 0;
  stream_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return check("write");
}

Result<> FileWriter::rewriteStart(ByteView bytes) {
  errno = 0;
  stream_.seekp(0);
  stream_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  stream_.seekp(0, std::ios::end);
  return check("rewrite the start of");
}

Result<> FileWriter::close() {
  errno = 0;
  stream_.close();
  return check("close");
}

}  // namespace peerage::media
