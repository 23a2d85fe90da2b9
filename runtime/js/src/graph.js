/** Names of the graph's inputs and outputs. */
export const INPUT_IDS = "input_ids";
export const ATTENTION_MASK = "attention_mask";
export const TOKEN_TYPE_IDS = "token_type_ids";
export const HEAD_WEIGHT = "head.weight";
export const HEAD_BIAS = "head.bias";
/** int64 [1]: for how many tokens of each row there are token logits; 0 spares their work. */
export const TOKENS_READ = "token_logits.tokens";
export const LOGITS = "logits";
export const TOKEN_LOGITS = "token_logits";
export const LAST_HIDDEN_STATE = "last_hidden_state";
export const POOLED = "pooled";
export const POOLINGS = ["mean", "cls", "pooler"];

/**
 * Return the name of the input that says which row below a layer each row from there on continues.
 * @param {number} layer
 */
export const branchInput = (layer) => `branch.${layer}`;
