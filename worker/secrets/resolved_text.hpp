// A config text after its references ("Bearer ${TOKEN}") are resolved.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aiw {

// Maximum size of all headers, or of the environment, of one tool or server. Larger than HTTP servers or programs
// accept.
inline constexpr std::size_t kMaxResolvedBytes = std::size_t{256} << 10;

// Maximum number of references in one value. A reference is short and its key may be long, so their number is limited.
inline constexpr std::size_t kMaxReferences = 16;

struct ResolvedText {
  std::string text{};
  std::vector<std::string> keys{};  // resolved values that `text` contains
};

}  // namespace aiw
