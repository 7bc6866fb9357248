// Reads a key's file, if it lies in a folder that somebody trusted with the machine has named for keys.
#pragma once

#include <expected>
#include <string>
#include <vector>

namespace aiw {

enum class SecretFileFault {
  not_allowed,  // in none of the folders, or it leads out of them
  unreadable,   // not there, no permission, no regular file, or longer than 64 KiB
};

// `path` is one of `folders`, a slash, and a way down from there. Links within the folder are followed (Kubernetes
// swaps `..data`), links that lead out of it or are absolute are not (openat2(2), RESOLVE_BENEATH). Never blocks: a
// fifo or a device is opened without waiting and refused. Needs Linux 5.6.
std::expected<std::string, SecretFileFault> read_secret_file(const std::string& path,
                                                             const std::vector<std::string>& folders);

}  // namespace aiw
