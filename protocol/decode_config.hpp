// Reads a config from a request line.
#pragma once

#include "protocol/config.hpp"
#include "protocol/json_reader.hpp"

namespace aiw {

Config read_config(JsonReader& in);

}  // namespace aiw
