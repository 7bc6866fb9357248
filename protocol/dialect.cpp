#include "protocol/dialect.hpp"

#include "protocol/encode_leanspec.hpp"
#include "protocol/encode_v1.hpp"

namespace aiw {

std::optional<Dialect> dialect_from_name(std::string_view name) {
  if (name == "v1") return Dialect::v1;
  if (name == "leanspec") return Dialect::leanspec;
  return std::nullopt;
}

std::unique_ptr<FrameEncoder> make_encoder(Dialect dialect) {
  return dialect == Dialect::leanspec ? make_leanspec_encoder() : make_v1_encoder();
}

}  // namespace aiw
