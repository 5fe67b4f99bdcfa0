/** `f_type` of statfs(2): file systems that other machines share, or that a program serves. Source: linux/magic.h, statfs(2). */
const NETWORKED: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x00c36400, "Ceph"],
  [0x01021997, "9P"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x01161970, "GFS2"],
  [0x7461636f, "OCFS2"],
  [0x65735546, "FUSE"],
  [0x786f4256, "VirtualBox's shared folder"],
]);

/** The name of a file system on which the locks of files cannot be relied on, by the number of its kind; undefined: any other. */
export function networkFileSystem(type: number | bigint): string | undefined {
  return NETWORKED.get(Number(BigInt.asUintN(32, BigInt(type))));
}
