#include "worker/base/ordered_json.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace aiw;

namespace {

// {"k<from>": from, …, "k<to - 1>": to - 1}
OrderedJson numbered(int from, int to) {
  OrderedJson json = OrderedJson::object();
  for (int i = from; i < to; ++i) json["k" + std::to_string(i)] = i;
  return json;
}

}  // namespace

TEST_CASE("an object of few or many members keeps their order and finds each of them") {
  for (const int size : {0, 1, 8, 9, 10, 100}) {
    CAPTURE(size);
    const OrderedJson json = numbered(0, size);
    const OrderedJson read = OrderedJson::parse(json.dump());
    CHECK(read == json);
    int next = 0;
    for (const auto& [key, value] : read.items()) {
      CHECK(key == "k" + std::to_string(next));
      CHECK(read.at(key) == next++);
    }
    CHECK(next == size);
    CHECK(read.find("x") == read.end());
    CHECK_FALSE(read.contains("k" + std::to_string(size)));
  }
}

TEST_CASE("members can be erased, replaced and appended") {
  OrderedJson json = numbered(0, 12);
  for (int i = 0; i < 12; i += 2) CHECK(json.erase("k" + std::to_string(i)) == 1);
  CHECK(json.erase("k0") == 0);
  json["k3"] = "new";
  json["k0"] = "last";
  CHECK(json.dump() == R"({"k1":1,"k3":"new","k5":5,"k7":7,"k9":9,"k11":11,"k0":"last"})");
  json.merge_patch(OrderedJson::parse(R"({"k1":null,"k3":{"a":null,"b":1},"k5":null,"k7":null,"z":2})"));
  CHECK(json.dump() == R"({"k3":{"b":1},"k9":9,"k11":11,"k0":"last","z":2})");
}

TEST_CASE("a copied object and a moved one have their own index") {
  OrderedJson json = numbered(0, 20);
  OrderedJson copy = json;
  copy["k5"] = "changed";
  copy.erase("k6");
  CHECK(json["k5"] == 5);
  CHECK(json["k6"] == 6);
  const OrderedJson moved = std::move(copy);
  copy = OrderedJson::object();
  CHECK(moved["k5"] == "changed");
  CHECK_FALSE(moved.contains("k6"));
  CHECK(moved != json);
  json = moved;
  CHECK(json == moved);
  json.clear();
  json["k5"] = 1;
  CHECK(json.dump() == R"({"k5":1})");
}

TEST_CASE("of duplicate keys the last value counts") {
  const OrderedJson json = OrderedJson::parse(R"({"a":1,"b":2,"a":3})");
  CHECK(json.dump() == R"({"a":3,"b":2})");
}
