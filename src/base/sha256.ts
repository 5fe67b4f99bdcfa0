/** The SHA-256 of a content, in hexadecimal: what tells one content of a file from another. */
export function sha256Of(content: Uint8Array | string): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("hex");
}
