// What the descriptions of a session say of its transports: the ICE credentials of a transport in a description, and
// where its candidates stand.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "jsep/session.hpp"

namespace peerage::jsep {

/// One transport as one description has it.
struct DescribedTransport {
  IceCredentials credentials;
  size_t section =
      0;  ///< the section that stands for the transport: the BUNDLE tag, else the first one with credentials
  friend bool operator==(const DescribedTransport&, const DescribedTransport&) = default;
};

using MidTransports = std::map<std::string, TransportId, std::less<>>;

/// Every transport that has credentials in the description, by the transports of its mids.
std::map<TransportId, DescribedTransport> describedTransports(const Description& description,
                                                              const MidTransports& mids);

/// The transports of the pending description when there is one, completed by those that the current one alone has.
struct NewestTransport {
  DescribedTransport described;
  const Description* description = nullptr;
  bool pending = false;
};
std::map<TransportId, NewestTransport> newestTransports(const std::optional<Description>& current,
                                                        const std::optional<Description>& pending,
                                                        const Session& session);

/// Credentials of the transport in the current descriptions, as its mids were then mapped.
std::map<TransportId, DescribedTransport> currentTransports(const std::optional<Description>& current,
                                                            const Session& session);

}  // namespace peerage::jsep
