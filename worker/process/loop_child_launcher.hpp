// Child processes whose streams and end are watched by the loop.
#pragma once

#include <memory>

#include "worker/base/child_process.hpp"
#include "worker/io/loop.hpp"
#include "worker/process/child_request.hpp"

namespace aiw {

struct ChildLauncherOptions {
  ChildEnding ending{};
  // Starts the child host at once and not with the first child: for a worker that will not be able to.
  bool start_host = false;
};

// `loop` outlives the launcher. The program's main() must have asked is_child_host().
std::unique_ptr<ChildLauncher> make_child_launcher(Loop& loop, const ChildLauncherOptions& options = {});

}  // namespace aiw
