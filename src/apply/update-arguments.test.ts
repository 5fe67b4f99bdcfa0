import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { ContainerUpdate } from "./container-update.ts";
import { formatUpdate, readLink, readUpdate } from "./update-arguments.ts";

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,12}$/);
const folder = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join("/")}`);
const file = fc.tuple(folder, name).map(([parent, last]) => `${parent}/${last}`);
const optional = <T>(each: fc.Arbitrary<T>) => fc.option(each, { nil: undefined });

const update: fc.Arbitrary<ContainerUpdate> = fc
  .record({
    libraries: fc.uniqueArray(
      fc.record({
        path: file,
        names: fc.uniqueArray(name, { maxLength: 3 }),
        isNarrow: fc.boolean(),
        hasLinks: fc.boolean(),
      }),
      { maxLength: 4, selector: (library) => library.path },
    ),
    links: fc.array(
      fc.record({
        path: file,
        target: fc.oneof(
          file,
          name,
          name.map((each) => `../${each}`),
        ),
      }),
      { maxLength: 3 },
    ),
    driverVersion: optional(fc.constantFrom("570.133.20", "580.1")),
    cudaVersion: optional(fc.constantFrom("12.8")),
    compatFolder: optional(folder),
    brands: fc.uniqueArray(fc.constantFrom("tesla", "geforce"), { maxLength: 2 }),
    hasApplicationProfile: fc.boolean(),
    hidesDeviceFiles: fc.boolean(),
    hostRoot: fc.constantFrom("/", "/host"),
  })
  .map(({ libraries, links, ...rest }) => {
    const last = (of: string): string => of.slice(of.lastIndexOf("/") + 1);
    const beside = (of: string, each: string): string => `${of.slice(0, of.lastIndexOf("/"))}/${each}`;
    const own = libraries.filter(({ hasLinks }) => hasLinks);
    return {
      ...rest,
      links: [
        ...own.flatMap((library) =>
          library.names.map((each) => ({ path: beside(library.path, each), target: last(library.path) })),
        ),
        ...links,
      ],
      loaderEntries: libraries.flatMap((library) => {
        return library.names.map(
          (soname) => ({ soname, path: library.path, architecture: library.isNarrow ? "i386" : "x86-64" }) as const,
        );
      }),
    };
  });

/** As the command line has them. */
function parse(words: readonly string[]): ContainerUpdate {
  const values = (flag: string): string[] =>
    words.flatMap((word, at) => (words[at - 1] === `--${flag}` && !word.startsWith("--") ? [word] : []));
  return readUpdate(
    { list: values, text: (flag) => values(flag)[0] ?? "", isOn: (flag) => words.includes(`--${flag}`) },
    "x86-64",
  );
}

const sorted = (items: readonly object[]): string[] =>
  [...new Set(items.map((item) => JSON.stringify(item, Object.keys(item).toSorted())))].toSorted();

test("what the arguments of the hook say is what they were made from", () => {
  fc.assert(
    fc.property(update, (made) => {
      const read = parse(formatUpdate(made));
      expect(sorted(read.links)).toEqual(sorted(made.links));
      expect(sorted(read.loaderEntries)).toEqual(sorted(made.loaderEntries));
      expect({ ...read, links: [], loaderEntries: [] }).toEqual({ ...made, links: [], loaderEntries: [] });
    }),
  );
});

test("of two libraries for one name the first stays the first", () => {
  const entry = (path: string) => ({ soname: "libcuda.so.1", path, architecture: "x86-64" as const });
  const made = {
    links: [{ path: "/a/libcuda.so.1", target: "libcuda_loader.so" }],
    loaderEntries: [entry("/a/libcuda.so.1.1"), entry("/a/libcuda_loader.so")],
    driverVersion: undefined,
    cudaVersion: undefined,
    compatFolder: undefined,
    brands: [],
    hasApplicationProfile: false,
    hidesDeviceFiles: false,
    hostRoot: "/",
  };
  expect(parse(formatUpdate(made)).loaderEntries).toEqual(made.loaderEntries);
});

test.each(["", "a", "a::", "::/b", "a::/b::c", "a::b", "a::/../b", "a::/b\nc", "a::/"])("%j is no link", (value) => {
  expect(() => readLink(value)).toThrow(
    expect.objectContaining({ code: "BERTH-U001", message: expect.stringContaining("invalid symlink specification") }),
  );
});

test.each(["--library", "--ldcache"])("%s without a clean path is refused", (flag) => {
  for (const value of ["lib.so::lib.so.1", "/a/../b.so::c", "/a/b.so::c/d", "::c"])
    expect(() => parse([flag, value])).toThrow(expect.objectContaining({ code: "BERTH-U001" }));
});
