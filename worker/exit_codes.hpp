// How the process ends, in the numbers of sysexits.h where it has one.
#pragma once

namespace aiw {

inline constexpr int kExitOk = 0;         // the input ended or shutdown was asked for; every chat got its answer
inline constexpr int kExitFailed = 1;     // --fail: a chat ended with an error or a line was rejected
inline constexpr int kExitUsage = 64;     // a bad argument
inline constexpr int kExitInput = 66;     // stdin could not be read; what had come was served
inline constexpr int kExitInternal = 70;  // a bug
inline constexpr int kExitResource = 71;  // no memory, or at the start no thread or descriptor
inline constexpr int kExitOutput = 74;    // stdout was lost while work was under way
inline constexpr int kExitCutShort =
    75;  // a signal or the parent's death ended chats before they were done; they can be tried again
// 128 + the signal's number: a second signal ended the process at once.
inline constexpr int kExitSignal = 128;

}  // namespace aiw
