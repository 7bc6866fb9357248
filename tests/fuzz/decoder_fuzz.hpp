// Properties of every wire API's decoders for any input.
#pragma once

#include <algorithm>
#include <functional>
#include <string_view>

#include "tests/fuzz/fuzz_input.hpp"
#include "tests/providers/corpus.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::fuzz {

// Checks a decoder: exactly one end, the contract of StepSink, and the same result wherever the bytes are cut.
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

// True if the JSON of the state needs a repair, for example a number that fits neither 64 bits nor a double. The
// decoder keeps such a number as received, and a reader may skip the state.
inline bool has_odd_number(std::string_view state) {
  EventJson parser;
  const auto json = state.substr(std::min(state.size(), state.find(':') + 1));
  return !parser.parse(json) || parser.repaired();
}

// Decodes the bytes as a stream, as a unary body and as the body of an HTTP error. `look` gets the results of the first
// two.
inline void check_api(const WireApi& api, const Input& input,
                      const std::function<void(const testing::RecordingSink&)>& look = {}) {
  for (const auto format : {BodyFormat::stream, BodyFormat::unary}) {
    const auto got = check_decoder(api, format, input);
    if (look) look(got);
  }
  check_http_error(api, input);
}

}  // namespace aiw::fuzz
