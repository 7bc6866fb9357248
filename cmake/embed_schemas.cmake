# Writes OUTPUT, a C++ source that holds every FOLDER/*.schema.json. Run with cmake -P at build time.
file(GLOB schemas ${FOLDER}/*.schema.json)
set(entries "")
foreach(schema ${schemas})
  get_filename_component(name ${schema} NAME)
  string(REPLACE ".schema.json" "" name ${name})
  file(READ ${schema} text)
  string(APPEND entries "    {\"${name}\", R\"schema(${text})schema\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"worker/embedded_schemas.hpp\"

namespace aiw {
namespace {

constexpr EmbeddedSchema kSchemas[] = {
${entries}};

}  // namespace

std::span<const EmbeddedSchema> embedded_schemas() { return kSchemas; }

}  // namespace aiw
")
