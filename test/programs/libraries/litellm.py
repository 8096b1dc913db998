# The three APIs, by its prefixes of models. Its requests to Ollama declare no Content-Type.
import os

import litellm

MODEL = os.environ["MODEL"]
QUEEN = os.environ["QUEEN"]
places = {
    "openai/": {"api_base": f"{QUEEN}/v1", "api_key": "any"},
    "ollama_chat/": {"api_base": QUEEN},
    "ollama/": {"api_base": QUEEN},
    "anthropic/": {"api_base": QUEEN, "api_key": "any"},
}
messages = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]
for prefix, place in places.items():
    model = {"model": prefix + MODEL, "temperature": 0, "max_tokens": 60, "num_retries": 0, **place}
    answer = litellm.completion(messages=messages, **model)
    assert "Paris" in answer.choices[0].message.content, prefix
    assert answer.choices[0].finish_reason == "stop", prefix
    streamed = litellm.stream_chunk_builder(list(litellm.completion(messages=messages, stream=True, **model)))
    assert streamed.choices[0].message.content == answer.choices[0].message.content, prefix
    try:
        litellm.completion(messages=messages, **{**model, "model": f"{prefix}nope"})
        raise SystemExit(f"{prefix}nope has answered")
    except litellm.NotFoundError:
        pass
