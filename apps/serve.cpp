#include <cstdio>
#include <filesystem>
#include <fstream>

#include "commands.hpp"
#include "exit_codes.hpp"
#include "peerage/event_loop.hpp"
#include "signals.hpp"

namespace peerage::app {

namespace {

/// The page that belongs to the program: where it was installed, else where it was built from.
std::string pageFolder() {
  for (const char* folder : {PEERAGE_INSTALLED_WEB_ROOT, PEERAGE_WEB_ROOT}) {
    if (std::filesystem::is_directory(folder)) return folder;
  }
  throw Failure(kFileUnreadable, std::string("the page is not where it was installed, ") + PEERAGE_INSTALLED_WEB_ROOT +
                                     "; name its folder with --web-root");
}

void requireReadable(const std::string& path, const char* what) {
  if (path.empty()) return;
  if (!std::ifstream(path).good()) throw Failure(kFileUnreadable, std::string("the ") + what + " " + path + " cannot be read");
}

}  // namespace

int serve(const ServeOptions& options) {
  requireReadable(options.tlsCertificate, "certificate");
  requireReadable(options.tlsKey, "key");
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
  if (!options.readyFile.empty()) std::ofstream(options.readyFile) << running->port() << "\n";
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
