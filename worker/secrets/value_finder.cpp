#include "worker/secrets/value_finder.hpp"

namespace aiw {

void ValueFinder::add(std::string_view value) {
  std::uint32_t at = kRoot;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    std::uint32_t next = child(at, byte);
    if (next == 0) {
      next = static_cast<std::uint32_t>(nodes_.size());
      const std::uint32_t depth = nodes_[at].depth + 1;
      nodes_.push_back({.sibling = at == kRoot ? 0 : nodes_[at].first_child, .depth = depth, .byte = byte});
      (at == kRoot ? first_[byte] : nodes_[at].first_child) = next;
    }
    at = next;
  }
  nodes_[at].longest = nodes_[at].depth;
}

// Sets the fallbacks breadth first, because a fallback is shorter than its node and must be known first.
void ValueFinder::link() {
  std::vector<std::uint32_t> queue;
  for (const std::uint32_t node : first_) {
    if (node != 0) queue.push_back(node);
  }
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const std::uint32_t parent = queue[i];
    for (std::uint32_t node = nodes_[parent].first_child; node != 0; node = nodes_[node].sibling) {
      nodes_[node].fallback = step(nodes_[parent].fallback, nodes_[node].byte);
      if (nodes_[node].longest == 0) nodes_[node].longest = nodes_[nodes_[node].fallback].longest;
      queue.push_back(node);
    }
  }
}

}  // namespace aiw
