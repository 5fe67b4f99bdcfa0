import { printOut } from "../base/index.ts";
import { answer } from "./answer.ts";

// The process in which a test tries CUDA: ROOT, or "foreign"; then "toolkit".
const [word = "/", more] = process.argv.slice(2);
const isForeign = word === "foreign";
answer({
  root: isForeign ? "/" : word,
  isForeign,
  withToolkit: more === "toolkit",
  env: (name) => process.env[name],
  print: printOut,
});
