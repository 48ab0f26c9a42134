import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { openTrial, saveTrial, trialConfig, trialDirectory } from "../../test/small/trial-run.ts";
import { encodePng } from "../images/png.ts";
import { picture } from "../images/picture.ts";
import { removeRun } from "../runs/remove-run.ts";
import { watchEvents } from "../runs/watch-events.ts";
import type { RunEvent, UntimedEvent } from "../runs/event.ts";
import { openLoggers } from "./open-logger.ts";
import { FILE_VERSION, tfRecord } from "./tfevents.ts";

/** What tensorboard 2.21's own RecordWriter wrote of these three events. */
const RECORDED =
  "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c0f000000000000006d532b0909000000000000f83f10073a020801774771c74300000000000000b18525a009000000000000044010ac022a350a150a0e726577617264732f612f6d65616e15000020400a090a026b6c15000000000a110a0170220c080210031803220489504e471fba00e3";

test("records are those that TensorBoard's own writer writes, byte for byte", () => {
  const image = {
    height: 2,
    width: 3,
    colorspace: 3,
    encodedImageString: Buffer.from([0x89, 0x50, 0x4e, 0x47]),
  };
  const value = [
    { tag: "rewards/a/mean", simpleValue: 2.5 },
    { tag: "kl", simpleValue: 0 },
    { tag: "p", image },
  ];
  const records = [
    tfRecord({ wallTime: 1.5, fileVersion: FILE_VERSION }),
    tfRecord({ wallTime: 1.5, step: 7, sessionLog: { status: 1 } }),
    tfRecord({ wallTime: 2.5, step: 300, summary: { value } }),
  ];
  expect(Buffer.concat(records).toString("hex")).toBe(RECORDED);
});

const group = (image: string): UntimedEvent => ({
  kind: "group-logged",
  stage: "grpo",
  step: 2,
  group: {
    exampleId: "a",
    task: "add",
    instruction: 'Add "a", then\nb',
    source: image,
    completions: [
      { image, reward: 4, advantage: 0.5, subscores: { sc: 6 }, verdict: "scored", thought: "First, look." },
      { verdict: "unparsable", problem: "?" },
    ],
  },
});

describe("the loggers of a run", () => {
  test("write tables and event files into logs/, which goes with the run", async () => {
    const directory = trialDirectory();
    const loggers = openLoggers(["tensorboard", "csv", "csv"], {
      folder: directory.logs,
      images: directory.images,
    });
    expect(loggers).toHaveLength(2);
    {
      using run = openTrial(directory, false, trialConfig());
      const listeners = loggers.map((logger) => (event: RunEvent) => logger.event(event));
      await using _ = watchEvents(directory.events, {}, listeners);
      const image = run.recorder.saveImage(encodePng(picture(8, 8)));
      run.recorder.record({ kind: "step-end", stage: "sft", step: 1, metrics: { loss: 2 } });
      run.recorder.record(group(image));
      run.recorder.record({ kind: "step-end", stage: "grpo", step: 2, metrics: { reward: 4 } });
      await saveTrial(run, 2);
    }
    const table = readFileSync(join(directory.logs, "completions", "grpo_completions_00002.csv"), "utf8");
    expect(table.split("\r\n")).toEqual([
      "step,prompt,completion,reward,sc,advantage,image,verdict",
      expect.stringMatching(/^2,"Add ""a"", then\nb","First, look\.",4,6,0\.5,.*\.png,scored$/) as string,
      '2,"Add ""a"", then\nb",,,,,,unparsable',
      "",
    ]);
    for (const stage of ["sft", "grpo"]) {
      expect(readdirSync(join(directory.logs, "tensorboard", stage))).toEqual([
        expect.stringMatching(/^events\.out\.tfevents\.\d{10}\.earl\.0$/),
      ]);
    }
    removeRun(directory);
    expect(readdirSync(join(directory.path, ".."))).toEqual([]);
  });

  test("none that nobody asked for", () => {
    const folder = mkdtempSync(join(tmpdir(), "earl-logs-"));
    expect(openLoggers([], { folder, images: folder })).toEqual([]);
    expect(trialConfig().logging).toEqual([]);
    expect(trialConfig(["logging=[csv]"]).logging).toEqual(["csv"]);
    expect(() => trialConfig(["logging=[mlflow]"])).toThrow("logging");
    expect(() => trialConfig(["logging=[wandb]"])).toThrow(/wandb sync.*docs\/watch\.md/);
  });
});
