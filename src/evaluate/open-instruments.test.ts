import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FIXTURES } from "../../test/perturbed-recording.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { Benchmark, Instruments } from "./benchmark.ts";
import { InstrumentSettings } from "./instrument-settings.ts";
import { instrumentsOf, openBenchmark } from "./open-benchmark.ts";
import { openInstruments } from "./open-instruments.ts";
import { leftOutNotices } from "./own-measures.ts";

const CLIP = join(FIXTURES, "metrics/clip");
const DINO = join(FIXTURES, "metrics/dino");

const questions = { model: "judge", endpoints: [{ url: "http://localhost:1/v1" }], cache: { isUsed: false } };

describe("openInstruments", () => {
  test("opens what is used and named, each by the folder that is found", async () => {
    const settings = InstrumentSettings.parse({ clip: "a/clip", dino: "a/dino", questions });
    const looked: string[] = [];
    const find = async (name: string): Promise<string> => {
      looked.push(name);
      return name === "a/clip" ? CLIP : DINO;
    };
    await using some = await openInstruments(settings, { uses: new Set(["clip"]), find });
    expect([some.clip, some.dino, some.questions].map((one) => one !== undefined)).toEqual([
      true,
      false,
      false,
    ]);
    await using all = await openInstruments(settings, { uses: new Set(["clip", "dino", "questions"]), find });
    expect([all.clip, all.dino, all.questions]).not.toContain(undefined);
    expect(looked).toEqual(["a/clip", "a/clip", "a/dino"]);
  });

  test("opens nothing that is not named", async () => {
    await using none = await openInstruments(InstrumentSettings.parse({}), {
      uses: new Set(["clip", "dino"]),
    });
    expect(Object.keys(none)).toEqual([]);
  });

  test("refuses a folder that is missing or another model's before anything is measured", async () => {
    const open = (clip: string): Promise<unknown> =>
      openInstruments(InstrumentSettings.parse({ clip }), { uses: new Set(["clip"]) });
    await expect(open("no/such/folder")).rejects.toThrow("There is no folder no/such/folder");
    await expect(open(DINO)).rejects.toThrow("is not the config of a CLIP");
  });

  test("what was closed answers nothing", async () => {
    const opened = await openInstruments(InstrumentSettings.parse({ dino: DINO }), {
      uses: new Set(["dino"]),
    });
    await opened[Symbol.asyncDispose]();
    await expect(
      (async () => opened.dino?.pictures([{ width: 1, height: 1, pixels: new Uint8Array(3) }]))(),
    ).rejects.toThrow("The encoder is closed");
  });
});

function emuedit(instruments: Instruments): Benchmark {
  const never = (): never => expect.fail();
  const surroundings = { reward: referenceReward, edits: never, prepare: never, instruments };
  return openBenchmark({ kind: "emuedit", name: "emu", directory: ".", partial: false }, surroundings);
}

test("a benchmark says what it uses, and which measures it leaves out for want of it", async () => {
  expect([...instrumentsOf([{ kind: "held-out", split: "test" }])]).toEqual([]);
  expect([...instrumentsOf([{ kind: "emuedit", directory: ".", partial: false }])].toSorted()).toEqual([
    "clip",
    "dino",
  ]);
  const settings = InstrumentSettings.parse({ clip: CLIP });
  await using instruments = await openInstruments(settings, { uses: new Set(["clip", "dino"]) });
  const benchmark = emuedit(instruments);
  expect(benchmark.measures.map(({ label }) => label)).toEqual([
    "reward",
    "L1 to source",
    "CLIPdir",
    "CLIPim",
    "CLIPout",
  ]);
  const settingOf = (kind: string): string => `--${kind}`;
  expect(leftOutNotices([benchmark], settingOf)).toEqual([
    "Not measured, for want of a DINO: DINO to source (emu). --dino names one.",
  ]);
  expect(leftOutNotices([emuedit({})], settingOf)).toHaveLength(2);
});
