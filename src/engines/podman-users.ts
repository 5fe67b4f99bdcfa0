import { existsSync, readFileSync } from "node:fs";
import type { ClientScene } from "./ask-client.ts";
import type { Inspector } from "./inspect-container.ts";

/** Who asks. */
export interface Asker {
  readonly uid: number;
  /** The table of users: "/etc/passwd". */
  readonly passwd: string;
}

/** podman for whoever asks and, where that is root by sudo(8), for the user behind it, whose containers are that user's own. */
export function podmanFor(client: string, scene: ClientScene, asker: Asker): readonly Inspector[] {
  const own: Inspector = { engine: "podman", by: "podman", user: undefined, argv: [client], scene };
  const behind = asker.uid === 0 ? userOf(scene.env("SUDO_UID"), asker.passwd) : undefined;
  if (behind === undefined) return [own];
  const { uid, gid, home } = behind;
  const argv = ["setpriv", "--reuid", uid, "--regid", gid, "--init-groups", client];
  // Nothing of root's configuration and storage is this user's.
  const env = new Map([
    ["PATH", scene.env("PATH")],
    ["HOME", home],
    ["XDG_RUNTIME_DIR", `/run/user/${uid}`],
  ]);
  const ofUser: ClientScene = { ...scene, env: (name) => env.get(name) };
  return [own, { engine: "podman", by: `podman of user ${uid}`, user: Number(uid), argv, scene: ofUser }];
}

interface User {
  readonly uid: string;
  readonly gid: string;
  readonly home: string;
}

/** Of passwd(5); undefined for root, and for a user that the table does not have. */
function userOf(wanted: string | undefined, passwd: string): User | undefined {
  if (wanted === undefined || !/^[1-9]\d{0,9}$/.test(wanted) || !existsSync(passwd)) return undefined;
  const fields = readFileSync(passwd, "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([, , uid]) => uid === wanted);
  const [, , uid, gid = "", , home = ""] = fields ?? [];
  return uid !== undefined && /^\d{1,10}$/.test(gid) && home.startsWith("/") ? { uid, gid, home } : undefined;
}
