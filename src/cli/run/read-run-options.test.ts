import { expect, test } from "bun:test";
import { readRunOptions } from "./read-run-options.ts";

test.each([
  ["img", []],
  ["--rm -it img --gpus all", ["--rm", "-it"]],
  ["-itd --name web img", ["-itd", "--name: web"]],
  ["-e A=b -eC=d -ite E=f img", ["--env: A=b", "--env: C=d", "--env: E=f"]],
  ["--env=A=b --init=false img", ["--env: A=b", "--init: false"]],
  ["--network none --read-only --tmpfs /x img sh -c true", ["--network: none", "--read-only", "--tmpfs: /x"]],
  ["-v /a:/b -p80:80 -m=1g img", ["-v: /a:/b", "-p: 80:80", "-m: 1g"]],
  ["--name --gpus img", ["--name: --gpus"]],
  ["--rm -- img --gpus all", ["--rm"]],
  ["--rm --name", ["--rm", "--name"]],
  ["--new-option img", ["--new-option: img"]],
])("readRunOptions finds in %j what stands before the image", (line, expected) => {
  const options = readRunOptions(line.split(" "));
  expect(options.map(({ name, value }) => (value === undefined ? name : `${name}: ${value}`))).toEqual(expected);
});
