import { fail, pass, skip, warn, type Check } from "../check.ts";
import { listLibraryFaults } from "../../host/index.ts";
import { count } from "../words.ts";

const AGAIN = "install the driver's packages once more";

export const driverLibraries: Check = {
  id: "driver-libraries",
  title: "the driver's libraries are there",
  needs: ["driver-version"],
  run: (scene) => {
    const host = scene.host();
    if (host.driver === undefined) return skip("there is no driver");
    const [first, ...others] = listLibraryFaults(host);
    const more = others.map(({ message }) => message);
    const { libraries, unit, driver } = host;
    if (first !== undefined) return fail({ code: first.code, cause: first.message, more, remedy: first.remedy });
    const [torn, ...rest] = host.warnings.filter((warning) => warning.includes("is not a shared library"));
    if (torn !== undefined) return warn({ code: "BERTH-D002", cause: torn, more: rest, remedy: AGAIN });
    const number = unit === undefined ? libraries.length : unit.items.filter(({ kind }) => kind === "library").length;
    return pass(`${count(number, "library", "libraries")} in ${driver.libraryFolders.join(", ")}`);
  },
};
