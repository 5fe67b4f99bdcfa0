import type { ManualPage } from "../../install/index.ts";
import { makeApplication } from "../application.ts";
import { berthPage } from "./berth-page.ts";
import { namesPage } from "./names-page.ts";

/** The pages of the manual, made from the declarations of the commands, so that they say what this very program does. */
export async function manualPages(version: string): Promise<readonly ManualPage[]> {
  const application = makeApplication((thrown) => {
    throw thrown;
  });
  return [
    { file: "berth.1", text: await berthPage(application, version) },
    { file: "nvidia-container-runtime.1", text: namesPage(version) },
  ];
}
