// A queue over one block of memory, indexable from its front: for TSN-ordered state that comes and goes at the ends.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace peerage::sctp {

template <typename T>
class Ring {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return slots_[(head_ + i) & (slots_.size() - 1)]; }
  const T& operator[](size_t i) const { return slots_[(head_ + i) & (slots_.size() - 1)]; }
  T& front() { return slots_[head_]; }
  const T& front() const { return slots_[head_]; }
  T& back() { return (*this)[size_ - 1]; }

  void push(T value) {
    if (size_ == slots_.size()) grow();
    ++size_;
    back() = std::move(value);
  }
  void pop() {
    slots_[head_] = T{};
    head_ = (head_ + 1) & (slots_.size() - 1);
    --size_;
    // A burst's memory goes back once the burst is over.
    if (size_ == 0 && slots_.size() > kKept) clear();
  }
  void clear() {
    slots_ = {};
    head_ = size_ = 0;
  }

 private:
  static constexpr size_t kKept = 256;
  void grow() {
    std::vector<T> bigger(slots_.empty() ? 16 : 2 * slots_.size());  // a power of two: indices wrap by a mask
    for (size_t i = 0; i < size_; ++i) bigger[i] = std::move((*this)[i]);
    slots_ = std::move(bigger);
    head_ = 0;
  }
  std::vector<T> slots_;
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace peerage::sctp
