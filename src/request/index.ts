/**
 * Ask: what a container asks for, as one plain value. Reads the container's own words; whether the host has it and whether it
 * is allowed is decided in `grant/`. Follows the environment protocol of the NVIDIA container images.
 */
export { parseDeviceList, type DeviceList } from "./device-list.ts";
export { readRequest, REQUEST_SIGNS, type RequestSource } from "./read-request.ts";
export type { DeviceRequest, Origin, Request } from "./request.ts";
