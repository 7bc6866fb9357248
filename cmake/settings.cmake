# Compiler settings shared by every target, and the one helper that makes a folder's library.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

option(AIW_COVERAGE "Count which lines run, with clang: tools/coverage" OFF)
set(AIW_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees overlapping copies in std::string's operator+ that are not there (GCC bug 105651).
  add_compile_options(-Wno-restrict)
endif()
add_compile_options(-fstack-protector-strong -fno-omit-frame-pointer -ffunction-sections -fdata-sections)
add_link_options(-Wl,--gc-sections -Wl,--as-needed -Wl,-z,relro -Wl,-z,now)
if(AIW_COVERAGE)
  # Counters are updated atomically: the threads of stdin and the log count, too.
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping -fprofile-update=atomic)
  add_link_options(-fprofile-instr-generate)
endif()
if(AIW_SANITIZE)
  add_compile_options(-fsanitize=${AIW_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${AIW_SANITIZE})
  if(AIW_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # Asio's fences, which GCC's runtime does not model
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()

option(AIW_UNITY "Compile many folders' files together, which makes a build from nothing faster by a fifth" OFF)

# aiw_unite(TARGET FOLDER_REGEX EXCEPT_REGEX): with AIW_UNITY, the target's files of each matching folder are one
# translation unit; not those whose private names another file of the folder has, too.
function(aiw_unite target folders except)
  if(NOT AIW_UNITY)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    cmake_path(GET source PARENT_PATH folder)
    cmake_path(GET source FILENAME name)
    if(folder MATCHES "${folders}" AND NOT name MATCHES "${except}")
      string(MAKE_C_IDENTIFIER "${folder}" group)
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
    endif()
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()

# aiw_library(NAME LINKS...): the static library of the current folder, from all sources in it and below.
function(aiw_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARGN})
  # Half of a file's compile time is reading these again. GCC 12 warns of the standard library's own code if it comes
  # from a precompiled header.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_precompile_headers(${name} PRIVATE <algorithm> <array> <chrono> <expected> <functional> <map> <memory>
                              <optional> <span> <string> <string_view> <utility> <variant> <vector>)
  endif()
endfunction()
