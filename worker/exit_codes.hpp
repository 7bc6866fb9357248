// Exit codes of the process, from sysexits.h where it has one.
#pragma once

namespace aiw {

inline constexpr int kExitOk = 0;         // input closed or shutdown requested; every chat got its terminal event
inline constexpr int kExitFailed = 1;     // --fail: a chat failed or a line was rejected
inline constexpr int kExitUsage = 64;     // invalid argument
inline constexpr int kExitInput = 66;     // stdin could not be read; lines read before were served
inline constexpr int kExitInternal = 70;  // a bug
inline constexpr int kExitResource = 71;  // out of memory, or no thread or descriptor at startup
inline constexpr int kExitOutput = 74;    // stdout was lost while work was in progress
inline constexpr int kExitCutShort = 75;  // a signal or the parent's death cut chats short; they can be retried
// 128 + signal number: a second signal ended the process at once.
inline constexpr int kExitSignal = 128;

}  // namespace aiw
