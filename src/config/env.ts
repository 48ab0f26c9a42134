/** The only place that touches environment variables. */

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** What a variable may be called. */
export const ENVIRONMENT_NAME = /^[A-Za-z_]\w*$/;

/** A key that must stand in no file of a run; undefined where the variable is unset or blank. */
export function secretFrom(variable: string): string | undefined {
  const value = process.env[variable]?.trim();
  return value === "" ? undefined : value;
}

/** Keeps onnxruntime from sending usage records. It reads this once, when it is loaded. */
export function forbidTelemetry(): void {
  process.env["ORT_DISABLE_TELEMETRY"] = "1";
}

/** Where programs of this user keep what they can make again. */
export function userCacheFolder(): string {
  const { XDG_CACHE_HOME: chosen, LOCALAPPDATA: windows } = process.env;
  return (chosen ?? "") !== "" ? chosen! : (windows ?? join(homedir(), ".cache"));
}

/** Whether the user has said how often pip asks an index again. */
export function hasPipRetries(): boolean {
  return (process.env["PIP_RETRIES"] ?? "") !== "";
}

/** What the surroundings say about the terminal. */
export function terminalEnvironment(): { readonly isDumb: boolean } {
  const { TERM, CI } = process.env;
  // Build servers record what would be redrawn, so they get plain lines even where they offer a terminal.
  return { isDumb: TERM === "dumb" || (CI ?? "") !== "" };
}

/** The Ray cluster that the torch engine should join; undefined where it starts one of its own. */
export function rayAddress(): string | undefined {
  const address = process.env["RAY_ADDRESS"]?.trim();
  return address === "" ? undefined : address;
}

/** How long a cluster that should be joined may take to answer: Ray asks for two minutes, by itself, where nothing listens. */
const JOINING = {
  RAY_gcs_server_port_wait_time_s: "1",
  RAY_gcs_rpc_server_connect_timeout_s: "1",
  RAY_py_gcs_connect_timeout_s: "2",
};

/** The environment that the torch engine's driver is started in. A cluster of its own is guarded by a token. */
export function engineEnvironment({
  packages,
  threads,
}: {
  readonly packages: string;
  readonly threads: number;
}): Record<string, string | undefined> {
  const isOwn = rayAddress() === undefined;
  return {
    ...(isOwn ? {} : JOINING),
    ...process.env,
    PYTHONPATH: packages,
    PYTHONUNBUFFERED: "1",
    RAY_DEDUP_LOGS: "0",
    RAY_SCHEDULER_EVENTS: "0",
    RAY_USAGE_STATS_ENABLED: "0",
    // That a worker died is told by its node, on a busy machine later than in Ray's one second.
    RAY_timeout_ms_task_wait_for_death_info: "2500",
    ...(threads === 0 ? {} : { OMP_NUM_THREADS: String(threads) }),
    ...(isOwn ? { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: randomBytes(32).toString("hex") } : {}),
  };
}

/** Whether a build server runs this, where nothing may be left out in silence. */
export function isContinuousIntegration(): boolean {
  return (process.env["CI"] ?? "") !== "";
}

export interface HubEnvironment {
  /** Of the hub, without a slash at its end. */
  readonly endpoint: string;
  /** Never written down. */
  readonly token: string | undefined;
  /** Where repositories are kept, in the layout of Hugging Face's own libraries. */
  readonly cache: string;
  readonly isOffline: boolean;
}

/** What Hugging Face's own libraries read of the environment, and the token that `hf auth login` wrote. */
export function hubEnvironment(): HubEnvironment {
  const { HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN_PATH } =
    process.env;
  const home = filled(HF_HOME) ?? join(userCacheFolder(), "huggingface");
  return {
    endpoint: (filled(HF_ENDPOINT) ?? "https://huggingface.co").replace(/\/+$/, ""),
    token:
      secretFrom("HF_TOKEN") ??
      secretFrom("HUGGING_FACE_HUB_TOKEN") ??
      firstLine(filled(HF_TOKEN_PATH) ?? join(home, "token")),
    cache: filled(HF_HUB_CACHE) ?? filled(HUGGINGFACE_HUB_CACHE) ?? join(home, "hub"),
    isOffline: ["1", "true", "yes", "on"].includes((HF_HUB_OFFLINE ?? "").trim().toLowerCase()),
  };
}

function filled(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === "" ? undefined : value.trim();
}

function firstLine(path: string): string | undefined {
  try {
    return filled(readFileSync(path, "utf8").split("\n")[0]);
  } catch {
    return undefined;
  }
}
