import { trySyscall } from "./sys.ts";

/** asm-generic/ioctls.h */
const TIOCGWINSZ = 0x5413;

/** The columns of the terminal behind a descriptor; undefined: it is none, or does not know. Source: ioctl_tty(2). */
export function terminalWidth(fd: number): number | undefined {
  const size = new Uint16Array(4);
  if (trySyscall("ioctl", fd, TIOCGWINSZ, size) !== 0) return undefined;
  const columns = size[1] ?? 0;
  return columns > 0 ? columns : undefined;
}
