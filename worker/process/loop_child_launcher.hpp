// Starts child processes whose streams and exits the loop watches.
#pragma once

#include <memory>

#include "worker/base/child_process.hpp"
#include "worker/io/loop.hpp"
#include "worker/process/child_request.hpp"

namespace aiw {

struct ChildLauncherOptions {
  ChildEnding ending{};
  // Starts the child host at once instead of with the first child. For a worker that cannot start processes later.
  bool start_host = false;
};

// `loop` must outlive the launcher. main() must have checked is_child_host().
std::unique_ptr<ChildLauncher> make_child_launcher(Loop& loop, const ChildLauncherOptions& options = {});

}  // namespace aiw
