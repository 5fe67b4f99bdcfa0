import type { SimFault } from "../fault.ts";

export const brokenDriverLibraries: SimFault = {
  name: "broken-driver-libraries",
  summary: "the file of libcuda is gone, its links are there",
  base: "rtx4090x2",
  apply: (tree) => tree.filter(({ kind, path }) => kind !== "file" || !/\/libcuda\.so\.[\d.]+$/.test(path)),
};
