// Names and upper bounds of files, which are checked before anything is allocated. docs/formats.md is the prose twin.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bitfit {

constexpr const char* model_file = "model.onnx";
constexpr const char* weights_file = "model.weights";
constexpr const char* manifest_file = "bitfit.json";
constexpr const char* tokenizer_file = "tokenizer.json";
constexpr const char* config_file = "config.json";
constexpr const char* biases_file = "biases.safetensors";
constexpr const char* weights_digest = "bitfit.weights.sha256";

constexpr const char* input_ids = "input_ids";
constexpr const char* attention_mask = "attention_mask";
constexpr const char* token_type_ids = "token_type_ids";
constexpr const char* head_weight = "head.weight";
constexpr const char* head_bias = "head.bias";
constexpr const char* tokens_read = "token_logits.tokens";

constexpr const char* logits_output = "logits";
constexpr const char* token_logits_output = "token_logits";
constexpr const char* pooled_output = "pooled";
constexpr const char* hidden_output = "last_hidden_state";

namespace limits {
constexpr std::size_t manifest_bytes = 16 << 20;
constexpr std::size_t tokenizer_bytes = 64 << 20;
constexpr std::size_t biases_bytes = std::size_t{1} << 30;
constexpr std::size_t pack_bytes = 64 << 20;
constexpr std::size_t metadata_bytes = 2 << 20;
constexpr std::int64_t labels = 65536;
constexpr std::int64_t tokens = 65536;
constexpr std::size_t task_name_characters = 256;
constexpr std::size_t canary_texts = 64;
constexpr std::int64_t windows = 1024;
constexpr std::int64_t layers = 65536;
constexpr std::size_t tags = 512;
constexpr std::size_t centre_codes = 1 << 20;
constexpr std::int64_t largest = std::int64_t{1} << 53;     // of a number that every reader of JSON knows exactly
constexpr std::int64_t vocabulary = std::int64_t{1} << 31;  // tokens
constexpr std::size_t threads = 1024;
}  // namespace limits

}  // namespace bitfit
