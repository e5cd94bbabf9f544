// peerage: a signalling server and a native peer, from the command line.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "commands.hpp"
#include "exit_codes.hpp"

namespace {

using namespace peerage::app;
namespace signaling = peerage::signaling;

constexpr const char* kExamples = R"(
Examples:
  peerage serve                                       the page and the server on http://localhost:8080
  peerage call --name peerage --auto-answer           a native peer there that takes every call
  peerage call --name robot --invite alice            calls alice
  peerage call --name cam --auto-answer --source film.ivf --record recordings
  peerage serve --port 8443 --tls-cert cert.pem --tls-key key.pem

Exit codes: 0 done, 1 the call failed, 2 wrong command line, 3 the server cannot be reached, 4 the name is taken,
5 the port is in use, 6 a file cannot be read or written, 130 interrupted (after hanging up).)";

void addServe(CLI::App& app, ServeOptions& options) {
  CLI::App* serve = app.add_subcommand("serve", "Runs the signalling server, which also serves the demo page");
  serve->add_option("--port", options.port, "TCP port; 0 takes any free one")->capture_default_str();
  serve->add_option("--interface", options.interface, "Local address to listen on (all)");
  auto* cert = serve->add_option("--tls-cert", options.tlsCertificate, "PEM certificate: serves https and wss");
  auto* key = serve->add_option("--tls-key", options.tlsKey, "PEM key of the certificate");
  cert->needs(key);
  key->needs(cert);
  serve->add_option("--web-root", options.webRoot, "Folder whose files are served instead of the demo page");
  serve->add_option("--ready-file", options.readyFile, "Written, with the port, once the server listens (for scripts)");
  serve->add_flag("--quiet", options.quiet, "Does not log users coming and going");
}

void addCall(CLI::App& app, CallOptions& options) {
  CLI::App* call = app.add_subcommand("call", "Joins a server as a native peer: calls somebody, or takes calls");
  call->add_option("--server", options.server, "ws:// or wss:// URL of the server")->capture_default_str();
  call->add_option("--name", options.name, "Our name there")->required();
  const auto setProtocol = [&options](const std::string& text) {
    const auto protocol = signaling::protocolFromString(text);
    if (!protocol) throw CLI::ValidationError("--protocol", "\"" + text + "\" is neither json nor peerage.1");
    options.protocol = *protocol;
  };
  call->add_option_function<std::string>("--protocol", setProtocol, "json (MDN's sample, the page) or peerage.1")
      ->default_str("json");
  call->add_option("--room", options.room, "Room to join, with peerage.1")->capture_default_str();
  call->add_option("--ice-server", options.iceServers, "stun:HOST[:PORT] that tells our public address; may be repeated");
  call->add_option("--invite", options.invite, "Calls this user");
  call->add_flag("--auto-answer", options.autoAnswer, "Takes every call");
  call->add_option("--source", options.source, "test (a picture with a clock, and a tone) or an IVF file with VP8")
      ->capture_default_str();
  call->add_option("--record", options.record, "Folder to write what arrives to, as IVF and Ogg Opus");
  call->add_flag("--no-return{false}", options.returnVideo, "Does not send the caller's picture back as a second video");
  call->add_flag("--insecure{false}", options.verifyCertificate, "Does not check the server's certificate (wss)");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("WebRTC for native programs: a signalling server and a native peer", "peerage");
  app.footer(kExamples);
  app.set_version_flag("--version", PEERAGE_VERSION);
  app.require_subcommand(1);
  ServeOptions serveOptions;
  CallOptions callOptions;
  addServe(app, serveOptions);
  addCall(app, callOptions);
  app.add_subcommand("self-test", "A call between two native peers through a real server; exits 0 when all of it worked");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kOk : kUsage;
  }
  try {
    if (app.got_subcommand("serve")) return serve(serveOptions);
    if (app.got_subcommand("self-test")) return selfTest();
    if (!callOptions.autoAnswer && callOptions.invite.empty()) {
      throw Failure(kUsage, "call needs --invite NAME or --auto-answer");
    }
    if (callOptions.invite == callOptions.name) throw Failure(kUsage, "--invite " + callOptions.invite + " is our own --name");
    return call(callOptions);
  } catch (const Failure& e) {
    std::fprintf(stderr, "peerage: %s\n", e.what());
    return e.code();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "peerage: %s\n", e.what());
    return kCallFailed;
  }
}
