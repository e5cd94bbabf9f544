// A message on its way out. Its bytes are taken over from the sender and stay in one place; chunks point into them.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "sctp/types.hpp"

namespace peerage::sctp {

/// A reference to an object that counts its references itself; an association lives on one thread, so a plain count
/// does what std::shared_ptr's atomic one would.
template <typename T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) {
    if (object_) ++object_->references;
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ && --object_->references == 0) delete object_;
  }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.object_ == b.object_; }

 private:
  T* object_ = nullptr;
};

struct OutMessage {
  static constexpr TsnValue kUnsent = -1;

  uint32_t references = 0;
  StreamId stream;
  Ppid ppid;
  bool unordered = false;
  bool counted = true;     ///< in bufferedAmount
  bool abandoned = false;  ///< a limit was reached
  uint16_t ssn = 0;        ///< given with the first fragment
  std::optional<uint16_t> maxRetransmits;
  std::optional<Timestamp> expires;
  Bytes data;
  size_t sent = 0;                ///< bytes put into chunks so far
  TsnValue firstTsn = kUnsent;
  TsnValue lastTsn = kUnsent;
  Ref<OutMessage> next;           ///< in its stream's queue

  size_t remaining() const { return data.size() - sent; }
  bool expired(Timestamp now) const { return expires && now > *expires; }
};

using MessageRef = Ref<OutMessage>;

}  // namespace peerage::sctp
