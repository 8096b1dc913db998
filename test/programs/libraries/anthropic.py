# The official client: streams, tools, structured output, the count of tokens, and errors.
import os

from anthropic import Anthropic, BadRequestError, NotFoundError
from pydantic import BaseModel

MODEL = os.environ["MODEL"]
client = Anthropic(base_url=os.environ["QUEEN"], auth_token="any", max_retries=0)
question = {
    "model": MODEL,
    "system": "You are a helpful assistant.",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "max_tokens": 200,
    "extra_body": {"temperature": 0},
}
weather = {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


class City(BaseModel):
    name: str
    is_large: bool


assert client.models.retrieve(MODEL).id == MODEL

answer = client.messages.create(**question)
assert "Paris" in answer.content[0].text and answer.stop_reason == "end_turn"
counted = client.messages.count_tokens(model=MODEL, system=question["system"], messages=question["messages"])
usage = answer.usage
assert counted.input_tokens == usage.input_tokens + usage.cache_read_input_tokens

with client.messages.stream(**question) as stream:
    assert "".join(stream.text_stream) == answer.content[0].text
    assert stream.get_final_message().usage.output_tokens == usage.output_tokens

with client.messages.stream(**question, tools=[weather], tool_choice={"type": "any"}) as stream:
    final = stream.get_final_message()
assert final.stop_reason == "tool_use" and "city" in final.content[-1].input

assert client.messages.parse(**question, output_format=City).parsed_output.name

stopped = client.messages.create(**question, stop_sequences=["France"])
assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "France")

try:
    client.messages.create(**{**question, "model": "nope"})
    raise SystemExit("a model that is not there has answered")
except NotFoundError as error:
    assert error.body["error"]["type"] == "not_found_error"
try:
    client.messages.create(model=MODEL, messages=[{"role": "user", "content": "word " * 20_000}], max_tokens=10)
    raise SystemExit("a prompt over the context was answered")
except BadRequestError as error:
    assert "prompt is too long" in error.body["error"]["message"]
