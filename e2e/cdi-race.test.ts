import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makeDistroless } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import { makeBundle, makePlainBundle, type Bundle } from "./lib/bundle.ts";
import { inject, onlyHook, readCdi, type CdiHook, type CdiSpec } from "./lib/cdi.ts";
import { compatLibcuda, killAt, killPoints, racerProgram } from "./lib/compile.ts";
import { describeWith } from "./lib/gate.ts";
import { hookVerbs, IN_NAMESPACE, writeState } from "./lib/hook.ts";
import { must, run, type Output } from "./lib/run.ts";
import { mountsBelow, readMountTable, Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";
import { treeState } from "./lib/tree-state.ts";

/** Runs of each hook against the racer; more take longer and find what is rarer. */
const RUNS = Number(process.env["BERTH_RACE_RUNS"] ?? "8");
/** Then every place of a kill is tried, too, and not one in so many. */
const isThorough = RUNS > 100;
const SAMPLE = 10;
const MOST_TRIES = 500_000;

describeWith(["gcc", "strace", "debootstrap"], "the hook of a CDI file, at its worst moment", () => {
  let scope: Scope;
  let host: SimHost;
  let cdi: CdiSpec;
  let hook: CdiHook;

  beforeAll(() => {
    scope = new Scope("cdi-race");
    host = simHost(scope, "h100x8");
    cdi = readCdi(host);
    hook = onlyHook(cdi);
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  function wordsOf(verb: string, bundle: Bundle): readonly string[] {
    return [
      join(host.bin, "nvidia-cdi-hook"),
      ...(hookVerbs(hook)[verb] ?? []),
      "--container-spec",
      writeState(bundle),
    ];
  }

  describe("while another container swaps folders of its image for links to the machine's", () => {
    const SWAPPED = ["usr/local/cuda/compat", "etc/ld.so.conf.d", "usr/lib/x86_64-linux-gnu", "etc/nvidia", "dev/dri"];
    let canary: string;
    let before: readonly string[];
    let bundle: Bundle;

    beforeAll(() => {
      canary = scope.folder("canary");
      for (const folder of SWAPPED) {
        mkdirSync(join(canary, folder), { recursive: true });
        writeFileSync(join(canary, folder, "file"), "as it was\n");
      }
      copyFileSync(compatLibcuda(undefined), join(canary, SWAPPED[0] ?? "", "libcuda.so.999.1.1"));
      before = treeState(canary);
      bundle = makePlainBundle(scope, fill, { args: [], edit: (spec) => void (spec.mounts = []) });
    });

    /** In memory, where names are swapped fastest. */
    function fill(rootfs: string): void {
      must(["mount", "-t", "tmpfs", "tmpfs", rootfs]);
      makeDistroless(rootfs);
      for (const folder of SWAPPED) {
        mkdirSync(join(rootfs, folder), { recursive: true });
        symlinkSync(join(canary, folder), join(rootfs, `${folder}.link`));
      }
      copyFileSync(compatLibcuda(undefined), join(rootfs, SWAPPED[0] ?? "", "libcuda.so.999.1.1"));
      must(["mknod", join(rootfs, "dev/nvidia0"), "c", "195", "0"]);
    }

    /** How often the racer swapped all names while `work` ran. */
    async function whileSwapping(work: () => void): Promise<number> {
      const pairs = SWAPPED.flatMap((folder) => [join(bundle.rootfs, folder), join(bundle.rootfs, `${folder}.link`)]);
      const racer = Bun.spawn(["setpriv", "--pdeathsig", "KILL", racerProgram(), ...pairs], {
        stdin: "ignore",
        stdout: "pipe",
      });
      const output = new Response(racer.stdout).text();
      try {
        await Bun.sleep(20);
        work();
      } finally {
        racer.kill();
      }
      return Number((await output).split("\n")[1]);
    }

    test("one that looks where a path leads and then writes by the path gets out of the image: the racer races", async () => {
      const folder = join(bundle.rootfs, "etc/ld.so.conf.d");
      const escaped = join(canary, "etc/ld.so.conf.d/naive");
      let tries = 0;
      await whileSwapping(() => {
        while (!existsSync(escaped) && tries++ < MOST_TRIES) writeNaively(folder);
      });
      expect(existsSync(escaped)).toBe(true);
      rmSync(escaped);
      expect(treeState(canary)).toEqual([...before]);
    });

    function writeNaively(folder: string): void {
      try {
        if (realpathSync(folder).startsWith(`${bundle.rootfs}/`)) writeFileSync(join(folder, "naive"), "");
      } catch {
        // Between two swaps there is a moment in which the folder's name leads nowhere.
      }
    }

    test.each(Object.keys(hookVerbs({ hookName: "", path: "", args: [] })))(
      "%s never gets out of the image",
      async (verb) => {
        const once = `"$@" 2>&1; echo "ended with $?"; grep -c " ${canary}" /proc/self/mountinfo`;
        const script = `i=0; while [ $i -lt ${RUNS} ]; do i=$((i+1)); ${IN_NAMESPACE.join(" ")} sh -c '${once}' sh "$@"; done`;
        let output: Output = { status: -1, stdout: "", stderr: "" };
        const swaps = await whileSwapping(() => {
          output = run(["sh", "-c", script, "sh", ...wordsOf(verb, bundle)], { timeoutMs: 3_600_000 });
        });
        expect(treeState(canary)).toEqual([...before]);
        const ends = [...output.stdout.matchAll(/^ended with (\d+)\n(\d+)$/gm)].map(([, status, mounts]) => ({
          status,
          mounts,
        }));
        expect(ends).toHaveLength(RUNS);
        expect(ends.filter(({ status, mounts }) => mounts !== "0" || !["0", "1"].includes(status ?? ""))).toEqual([]);
        expect(swaps).toBeGreaterThan(RUNS);
        if (isThorough)
          console.log(
            `${verb}: ${RUNS} runs, ${swaps} swaps, ${ends.filter(({ status }) => status === "0").length} done`,
          );
      },
    );
  });

  describe("killed before any change that it makes", () => {
    const CHANGES = [
      "renameat,symlinkat,mkdirat,unlinkat,fchown,fchownat,fchmod,write",
      "open_tree,fsopen,fsconfig,fsmount,mount_setattr,move_mount,umount2",
    ].join(",");
    const OLDER = "535.1.1";
    const TRACE = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", `trace=${CHANGES}`];

    /** A layer of a container that has run with an older driver, or never. */
    function layerOf(kind: "new" | "upgraded"): Bundle {
      const bundle = makeBundle(scope, debianTree(), { args: [], edit: (spec) => inject(spec, cdi, "0") });
      if (kind === "new") return bundle;
      const older = (text: string): string => text.replaceAll(host.driver, OLDER);
      const spec = readFileSync(bundle.configPath, "utf8");
      writeFileSync(bundle.configPath, older(spec));
      must(call(bundle, [], older));
      writeFileSync(bundle.configPath, spec);
      return bundle;
    }

    /** The hook as in a container, with the node of a GPU and what the low-level runtime makes to mount on. `prefix` stands before it. */
    function call(
      bundle: Bundle,
      prefix: readonly string[],
      change = (word: string): string => word,
    ): readonly string[] {
      const words = wordsOf("update-container", bundle).map(change);
      const points = words.flatMap((word) => /^(\/[^:]+)::/.exec(word)?.[1] ?? []);
      const dev = join(bundle.rootfs, "dev");
      const prepare = [
        `mount -t tmpfs tmpfs ${dev} && mknod ${dev}/nvidia0 c 195 0 && mkdir ${dev}/dri && mknod ${dev}/dri/card1 c 226 1`,
        ...points.map(
          (point) => `touch ${bundle.rootfs}${point} && mount --bind /etc/hostname ${bundle.rootfs}${point}`,
        ),
      ].join(" && ");
      return [...IN_NAMESPACE, "sh", "-c", `${prepare} && exec "$@"`, "sh", ...prefix, ...words];
    }

    for (const kind of ["new", "upgraded"] as const) {
      test(`it leaves a layer (${kind}) that the next start puts right, and no temporary file`, () => {
        const log = join(scope.folder("trace"), "log");
        const reference = layerOf(kind);
        must(call(reference, [...TRACE, "-o", log]));
        const points = killPoints(readFileSync(log, "utf8"));
        const expected = treeState(reference.layer);
        expect(expected.filter((line) => line.includes(OLDER))).toEqual([]);
        expect(points.length).toBeGreaterThan(20);
        const mounts = readMountTable().length;
        for (const point of points.filter((_, index) => isThorough || index % SAMPLE === SAMPLE - 1)) {
          const bundle = layerOf(kind);
          const killed = run(call(bundle, killAt(...point)));
          const again = run(call(bundle, []));
          const state = {
            point,
            killed: killed.status,
            again: again.status,
            stderr: again.stderr,
            layer: treeState(bundle.layer),
          };
          expect(state).toEqual({ point, killed: 137, again: 0, stderr: "", layer: expected });
          for (const mounted of mountsBelow(bundle.dir)) run(["umount", mounted]);
        }
        expect(readMountTable().length).toBe(mounts);
      });
    }
  });
});
