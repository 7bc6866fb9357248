// Collects frames. Congested when a test sets it so.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "worker/base/frame_output.hpp"

namespace aiw {

using Json = nlohmann::ordered_json;

class FakeOutput : public FrameOutput {
 public:
  std::string& tail() override { return text_; }
  void frame_appended() override {
    REQUIRE(text_.ends_with('\n'));
    whole_ = text_.size();
    if (on_frame) on_frame();
    if (std::exchange(throws_once, false)) throw std::bad_alloc();
    if (congest_at != 0 && text_.size() - taken_ >= congest_at) is_congested = true;
  }
  void drop_unfinished() override { text_.resize(whole_); }
  [[nodiscard]] std::size_t pending() const override { return pending_bytes; }
  [[nodiscard]] bool congested() const override { return is_congested; }

  // Returns all frames so far. Each must be one JSON object on one line.
  [[nodiscard]] std::vector<Json> frames() const {
    std::vector<Json> frames;
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t end = text_.find('\n', at);
      frames.push_back(Json::parse(text_.substr(at, end - at), nullptr, false));
      REQUIRE_MESSAGE(frames.back().is_object(), text_.substr(at, end - at));
      at = end + 1;
    }
    return frames;
  }
  // Returns the frames of one id as "seq type data", one on a line. A frame without a seq has none in its line.
  [[nodiscard]] std::string transcript(std::string_view id) const {
    std::string out;
    for (const auto& frame : frames()) {
      if (frame["id"] != id) continue;
      if (frame.contains("seq")) out += frame["seq"].dump() + " ";
      out += frame["type"].get<std::string>() + " " + frame["data"].dump() + "\n";
    }
    return out;
  }
  // Returns the types of the frames of one id, separated by spaces.
  [[nodiscard]] std::string types(std::string_view id) const {
    std::string out;
    for (const auto& frame : frames()) {
      if (frame["id"] == id) out += (out.empty() ? "" : " ") + frame["type"].get<std::string>();
    }
    return out;
  }
  [[nodiscard]] Json last() const { return frames().back(); }
  [[nodiscard]] const std::string& text() const { return text_; }
  // Simulates a reader that has read everything.
  void drain() {
    taken_ = text_.size();
    is_congested = false;
  }

  std::function<void()> on_frame{};  // called after each frame
  bool is_congested = false;
  bool throws_once = false;  // throws once, when the next frame is complete
  std::size_t pending_bytes = 0;
  std::size_t congest_at = 0;  // unread bytes at which the output becomes congested by itself; 0: never

 private:
  std::string text_;
  std::size_t taken_ = 0;
  std::size_t whole_ = 0;
};

}  // namespace aiw
