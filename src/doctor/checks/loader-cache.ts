import { readLoaderNames } from "../../host/index.ts";
import { pass, skip, warn, type Check } from "../check.ts";
import { quoteSome } from "../words.ts";

const NEEDED = ["libcuda.so.1", "libnvidia-ml.so.1"];

export const loaderCache: Check = {
  id: "loader-cache",
  title: "the loader knows the driver's libraries",
  needs: ["driver-libraries"],
  run: (scene) => {
    const { driver, libraries } = scene.host();
    const names = readLoaderNames(scene.root, scene.hostOptions);
    if (driver === undefined) return skip("there is no driver");
    if (names === undefined) return skip("there is no /etc/ld.so.cache here: the loader goes by other ways");
    const { hostPath, paths } = names;
    const commands = scene.isHere ? [["ldconfig"]] : [["ldconfig", "-r", scene.root]];
    const remedy = { text: commands[0]?.join(" ") ?? "", commands };
    if (paths === undefined) return warn({ code: "BERTH-H006", cause: `"${hostPath}" cannot be understood`, remedy });
    const own = NEEDED.filter((soname) => libraries.some((library) => library.soname === soname));
    const unknown = own.filter((soname) => !paths.has(soname));
    if (unknown.length === 0) return pass(hostPath);
    const cause = `"${hostPath}" does not know ${quoteSome(unknown)}: programs of this machine may not find them (containers do)`;
    // Where their folder is none of the loader's, its name has to be written down first.
    return warn({
      code: "BERTH-H006",
      cause,
      remedy,
      more: [`their folder is ${driver.libraryFolders[0] ?? ""}; ldconfig looks into those that /etc/ld.so.conf names`],
    });
  },
};
