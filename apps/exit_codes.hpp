// What the program ends with.
#pragma once

#include <stdexcept>
#include <string>

namespace peerage::app {

enum ExitCode : int {
  kOk = 0,
  kCallFailed = 1,       ///< the call could not be set up, or broke
  kUsage = 2,            ///< the command line
  kServerUnreachable = 3,///< no signalling server there, or it is gone
  kNameTaken = 4,        ///< the name is in use, or not allowed
  kPortInUse = 5,        ///< the port cannot be had
  kFileUnreadable = 6,   ///< a file or folder cannot be read or written
  kInterrupted = 130,    ///< Ctrl-C, after hanging up
};

/// Ends the program with a sentence and a code.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace peerage::app
