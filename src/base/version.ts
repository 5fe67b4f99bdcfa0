/** The version of this build; the build script puts it in place of the expression. */
export const VERSION: string = process.env["BERTH_BUILD_VERSION"] ?? "0.0.0-dev";
