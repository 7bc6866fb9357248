// What holds for every wire API's decoders, whatever bytes they get.
#pragma once

#include <algorithm>
#include <functional>
#include <string_view>

#include "tests/fuzz/fuzz_input.hpp"
#include "tests/providers/corpus.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::fuzz {

// Exactly one end, StepSink's promises kept, the same result however the bytes are cut.
inline testing::RecordingSink check_decoder(const WireApi& api, BodyFormat format, const Input& input) {
  auto whole = testing::decode(api, format, input.data);
  require(whole.finished.has_value() != whole.failed.has_value(), "exactly one of finish and fail");
  for (const auto& violation : whole.violations) require(false, violation);
  const auto cut = testing::decode(api, format, input.data, input.cuts);
  require(cut.summary() == whole.summary(), "a cut changed the result:\n" + whole.summary() + "---\n" + cut.summary());
  return whole;
}

inline void check_http_error(const WireApi& api, const Input& input) {
  ResponseHead head;
  head.status = 400 + static_cast<int>(input.data.size() % 200);
  const Error error = api.http_error(head, input.data);
  require(error.code == "upstream_http", "an HTTP error's code");
  require(error.message.size() <= 4096 && !find_invalid_utf8(error.message), "an error's message");
  require(!find_invalid_utf8(error.provider_code) && !find_invalid_utf8(error.request_id), "an error's words");
}

// A state that a reader may pass over: it holds a number of any size, which is kept as it was written.
inline bool has_odd_number(std::string_view state) {
  EventJson parser;
  const auto json = state.substr(std::min(state.size(), state.find(':') + 1));
  return !parser.parse(json) || parser.repaired();
}

// The bytes as a stream, as a whole body and as the body of an HTTP error. `look` sees what was made of the first two.
inline void check_api(const WireApi& api, const Input& input,
                      const std::function<void(const testing::RecordingSink&)>& look = {}) {
  for (const auto format : {BodyFormat::stream, BodyFormat::unary}) {
    const auto got = check_decoder(api, format, input);
    if (look) look(got);
  }
  check_http_error(api, input);
}

}  // namespace aiw::fuzz
