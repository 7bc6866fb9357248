// The media type that a provider is told for a part: the one given, by its standard name, or what the part shows.
#pragma once

#include <string>

#include "protocol/chat.hpp"

namespace aiw {

// Without parameters, in lower case. What is missing or vague ("image/*") is read from the data's first bytes or the
// URL's extension; empty if neither tells.
std::string media_type_of(const MediaPart& media);
// What the first bytes of base64 data show; empty: nothing that is known.
std::string_view type_of_data(RawString data);

}  // namespace aiw
