import { printOut } from "../base/index.ts";
import { answer } from "./answer.ts";

// The process that a test asks through: ROOT LIBRARY.
const [root = "", library = ""] = process.argv.slice(2);
printOut(answer({ root, library }));
