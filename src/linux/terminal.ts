import { trySyscall } from "./sys.ts";

/** asm-generic/ioctls.h */
const TIOCGWINSZ = 0x5413;
const TCGETS = 0x5401;
/** Waits until what was written is shown. */
const TCSETSW = 0x5403;

/** asm-generic/termbits.h: `struct termios` is four words of flags, the line discipline and 19 control characters. */
const TERMIOS_BYTES = 36;
const INPUT_WORD = 0;
const LOCAL_WORD = 3;
/** BRKINT, ICRNL, INLCR, IGNCR, IXON */
const INPUT_FLAGS = 0o2 | 0o400 | 0o100 | 0o200 | 0o2000;
/** ISIG, ICANON, ECHO, IEXTEN */
const LOCAL_FLAGS = 0o1 | 0o2 | 0o10 | 0o100000;

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The size of the terminal behind a descriptor; undefined: it is none, or does not know. Source: ioctl_tty(2). */
export function terminalSize(fd: number): TerminalSize | undefined {
  const size = new Uint16Array(4);
  if (trySyscall("ioctl", fd, TIOCGWINSZ, size) !== 0) return undefined;
  const [rows = 0, columns = 0] = size;
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

/**
 * Makes the terminal behind a descriptor give each key as it is pressed, Ctrl-C and Ctrl-Z among them, and show none. Gives back what makes it as it was; undefined: it is no terminal. Source:
 * termios(3).
 */
export function makeTerminalRaw(fd: number): (() => void) | undefined {
  const before = new Uint32Array(TERMIOS_BYTES / 4);
  if (trySyscall("ioctl", fd, TCGETS, before) !== 0) return undefined;
  const raw = before.slice();
  raw[INPUT_WORD] = (raw[INPUT_WORD] ?? 0) & ~INPUT_FLAGS;
  raw[LOCAL_WORD] = (raw[LOCAL_WORD] ?? 0) & ~LOCAL_FLAGS;
  trySyscall("ioctl", fd, TCSETSW, raw);
  return () => void trySyscall("ioctl", fd, TCSETSW, before);
}
