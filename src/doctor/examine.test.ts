import { describe, expect, test } from "bun:test";
import { BerthError } from "../base/index.ts";
import { fail, pass, skip, warn, type Check, type Remedy } from "./check.ts";
import { choose, examine } from "./examine.ts";
import type { Result } from "./result.ts";
import { formatEnd, formatResult, resultsToJson } from "./format.ts";
import type { MendOptions } from "./mend.ts";
import type { SceneInput } from "./scene.ts";
import { loadConfig } from "../config/index.ts";

const input: SceneInput = {
  root: "/",
  stateDir: "/nonexistent",
  config: loadConfig({ get: () => undefined }, "/nonexistent/config.toml"),
  configProblem: undefined,
  env: () => undefined,
  executable: process.execPath,
};

const good = (id: string, needs: readonly string[] = []): Check => ({ id, title: id, needs, run: () => pass("well") });
const bad = (id: string, needs: readonly string[] = [], remedy: string | Remedy = "mend it"): Check => ({
  id,
  title: `${id} is right`,
  needs,
  run: () => fail({ code: "BERTH-D001", cause: `"${id}" is wrong`, remedy }),
});

async function kinds(...checks: readonly Check[]): Promise<readonly string[]> {
  const results = await examine(input, { checks });
  return results.map(({ check, finding }) => `${check.id} ${finding.kind}`);
}

describe("examine", () => {
  test("what has failed is named once: whatever needs it, or needs what needs it, is not looked at", async () => {
    expect(await kinds(bad("a"), bad("b", ["a"]), bad("c", ["b"]), bad("d"))).toEqual([
      "a fail",
      "b skip",
      "c skip",
      "d fail",
    ]);
    const [, , third] = await examine(input, { checks: [bad("a"), bad("b", ["a"]), bad("c", ["b"])] });
    expect(third?.finding).toEqual(skip("not looked at, because a failed"));
  });

  test("a warning and a check with nothing to look at stop nothing", async () => {
    const warned: Check = { ...good("a"), run: () => warn({ code: "BERTH-D001", cause: "hm", remedy: "x" }) };
    const skipped: Check = { ...good("b"), run: () => skip("nothing here") };
    expect(await kinds(warned, skipped, good("c", ["a", "b"]))).toEqual(["a warning", "b skip", "c pass"]);
  });

  test("a check that throws has failed with its error, and is not the end", async () => {
    const problem = { code: "BERTH-D004", message: "Cannot read it", remedy: "look at it" } as const;
    const throwing: Check = {
      ...good("a"),
      run: () => {
        throw new BerthError(problem);
      },
    };
    const rejecting: Check = { ...good("b"), run: () => Promise.reject(new TypeError("a defect")) };
    const [first, second, third] = await examine(input, { checks: [throwing, rejecting, good("c")] });
    expect(first?.finding).toEqual(fail({ code: "BERTH-D004", cause: "Cannot read it", remedy: "look at it" }));
    expect(second?.finding).toMatchObject({ kind: "fail", code: "BERTH-X001", cause: "Cannot go on: a defect" });
    expect(third?.finding.kind).toBe("pass");
  });
});

describe("choose", () => {
  const checks = [good("a"), good("b", ["a"]), good("c", ["b"]), good("driver-module")];

  test("a named check comes with what it needs, in the order of the chain", () => {
    expect(choose(checks, ["driver-module", "c"]).map(({ id }) => id)).toEqual(["a", "b", "c", "driver-module"]);
    expect(choose(checks, ["a"]).map(({ id }) => id)).toEqual(["a"]);
    expect(choose(checks, [])).toHaveLength(4);
  });

  test("a name that is nearly right is guessed, and another one answered with all of them", () => {
    expect(() => choose(checks, ["drivr-module"])).toThrow('there is no such check: did you mean "driver-module"?');
    expect(() => choose(checks, ["zzzzzzzz"])).toThrow("the checks are a, b, c, driver-module");
  });
});

describe("with what mends a fault", () => {
  const shown: string[] = [];
  const options = (answer?: boolean): MendOptions => ({
    show: (_, argv) => void shown.push(argv.join(" ")),
    ask: answer === undefined ? undefined : () => answer,
  });

  /** Wrong until its command was run. */
  async function mendWith(remedy: Partial<Remedy>, mending: MendOptions): Promise<Result | undefined> {
    shown.length = 0;
    let looks = 0;
    const check: Check = {
      ...good("a"),
      run: () =>
        (looks += 1) > 1
          ? pass("well")
          : fail({ code: "BERTH-D001", cause: "wrong", remedy: { text: "true", ...remedy } }),
    };
    return (await examine(input, { checks: [check], mending }))[0];
  }

  test("the command is shown, run, and the check done again", async () => {
    const result = await mendWith({ commands: [["true", "a b"]] }, options());
    expect(shown).toEqual(["true a b"]);
    expect(result?.finding).toEqual(pass("well"));
    expect(result?.mending).toEqual({ kind: "ran", commands: [{ argv: ["true", "a b"], failure: undefined }] });
  });

  test("after a command that fails no other one is run", async () => {
    const result = await mendWith({ commands: [["false"], ["true"]] }, options());
    expect(shown).toEqual(["false"]);
    expect(result?.mending).toEqual({ kind: "ran", commands: [{ argv: ["false"], failure: "it ended with 1" }] });
  });

  test("a program that is not there is said, and is not the end", async () => {
    const result = await mendWith({ commands: [["no-such-program-of-berth"]] }, options());
    expect(JSON.stringify(result?.mending)).toContain("cannot be started (ENOENT)");
  });

  test("what stops containers is asked about, and not done where nobody can be asked", async () => {
    const remedy = { commands: [["true"]], disturbs: "it stops 2 containers" };
    expect((await mendWith(remedy, options()))?.mending).toEqual({
      kind: "refused",
      why: "it stops 2 containers: run it yourself, or --fix on a terminal",
    });
    expect((await mendWith(remedy, options(false)))?.mending).toEqual({ kind: "refused", why: "you said no" });
    expect(shown).toEqual([]);
    expect((await mendWith(remedy, options(true)))?.finding.kind).toBe("pass");
  });

  test("without a command nothing is done", async () => {
    expect((await mendWith({}, options()))?.mending).toBeUndefined();
  });
});

describe("the output", () => {
  const layout = { hasColours: false, idWidth: 6 };
  const long = bad("driver", [], { text: "install it", commands: [["true"]] });

  test("is one line for what is well, and cause and remedy below what is not, within 80 columns", async () => {
    const cause = 'the file "/a/path" is not what it should be, as anybody can see who looks at it for long enough';
    const check: Check = {
      ...long,
      run: () => fail({ code: "BERTH-D001", cause, more: ["and more"], remedy: "install it" }),
    };
    const [first, second] = await examine(input, { checks: [good("a"), check] });
    expect([first, second].map((result) => (result === undefined ? "" : formatResult(result, layout))).join("")).toBe(
      `pass  a       well
FAIL  driver  driver is right
      BERTH-D001: the file "/a/path" is not what it should be, as anybody can
        see who looks at it for long enough
      and more
      remedy: install it
`,
    );
  });

  test("has colours only where they are wanted, and no control character of anybody's file", async () => {
    const check: Check = { ...good("a"), run: () => pass("\u001b[31mred") };
    const [result] = await examine(input, { checks: [check] });
    if (result === undefined) throw new RangeError("no result");
    expect(formatResult(result, layout)).toBe("pass  a       \\u001b[31mred\n");
    expect(formatResult(result, { ...layout, hasColours: true })).toBe(
      "\u001b[32mpass\u001b[0m  a       \\u001b[31mred\n",
    );
  });

  test("ends with how many there are of each, and how many can be mended", async () => {
    expect(formatEnd(await examine(input, { checks: [good("a")] }))).toBe("1 check: 1 passed\n");
    const results = await examine(input, { checks: [good("a"), long, bad("b", ["driver"])] });
    expect(formatEnd(results)).toBe("3 checks: 1 passed, 1 failed, 1 skipped; berth doctor --fix can mend 1\n");
  });

  test("as JSON has every field always", async () => {
    const results = await examine(input, { checks: [good("a"), long] });
    expect(resultsToJson(results)).toEqual({
      isWell: false,
      checks: [
        { id: "a", title: "a", result: "pass", detail: "well", code: null, cause: null, more: [], remedy: null, mending: null },
        {
          id: "driver", title: "driver is right", result: "fail", detail: null, code: "BERTH-D001", cause: '"driver" is wrong', more: [],
          remedy: { text: "install it", commands: [["true"]], disturbs: null }, mending: null,
        },
      ],
    }); // prettier-ignore
  });
});
