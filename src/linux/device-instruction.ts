/** One instruction of a BPF program: RFC 9669, section 3. */
export interface Instruction {
  /** Class, operation and source of the operand. */
  readonly code: number;
  /** Registers 0 to 10. */
  readonly dst: number;
  readonly src: number;
  /** Signed: of a jump in instructions, of a load in bytes. */
  readonly offset: number;
  /** Signed, 32 bits. */
  readonly imm: number;
}

const INSTRUCTION_BYTES = 8;

/** Instructions as a program of x86-64 and arm64 has them: little-endian. */
export function encodeInstructions(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, dst, src, offset, imm }, index) => {
    const at = index * INSTRUCTION_BYTES;
    view.setUint8(at, code);
    view.setUint8(at + 1, dst | (src << 4));
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, imm, true);
  });
  return bytes;
}

/** The instructions in these bytes; a part of one at the end is left out. */
export function decodeInstructions(bytes: Uint8Array): readonly Instruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / INSTRUCTION_BYTES) }, (_, index) => {
    const at = index * INSTRUCTION_BYTES;
    const registers = view.getUint8(at + 1);
    const [offset, imm] = [view.getInt16(at + 2, true), view.getInt32(at + 4, true)];
    return { code: view.getUint8(at), dst: registers & 15, src: registers >> 4, offset, imm };
  });
}

const CALL = 0x85;
const LOAD_64_BITS = 0x18;

/**
 * Whether instructions that the kernel gave back can be loaded again: not when they call a helper or name a map, of which the kernel keeps addresses instead (and not numbers),
 * nor when it has hidden their constants (net.core.bpf_jit_harden), for which it uses a register that no program may name.
 */
export function isReloadable(program: readonly Instruction[]): boolean {
  return (
    program.length > 0 &&
    program.every(({ code, dst, src }) => code !== CALL && dst <= 10 && (code === LOAD_64_BITS ? src === 0 : src <= 10))
  );
}
