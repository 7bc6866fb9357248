"""Requests like those in the providers' own guides: the checker refuses none of them."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import histories  # noqa: E402
import refuse  # noqa: E402

PNG, PDF, WAV = (histories.b64(histories.FILES[k]) for k in ("png", "pdf", "wav"))
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "description": "A city"}, "unit": {"type": "string", "enum": ["c", "f"]}}, "required": ["city"]}
STRICT = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": ["string", "null"]}}, "required": ["city", "unit"], "additionalProperties": False}


def tool(parameters=SCHEMA, **members):
    return {"type": "function", "function": {"name": "get_weather", "description": "Weather now.", "parameters": parameters, **members}}


def call(id="call_abc123", **members):
    return {"id": id, "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Paris\"}"}, **members}


def chat(*turns, **members):
    return {"messages": list(turns), **members}


def user(content="Hi."):
    return {"role": "user", "content": content}


IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
LINK = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "high"}}
LOOP = [user("Weather in Paris?"), {"role": "assistant", "content": None, "tool_calls": [call()]}, {"role": "tool", "tool_call_id": "call_abc123", "content": "15 degrees"}]
SIGNED = "Z2VtaW5pAAAA"  # as the server here gives them out

EXAMPLES = [
    ("openai", "gpt-5-mini", "/v1/chat/completions", chat(
        {"role": "developer", "content": "Be brief."}, {**user([{"type": "text", "text": "See."}, LINK, IMAGE]), "name": "ann"}, *LOOP[1:], {"role": "assistant", "content": "Mild.", "refusal": None},
        user("And?"), tools=[tool(STRICT, strict=True)], tool_choice={"type": "function", "function": {"name": "get_weather"}}, parallel_tool_calls=False, reasoning_effort="low",
        max_completion_tokens=500, stream=True, stream_options={"include_usage": True}, prompt_cache_key="k", service_tier="auto", verbosity="low", metadata={"a": "b"}, store=False,
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": STRICT}})),
    ("openai", "gpt-4.1", "/v1/chat/completions", chat(
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]}, user([{"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}]),
        *LOOP, user([{"type": "file", "file": {"file_id": "file-1"}}]), tools=[tool()], temperature=0.5, top_p=0.9, stop=["a", "b"], seed=1, presence_penalty=0.1, logprobs=True, top_logprobs=2, n=1)),
    ("openai-responses", "gpt-5-mini", "/v1/responses", {
        "input": [{"role": "developer", "content": "Be brief."}, {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "See."}, {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
                  {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}]},
                  {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "So."}], "encrypted_content": "gAAAAAopenai-responsesAA"},
                  {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get_weather", "arguments": "{\"city\":\"Paris\"}", "status": "completed"},
                  {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "15"}, {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}]},
                  {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Mild.", "annotations": []}]}, user("And?")],
        "instructions": "Be brief.", "tools": [{"type": "function", "name": "get_weather", "parameters": STRICT, "strict": True}, {"type": "web_search"}], "tool_choice": "auto", "store": False,
        "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low", "summary": "auto"}, "text": {"format": {"type": "json_schema", "name": "a", "schema": STRICT, "strict": True}, "verbosity": "low"},
        "max_output_tokens": 500, "parallel_tool_calls": True, "stream": True, "truncation": "auto", "prompt_cache_key": "k"}),
    ("anthropic", "claude-sonnet-4-5", "/v1/messages", {
        "max_tokens": 16000, "thinking": {"type": "enabled", "budget_tokens": 10000}, "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [user([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}, {"type": "text", "text": "See."}, {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]),
                     {"role": "assistant", "content": [{"type": "thinking", "thinking": "So.", "signature": "anthropicAA"}, {"type": "redacted_thinking", "data": "anthropicBB"}, {"type": "text", "text": "Let me see."},
                                                       {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}, {"type": "tool_use", "id": "toolu_2", "name": "get_weather", "input": {}}]},
                     user([{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "15"}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]},
                           {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True, "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "Go on."}])],
        "tools": [{"name": "get_weather", "description": "Weather.", "input_schema": {**SCHEMA, "$defs": {"a": {"type": "string"}}}, "cache_control": {"type": "ephemeral"}}, {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}, "stop_sequences": ["END"], "stream": True, "metadata": {"user_id": "u"}}),
    ("anthropic", "claude-sonnet-4-5", "/v1/messages", {
        "max_tokens": 100, "temperature": 0.5, "messages": [user([{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}, "title": "a", "citations": {"enabled": True}},
                                                                   {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}, {"type": "text", "text": "See."}]),
                                                            user("Twice."), {"role": "assistant", "content": "The answer is ("}]}),
    ("anthropic", "claude-opus-4-7", "/v1/messages", {
        "max_tokens": 16000, "thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": STRICT}}, "stream": True, "cache_control": {"type": "ephemeral"},
        "messages": [user("Search."), {"role": "assistant", "content": [{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
                                                                      {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result", "title": "a", "url": "https://example.com", "encrypted_content": "x", "page_age": None}]},
                                                                      {"type": "text", "text": "Found.", "citations": None}]}, user("And?")],
        "tools": [{"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["example.com"]}, {"name": "f", "input_schema": STRICT, "strict": True}]}),
    ("anthropic", "claude-opus-4-8", "/v1/messages", {
        "max_tokens": 100, "messages": [user(), {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
                                        user([{"type": "tool_result", "tool_use_id": "toolu_1", "content": ""}])], "tools": [{"name": "f", "input_schema": {"type": "object"}}]}),
    ("openai-responses", "gpt-4.1-mini", "/v1/responses", {"input": "Hi.", "temperature": 0.5, "top_p": 0.9, "previous_response_id": "resp_1", "max_output_tokens": 100}),
    ("openai-responses", "gpt-5-mini", "/v1/responses", {
        "input": [user(), {"type": "item_reference", "id": "rs_1"}, {"type": "custom_tool_call", "call_id": "call_1", "name": "run", "input": "ls"}, {"type": "custom_tool_call_output", "call_id": "call_1", "output": "a"},
                  {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}, {"role": "assistant", "content": "Done."}, user("And?")],
        "tools": [{"type": "custom", "name": "run", "description": "Runs."}, {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}], "tool_choice": {"type": "function", "name": "f"}}),
    ("openai", "gpt-4o-audio-preview", "/v1/chat/completions", chat(
        user([{"type": "text", "text": "Hear."}, {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}]), {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}, user("And?"),
        modalities=["text", "audio"], audio={"voice": "alloy", "format": "pcm16"}, stream=True)),
    ("openai", "o4-mini", "/v1/chat/completions", chat({"role": "system", "content": "Be brief."}, user(), {"role": "assistant", "content": "Hi."}, user(), reasoning_effort="high", max_completion_tokens=100, seed=1)),
    ("cohere", "command-a-reasoning-08-2025", "/v2/chat", chat(
        user(), {"role": "assistant", "content": [{"type": "thinking", "thinking": "So."}, {"type": "text", "text": "Yes."}]}, user("And?"), thinking={"type": "enabled", "token_budget": 100}, max_tokens=500)),
    ("cohere", "command-a-vision-07-2025", "/v2/chat", chat(user([{"type": "text", "text": "See."}, IMAGE]), response_format={"type": "json_object", "schema": SCHEMA})),
    ("mistral", "mistral-large-latest", "/v1/chat/completions", chat(
        {"role": "system", "content": "Be brief."}, user(), {"role": "assistant", "content": "", "tool_calls": [call("D681PevKs"), call("E681PevKs")]}, {"role": "tool", "tool_call_id": "D681PevKs", "content": "1"},
        {"role": "tool", "tool_call_id": "E681PevKs", "content": "2"}, {"role": "assistant", "content": "Both."}, user("And?"), tools=[tool()], tool_choice={"type": "function", "function": {"name": "get_weather"}})),
    ("vertex", "gemini-2.5-flash", "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:streamGenerateContent", {
        "contents": [{"role": "user", "parts": [{"text": "See."}, {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://b/a.pdf"}}]}], "labels": {"a": "b"},
        "tools": [{"functionDeclarations": [{"name": "f", "description": "F.", "parameters": {"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}}}}]}]}),
    ("deepseek", "deepseek-v4-pro", "/v1/chat/completions", chat(user(), {"role": "assistant", "content": "Hi."}, user("And?"), thinking={"type": "disabled"}, temperature=1.3, stop=["a"])),
    ("deepseek", "deepseek-chat", "/v1/chat/completions", chat(*LOOP, user("And?"), tools=[tool()], tool_choice="auto", logprobs=True, top_logprobs=3)),
    ("moonshot", "kimi-k2-0905-preview", "/v1/chat/completions", chat(*LOOP, user("And?"), tools=[tool()], temperature=0.6, max_tokens=10, stop=["a"], response_format={"type": "json_object"})),
    ("bedrock", "amazon.nova-pro-v1:0", "/model/amazon.nova-pro-v1:0/converse-stream", {
        "messages": [user([{"text": "Hi."}]), {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}]}, user([{"toolResult": {"toolUseId": "a", "content": [{"text": "x"}], "status": "error"}}]),
                     {"role": "assistant", "content": [{"text": "Done."}]}, user([{"text": "And?"}])], "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": SCHEMA}}}], "toolChoice": {"any": {}}}}),
    ("bedrock-invoke", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke", {
        "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["interleaved-thinking-2025-05-14"], "max_tokens": 100, "messages": [user()], "tools": [{"name": "f", "input_schema": SCHEMA}]}),
    ("gemini", "gemini-3-pro-preview", "/v1beta/models/gemini-3-pro-preview:streamGenerateContent", {
        "systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": [
            {"role": "user", "parts": [{"text": "See."}, {"inlineData": {"mimeType": "image/png", "data": PNG}}, {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.com/f"}}]},
            {"role": "model", "parts": [{"text": "So.", "thought": True}, {"functionCall": {"id": "a", "name": "get_weather", "args": {"city": "Paris"}}, "thoughtSignature": SIGNED}, {"functionCall": {"name": "get_weather", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"id": "a", "name": "get_weather", "response": {"output": 15}}}, {"functionResponse": {"name": "get_weather", "response": {"error": "no"}}}]}],
        "tools": [{"functionDeclarations": [{"name": "get_weather", "description": "Weather.", "parametersJsonSchema": SCHEMA}, {"name": "none"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}},
        "generationConfig": {"temperature": 1, "topP": 0.9, "topK": 40, "maxOutputTokens": 100, "stopSequences": ["a"], "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True}, "responseMimeType": "application/json",
                             "responseJsonSchema": SCHEMA, "seed": 1, "presencePenalty": 0.1}, "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}),
    ("gemini", "gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:generateContent", {
        "contents": [{"parts": [{"text": "Hi."}]}, {"role": "model", "parts": [{"executableCode": {"language": "PYTHON", "code": "1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}, {"text": "1"}]},
                     {"role": "user", "parts": [{"text": "And?"}]}],
        "tools": [{"googleSearch": {}}, {"urlContext": {}}], "generationConfig": {"thinkingConfig": {"thinkingBudget": -1}, "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}}}),
    ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse", {
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}], "messages": [
            user([{"text": "See."}, {"image": {"format": "png", "source": {"bytes": PNG}}}, {"document": {"format": "pdf", "name": "a 1", "source": {"bytes": PDF}}}]),
            {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "So.", "signature": "anthropicAA"}}}, {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {"city": "Paris"}}}]},
            user([{"toolResult": {"toolUseId": "tooluse_1", "content": [{"json": {"t": 15}}, {"image": {"format": "png", "source": {"bytes": PNG}}}], "status": "success"}}])],
        "inferenceConfig": {"maxTokens": 100, "temperature": 1, "stopSequences": ["a"]}, "toolConfig": {"tools": [{"toolSpec": {"name": "get_weather", "description": "W.", "inputSchema": {"json": SCHEMA}}}, {"cachePoint": {"type": "default"}}],
                                                                                         "toolChoice": {"auto": {}}},
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 50}}, "guardrailConfig": {"guardrailIdentifier": "abc123", "guardrailVersion": "1"}, "requestMetadata": {"a": "b"}}),
    ("cohere", "command-a-03-2025", "/v2/chat", chat(
        {"role": "system", "content": "Be brief."}, user(), {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [call("get_weather_1")]},
        {"role": "tool", "tool_call_id": "get_weather_1", "content": [{"type": "document", "document": {"id": "1", "data": {"t": "15"}}}]}, {"role": "assistant", "content": "Mild."}, user("And?"),
        tools=[tool()], stream=True, temperature=0.3, p=0.8, k=3, max_tokens=50, stop_sequences=["a"], safety_mode="CONTEXTUAL", strict_tools=True)),
    ("mistral", "mistral-small-latest", "/v1/chat/completions", chat(
        {"role": "system", "content": "Be brief."}, user([{"type": "text", "text": "See."}, {"type": "image_url", "image_url": "https://example.com/a.png"}, {"type": "document_url", "document_url": "https://example.com/a.pdf"}]),
        {"role": "assistant", "content": "", "tool_calls": [call("D681PevKs", index=0)]}, {"role": "tool", "tool_call_id": "D681PevKs", "name": "get_weather", "content": "15"},
        {"role": "assistant", "content": "It", "prefix": True}, tools=[tool()], tool_choice="any", random_seed=1, safe_prompt=False, response_format={"type": "json_object"}, parallel_tool_calls=True)),
    ("mistral", "magistral-medium-latest", "/v1/chat/completions", chat(
        user(), {"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "So."}]}, {"type": "text", "text": "Yes."}]}, user("And?"), prompt_mode="reasoning")),
    ("deepseek", "deepseek-v4-pro", "/v1/chat/completions", chat(
        *LOOP[:1], {"role": "assistant", "content": "", "reasoning_content": "So.", "tool_calls": [call("call_00_x")]}, {"role": "tool", "tool_call_id": "call_00_x", "content": "15"}, thinking={"type": "enabled"},
        tools=[tool()], stream=True, stream_options={"include_usage": True}, max_tokens=100, response_format={"type": "json_object"})),
    ("moonshot", "kimi-k2.6", "/v1/chat/completions", chat(
        {"role": "system", "content": "Be brief."}, user([{"type": "text", "text": "See."}, IMAGE]), {"role": "assistant", "content": "", "reasoning_content": "So.", "tool_calls": [call("get_weather:0")]},
        {"role": "tool", "tool_call_id": "get_weather:0", "name": "get_weather", "content": "15"}, tools=[tool(), {"type": "builtin_function", "function": {"name": "$web_search"}}], thinking={"type": "enabled"}, stream=True)),
    ("groq", "openai/gpt-oss-120b", "/openai/v1/chat/completions", chat(
        *LOOP, {"role": "assistant", "content": "Mild.", "reasoning": "So."}, user("And?"), tools=[tool(), {"type": "browser_search"}], reasoning_effort="low", include_reasoning=True, max_completion_tokens=50, seed=1, service_tier="auto")),
    ("groq", "meta-llama/llama-4-maverick-17b-128e-instruct", "/openai/v1/chat/completions", chat(user([{"type": "text", "text": "See."}, LINK, IMAGE]), response_format={"type": "json_object"}, stop="a")),
    ("cerebras", "gpt-oss-120b", "/v1/chat/completions", chat(*LOOP, {"role": "assistant", "content": "Mild.", "reasoning": "So."}, user("And?"), tools=[tool(STRICT, strict=True)], reasoning_effort="low", max_completion_tokens=50, seed=1)),
    ("xai", "grok-4", "/v1/chat/completions", chat({"role": "system", "content": "Be brief."}, user([IMAGE, {"type": "text", "text": "See."}]), *LOOP[1:], tools=[tool()], max_tokens=50, temperature=0.5, search_parameters={"mode": "auto"})),
    ("openrouter", "anthropic/claude-sonnet-4.5", "/api/v1/chat/completions", chat(
        user([{"type": "text", "text": "See.", "cache_control": {"type": "ephemeral"}}, IMAGE]), {"role": "assistant", "content": None, "reasoning": "So.", "reasoning_details": [{"type": "reasoning.text", "text": "So.", "signature": "x", "index": 0}],
                                                                                            "tool_calls": [call("toolu_1")]}, {"role": "tool", "tool_call_id": "toolu_1", "content": "15"},
        tools=[tool()], reasoning={"effort": "low"}, provider={"sort": "price"}, usage={"include": True}, plugins=[{"id": "web"}])),
    ("together", "Qwen/Qwen3-235B-A22B-fp8-tput", "/v1/chat/completions", chat(*LOOP, tools=[tool()], tool_choice="auto", max_tokens=50, stop=["a"], repetition_penalty=1, response_format={"type": "json_object"})),
    ("fireworks", "accounts/fireworks/models/kimi-k2p6", "/inference/v1/chat/completions", chat(
        user([IMAGE, {"type": "text", "text": "See."}]), {"role": "assistant", "content": "", "reasoning_content": "So.", "tool_calls": [call()]}, LOOP[2], tools=[tool()], reasoning_effort="low", max_tokens=50)),
    ("vllm", "Qwen/Qwen3-8B", "/v1/chat/completions", chat(*LOOP, tools=[tool()], chat_template_kwargs={"enable_thinking": False}, top_k=20, min_p=0.1, max_tokens=50)),
    ("llamacpp", "gemma-3-4b-it", "/v1/chat/completions", chat(user([{"type": "text", "text": "See."}, IMAGE, {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}]), *LOOP[1:], tools=[tool()], cache_prompt=True, top_k=20)),
    ("ollama", "gpt-oss:20b", "/api/chat", chat(
        {"role": "user", "content": "See.", "images": [PNG]}, {"role": "assistant", "content": "", "thinking": "So.", "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}]},
        {"role": "tool", "tool_name": "get_weather", "content": "15"}, tools=[tool()], think="low", format=SCHEMA, options={"temperature": 0, "num_ctx": 4096}, keep_alive="5m", stream=False)),
]


class Examples(unittest.TestCase):
    def test_each_is_taken(self):
        for i, (name, model, path, body) in enumerate(EXAMPLES):
            if "/models/" not in path and "/model/" not in path:
                body = {"model": model, **body}
            with self.subTest(name, example=i, model=model):
                self.assertEqual([(v.rule, v.path, v.message) for v in refuse.violations(name, path, {}, body)], [])

    def test_those_of_a_family_are_taken_by_its_other_hosts(self):
        for i, (name, model, path, body) in enumerate(EXAMPLES):
            other = {"openai": "azure"}.get(name)
            if other and "-audio" not in model:
                with self.subTest(other, example=i):
                    self.assertEqual([(v.rule, v.path, v.message) for v in refuse.violations(other, path, {}, {"model": model, **body})], [])


if __name__ == "__main__":
    unittest.main()
