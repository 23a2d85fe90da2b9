/** The registry of task types. */
import { CLASSIFICATION } from "./classification.js";
import { EMBEDDING } from "./embedding.js";
import { MULTI_LABEL } from "./multi-label.js";
import { REGRESSION } from "./regression.js";
import { SPAN } from "./span.js";
import { TOKEN_CLASSIFICATION } from "./token-classification.js";

/** @type {Record<string, import("./base.js").TaskType>} */
export const TASK_TYPES = Object.fromEntries(
  [CLASSIFICATION, MULTI_LABEL, REGRESSION, TOKEN_CLASSIFICATION, SPAN, EMBEDDING].map((type) => [type.name, type]),
);
