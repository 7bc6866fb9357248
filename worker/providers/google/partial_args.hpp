// Assembles the arguments of a function call that Gemini streams as values with JSON paths.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "worker/providers/codec/event_json.hpp"

namespace aiw::google {

// Writes the arguments' JSON text as their values come (FunctionCall.partialArgs). The path of a value determines which
// objects and arrays to close and to open before it. Values come in the order of the text. A value inside an object or
// array that is closed already is an error.
class PartialArgs {
 public:
  // Adds one PartialArg: {jsonPath, stringValue | numberValue | boolValue | nullValue, willContinue}. Appends the new
  // text to `out`. False: its path is invalid or out of order.
  bool add(const EventJson& json, const JsonElement& value, std::string& out);
  // Closes all open objects and arrays.
  void close(std::string& out);

 private:
  struct Step {
    bool is_index = false;
    std::string key;
    std::size_t index = 0;
    bool operator==(const Step&) const = default;
  };
  // An open object or array, and the member of it that is being written.
  struct Level {
    Step current;
    std::set<std::string> keys;  // written so far
  };
  static constexpr std::size_t kMaxDepth = 64;

  static std::optional<std::string> read_literal(const EventJson& json, const JsonElement& value);
  static bool read_path(std::string_view text, std::vector<Step>& path);
  static bool read_step(std::string_view& text, Step& step);
  bool move_to(const std::vector<Step>& path, std::string& out);
  bool begin_member(const Step& step, std::string& out);
  void open(const Step& first, std::string& out);
  void close_to(std::size_t depth, std::string& out);
  void end_string(std::string& out);

  std::vector<Level> levels_;
  bool in_string_ = false;  // a string value continues
  TextJoiner joiner_{};
};

}  // namespace aiw::google
