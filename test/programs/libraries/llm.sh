# Its plugin for Ollama, and a model of its own configuration for an API like OpenAI's.
set -eu
export OLLAMA_HOST="$QUEEN" LLM_USER_PATH="$PWD"
cat > extra-openai-models.yaml <<YAML
- model_id: rbee
  model_name: $MODEL
  api_base: $QUEEN/v1
  supports_schema: true
YAML
llm models | grep -q "ollama/$MODEL"
llm -m "ollama/$MODEL" -s 'You are a helpful assistant.' -o temperature 0 'What is the capital of France?' | grep Paris
llm -c 'And of Spain?' -o num_predict 20 -o temperature 0 | grep Madrid
llm -m rbee --key any -s 'You are a helpful assistant.' -o temperature 0 'What is the capital of France?' | grep Paris
llm -m rbee --key any --no-stream --schema 'name, country' -o temperature 0 -o max_tokens 100 'Describe Paris' | grep '"country"'
