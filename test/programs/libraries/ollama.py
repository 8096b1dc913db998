# The official client, as Home Assistant uses it too: tags, streamed chats with tools, formats, keep_alive and num_ctx.
import json
import os

from ollama import Client, ResponseError

MODEL = os.environ["MODEL"]
client = Client(host=os.environ["QUEEN"])
question = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]
options = {"temperature": 0, "num_predict": 100, "num_ctx": 2048}
turn_on = {
    "type": "function",
    "function": {
        "name": "HassTurnOn",
        "description": "Turns on a device",
        "parameters": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    },
}

assert f"{MODEL}:latest" in [model.model for model in client.list().models]
assert "completion" in client.show(MODEL).capabilities

answer = client.chat(MODEL, question, options=options)
assert "Paris" in answer.message.content and answer.done_reason == "stop"
parts = list(client.chat(MODEL, question, tools=[turn_on], stream=True, keep_alive=-1, think=False, options=options))
assert [part.done for part in parts] == [*[False] * (len(parts) - 1), True]
assert "".join(part.message.content or "" for part in parts) or any(part.message.tool_calls for part in parts)

schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}}, "required": ["name"]}
assert json.loads(client.chat(MODEL, question, format=schema, options=options).message.content)["name"]
called = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "HassTurnOn", "arguments": {"name": "lamp"}}}]}
result = {"role": "tool", "tool_name": "HassTurnOn", "content": '{"success": true}'}
assert client.chat(MODEL, [*question, called, result], tools=[turn_on], options=options).done

assert "".join(part.response for part in client.generate(MODEL, "The capital of France is", raw=True, stream=True, options=options)).startswith(" Paris")
assert [len(vector) for vector in client.embed(MODEL, ["a bee", "a tower"]).embeddings] == [576, 576]
# -1 keeps a model for centuries.
assert client.ps().models[0].expires_at.year > 2100

for stream in (False, True):
    try:
        list(client.chat("nope", question, stream=stream))
        raise SystemExit("a model that is not there has answered")
    except ResponseError as error:
        assert error.status_code == 404
