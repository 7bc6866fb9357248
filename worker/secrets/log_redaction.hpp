// Takes what looks like a key out of a text that is to be logged. The last line of defence: nobody should log a key.
#pragma once

#include <string>
#include <string_view>

namespace aiw {

// `text` with the part after a known beginning of a key ("sk-", "Bearer ", "AIza" ...) replaced by "[redacted]".
std::string redact(std::string_view text);

}  // namespace aiw
