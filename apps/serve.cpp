#include <net/if.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "commands.hpp"
#include "exit_codes.hpp"
#include "peerage/event_loop.hpp"
#include "signals.hpp"

namespace peerage::app {

namespace {

/// The page that belongs to the program: where it is installed, wherever that tree lies, else where it was built from.
std::string pageFolder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto installed = (program.parent_path() / PEERAGE_PAGE_FROM_PROGRAM).lexically_normal();
  for (const auto& folder : {installed, std::filesystem::path(PEERAGE_WEB_ROOT)}) {
    if (std::filesystem::is_directory(folder, error)) return folder;
  }
  throw Failure(kFileUnreadable, "the page is not where it was installed, " + installed.string() + "; name its folder with --web-root");
}

void requireReadable(const std::string& path, const char* what) {
  if (path.empty()) return;
  if (!std::ifstream(path).good()) throw Failure(kFileUnreadable, std::string("the ") + what + " " + path + " cannot be read");
}

/// The files are PEM and belong together: said before anything begins, and not as a port that cannot be had.
void requireCertificate(const ServeOptions& options) {
  if (options.tlsCertificate.empty()) return;
  requireReadable(options.tlsCertificate, "certificate");
  requireReadable(options.tlsKey, "key");
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.tlsCertificate.c_str()) != 1) {
    throw Failure(kFileUnreadable, options.tlsCertificate + " holds no PEM certificate that can be used");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.tlsKey.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw Failure(kFileUnreadable, options.tlsKey + " holds no PEM key that belongs to the certificate " + options.tlsCertificate);
  }
}

/// The interface is a name or an address of this machine.
void requireInterface(const std::string& interface) {
  if (interface.empty() || if_nametoindex(interface.c_str()) != 0) return;
  sockaddr_storage address{};
  const bool ip4 = uv_ip4_addr(interface.c_str(), 0, reinterpret_cast<sockaddr_in*>(&address)) == 0;
  const bool ip6 = !ip4 && uv_ip6_addr(interface.c_str(), 0, reinterpret_cast<sockaddr_in6*>(&address)) == 0;
  if (!ip4 && !ip6) throw Failure(kUsage, "--interface: there is no interface or address \"" + interface + "\" here");
  const int probe = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);  // loopback has more than its list tells
  const socklen_t length = ip4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  const bool absent = probe < 0 || (bind(probe, reinterpret_cast<sockaddr*>(&address), length) != 0 && errno == EADDRNOTAVAIL);
  if (probe >= 0) close(probe);
  if (absent) throw Failure(kUsage, "--interface: this machine has no address " + interface);
}

}  // namespace

int serve(const ServeOptions& options) {
  requireCertificate(options);
  requireInterface(options.interface);
  signaling::ServerOptions server{.port = options.port,
                                  .interface = options.interface,
                                  .tlsCertificate = options.tlsCertificate,
                                  .tlsKey = options.tlsKey,
                                  .webRoot = options.webRoot.empty() ? pageFolder() : options.webRoot};
  if (!std::filesystem::is_directory(server.webRoot)) {
    throw Failure(kFileUnreadable, "the web root " + server.webRoot + " is no folder");
  }
  if (!options.quiet) {
    server.log = [](std::string_view line) {
      std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
      std::fflush(stdout);
    };
  }
  const auto unwritable = [&] { return Failure(kFileUnreadable, "the ready file " + options.readyFile + " cannot be written"); };
  std::ofstream ready;
  if (!options.readyFile.empty()) {
    ready.open(options.readyFile);
    if (!ready) throw unwritable();
  }
  EventLoop loop;
  std::unique_ptr<signaling::Server> running;
  try {
    running = std::make_unique<signaling::Server>(loop, std::move(server));
  } catch (const signaling::SignalingError& e) {
    throw Failure(kPortInUse, e.what());
  }
  const bool tls = !options.tlsCertificate.empty();
  std::printf("Serving on %s://localhost:%u (WebSocket %s://localhost:%u)\n", tls ? "https" : "http", running->port(),
              tls ? "wss" : "ws", running->port());
  std::fflush(stdout);
  if (ready.is_open()) {
    ready << running->port() << "\n";
    ready.close();
    if (!ready) throw unwritable();
  }
  {
    SignalWatcher signals(loop, [&] { loop.stop(); });
    const auto alive = loop.keepAlive();
    loop.run();
  }
  running.reset();
  loop.runOnce(false);  // handles finish closing
  std::printf("Stopped.\n");
  return kOk;
}

}  // namespace peerage::app
