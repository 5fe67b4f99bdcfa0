import { printOut } from "../base/index.ts";
import { tellStates } from "./tell-states.ts";

// The process that a test asks through: ROOT LIBRARY TARGET…
const [root = "", library = "", ...targets] = process.argv.slice(2);
tellStates({ root, library, targets, hasTraffic: true, isLasting: true }, printOut);
