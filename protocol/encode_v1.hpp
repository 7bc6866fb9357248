// Protocol v1's frames.
#pragma once

#include <memory>

#include "protocol/dialect.hpp"

namespace aiw {

std::unique_ptr<FrameEncoder> make_v1_encoder();

}  // namespace aiw
