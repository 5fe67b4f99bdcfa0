import { fail, pass, warn, type Check } from "../check.ts";

export const config: Check = {
  id: "config",
  title: "config.toml can be read",
  run: ({ config: { path, warnings }, configProblem }) => {
    if (configProblem !== undefined) {
      const { code, message, remedy } = configProblem;
      return fail({ code, cause: message, remedy });
    }
    const [first, ...more] = warnings;
    if (first === undefined) return pass(path === undefined ? "no config.toml: all is default" : path);
    return warn({ code: "BERTH-C002", cause: first, more, remedy: `mend ${path ?? "config.toml"}` });
  },
};
