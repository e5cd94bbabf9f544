#include <net/if_arp.h>
#include <sys/stat.h>

#include <bit>
#include <cstdio>
#include <string>

#include "runtime/socket_address.hpp"
#include "runtime/uv_body.hpp"

namespace peerage::runtime {

using detail::InterfaceType;
using detail::NetworkInterface;

namespace {

bool exists(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0;
}

/// What sysfs says of it; `unknown` where there is no sysfs.
InterfaceType typeOf(const std::string& name) {
  const std::string folder = "/sys/class/net/" + name;
  if (exists(folder + "/tun_flags")) return InterfaceType::vpn;
  if (exists(folder + "/wireless") || exists(folder + "/phy80211")) return InterfaceType::wifi;
  if (name.starts_with("wwan") || name.starts_with("rmnet")) return InterfaceType::cellular;
  if (name.starts_with("wg")) return InterfaceType::vpn;
  int hardware = -1;
  if (std::FILE* file = std::fopen((folder + "/type").c_str(), "re")) {
    if (std::fscanf(file, "%d", &hardware) != 1) hardware = -1;
    std::fclose(file);
  }
  switch (hardware) {
    case ARPHRD_ETHER: return InterfaceType::ethernet;
    case ARPHRD_LOOPBACK: return InterfaceType::loopback;
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6: return InterfaceType::vpn;
    default: return InterfaceType::unknown;
  }
}

uint8_t prefixOf(const IpAddress& mask) {
  int bits = 0;
  for (const uint8_t byte : mask.bytes()) bits += std::popcount(byte);
  return static_cast<uint8_t>(bits);
}

bool usable(const IpAddress& address, bool withLoopback) {
  if (address.isUnspecified()) return false;
  if (address.isLoopback()) return withLoopback;
  if (address.isV6()) return !address.isLinkLocal() && address.bytes()[0] != 0xff;  // RFC 4291 §2.7: multicast
  return (address.bytes()[0] & 0xf0) != 0xe0;                                       // RFC 5771: multicast
}

}  // namespace

std::vector<NetworkInterface> UvBody::interfaces() {
  std::vector<NetworkInterface> found;
  uv_interface_address_t* list = nullptr;
  int count = 0;
  if (const int error = uv_interface_addresses(&list, &count)) {
    log_.warning(std::string("the system does not list its interfaces: ") + uv_strerror(error));
    return found;
  }
  for (int i = 0; i < count; ++i) {
    const auto address = fromSystem(reinterpret_cast<const sockaddr*>(&list[i].address));
    const auto mask = fromSystem(reinterpret_cast<const sockaddr*>(&list[i].netmask));
    if (!address || !usable(address->ip, options_.includeLoopback)) continue;
    NetworkInterface entry;
    entry.name = list[i].name;
    entry.address = address->ip;
    entry.prefixLength = mask ? prefixOf(mask->ip) : uint8_t{0};
    entry.type = address->ip.isLoopback() ? InterfaceType::loopback : typeOf(entry.name);
    found.push_back(std::move(entry));
  }
  uv_free_interface_addresses(list, count);
  return found;
}

}  // namespace peerage::runtime
