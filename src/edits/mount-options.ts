/** Readable, and nothing more. */
export const READ_ONLY = ["ro", "nosuid", "nodev", "rbind", "rprivate"] as const;

/** A socket is written to by connecting; nothing is ever executed from it. */
export const SOCKET = ["nosuid", "nodev", "noexec", "rbind", "rprivate"] as const;
