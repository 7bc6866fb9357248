// Frames of protocol v1.
#pragma once

#include <memory>

#include "protocol/dialect.hpp"

namespace aiw {

std::unique_ptr<FrameEncoder> make_v1_encoder();

}  // namespace aiw
