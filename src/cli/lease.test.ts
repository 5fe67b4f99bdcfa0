import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { describeHost } from "../host/index.ts";
import { hasLeaseStore, identify, leaseFolder, leaseSiteOf, lookNow, useForContainer } from "../leases/index.ts";
import { simUp } from "../sim/index.ts";
import { schemaFaults } from "./gpus/schema.test-helper.ts";
import { runCli } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-cli-lease-"));
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
}, 60_000);

let count = 0;
/** A simulated host, `settings` in its configuration's table of berth, and `berth lease` about it. */
function makeHost(profile: string, settings = "", env: Readonly<Record<string, string>> = {}) {
  const { dir } = simUp(join(work, String((count += 1))), profile, { executable: "/opt/berth/berth" });
  const config = join(dir, "etc/nvidia-container-runtime/config.toml");
  if (settings !== "") writeFileSync(config, `[berth]\n${settings}\n`);
  return async (...args: readonly string[]) => {
    let [out, notes] = ["", ""];
    const print = (text: string): void => void (out += text);
    const note = (text: string): void => void (notes += text);
    try {
      await runCli(["--root", dir, "lease", ...args], undefined, { print, note, env: (name) => env[name] });
      return { out, notes, problem: "" };
    } catch (error) {
      const { code, message, remedy } = BerthError.from(error);
      return { out, notes, problem: `${code}: ${message}; remedy: ${remedy}`.replaceAll(dir, "") };
    }
  };
}

const own = ["--owner-pid", `${process.pid}`] as const;

describe.skipIf(process.geteuid?.() !== 0)("berth lease", () => {
  test("take, ls, explain and release are one story", async () => {
    const lease = makeHost("h100x8");
    const taken = await lease("take", "-g", "any:2", ...own, "--label", "train\u001b[31m", "--unchecked", "--json");
    const { id, generation, visibleDevices, devices } = JSON.parse(taken.out);
    expect([id, generation, visibleDevices.split(",").length]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), 1, 2]);
    expect(devices.map(({ name }: { name: string }) => name)).toEqual(["0", "1"]);
    expect((await lease("ls")).out).toMatch(
      new RegExp(
        `^LEASE +STATE +MODE +GPUS +CONTAINER +IMAGE +USER +PROCESS +SINCE +FOR\n${id.slice(0, 8)}  RESERVED  own   0,1   - +- +\\S+ +${process.pid} +\\d+s +train\\\\u001b\\[31m\n$`,
      ),
    );
    const { out } = await lease("explain", "-g", "any:2", "--unchecked");
    expect(
      out
        .split("\n")
        .slice(0, 4)
        .map((line) =>
          line
            .replace(/\(.*?\)/, "()")
            .replaceAll(id.slice(0, 8), "ID")
            .replace(/process \d+/, "process P"),
        ),
    ).toEqual([
      "GPU 0 (): not given: lease ID of process P (train\\u001b[31m), user 0",
      "GPU 1 (): not given: lease ID of process P (train\\u001b[31m), user 0",
      "GPU 2 (): given",
      "GPU 3 (): given",
    ]);
    expect((await lease("release", id.slice(0, 6))).out).toBe(`released ${id}\n`);
    expect(JSON.parse((await lease("ls", "--json")).out)).toMatchObject({
      leases: [{ id, state: "DRAINING" }],
      tickets: [],
      marks: [],
    });
    expect((await lease("gc", "--unchecked")).out).toMatch(
      new RegExp(`^freed lease ${id.slice(0, 8)}, GPU 0 \\(.*\\), GPU 1 \\(.*\\)\n$`),
    );
    expect((await lease("ls")).out).toBe("No leases.\n");
  });

  test("what is told of containers' leases is as its schema says, and names the container, its image and its user", async () => {
    const lease = makeHost("h100x1");
    const site = leaseSiteOf(describeHost(join(work, `${count}`)));
    const about = { id: "0123456789abcdef", state: "/run/nothing", engine: "docker", name: "web\u001b" };
    const owner = identify(process.pid, lookNow().here);
    if (owner === undefined) throw new RangeError("no such process");
    const container = { ...about, image: "nginx:1.27", project: "shop", user: "alice" };
    const asked = { keys: site.pool.devices.map(({ key }) => key), mode: "shared", words: "0" } as const;
    const options = { executable: process.execPath, isUnchecked: true };
    await useForContainer(site, { ...asked, owner, uid: 0, label: "", container }, options);
    await lease("drain", "0", "--reason", "fan");
    expect((await lease("take", "-g", "any", ...own, "--unchecked")).problem).toStartWith("BERTH-A002: ");
    const told = JSON.parse((await lease("ls", "--json")).out);
    expect(schemaFaults(told, "lease")).toEqual([]);
    expect([told.leases.length, told.marks.length, told.events.map(({ kind }: { kind: string }) => kind)]).toEqual([
      1,
      1,
      ["taken", "drained", "denied"],
    ]);
    expect((await lease("ls")).out).toMatch(
      /\n[0-9a-f]{8}  RESERVED  shared  0     web\\u001b  nginx:1\.27  alice  \d+ +\d+s\ndrained: /,
    );
  });

  test("whoever only looks makes no store", async () => {
    const lease = makeHost("h100x1");
    expect((await lease("ls")).out).toBe("No leases.\n");
    expect(schemaFaults(JSON.parse((await lease("ls", "--json")).out), "lease")).toEqual([]);
    expect((await lease("gc", "--unchecked")).out).toBe("Nothing to do: nobody has ever had a lease here.\n");
    expect((await lease("explain", "--unchecked")).out).toMatch(/^GPU 0 .*: given\n$/);
    expect(hasLeaseStore(leaseFolder(join(work, `${count}`)))).toBe(false);
    await lease("take", "-g", "any", ...own, "--unchecked");
    expect((await lease("gc", "--unchecked")).out).toBe("Nothing to do.\n");
  });

  test("without a word the lease is the starter's, and its GPUs come as NVIDIA_VISIBLE_DEVICES takes them", async () => {
    const { out } = await makeHost("h100x8")("take", "-g", "any,model~h100", "--unchecked");
    expect(out).toMatch(/^[0-9a-f]{32} GPU-[0-9a-f-]{36}\n$/);
  });

  test("MIG devices are given by their profile's name once it is known", async () => {
    const lease = makeHost("a100x8-mig");
    const { problem } = await lease("take", "-g", "any,mig=9g.99gb", ...own, "--unchecked");
    expect(problem).toMatch(/^BERTH-A003: Cannot give "any:1,mig=9g\.99gb": of \d+ here 0 would do \(GPU 0/);
  });

  test("what the administrator has set counts without a word, and a user's limit is the smaller one", async () => {
    const lease = makeHost("h100x8", "lease-limit = 3\nlease-unchecked = true", { SUDO_UID: "1234" });
    expect((await lease("take", "-g", "any:4", ...own)).problem).toMatch(
      /^BERTH-A010: .*user 1234: .* has 0, and no more than 3 may/,
    );
    expect((await lease("take", "-g", "any:3", "--limit", "2", ...own)).problem).toMatch(
      /and no more than 2 may be had/,
    );
    expect((await lease("explain", "-g", "any:3")).out.match(/: given\n/g)).toHaveLength(3);
    expect((await lease("take", "-g", "any:3", "--limit", "5", ...own)).problem).toBe("");
    expect((await lease("ls")).out).toMatch(/ 0,1,2 +- +- +1234 /);
  });

  test("a drained GPU is given to nobody until it is given away again", async () => {
    const lease = makeHost("h100x1");
    expect((await lease("drain", "0", "--reason", "fan")).out).toMatch(/^GPU 0 \(0000:.*\): drained: fan\n$/);
    expect((await lease("take", "-g", "any", ...own, "--unchecked")).problem).toMatch(
      /^BERTH-A002: Cannot give "any:1": none is free \(GPU 0: drained: fan\); remedy: see who has them: berth lease explain; berth run --wait waits/,
    );
    expect((await lease("drain", "0")).out).toEndWith(": drained: fan\n");
    expect((await lease("ls")).out).toMatch(/^No leases\.\ndrained: GPU 0 \(.*\): fan\n$/);
    expect((await lease("quarantine", "0", "--off")).out).toEndWith("given away again\n");
    expect((await lease("drain", "0", "--off")).out).toEndWith("it was neither drained nor quarantined\n");
    expect((await lease("take", "-g", "any", ...own, "--unchecked")).problem).toBe("");
  });

  test("who waits gets what another gives back, and is told what it waits for", async () => {
    const lease = makeHost("h100x1");
    const { id } = JSON.parse((await lease("take", "-g", "any", ...own, "--unchecked", "--json")).out);
    const waiting = lease("take", "-g", "any", ...own, "--unchecked", "--wait", "60s");
    while (JSON.parse((await lease("ls", "--json")).out).tickets.length === 0) await Bun.sleep(5);
    await lease("release", id);
    const { out, notes } = await waiting;
    expect(out).toMatch(/^[0-9a-f]{32} GPU-/);
    expect(notes).toMatch(/waiting: you are next; GPU 0: lease /);
  });

  test("who has waited long enough is told so, and leaves the row", async () => {
    const lease = makeHost("h100x1");
    await lease("take", "-g", "any", ...own, "--unchecked");
    expect((await lease("take", "-g", "any", ...own, "--unchecked", "--wait=50ms")).problem).toStartWith(
      "BERTH-A002: ",
    );
    expect(JSON.parse((await lease("ls", "--json")).out).tickets).toEqual([]);
  });

  test("a GPU that the driver says is idle is given, and one with memory in use is not", async () => {
    const lease = makeHost("h100x1");
    // The simulated driver, too, is slow on a machine that is busy.
    let out = "";
    while (out === "") out = (await lease("take", "-g", "any,mem>=80G", ...own, "--json")).out;
    const { id } = JSON.parse(out);
    await lease("release", id);
    const state = join(work, `${count}`, "var/lib/berth-sim/nvml-state");
    mkdirSync(join(state, ".."), { recursive: true });
    writeFileSync(state, "0 memory-used-mib 11848\n0 gpu-percent 96\n");
    expect((await lease("explain")).out).toMatch(
      /not given: lease [0-9a-f]{8} has ended, and that its memory is free again is not known yet\n$/,
    );
    writeFileSync(state, "");
    // Until the look that saw it used is not the first of two any more.
    while (!(await lease("explain")).out.endsWith(": given\n")) await Bun.sleep(100);
    writeFileSync(state, "0 memory-used-mib 11848\n0 gpu-percent 96\n");
    expect((await lease("take", "-g", "any", ...own)).problem).toMatch(
      /^BERTH-A002: .*GPU 0: in use by nobody that can be seen: no process, 12\.4 GB of memory, 96 % busy/,
    );
  }, 60_000);

  test.each([[], ["--wait"]])("where the driver says nothing of its GPUs none is given %s", async (...flags) => {
    const lease = makeHost("h100x1");
    const libraries = new Bun.Glob("**/libnvidia-ml.so*").scanSync({
      cwd: join(work, `${count}`),
      absolute: true,
      onlyFiles: false,
    });
    for (const library of libraries) rmSync(library);
    expect((await lease("take", "-g", "any", ...own, ...flags)).problem).toBe(
      'BERTH-A004: Cannot give "any:1": which GPUs are idle is not known (GPU 0: its use is not known: there is no libnvidia-ml.so.1 among the driver\'s libraries); remedy: name the GPU by its index, or, where nobody uses GPUs without a lease: --unchecked',
    );
  });

  test.each([
    ["take -g any:0", "BERTH-A001", "it asks for no GPU"],
    ["take -g any:9 --unchecked", "BERTH-A003", "this host has 8 and no more"],
    ["take -g any:9 --wait --unchecked", "BERTH-A003", "this host has 8 and no more"],
    ["take -g any,memory>=2G", "BERTH-A001", 'did you mean "mem"?'],
    ["take -g any --owner-pid 4194304", "BERTH-A009", "there is no process 4194304"],
    ["take -g any --owner-pid x", "BERTH-U001", 'Cannot read --owner-pid "x"'],
    ["take -g any --wait=soon", "BERTH-U001", 'Cannot read the time "soon"'],
    ["take -g any --limit 0", "BERTH-U001", 'Cannot read --limit "0"'],
    ["take -g any:2 --limit 1 --unchecked", "BERTH-A010", "that one has 0, and no more than 1 may be had"],
    ["release abcdef", "BERTH-A008", 'Cannot find the lease "abcdef"'],
    ["drain 8", "BERTH-R001", 'Cannot find GPU "8"'],
    ["explain -g eny", "BERTH-A001", 'did you mean "any"?'],
  ])("%s is %s: %s", async (words, code, text) => {
    host ??= makeHost("h100x8");
    const { problem } = await host(...words.split(" "));
    expect(problem).toStartWith(`${code}: `);
    expect(problem).toContain(text);
  });
});

/** One for all of the bad input, which changes nothing. */
let host: ReturnType<typeof makeHost> | undefined;
