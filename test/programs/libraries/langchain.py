# What `rbee connect langchain` prints, then a chat, a stream, tools and structured output.
import os

from pydantic import BaseModel

names = {}
exec(os.environ["SETTINGS"], names)
model = names["model"]
messages = [("system", "You are a helpful assistant."), ("human", "What is the capital of France?")]


class City(BaseModel):
    """A city."""

    name: str
    is_large: bool


answer = model.invoke(messages, temperature=0)
assert "Paris" in answer.content and answer.response_metadata["finish_reason"] == "stop"
whole = None
for chunk in model.stream(messages, temperature=0):
    whole = chunk if whole is None else whole + chunk
assert whole.content == answer.content
assert whole.usage_metadata["total_tokens"] == answer.usage_metadata["total_tokens"]
calls = model.bind_tools([City], tool_choice="City", parallel_tool_calls=False).invoke(messages).tool_calls
assert [call["name"] for call in calls] == ["City"] and calls[0]["args"]["name"]
for method in ("json_schema", "function_calling"):
    assert model.with_structured_output(City, method=method).invoke(messages).name
