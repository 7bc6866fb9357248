// The changes to a spec's Markdown that LeanSpec's server has no route for. Pure; what is not changed keeps its bytes.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace aiw {

// The edited text, or what is wrong, for the model: also that the text has more lines than an edit reads.
using Edited = std::expected<std::string, std::string>;

// Adds `spec` to depends_on in the frontmatter; one that is there already stays as it is.
Edited add_dependency(std::string_view text, std::string_view spec);
Edited remove_dependency(std::string_view text, std::string_view spec);

// The section reaches from its heading of level 2 (in any case) to the next heading of level 1 or 2. Refused if the
// content would change what the lines below the section are.
Edited replace_section(std::string_view text, std::string_view section, std::string_view content);
Edited append_to_section(std::string_view text, std::string_view section, std::string_view content);

// Of the first `- [ ]` or `- [x]` line that contains the text (in any case) and stands in no code block or comment.
Edited check_item(std::string_view text, std::string_view item, bool checked);

}  // namespace aiw
