// Names through getaddrinfo(3) on libuv's threads: the one place where another thread works for a loop.
#include <netdb.h>

#include <algorithm>

#include "runtime/socket_address.hpp"
#include "runtime/uv_body.hpp"

namespace peerage::runtime {

using detail::ResolveCallback;
using detail::ResolveRequest;

namespace {

/// No name of RFC 1035 §2.3.4 is longer.
constexpr size_t kMaxNameLength = 253;

/// One lookup. libuv's request may outlive the loop: it holds this, and this holds nothing back once it is cancelled.
struct Lookup : std::enable_shared_from_this<Lookup> {
  std::string name;
  uv_getaddrinfo_t request{};
  std::shared_ptr<Lookup> self;   // while libuv has the request
  std::shared_ptr<UvBody> body;   // null once answered or cancelled
  ResolveCallback callback;

  void finish(Result<std::vector<IpAddress>> result) {
    const auto owner = std::exchange(body, nullptr);
    if (!owner || owner->closed()) return;
    owner->hold(-1);
    const auto keep = shared_from_this();
    owner->dispatch([&] {
      ResolveCallback call = std::move(callback);
      call(std::move(result));
    });
  }
  void cancel() {
    const auto owner = std::exchange(body, nullptr);
    if (owner && !owner->closed()) owner->hold(-1);
    if (self) uv_cancel(reinterpret_cast<uv_req_t*>(&request));  // fails when a thread has it already: then it is ignored
  }
};

Result<std::vector<IpAddress>> addressesOf(int status, const addrinfo* list, const std::string& name) {
  if (status != 0) return failure("cannot resolve " + name + ": " + uv_strerror(status));
  std::vector<IpAddress> addresses;
  for (; list; list = list->ai_next) {
    const auto address = fromSystem(list->ai_addr);
    if (address && std::find(addresses.begin(), addresses.end(), address->ip) == addresses.end()) {
      addresses.push_back(address->ip);
    }
  }
  if (addresses.empty()) return failure("cannot resolve " + name + ": it has no address");
  return addresses;
}

class Request final : public ResolveRequest {
 public:
  explicit Request(std::shared_ptr<Lookup> lookup) : lookup_(std::move(lookup)) {}
  ~Request() override { lookup_->cancel(); }

 private:
  std::shared_ptr<Lookup> lookup_;
};

}  // namespace

std::unique_ptr<ResolveRequest> UvBody::resolve(std::string_view hostname, ResolveCallback callback) {
  auto lookup = std::make_shared<Lookup>();
  auto request = std::make_unique<Request>(lookup);
  if (closed()) return request;
  lookup->body = std::static_pointer_cast<UvBody>(shared_from_this());
  lookup->callback = std::move(callback);
  hold(1);
  const std::string name(hostname);
  const auto answerLater = [&](Result<std::vector<IpAddress>> result) {
    queueTask([lookup, result = std::move(result)]() mutable { lookup->finish(std::move(result)); });
  };
  if (const auto literal = IpAddress::parse(hostname)) {
    answerLater(std::vector{*literal});
    return request;
  }
  if (name.empty() || name.size() > kMaxNameLength || name.find('\0') != std::string::npos) {
    answerLater(failure("cannot resolve a name of " + std::to_string(name.size()) + " bytes: 1 to 253 are allowed"));
    return request;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;  // one entry an address
  hints.ai_flags = AI_ADDRCONFIG;
  lookup->name = name;
  lookup->request.data = lookup.get();
  lookup->self = lookup;
  const auto answered = [](uv_getaddrinfo_t* done, int status, addrinfo* list) {
    const auto self = std::exchange(static_cast<Lookup*>(done->data)->self, nullptr);
    if (self->body) self->finish(addressesOf(status, list, self->name));
    uv_freeaddrinfo(list);
  };
  if (const int error = uv_getaddrinfo(loop_, &lookup->request, answered, name.c_str(), nullptr, &hints)) {
    lookup->self.reset();
    answerLater(failure("cannot resolve " + name + ": " + uv_strerror(error)));
  }
  return request;
}

}  // namespace peerage::runtime
