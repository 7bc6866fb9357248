// Reads a config from a request line.
#pragma once

#include <string>

#include "protocol/config.hpp"
#include "protocol/json_reader.hpp"

namespace aiw {

Config read_config(JsonReader& in);
// Reads the name of a provider, a model, or both: 2,048 bytes at most, because many frames repeat it.
std::string read_name(JsonReader& in);

}  // namespace aiw
