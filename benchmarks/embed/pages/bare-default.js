/** The same graph in a bare session as one opens it without thinking of options. */
import { start } from "./bare-session.js";

await start({});
