// Frames that leanspec-http 0.2.20 reads. The set is closed; events without a frame in it are not written.
#pragma once

#include <memory>

#include "protocol/dialect.hpp"

namespace aiw {

std::unique_ptr<FrameEncoder> make_leanspec_encoder();

}  // namespace aiw
