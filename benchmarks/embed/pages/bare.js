/** The same graph in a bare session with the same options, run once on the tokens of the same text; nothing is checked. */
import { start } from "./bare-session.js";

await start({ graphOptimizationLevel: "disabled" });
