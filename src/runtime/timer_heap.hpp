// The deadlines of one loop: a binary heap whose members know their place, so that moving one costs a few swaps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.hpp"
#include "peerage/detail/function.hpp"

namespace peerage::runtime {

/// What a timer of the loop shares with the heap.
struct TimerEntry : std::enable_shared_from_this<TimerEntry> {
  static constexpr size_t kUnset = SIZE_MAX;
  explicit TimerEntry(detail::Task task_) : task(std::move(task_)) {}
  detail::Task task;
  Timestamp deadline{};
  uint64_t order = 0;  // equal deadlines fire in the order in which they were set
  size_t place = kUnset;
};

/// Does not own the entries.
class TimerHeap {
 public:
  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  TimerEntry& top() const { return *entries_.front(); }

  void set(TimerEntry& entry, Timestamp deadline) {
    entry.deadline = deadline;
    entry.order = ++order_;
    if (entry.place == TimerEntry::kUnset) {
      entry.place = entries_.size();
      entries_.push_back(&entry);
    }
    settle(entry.place);
  }
  void remove(TimerEntry& entry) {
    if (entry.place == TimerEntry::kUnset) return;
    const size_t place = entry.place;
    entry.place = TimerEntry::kUnset;
    TimerEntry* last = entries_.back();
    entries_.pop_back();
    if (last == &entry) return;
    put(place, last);
    settle(place);
  }
  void clear() {
    for (TimerEntry* entry : entries_) entry->place = TimerEntry::kUnset;
    entries_.clear();
  }

 private:
  static bool before(const TimerEntry& a, const TimerEntry& b) {
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order;
  }
  void put(size_t place, TimerEntry* entry) {
    entries_[place] = entry;
    entry->place = place;
  }
  void settle(size_t place) {
    TimerEntry* entry = entries_[place];
    while (place > 0 && before(*entry, *entries_[(place - 1) / 2])) {
      put(place, entries_[(place - 1) / 2]);
      place = (place - 1) / 2;
    }
    while (true) {
      size_t child = 2 * place + 1;
      if (child >= entries_.size()) break;
      if (child + 1 < entries_.size() && before(*entries_[child + 1], *entries_[child])) ++child;
      if (!before(*entries_[child], *entry)) break;
      put(place, entries_[child]);
      place = child;
    }
    put(place, entry);
  }

  std::vector<TimerEntry*> entries_;
  uint64_t order_ = 0;
};

}  // namespace peerage::runtime
