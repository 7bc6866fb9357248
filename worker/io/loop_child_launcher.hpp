// Child processes whose streams and end are watched by the loop.
#pragma once

#include <chrono>
#include <memory>

#include "worker/base/child_process.hpp"
#include "worker/io/loop.hpp"

namespace aiw {

struct ChildEnding {
  std::chrono::milliseconds after_stdin{2'000};  // from closing its stdin to SIGTERM
  std::chrono::milliseconds after_sigterm{2'000};
  std::chrono::milliseconds at_exit{500};  // both of them, when the launcher itself ends
};

// `loop` outlives the launcher.
std::unique_ptr<ChildLauncher> make_child_launcher(Loop& loop, const ChildEnding& ending = {});

}  // namespace aiw
