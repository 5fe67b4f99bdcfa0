/**
 * Every failure a user can meet, by its stable code. The letter says whose matter it is; a number is never used for
 * something else later. `message` and `remedy` are made where the failure is known; this table holds what never changes.
 */
export const ERROR_CODES = {
  "BERTH-C001": "the configuration cannot be read",
  "BERTH-C002": "a configuration value is not allowed",
  "BERTH-S001": "the bundle or its config.json cannot be read",
  "BERTH-S002": "config.json is not valid JSON",
  "BERTH-S003": "config.json holds a key twice",
  "BERTH-S004": "config.json is too large or too deep",
  "BERTH-S005": "a field of config.json has the wrong type",
  "BERTH-D001": "the NVIDIA driver is not loaded",
  "BERTH-D002": "a driver file has vanished",
  "BERTH-D003": "a device node is missing or is not the device it should be",
  "BERTH-D004": "the host cannot be described",
  "BERTH-R001": "a device that was asked for does not exist",
  "BERTH-R002": "a device id cannot be read",
  "BERTH-R003": "a driver capability is unknown",
  "BERTH-R004": "a CDI device is not served here",
  "BERTH-R005": "an IMEX channel cannot be read or does not exist",
  "BERTH-R006": "a condition of the image cannot be read",
  "BERTH-R007": "the host does not meet a condition of the image",
  "BERTH-R008": "only a privileged container may ask for this",
  "BERTH-P001": "the container's root file system cannot be changed",
  "BERTH-P002": "a destination is covered by one of the container's own mounts",
  "BERTH-P003": "config.json cannot be replaced",
  "BERTH-L001": "no low-level runtime was found",
  "BERTH-L002": "the low-level runtime is not safe to start",
  "BERTH-L003": "the program was not started through its launcher",
  "BERTH-L004": "the low-level runtime could not be started",
  "BERTH-L005": "the arguments of the runtime cannot be read",
  "BERTH-L006": "the launcher could not start berth",
  "BERTH-L007": "a path cannot be written into the launcher",
  "BERTH-K001": "the kernel refused a system call",
  "BERTH-M001": "the simulated host cannot be made",
  "BERTH-M002": "the simulated host cannot be taken down",
  "BERTH-U001": "wrong usage",
  "BERTH-X001": "something unexpected happened",
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;
