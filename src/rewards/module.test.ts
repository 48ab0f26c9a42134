import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { picture } from "../images/picture.ts";
import type { JudgeVerdict } from "../judge/verdict.ts";
import { openRewards, RewardList } from "./open-reward.ts";
import { rewardContract } from "./reward.contract.ts";
import type { DecodedEdit, Reward } from "./reward.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-module-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const forever = new AbortController().signal;
const EDIT: DecodedEdit = { exampleId: "a", instruction: "x", source: picture(2, 2), edited: picture(2, 2) };

function write(text: string, extension = ".ts"): string {
  files += 1;
  const path = join(folder, `file-${files}${extension}`);
  writeFileSync(path, text);
  return path;
}

async function open(
  text: string,
  own: Readonly<Record<string, unknown>> = {},
  extension = ".ts",
): Promise<Reward> {
  return openRewards(RewardList.parse([{ kind: "module", path: write(text, extension), ...own }]));
}

async function verdictOf(text: string, edit = EDIT): Promise<JudgeVerdict | undefined> {
  await using reward = await open(text);
  return (await reward.score([edit], { signal: forever }))[0];
}

rewardContract("a function of one's own", {
  open: () =>
    open(`
      import type { RewardFunction } from "${new URL("./module.ts", import.meta.url).pathname}";
      export const range = [0, 1] as const;
      export const brightness: RewardFunction = ({ edited }) =>
        edited.pixels.reduce((sum, level) => sum + level, 0) / edited.pixels.length / 255;
    `),
});
rewardContract("a slow function that needs a target", {
  open: () =>
    open(
      `
      export const needs = ["target"];
      export async function likeness({ edited, target }) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return -Math.abs(edited.pixels[120] - target.pixels[120]) - edited.pixels[0] / 1000 - edited.pixels[40] / 500;
      }
    `,
      {},
      ".mjs",
    ),
});

describe("module", () => {
  test.each([
    ["the name of its export", "export const sharpness = () => 1;", "sharpness"],
    ["the name of its function", "export default function sharpness() { return 1; }", "sharpness"],
    ["the name of its file", "export default () => 1;", /^file-\d+$/],
  ])("is called by %s", async (_, text, name) => {
    await using reward = await open(text);
    expect(reward.name).toMatch(name);
  });
  test("is called by the config where that gives a name", async () => {
    await using reward = await open("export const sharpness = () => 1;", { name: "mine" });
    expect(reward.name).toBe("mine");
  });
  test("its name is that of its part in a sum, told apart from others", async () => {
    const entry = (text: string) => ({ kind: "module", path: write(text) });
    const parts = [
      entry("export const sharpness = () => 1;"),
      { ...entry("export const contrast = () => 2;"), name: "other" },
    ];
    await using reward = await openRewards(RewardList.parse([{ kind: "sum", parts }]));
    const [verdict] = await reward.score([EDIT], { signal: forever });
    expect(verdict).toMatchObject({ kind: "scored", score: 3, subscores: { sharpness: 1, other: 2 } });
    const clash = [entry("export const contrast = () => 1;"), { kind: "reference", name: "contrast" }];
    await expect(openRewards(RewardList.parse([{ kind: "sum", parts: clash }]))).rejects.toThrow(
      '"contrast"',
    );
  });
  test("may give a verdict of its own", async () => {
    const text = `export const own = () => ({ kind: "scored", score: 2, subscores: { hue: 1 }, reasoning: "fine" });`;
    expect(await verdictOf(text)).toEqual({
      kind: "scored",
      score: 2,
      subscores: { hue: 1 },
      reasoning: "fine",
    });
    expect(await verdictOf(`export const own = () => ({ kind: "unreachable", reason: "asleep" });`)).toEqual({
      kind: "unreachable",
      reason: "asleep",
    });
  });
  test.each([
    ["throws", `export const own = () => { throw new Error("no such colour"); };`, "no such colour"],
    ["rejects", `export const own = async () => { throw new Error("no such colour"); };`, "no such colour"],
    ["gives NaN", "export const own = () => NaN;", "NaN"],
    ["gives nothing", "export const own = () => undefined;", "undefined"],
    ["gives a text", `export const own = () => "7";`, "7"],
    ["leaves its range", "export const range = [0, 1]; export const own = () => 7;", "range of 0 to 1"],
  ])("a function that %s gives a failed verdict that says so, never a zero", async (_, text, reason) => {
    const { askReward } = await import("./ask-reward.ts");
    await using reward = await open(text);
    const [verdict] = await askReward(reward, [EDIT], { signal: forever });
    expect(verdict).toMatchObject({ kind: "unparsable", reason: expect.stringContaining(reason) as string });
  });
  test("a function that never ends does not hold up a stop", async () => {
    await using reward = await open("export const own = () => new Promise(() => undefined);");
    const controller = new AbortController();
    const asked = reward.score([EDIT], { signal: controller.signal });
    controller.abort(new Error("stop"));
    await expect(asked).rejects.toThrow("stop");
  });
  test.each([
    ["no function", "export const range = [0, 1];", "exports 0 functions"],
    ["two functions", "export const a = () => 1; export const b = () => 2;", "exports 2 functions"],
    ["a range that is none", "export const range = [1, 0]; export const a = () => 1;", "range"],
    ["needs that are none", `export const needs = ["time"]; export const a = () => 1;`, "needs"],
    ["broken code", "export const a = (", "cannot be loaded"],
    ["a name that metrics cannot have", "export const total = () => 1;", "cannot be the name"],
  ])("a file with %s is refused, and told why", async (_, text, message) => {
    await expect(open(text)).rejects.toThrow(message);
  });
  test("a file that is not there is refused by its path", async () => {
    const list = RewardList.parse([{ kind: "module", path: join(folder, "none.ts") }]);
    await expect(openRewards(list)).rejects.toThrow("none.ts");
  });
  test("says in the manifest which code it was", async () => {
    await using reward = await open("export const own = () => 1;");
    expect(reward.provenance?.["sha256"]).toMatch(/^[0-9a-f]{64}$/);
  });
});
