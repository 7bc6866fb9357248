// The frames that leanspec-http 0.2.20 reads: a closed set, so what it has no word for is not written.
#pragma once

#include <memory>

#include "protocol/dialect.hpp"

namespace aiw {

std::unique_ptr<FrameEncoder> make_leanspec_encoder();

}  // namespace aiw
