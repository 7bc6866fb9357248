// A text of a config once the references in it are replaced ("Bearer ${TOKEN}").
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aiw {

// Of all headers, or of the environment, that one tool or server is given: more than HTTP servers or programs take.
inline constexpr std::size_t kMaxResolvedBytes = std::size_t{256} << 10;

struct ResolvedText {
  std::string text{};
  std::vector<std::string> keys{};  // what stands in it in place of references
};

}  // namespace aiw
