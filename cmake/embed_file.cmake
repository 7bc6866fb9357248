# Writes OUTPUT, a C++ source that defines the function NAME() of HEADER, which returns the text of INPUT. Run with
# cmake -P at build time.
file(READ ${INPUT} text)
file(WRITE ${OUTPUT} "#include \"${HEADER}\"

namespace aiw {

std::string_view ${NAME}() { return R\"file(${text})file\"; }

}  // namespace aiw
")
