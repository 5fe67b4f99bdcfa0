/** The UUID a GPU says, or undefined for `GPU-????????-…` and anything else that is none. */
export function parseGpuUuid(text: string): string | undefined {
  return /^GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : undefined;
}

/** A PCI address in lower case with a domain of four digits where four are enough: "0000:1b:00.0". */
export function normalizePciAddress(text: string): string | undefined {
  const address = text.toLowerCase();
  if (!/^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-1][0-9a-f]\.[0-7]$/.test(address)) return undefined;
  return address.replace(/^0+(?=[0-9a-f]{4}:)/, "");
}

/** Orders normalised addresses by domain, bus, device and function. */
export function comparePciAddresses(a: string, b: string): number {
  const [left, right] = [pciNumber(a), pciNumber(b)];
  return left === right ? 0 : left - right;
}

function pciNumber(address: string): number {
  const digits = address.replace(/[:.]/g, "");
  return Number.parseInt(digits, 16);
}
