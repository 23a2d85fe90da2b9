/** The registry of task types. What turns outputs into answers is loaded with the first pack of a type. */
import { LOGITS, POOLED, TOKEN_LOGITS } from "../graph.js";
import { MAXIMUM, MEAN, NOISY_OR, OFFSETS } from "./base.js";

/** @type {import("./base.js").TaskType[]} */
const TYPES = [
  {
    name: "classification",
    output: LOGITS,
    minLabels: 2,
    joins: [MEAN, MAXIMUM, NOISY_OR],
    decides: ["temperature", "acceptance", "outliers"],
    load: () => import("./classification.js"),
  },
  {
    name: "multi-label",
    output: LOGITS,
    minLabels: 1,
    joins: [MEAN, MAXIMUM, NOISY_OR],
    decides: ["temperature", "thresholds"],
    load: () => import("./multi-label.js"),
  },
  {
    name: "regression",
    output: LOGITS,
    minLabels: 1,
    maxLabels: 1,
    joins: [MEAN, MAXIMUM],
    decides: [],
    load: () => import("./regression.js"),
  },
  {
    name: "token-classification",
    output: TOKEN_LOGITS,
    minLabels: 2,
    joins: [OFFSETS],
    searched: 0,
    hasTags: true,
    decides: [],
    load: () => import("./token-classification.js"),
  },
  {
    name: "span",
    output: TOKEN_LOGITS,
    minLabels: 2,
    maxLabels: 2,
    joins: [OFFSETS],
    searched: 1,
    decides: ["temperature", "acceptance"],
    load: () => import("./span.js"),
  },
  {
    name: "embedding",
    output: POOLED,
    minLabels: 0,
    maxLabels: 0,
    joins: [MEAN],
    decides: [],
    load: () => import("./embedding.js"),
  },
];

/** @type {Record<string, import("./base.js").TaskType>} */
export const TASK_TYPES = Object.fromEntries(TYPES.map((type) => [type.name, type]));
