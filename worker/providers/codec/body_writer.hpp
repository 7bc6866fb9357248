// The JSON writer of request bodies: the conversation's own bytes are referred to, everything else is copied.
#pragma once

#include "protocol/json_writer.hpp"
#include "worker/base/rope.hpp"

namespace aiw {

using BodyWriter = BasicJsonWriter<Rope>;

}  // namespace aiw
