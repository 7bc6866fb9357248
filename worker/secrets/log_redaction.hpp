// Removes anything that looks like a key from a text before it is logged. Last line of defence: callers must not log
// keys.
#pragma once

#include <string>
#include <string_view>

namespace aiw {

// Returns `text` with "[redacted]" in place of the part after a known key prefix ("sk-", "Bearer ", "AIza" ...).
std::string redact(std::string_view text);

}  // namespace aiw
