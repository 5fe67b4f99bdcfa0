const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** What is not known. */
export const UNKNOWN = "-";

/** "11848M": memory of a GPU, as its users count it. */
export function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? UNKNOWN : `${Math.round(bytes / MIB)}M`;
}

/** "11.6" */
export function gibibytes(bytes: number): string {
  return (bytes / GIB).toFixed(1);
}

const STEPS = ["", "K", "M", "G", "T"] as const;

/** "512", "2.1G": three digits at most, and the power of 1024. */
export function shortBytes(bytes: number | undefined): string {
  if (bytes === undefined) return UNKNOWN;
  let [value, step] = [bytes, 0];
  while (value >= 999.5 && step < STEPS.length - 1) {
    value /= 1024;
    step += 1;
  }
  const text = step === 0 || value >= 99.95 ? Math.round(value) : value >= 9.995 ? Math.round(value) : value.toFixed(1);
  return `${text}${STEPS[step] ?? ""}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** "45s", "12m34s", "3h12m", "2d05h": the two largest units. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return UNKNOWN;
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 24) return `${hours}h${two(Math.floor(seconds / 60) % 60)}m`;
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/** "96", "7", "0.3": a share, short. */
export function share(percent: number | undefined): string {
  if (percent === undefined) return UNKNOWN;
  return percent < 9.95 && percent !== Math.round(percent) ? percent.toFixed(1) : String(Math.round(percent));
}
