// libcurl's functions, loaded with the first request instead of at startup. libcurl loads thirty libraries, which would
// take 4 of the 5 ms to the first response and most of the idle memory. These definitions replace the library's own at
// link time; each forwards its call.

#include "worker/http/libcurl.hpp"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>

#include "worker/secrets/wipe.hpp"

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt
#undef curl_share_setopt

namespace {

constexpr const char* kLibrary = "libcurl.so.4";  // ABI of curl/curl.h 7.16 and later

void* library() {
  static void* const handle = dlopen(kLibrary, RTLD_LAZY | RTLD_LOCAL);
  return handle;
}

// Returns nullptr if libcurl is not installed.
template <typename Function>
Function* find(const char* name) {
  return library() == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(library(), name));
}

}  // namespace

// Defines `name`, which returns `failure` if libcurl is missing.
#define FORWARD(failure, result, name, parameters, arguments)  \
  result name parameters {                                     \
    static auto* const function = find<decltype(name)>(#name); \
    if (function == nullptr) return failure;                   \
    return function arguments;                                 \
  }

// Clang rejects an enum before `...`; its promoted type has the same representation here.
#pragma GCC diagnostic ignored "-Wvarargs"
// Variadic functions take exactly one more argument: a long, a curl_off_t or a pointer. The ABIs that Debian supports
// pass all of them in one register.
#define FORWARD_VARIADIC(failure, result, name, handle_type, option_type) \
  result name(handle_type handle, option_type option, ...) {              \
    static_assert(sizeof(void*) == 8);                                    \
    static auto* const function = find<decltype(name)>(#name);            \
    if (function == nullptr) return failure;                              \
    va_list arguments;                                                    \
    va_start(arguments, option);                                          \
    void* const argument = va_arg(arguments, void*);                      \
    va_end(arguments);                                                    \
    return function(handle, option, argument);                            \
  }

extern "C" {

FORWARD(CURLE_FAILED_INIT, CURLcode, curl_global_init_mem,
        (long flags, curl_malloc_callback m, curl_free_callback f, curl_realloc_callback r, curl_strdup_callback s,
         curl_calloc_callback c),
        (flags, m, f, r, s, c))

FORWARD(nullptr, CURL*, curl_easy_init, (), ())
FORWARD((void)0, void, curl_easy_cleanup, (CURL * easy), (easy))
FORWARD(CURLE_FAILED_INIT, CURLcode, curl_easy_pause, (CURL * easy, int bitmask), (easy, bitmask))
FORWARD("libcurl cannot be loaded", const char*, curl_easy_strerror, (CURLcode code), (code))
FORWARD_VARIADIC(CURLE_FAILED_INIT, CURLcode, curl_easy_setopt, CURL*, CURLoption)
FORWARD_VARIADIC(CURLE_FAILED_INIT, CURLcode, curl_easy_getinfo, CURL*, CURLINFO)

FORWARD(nullptr, CURLM*, curl_multi_init, (), ())
FORWARD(CURLM_BAD_HANDLE, CURLMcode, curl_multi_cleanup, (CURLM * multi), (multi))
FORWARD(CURLM_BAD_HANDLE, CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL* easy), (multi, easy))
FORWARD(CURLM_BAD_HANDLE, CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL* easy), (multi, easy))
FORWARD(nullptr, CURLMsg*, curl_multi_info_read, (CURLM * multi, int* left), (multi, left))
FORWARD(CURLM_BAD_HANDLE, CURLMcode, curl_multi_socket_action,
        (CURLM * multi, curl_socket_t socket, int events, int* running), (multi, socket, events, running))
FORWARD_VARIADIC(CURLM_BAD_HANDLE, CURLMcode, curl_multi_setopt, CURLM*, CURLMoption)

FORWARD(nullptr, CURLSH*, curl_share_init, (), ())
FORWARD(CURLSHE_INVALID, CURLSHcode, curl_share_cleanup, (CURLSH * share), (share))
FORWARD_VARIADIC(CURLSHE_INVALID, CURLSHcode, curl_share_setopt, CURLSH*, CURLSHoption)

FORWARD(nullptr, curl_slist*, curl_slist_append, (curl_slist * list, const char* text), (list, text))
FORWARD((void)0, void, curl_slist_free_all, (curl_slist * list), (list))

FORWARD(nullptr, CURLU*, curl_url, (), ())
FORWARD((void)0, void, curl_url_cleanup, (CURLU * url), (url))
FORWARD(CURLUE_BAD_HANDLE, CURLUcode, curl_url_get, (CURLU * url, CURLUPart part, char** out, unsigned flags),
        (url, part, out, flags))
FORWARD(CURLUE_BAD_HANDLE, CURLUcode, curl_url_set, (CURLU * url, CURLUPart part, const char* text, unsigned flags),
        (url, part, text, flags))
FORWARD((void)0, void, curl_free, (void* memory), (memory))

}  // extern "C"

// curl's memory also contains headers with keys and request bodies, so it is wiped like ours.
bool aiw::load_libcurl() {
  constexpr auto kFree = [](void* memory) { aiw::wiping_free(memory); };
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, std::malloc, kFree, aiw::wiping_realloc, strdup, std::calloc) ==
         CURLE_OK;
}
