// JSON values whose objects keep their members in order and find them in logarithmic time. nlohmann's ordered_json
// compares every existing member before it adds one, so an object of 40,000 keys takes seconds.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace aiw {

// Object type of OrderedJson, with the interface that basic_json requires of a map with string keys. Erasing a member
// is as fast as finding it. The index is a tree instead of a hash table, so no choice of keys makes it slow.
template <typename Key, typename T, typename IgnoredLess = std::less<Key>,
          typename Allocator = std::allocator<std::pair<const Key, T>>>
class IndexedMap {
  using Items = std::list<std::pair<const Key, T>, Allocator>;

 public:
  using key_type = Key;
  using mapped_type = T;
  using value_type = typename Items::value_type;
  using allocator_type = Allocator;
  using size_type = std::size_t;
  using iterator = typename Items::iterator;
  using const_iterator = typename Items::const_iterator;
  using key_compare = std::equal_to<>;

  IndexedMap() = default;
  explicit IndexedMap(const Allocator& allocator) : items_(allocator) {}
  template <typename Input>
  IndexedMap(Input first, Input last, const Allocator& allocator = Allocator()) : items_(allocator) {
    insert(first, last);
  }
  IndexedMap(std::initializer_list<value_type> items) : IndexedMap(items.begin(), items.end()) {}
  IndexedMap(const IndexedMap& other) : items_(other.items_) { rebuild_index(); }
  IndexedMap& operator=(const IndexedMap& other) {
    if (this != &other) *this = IndexedMap(other);
    return *this;
  }
  IndexedMap(IndexedMap&& other) = default;
  IndexedMap& operator=(IndexedMap&& other) = default;
  ~IndexedMap() = default;

  [[nodiscard]] iterator begin() { return items_.begin(); }
  [[nodiscard]] iterator end() { return items_.end(); }
  [[nodiscard]] const_iterator begin() const { return items_.begin(); }
  [[nodiscard]] const_iterator end() const { return items_.end(); }
  [[nodiscard]] const_iterator cbegin() const { return items_.begin(); }
  [[nodiscard]] const_iterator cend() const { return items_.end(); }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] size_type size() const { return items_.size(); }
  [[nodiscard]] size_type max_size() const { return items_.max_size(); }
  void clear() {
    index_.clear();
    items_.clear();
  }

  [[nodiscard]] iterator find(std::string_view key) {
    if (index_.empty()) {
      iterator item = items_.begin();
      while (item != items_.end() && item->first != key) ++item;
      return item;
    }
    const auto found = index_.find(key);
    return found == index_.end() ? items_.end() : found->second;
  }
  [[nodiscard]] const_iterator find(std::string_view key) const { return const_cast<IndexedMap*>(this)->find(key); }
  [[nodiscard]] size_type count(std::string_view key) const { return find(key) == end() ? 0 : 1; }
  [[nodiscard]] T& at(std::string_view key) {
    const iterator found = find(key);
    if (found == end()) throw std::out_of_range("key not found");
    return found->second;
  }
  [[nodiscard]] const T& at(std::string_view key) const { return const_cast<IndexedMap*>(this)->at(key); }

  template <typename K, typename V>
  std::pair<iterator, bool> emplace(K&& key, V&& value) {
    if (const iterator found = find(key); found != end()) return {found, false};
    items_.emplace_back(std::piecewise_construct, std::forward_as_tuple(std::forward<K>(key)),
                        std::forward_as_tuple(std::forward<V>(value)));
    const iterator added = std::prev(items_.end());
    if (!index_.empty()) {
      index_.emplace(added->first, added);
    } else if (items_.size() > kScanned) {
      rebuild_index();
    }
    return {added, true};
  }
  std::pair<iterator, bool> insert(value_type&& value) { return emplace(value.first, std::move(value.second)); }
  std::pair<iterator, bool> insert(const value_type& value) { return emplace(value.first, value.second); }
  template <typename Input>
  void insert(Input first, Input last) {
    for (; first != last; ++first) insert(*first);
  }
  template <typename K>
  T& operator[](K&& key) {
    return emplace(std::forward<K>(key), nullptr).first->second;
  }

  iterator erase(iterator item) {
    index_.erase(std::string_view(item->first));
    return items_.erase(item);
  }
  iterator erase(iterator first, iterator last) {
    while (first != last) first = erase(first);
    return first;
  }
  size_type erase(std::string_view key) {
    const iterator found = find(key);
    if (found == end()) return 0;
    erase(found);
    return 1;
  }

  // Compares the order of members too, as nlohmann's ordered_json does.
  [[nodiscard]] bool operator==(const IndexedMap& other) const { return items_ == other.items_; }

 private:
  static constexpr size_type kScanned = 8;  // objects up to this size are searched linearly

  void rebuild_index() {
    index_.clear();
    if (items_.size() <= kScanned) return;
    for (iterator item = items_.begin(); item != items_.end(); ++item) index_.emplace(item->first, item);
  }

  Items items_;
  std::map<std::string_view, iterator> index_;  // views of the keys in items_; empty: linear search
};

using OrderedJson = nlohmann::basic_json<IndexedMap>;

}  // namespace aiw
