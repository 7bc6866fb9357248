// The codes of errors and warnings (docs/protocol-reference.md, "Codes"). tests/docs/codes holds both lists together.
#pragma once

namespace aiw {

// Error::code.
namespace error_code {
inline constexpr char bad_content_type[] = "bad_content_type";
inline constexpr char bad_credentials[] = "bad_credentials";
inline constexpr char bad_encoding[] = "bad_encoding";
inline constexpr char bad_event[] = "bad_event";
inline constexpr char bad_response[] = "bad_response";
inline constexpr char cannot_sign[] = "cannot_sign";
inline constexpr char command_not_allowed[] = "command_not_allowed";
inline constexpr char connect_error[] = "connect_error";
inline constexpr char context_overflow[] = "context_overflow";
inline constexpr char dns_error[] = "dns_error";
inline constexpr char duplicate_id[] = "duplicate_id";
inline constexpr char egress_denied[] = "egress_denied";
inline constexpr char event_too_large[] = "event_too_large";
inline constexpr char file_not_allowed[] = "file_not_allowed";
inline constexpr char host_not_allowed[] = "host_not_allowed";
inline constexpr char input_closed[] = "input_closed";
inline constexpr char insecure_url[] = "insecure_url";
inline constexpr char internal[] = "internal";
inline constexpr char invalid_json[] = "invalid_json";
inline constexpr char invalid_request[] = "invalid_request";
inline constexpr char invalid_url[] = "invalid_url";
inline constexpr char invalid_utf8[] = "invalid_utf8";
inline constexpr char line_too_large[] = "line_too_large";
inline constexpr char mcp_unavailable[] = "mcp_unavailable";
inline constexpr char missing_key[] = "missing_key";
inline constexpr char model_disabled[] = "model_disabled";
inline constexpr char model_not_allowed[] = "model_not_allowed";
inline constexpr char model_not_found[] = "model_not_found";
inline constexpr char no_config[] = "no_config";
inline constexpr char not_found[] = "not_found";
inline constexpr char not_supported[] = "not_supported";
inline constexpr char overloaded[] = "overloaded";
inline constexpr char provider_not_found[] = "provider_not_found";
inline constexpr char redirect_refused[] = "redirect_refused";
inline constexpr char resource_exhausted[] = "resource_exhausted";
inline constexpr char response_too_large[] = "response_too_large";
inline constexpr char shutting_down[] = "shutting_down";
inline constexpr char timeout_connect[] = "timeout_connect";
inline constexpr char timeout_first_byte[] = "timeout_first_byte";
inline constexpr char timeout_idle[] = "timeout_idle";
inline constexpr char timeout_progress[] = "timeout_progress";
inline constexpr char timeout_token[] = "timeout_token";
inline constexpr char timeout_total[] = "timeout_total";
inline constexpr char tls_error[] = "tls_error";
inline constexpr char token_refused[] = "token_refused";
inline constexpr char token_unavailable[] = "token_unavailable";
inline constexpr char too_deep[] = "too_deep";
inline constexpr char too_many_items[] = "too_many_items";
inline constexpr char too_many_parts[] = "too_many_parts";
inline constexpr char too_many_tool_calls[] = "too_many_tool_calls";
inline constexpr char truncated_stream[] = "truncated_stream";
inline constexpr char unknown_call_id[] = "unknown_call_id";
inline constexpr char unknown_id[] = "unknown_id";
inline constexpr char unknown_type[] = "unknown_type";
inline constexpr char upstream_error[] = "upstream_error";
inline constexpr char upstream_http[] = "upstream_http";
inline constexpr char upstream_reset[] = "upstream_reset";
inline constexpr char variable_not_allowed[] = "variable_not_allowed";
}  // namespace error_code

// Codes of `warning` frames.
namespace warning_code {
inline constexpr char budget_dropped[] = "budget_dropped";
inline constexpr char cache_mark_dropped[] = "cache_mark_dropped";
inline constexpr char content_dropped[] = "content_dropped";
inline constexpr char context_exceeded[] = "context_exceeded";
inline constexpr char empty_message_dropped[] = "empty_message_dropped";
inline constexpr char empty_text_dropped[] = "empty_text_dropped";
inline constexpr char finish_message[] = "finish_message";
inline constexpr char guardrail_trace[] = "guardrail_trace";
inline constexpr char leanspec_unavailable[] = "leanspec_unavailable";
inline constexpr char max_tokens_lowered[] = "max_tokens_lowered";
inline constexpr char max_tokens_raised[] = "max_tokens_raised";
inline constexpr char mcp_tool_missing[] = "mcp_tool_missing";
inline constexpr char mcp_unavailable[] = "mcp_unavailable";
inline constexpr char media_dropped[] = "media_dropped";
inline constexpr char media_replaced[] = "media_replaced";
inline constexpr char missing_done[] = "missing_done";
inline constexpr char missing_finish_reason[] = "missing_finish_reason";
inline constexpr char option_unsupported[] = "option_unsupported";
inline constexpr char parameter_dropped[] = "parameter_dropped";
inline constexpr char part_dropped[] = "part_dropped";
inline constexpr char provider_part_dropped[] = "provider_part_dropped";
inline constexpr char reasoning_dropped[] = "reasoning_dropped";
inline constexpr char response_format_prompted[] = "response_format_prompted";
inline constexpr char schema_changed[] = "schema_changed";
inline constexpr char schema_not_strict[] = "schema_not_strict";
inline constexpr char status_contradicted[] = "status_contradicted";
inline constexpr char stop_explained[] = "stop_explained";
inline constexpr char surrogate_replaced[] = "surrogate_replaced";
inline constexpr char system_in_place[] = "system_in_place";
inline constexpr char temperature_lowered[] = "temperature_lowered";
inline constexpr char thinking_dropped[] = "thinking_dropped";
inline constexpr char tool_input_replaced[] = "tool_input_replaced";
inline constexpr char tool_left_out[] = "tool_left_out";
inline constexpr char tool_name_changed[] = "tool_name_changed";
inline constexpr char tool_result_dropped[] = "tool_result_dropped";
inline constexpr char tool_result_missing[] = "tool_result_missing";
inline constexpr char tool_result_moved[] = "tool_result_moved";
inline constexpr char tool_shadowed[] = "tool_shadowed";
inline constexpr char tools_dropped[] = "tools_dropped";
inline constexpr char tools_ignored[] = "tools_ignored";
inline constexpr char tools_still_offered[] = "tools_still_offered";
inline constexpr char user_turn_added[] = "user_turn_added";
}  // namespace warning_code

}  // namespace aiw
