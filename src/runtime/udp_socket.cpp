#include "runtime/udp_socket.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/socket_address.hpp"
#include "runtime/uv_body.hpp"

namespace peerage::runtime {

using detail::DatagramView;

namespace {

/// A socket that stays readable goes back to the loop after so many batches: the others have a turn.
constexpr int kBatchesPerTurn = 4;

std::string systemError(std::string_view what, int error) {
  return std::string(what) + ": " + std::strerror(error);
}

}  // namespace

UdpBatch::UdpBatch() : storage(kCount * kBytes) {
  for (size_t i = 0; i < kCount; ++i) {
    inParts[i] = {storage.data() + i * kBytes, kBytes};
    in[i].msg_hdr.msg_iov = &inParts[i];
    in[i].msg_hdr.msg_iovlen = 1;
    in[i].msg_hdr.msg_name = &inAddresses[i];
    out[i].msg_hdr.msg_iov = &outParts[i];
    out[i].msg_hdr.msg_iovlen = 1;
    out[i].msg_hdr.msg_name = &outAddresses[i];
  }
}

Result<> UdpHandle::open(size_t bufferBytes) {
  const int family = local.ip.isV4() ? AF_INET : AF_INET6;
  descriptor = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return failure(systemError("socket", errno));
  const auto fail = [this](std::string_view what, int error) {
    ::close(std::exchange(descriptor, -1));
    return failure(systemError(std::string(what) + " " + local.toString(), error));
  };
  const int yes = 1;
  if (family == AF_INET6 && ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) != 0) {
    return fail("IPV6_V6ONLY", errno);
  }
  // The system caps these at net.core.rmem_max and wmem_max without an error.
  const int bytes = static_cast<int>(std::min<size_t>(bufferBytes, size_t{1} << 30));
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  sockaddr_in6 address{};
  if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), toSystem(local, address)) != 0) {
    return fail("bind", errno);
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return fail("getsockname", errno);
  local = fromSystem(reinterpret_cast<sockaddr*>(&bound)).value_or(local);

  poll = new uv_poll_t{};
  if (const int error = uv_poll_init(body->uvLoop(), poll, descriptor)) {
    delete std::exchange(poll, nullptr);
    return fail("poll", -error);
  }
  poll->data = this;
  uv_unref(reinterpret_cast<uv_handle_t*>(poll));  // UvBody counts what keeps the loop alive
  body->add(*this);
  body->hold(1);
  watch();
  return {};
}

void UdpHandle::close() {
  if (descriptor < 0) return;
  const auto self = shared_from_this();
  body->remove(*this);
  body->hold(-1);
  poll->data = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(poll, nullptr)),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
  ::close(std::exchange(descriptor, -1));  // uv_close has stopped watching it
  waiting.clear();
  waitingBytes = 0;
}

void UdpHandle::watch() {
  const int events = UV_READABLE | (waiting.empty() ? 0 : UV_WRITABLE);
  uv_poll_start(poll, events, [](uv_poll_t* handle, int status, int ready) {
    if (handle->data) static_cast<UdpHandle*>(handle->data)->shared_from_this()->onPoll(status, ready);
  });
}

void UdpHandle::onPoll(int status, int events) {
  if (body->stopping()) return;  // level-triggered: it is still ready on the next turn
  if (status < 0) ++counters.receiveErrors;
  if (events & UV_WRITABLE) flush();
  if (status < 0 || events & UV_READABLE) receive();
}

void UdpHandle::receive() {
  UdpBatch& batch = body->udpBatch();
  for (int round = 0; round < kBatchesPerTurn && descriptor >= 0 && !body->stopping(); ++round) {
    for (mmsghdr& message : batch.in) message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    const int got = ::recvmmsg(descriptor, batch.in.data(), UdpBatch::kCount, MSG_DONTWAIT, nullptr);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) ++counters.receiveErrors;
      return;
    }
    size_t count = 0;
    for (size_t i = 0; i < static_cast<size_t>(got); ++i) {
      const mmsghdr& message = batch.in[i];
      const auto remote = fromSystem(reinterpret_cast<const sockaddr*>(&batch.inAddresses[i]));
      if (!remote || message.msg_hdr.msg_flags & MSG_TRUNC) {
        ++counters.receiveErrors;
        continue;
      }
      batch.views[count++] = {local, *remote, {batch.storage.data() + i * UdpBatch::kBytes, message.msg_len}};
      counters.bytesReceived += message.msg_len;
    }
    counters.packetsReceived += count;
    if (count > 0) body->dispatch([&] { receiver(std::span<const DatagramView>(batch.views.data(), count)); });
    if (static_cast<size_t>(got) < UdpBatch::kCount) return;
  }
}

void UdpHandle::send(std::span<const DatagramView> datagrams) {
  if (descriptor < 0 || datagrams.empty()) return;
  if (waiting.empty()) datagrams = datagrams.subspan(trySend(datagrams));
  if (!datagrams.empty()) enqueue(datagrams);
}

size_t UdpHandle::trySend(std::span<const DatagramView> datagrams) {
  UdpBatch& batch = body->udpBatch();
  size_t done = 0;
  while (done < datagrams.size()) {
    const size_t count = std::min(datagrams.size() - done, UdpBatch::kCount);
    for (size_t i = 0; i < count; ++i) {
      const DatagramView& datagram = datagrams[done + i];
      batch.outParts[i] = {const_cast<uint8_t*>(datagram.data.data()), datagram.data.size()};
      batch.out[i].msg_hdr.msg_namelen = toSystem(datagram.remote, batch.outAddresses[i]);
    }
    const int sent = batch.sendMany(descriptor, batch.out.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (sent > 0) {
      for (size_t i = 0; i < static_cast<size_t>(sent); ++i) counters.bytesSent += datagrams[done + i].data.size();
      counters.packetsSent += static_cast<size_t>(sent);
      done += static_cast<size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      return done;
    } else if (errno != EINTR) {
      ++counters.sendErrors;  // this one is refused; those after it may go elsewhere
      ++done;
    }
  }
  return done;
}

void UdpHandle::enqueue(std::span<const DatagramView> datagrams) {
  const bool started = waiting.empty();
  for (const DatagramView& datagram : datagrams) {
    if (waitingBytes + datagram.data.size() > detail::UdpSocket::kMaxQueuedBytes) {
      ++counters.packetsDropped;
      continue;
    }
    waiting.push_back({datagram.remote, Bytes(datagram.data.begin(), datagram.data.end())});
    waitingBytes += datagram.data.size();
    ++counters.packetsQueued;
  }
  if (started && !waiting.empty()) watch();
}

void UdpHandle::flush() {
  while (!waiting.empty()) {
    std::array<DatagramView, UdpBatch::kCount> views;
    const size_t count = std::min(waiting.size(), views.size());
    for (size_t i = 0; i < count; ++i) views[i] = {local, waiting[i].remote, waiting[i].data};
    const size_t done = trySend(std::span(views.data(), count));
    for (size_t i = 0; i < done; ++i) {
      waitingBytes -= waiting.front().data.size();
      waiting.pop_front();
    }
    if (done < count) return;
  }
  watch();
}

}  // namespace peerage::runtime
