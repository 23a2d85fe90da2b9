/**
 * Decisions: what a pack says of acting on its answers, fitted on rows that it did not learn from.
 *
 * @typedef {{threshold: number}} Acceptance from which probability on answers are accepted
 *
 * From which outlier score on a text counts as none of the classes. `space` is what the pack has class centres of.
 * @typedef {{threshold: number, space: string, weight: number}} Outliers
 *
 * @typedef {object} Decisions
 * @property {number} temperature what logits are divided by before they become probabilities
 * @property {number[]} [thresholds] of each label of a multi-label task
 * @property {Acceptance} [acceptance]
 * @property {Outliers} [outliers]
 */

/**
 * Whether to accept an answer of that probability and outlier score; undefined where nothing decides it.
 * @param {Decisions | undefined} decisions
 * @param {number} probability
 * @param {number} [outlier]
 */
export function accepts(decisions, probability, outlier) {
  const { outliers, acceptance } = decisions ?? {};
  if (outliers && outlier !== undefined && outlier > outliers.threshold) return false;
  return acceptance && probability >= acceptance.threshold;
}
