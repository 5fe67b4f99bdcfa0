import { buildCommand, buildRouteMap } from "@stricli/core";
import { text } from "./parameters.ts";

const flag = (brief: string) => ({ kind: "boolean", brief, withNegated: false, optional: true }) as const;
const word = (brief: string, placeholder: string) =>
  ({ kind: "tuple", parameters: [{ brief, parse: String, placeholder }] }) as const;
const wish = "What is wanted, in quotes: 'any:2,mem>=40G,cc>=8.6,model~A100,link=nvlink,numa=0,mig=1g.10gb'";
const unchecked = flag("Do not ask the driver: every GPU without a lease counts as idle");
const off = flag("Give it away again");
const reason = text("Why, for whoever asks", "TEXT");

export const lease = buildRouteMap({
  routes: {
    take: buildCommand({
      loader: async () => (await import("../lease/take.ts")).takeLease,
      parameters: {
        flags: {
          gpus: { kind: "parsed", parse: String, brief: wish, placeholder: "WISH" },
          ownerPid: text("The process that the lease lives with (the one that starts this)", "PID"),
          wait: {
            kind: "parsed",
            parse: String,
            brief: "Wait for it, for so long (30s, 5m, 1h) or for ever",
            placeholder: "TIME",
            optional: true,
            inferEmpty: true,
          },
          label: text("What it is for", "TEXT"),
          limit: text("Refuse when its user would then have more GPUs", "N"),
          unchecked,
          json: flag("Print it as JSON"),
        },
        aliases: { g: "gpus" },
      },
      docs: {
        brief: "Take idle GPUs and keep them from others",
        fullDescription:
          "Takes the best set of the GPUs that are idle and nobody's: a GPU is idle that has no process, hardly any memory in use and hardly any work, in two samples a second apart. The lease ends when its process does, however it ends, or with berth lease release. Whoever waits is served in the order of coming. Where the driver does not say how a GPU is used, nothing is given, unless --unchecked. Prints the id of the lease, and its GPUs as NVIDIA_VISIBLE_DEVICES takes them. Ends with 75 where not enough are free. With --json: id, generation, wish, visibleDevices, devices (name, key, visibleName).",
      },
    }),
    release: buildCommand({
      loader: async () => (await import("../lease/release.ts")).releaseLease,
      parameters: {
        positional: word("The lease, or the beginning of its id", "ID"),
        flags: { generation: text("Only if it is that one", "N") },
      },
      docs: {
        brief: "End a lease; its GPUs are free once their memory is",
        fullDescription:
          "Ends a lease. Its GPUs are given to others once nothing of them is used any more. Nobody is stopped by that: a container that has them can use them as long as it runs.",
      },
    }),
    ls: buildCommand({
      loader: async () => (await import("../lease/ls.ts")).listLeases,
      parameters: { flags: { json: flag("Print it as JSON") } },
      docs: {
        brief: "List who has which GPU, who waits, and what is given to nobody",
        fullDescription:
          "Lists the leases, those who wait, and the GPUs that are given to nobody. Of each lease: its state, its mode, its GPUs, its container with image and user, its process, its age, and what it is for; a narrow terminal gets less of it. RESERVED is of whoever took it, BOUND of a container, DRAINING has ended and its memory is not known to be free again. own is given to nobody else by a wish, exclusive to nobody else by name either, shared is of GPUs that were named. With --json: schema, leases, tickets, marks and the last 100 events, as docs/lease.schema.json describes them.",
      },
    }),
    log: buildCommand({
      loader: async () => (await import("../lease/log.ts")).printLog,
      parameters: {
        flags: {
          since: text("Only what happened then or later: 2026-11-01, 2026-11-01T12:00, 30d, 12h", "TIME"),
          count: text("Only the newest so many (50; with --since all)", "N"),
          json: flag("Print it as JSON"),
        },
        aliases: { n: "count" },
      },
      docs: {
        brief: "What happened to leases and GPUs: who was given which, who was refused and why",
        fullDescription:
          "One line for each event, the newest last: time, what happened (taken, adopted, bound, denied, released, reaped, freed, drained, quarantined, admitted), lease, GPUs, by whom and why. The newest 100,000 are kept, 400 days at most. With --json: schema, events; events[i] has time, kind, lease, devices and text.",
      },
    }),
    explain: buildCommand({
      loader: async () => (await import("../lease/explain.ts")).explainWish,
      parameters: {
        flags: {
          gpus: { kind: "parsed", parse: String, brief: wish, placeholder: "WISH", default: "any" },
          unchecked,
          json: flag("Print it as JSON"),
        },
        aliases: { g: "gpus" },
      },
      docs: {
        brief: "Say for each GPU whether it would be given now, and why not",
        fullDescription:
          "Says for each GPU whether it would be given now, and why not: who has it, what uses it, who has waited longer, what it lacks. Takes nothing. With --json: wish, waiting, gpus; gpus[i] has name, key, model, isGiven, kind (free, taken, unknown, misfit) and why.",
      },
    }),
    drain: buildCommand({
      loader: async () => (await import("../lease/mark.ts")).drain,
      parameters: {
        positional: word("Index, UUID or PCI address, of a MIG device too (0:1)", "GPU"),
        flags: { off, reason },
      },
      docs: {
        brief: "Give a GPU to nobody from now on; who has it keeps it",
        fullDescription:
          "No wish gets this GPU from now on, until --off. Who has it keeps it, and a container that names it gets it, with a warning. berth lease ls shows it with the reason.",
      },
    }),
    quarantine: buildCommand({
      loader: async () => (await import("../lease/mark.ts")).quarantine,
      parameters: {
        positional: word("Index, UUID or PCI address, of a MIG device too (0:1)", "GPU"),
        flags: { off, reason },
      },
      docs: {
        brief:
          "The same as drain for a GPU with which something is wrong; berth does it by itself for one that is used by nobody",
        fullDescription:
          "No wish gets this GPU from now on, until --off, as something is wrong with it; who has it keeps it. berth does that by itself for a GPU that is still in use half a minute after its lease has ended, and no process can be seen on it.",
      },
    }),
    gc: buildCommand({
      loader: async () => (await import("../lease/gc.ts")).collectGarbage,
      parameters: { flags: { unchecked } },
      docs: {
        brief: "End the leases of those who are gone now, as everybody does who looks at leases",
        fullDescription:
          "Ends the leases of those who are gone, and frees the GPUs of leases that have ended where they are idle. A line for each thing that it did. Nothing has to call it: whoever takes a lease or looks at leases does the same.",
      },
    }),
  },
  docs: { brief: "GPUs by what they are: take idle ones, see who has which and why" },
});
