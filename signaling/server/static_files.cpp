#include "signaling/server/static_files.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace peerage::signaling {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kTypes{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
    {".md", "text/plain; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".webm", "video/webm"},
    {".mp4", "video/mp4"},
    {".wasm", "application/wasm"},
    {".webmanifest", "application/manifest+json"},
}};

HttpReply plain(int status, std::string text) { return {status, "text/plain; charset=utf-8", std::move(text)}; }

}  // namespace

std::string_view contentTypeOf(std::string_view path) {
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

std::optional<std::string> relativePath(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::string_view rest = path.substr(1);
  const bool folder = rest.empty() || rest.ends_with('/');
  if (!rest.empty() && folder) rest.remove_suffix(1);
  for (size_t start = 0; start < rest.size() || (start == 0 && path.size() > 1);) {
    const size_t slash = std::min(rest.find('/', start), rest.size());
    const std::string_view part = rest.substr(start, slash - start);
    if (part.empty() || part.starts_with('.')) return std::nullopt;
    const bool odd = std::ranges::any_of(part, [](char c) { return c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (odd) return std::nullopt;
    start = slash + 1;
  }
  std::string out(rest);
  if (folder) out += out.empty() ? "index.html" : "/index.html";
  return out;
}

std::vector<Header> commonHeaders(bool own) {
  return {
      {"cache-control:", "no-cache, no-store"},
      {"x-content-type-options:", "nosniff"},
      {"referrer-policy:", "no-referrer"},
      {"x-frame-options:", "DENY"},
      {"content-security-policy:",
       own ? "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob: mediastream:; "
             "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
           : "object-src 'none'; base-uri 'self'; frame-ancestors 'none'"},
  };
}

StaticFiles::StaticFiles(const std::string& webRoot, std::vector<StaticFile> files) : files_(std::move(files)) {
  if (webRoot.empty()) return;
  files_.clear();
  std::error_code error;
  root_ = fs::canonical(webRoot, error);
  if (error || !fs::is_directory(root_, error)) {
    throw SignalingError("the web root " + webRoot + " is no folder that can be read");
  }
}

std::optional<std::string> StaticFiles::read(std::string_view relative) const {
  if (root_.empty()) {
    const auto found = std::ranges::find(files_, relative, &StaticFile::path);
    if (found == files_.end()) return std::nullopt;
    return std::string(found->content);
  }
  std::error_code error;
  // canonical() follows symbolic links: one that leads out of the root does not begin with it any more.
  const fs::path path = fs::canonical(root_ / fs::path(relative), error);
  if (error) return std::nullopt;
  const auto [rootEnd, unused] = std::mismatch(root_.begin(), root_.end(), path.begin(), path.end());
  if (rootEnd != root_.end() || !fs::is_regular_file(path, error)) return std::nullopt;
  const auto size = fs::file_size(path, error);
  if (error || size > kMaxFileBytes) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string content(static_cast<size_t>(size), '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<size_t>(file.gcount()));
  return content;
}

HttpReply StaticFiles::get(std::string_view path) const {
  const auto relative = relativePath(path);
  if (!relative) return plain(400, "That path cannot be asked for.\n");
  auto content = read(*relative);
  if (!content) {
    if (*relative == "index.html") return plain(200, "This is a peerage signalling server. It speaks WebSocket.\n");
    return plain(404, "There is no such file here.\n");
  }
  return {200, contentTypeOf(*relative), std::move(*content)};
}

}  // namespace peerage::signaling
