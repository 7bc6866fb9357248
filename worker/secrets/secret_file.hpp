// Reads a key file, if it lies in a folder that the machine's administrator has allowed for keys.
#pragma once

#include <expected>
#include <string>
#include <vector>

namespace aiw {

enum class SecretFileFault {
  not_allowed,  // in no allowed folder, or a link leads out of it
  unreadable,   // missing, no permission, not a regular file, or longer than 64 KiB
};

// Reads `path`, which must lie below one of `folders` by name. Follows links within the folder (Kubernetes swaps
// `..data`), but not absolute links or links out of it (openat2(2), RESOLVE_BENEATH). Never blocks: a FIFO or a device
// is opened without waiting and rejected. Needs Linux 5.6.
std::expected<std::string, SecretFileFault> read_secret_file(const std::string& path,
                                                             const std::vector<std::string>& folders);

}  // namespace aiw
