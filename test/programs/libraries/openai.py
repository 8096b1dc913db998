# The official client: streams, tools, structured output, vectors, errors, and a stream that is closed.
import json
import os

from openai import BadRequestError, NotFoundError, OpenAI
from pydantic import BaseModel

MODEL = os.environ["MODEL"]
client = OpenAI(base_url=os.environ["QUEEN"] + "/v1", api_key="any", max_retries=0)
question = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What is the capital of France?"},
    ],
    "temperature": 0,
}
weather = {
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
    "strict": True,
}


class City(BaseModel):
    name: str
    is_large: bool


assert MODEL in [model.id for model in client.models.list()]

answer = client.chat.completions.create(**question)
assert "Paris" in answer.choices[0].message.content and answer.choices[0].finish_reason == "stop"
assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens

with client.chat.completions.stream(**question, stream_options={"include_usage": True}) as stream:
    pieces = [event.delta for event in stream if event.type == "content.delta"]
    final = stream.get_final_completion()
assert "".join(pieces) == final.choices[0].message.content == answer.choices[0].message.content
assert final.usage.total_tokens == answer.usage.total_tokens

called = client.chat.completions.create(**question, tools=[{"type": "function", "function": weather}], tool_choice="required")
(call,) = called.choices[0].message.tool_calls
assert called.choices[0].finish_reason == "tool_calls" and "city" in json.loads(call.function.arguments)

parsed = client.chat.completions.parse(**question, response_format=City, max_tokens=200)
assert parsed.choices[0].message.parsed.name

with client.responses.stream(model=MODEL, input=question["messages"], temperature=0) as stream:
    kinds = [event.type for event in stream]
    assert stream.get_final_response().output_text == answer.choices[0].message.content
assert kinds[0] == "response.created" and kinds[-1] == "response.completed"

vectors = client.embeddings.create(model=MODEL, input=["a bee", "a tower"]).data
assert [len(entry.embedding) for entry in vectors] == [576, 576]

try:
    client.chat.completions.create(**{**question, "model": "nope"})
    raise SystemExit("a model that is not there has answered")
except NotFoundError as error:
    assert error.code == "model_not_found" and error.param == "model"
try:
    client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "word " * 20_000}])
    raise SystemExit("a prompt over the context was answered")
except BadRequestError as error:
    assert error.code == "context_length_exceeded"

story = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Write a long story."}], stream=True)
next(iter(story))
story.close()
