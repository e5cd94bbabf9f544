// What HTTP serves: the files of one folder, or of memory. Nothing outside of it, nothing hidden.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "peerage/signaling.hpp"

namespace peerage::signaling {

struct HttpReply {
  int status = 200;
  std::string_view contentType;
  std::string body;
};

class StaticFiles {
 public:
  /// Largest file that is served.
  static constexpr size_t kMaxFileBytes = 64 << 20;

  /// Throws SignalingError when `webRoot` is given and no folder.
  StaticFiles(const std::string& webRoot, std::vector<StaticFile> files);

  /// The reply to a GET of `path`, which is percent-decoded and has no query.
  HttpReply get(std::string_view path) const;
  /// From memory, not from a folder.
  bool own() const { return root_.empty(); }

 private:
  std::optional<std::string> read(std::string_view relative) const;

  std::filesystem::path root_;  ///< canonical
  std::vector<StaticFile> files_;
};

/// By the name's ending; application/octet-stream for endings that are not known.
std::string_view contentTypeOf(std::string_view path);

/// "/a/b" as "a/b", "/a/" as "a/index.html"; nullopt for a path that is not absolute, has an empty, "." or ".." part, a part
/// that begins with a dot, a backslash, or a control character.
std::optional<std::string> relativePath(std::string_view path);

struct Header {
  const char* name;  ///< with its colon, as libwebsockets wants it
  std::string_view value;
};
/// Headers of every reply, besides type and length. Nothing is kept, so that a page and its server are of one version. Our own
/// page may load and run what comes from here and nothing else; of an operator's pages (`own` false), whose scripts may stand
/// in their markup, less is asked.
std::vector<Header> commonHeaders(bool own);

}  // namespace peerage::signaling
