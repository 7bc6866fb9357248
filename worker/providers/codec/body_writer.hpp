// The JSON writer of request bodies. Refers to the conversation's own bytes and copies everything else.
#pragma once

#include "protocol/json_writer.hpp"
#include "worker/base/rope.hpp"

namespace aiw {

using BodyWriter = BasicJsonWriter<Rope>;

}  // namespace aiw
