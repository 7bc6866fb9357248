#include "worker/io/frame_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

using aiw::FrameQueue;

TEST_CASE("frames leave the queue unchanged and in order, whatever their length and the size of each read") {
  std::mt19937 random(1);
  const auto upto = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(1, most)(random); };
  FrameQueue queue;
  std::string in, out;
  for (int i = 0; i < 3'000; ++i) {
    const std::string frame(i % 100 == 0 ? upto(1'500'000) : upto(2'000), static_cast<char>('a' + i % 26));
    in += frame;
    if (i % 7 == 0) {
      std::string taken = frame;
      queue.take(taken);
      REQUIRE(taken.empty());
    } else {
      queue.tail() += frame;
    }
    queue.frame_ended();
    // Drains the queue more slowly than it fills, then faster.
    for (std::size_t turn = i < 1'500 ? 1 : 20; turn > 0 && queue.size() > 0; --turn) {
      const auto bytes = queue.front().substr(0, upto(20'000));
      REQUIRE(!bytes.empty());
      out += bytes;
      queue.pop(bytes.size());
    }
    REQUIRE(in.size() - out.size() == queue.size());
  }
  while (queue.size() > 0) {
    out += queue.front();
    queue.pop(queue.front().size());
  }
  CHECK((in == out));
  CHECK(queue.front().empty());
  CHECK(queue.tail().empty());
}

TEST_CASE("fault 88: frames that the queue adopts are not copied, and later frames need little memory") {
  FrameQueue queue;
  queue.tail() += "before";
  queue.frame_ended();
  queue.pop(2);
  std::string frames(1'000'000, 'x');
  const char* const bytes = frames.data();
  queue.take(frames);
  queue.frame_ended();
  CHECK(frames.empty());
  CHECK(queue.size() == 1'000'004);
  CHECK(queue.front() == "fore");
  queue.pop(4);
  CHECK((queue.front().data() == bytes));
  for (int i = 0; i < 1'000; ++i) {
    queue.tail() += std::string(1'000, 'y');
    queue.frame_ended();
    REQUIRE(queue.tail().capacity() < 256 << 10);  // fits into the reserve for out-of-memory shutdown
  }
}

TEST_CASE("the queue returns the rest of a frame that is partly written") {
  FrameQueue queue;
  CHECK(queue.partial_frame().empty());
  for (const std::size_t length : {std::size_t{3}, std::size_t{300'000}}) {  // in the tail; in a block of its own
    CAPTURE(length);
    for (int i = 0; i < 2; ++i) {
      queue.tail() += std::string(length, 'x') + '\n';
      queue.frame_ended();
    }
    CHECK(queue.partial_frame().empty());
    queue.pop(1);
    CHECK(queue.partial_frame() == std::string(length - 1, 'x') + '\n');
    queue.pop(length);
    CHECK(queue.partial_frame().empty());
    queue.pop(length - 1);
    CHECK(queue.partial_frame() == "x\n");
    queue.pop(1);
    CHECK(queue.partial_frame() == "\n");
    queue.pop(1);
    CHECK(queue.size() == 0);
  }
}

TEST_CASE("an unfinished frame is dropped, and complete frames stay") {
  FrameQueue queue;
  queue.tail() += "begun";
  queue.drop_unfinished();
  CHECK(queue.size() == 0);
  for (const std::size_t length : {std::size_t{3}, std::size_t{300'000}}) {  // in the tail; in a block of its own
    CAPTURE(length);
    queue.tail() += std::string(length, 'x');
    queue.frame_ended();
    queue.pop(1);
    queue.tail() += "begun";
    queue.drop_unfinished();
    CHECK(queue.size() == length - 1);
    queue.pop(length - 1);
    CHECK(queue.size() == 0);
  }
  queue.tail() += std::string(300'000, 'x');
  queue.frame_ended();
  queue.tail() += "more";
  queue.clear();
  CHECK(queue.size() == 0);
  CHECK(queue.front().empty());
}
