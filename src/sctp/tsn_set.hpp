// A set of TSNs kept as sorted runs: what a receiver has beyond its cumulative TSN, and what a sender knows of that.
#pragma once

#include <algorithm>
#include <vector>

#include "sctp/types.hpp"

namespace peerage::sctp {

class TsnSet {
 public:
  struct Run {
    TsnValue first = 0;
    TsnValue last = 0;
    friend bool operator==(const Run&, const Run&) = default;
  };

  bool empty() const { return runs_.empty(); }
  const std::vector<Run>& runs() const { return runs_; }
  void clear() { runs_.clear(); }

  bool contains(TsnValue tsn) const {
    const auto run = firstEndingAtOrAfter(tsn);
    return run != runs_.end() && run->first <= tsn;
  }

  /// True when `tsn` would need a run of its own.
  bool isolated(TsnValue tsn) const {
    const auto run = firstEndingAtOrAfter(tsn - 1);
    return run == runs_.end() || run->first > tsn + 1;
  }

  /// Adds first..last; calls added(first, last) for each stretch that was not there before, in ascending order.
  template <typename Added>
  void insert(TsnValue first, TsnValue last, Added&& added) {
    if (runs_.empty() || first > runs_.back().last + 1) {  // the usual place of what is new: after all else
      runs_.push_back({first, last});
      added(first, last);
      return;
    }
    // Runs begin..end touch or overlap the new one and become one with it.
    const auto begin = runs_.begin() + (firstEndingAtOrAfter(first - 1) - runs_.cbegin());
    auto end = begin;
    TsnValue at = first;
    while (end != runs_.end() && end->first <= last + 1) {
      if (at < end->first) added(at, std::min(last, end->first - 1));
      at = std::max(at, end->last + 1);
      ++end;
    }
    if (at <= last) added(at, last);
    if (begin == end) {
      runs_.insert(begin, {first, last});
      return;
    }
    begin->last = std::max(last, (end - 1)->last);
    begin->first = std::min(first, begin->first);
    runs_.erase(begin + 1, end);
  }
  void insert(TsnValue tsn) {
    insert(tsn, tsn, [](TsnValue, TsnValue) {});
  }

  /// Drops everything up to and including `tsn`.
  void eraseThrough(TsnValue tsn) {
    if (runs_.empty() || runs_.front().first > tsn) return;
    const auto run = runs_.begin() + (firstEndingAtOrAfter(tsn + 1) - runs_.cbegin());
    if (run != runs_.end()) run->first = std::max(run->first, tsn + 1);
    runs_.erase(runs_.begin(), run);
  }

 private:
  std::vector<Run>::const_iterator firstEndingAtOrAfter(TsnValue tsn) const {
    return std::lower_bound(runs_.begin(), runs_.end(), tsn, [](const Run& run, TsnValue t) { return run.last < t; });
  }
  std::vector<Run> runs_;
};

}  // namespace peerage::sctp
