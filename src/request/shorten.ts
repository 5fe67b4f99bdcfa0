const MAX_LENGTH = 200;

/** No process can be started with a longer variable (Linux, MAX_ARG_STRLEN), so nobody needs one that is read. */
export const MAX_VALUE = 128 * 1024;

/** Text of a container, cut to what fits into a message: an image can hold a megabyte in one variable. */
export function shorten(text: string): string {
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH)}…`;
}
