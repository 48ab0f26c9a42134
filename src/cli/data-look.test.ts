import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { decodePicture } from "../images/codec.ts";
import { picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { systemClock } from "../runs/clock.ts";
import { lookAtData } from "./data-look.ts";

const FIXTURES = join(import.meta.dirname, "../../test/fixtures/datasets");

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-look-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function look(name: string, flags: { rows?: number; show?: number } = {}): Promise<string> {
  let printed = "";
  const stdout = { write: (text: string) => (printed += text) };
  const stderr = { write: () => undefined };
  const out = join(folder, "look.png");
  await lookAtData(
    name,
    { rows: 100, show: 4, ...flags, out },
    {
      stdout,
      stderr,
      clock: systemClock,
      isLive: false,
      commandLine: "",
    },
  );
  return printed;
}

describe("earl data look", () => {
  test("finds out the kind, and says tasks, sizes, licence and what is on the sheet", async () => {
    const printed = await look(join(FIXTURES, "vismin"));
    expect(printed).toContain("VisMin (kind vismin)");
    expect(printed).toContain("licence CC-BY-SA-4.0");
    expect(printed).toMatch(/counting +1 +33\.3%/);
    expect(printed).toContain("25 × 61");
    expect(printed).toContain("broken: 0 of 3 rows");
    expect(printed).toMatch(/1 +e2 +object +replace tree table a lamp car car/);
    const sheet = await decodePicture(await readFile(join(folder, "look.png")), "look.png");
    expect([sheet.width, sheet.height]).toEqual([6 * 166 + 6, 166 + 6]);
  });

  test("looks at the split that a dataset of a kind has", async () => {
    const printed = await look(`omniedit:${join(FIXTURES, "omniedit")}`, { show: 0 });
    expect(printed).toContain("validation: 6 rows");
    await expect(look(`omniedit:${join(FIXTURES, "omniedit")}@test`)).rejects.toThrow("has no test-*");
    await expect(look(`omniedit:${folder}`)).rejects.toThrow("has no train-*");
  });

  test("names corrupt pictures as broken rows, and shows codes that have no picture", async () => {
    const own = join(folder, "own");
    await mkdir(own);
    const png = encodePng(picture(8, 8));
    await writeFile(join(own, "a.png"), png);
    await writeFile(join(own, "cut.png"), png.subarray(0, 50));
    const rows = ["a.png", "cut.png", "none.png"].map((source) => ({
      source,
      target: "a.png",
      instruction: "x",
    }));
    await writeFile(join(own, "train.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
    const printed = await look(own, { show: 0 });
    expect(printed).toContain("broken: 2 of 3 rows");
    expect(printed).toMatch(/train\.jsonl, row 1: source: the picture cannot be decoded/);
    expect(printed).toMatch(/train\.jsonl, row 2: .*none\.png is not there/);

    await cp(join(FIXTURES, "pth"), join(folder, "pth"), { recursive: true });
    expect(await look(join(folder, "pth"))).toContain("5 × 3 codes");
  });

  test("looks at so many rows, at even distances", async () => {
    const printed = await look(join(FIXTURES, "omniedit"), { rows: 3, show: 3 });
    expect(printed).toContain("6 rows in 1 file, 48.0 KiB; 3 looked at, at even distances");
    for (const id of ["task_obj_3_0", "task_obj_3_2", "task_obj_3_4"]) expect(printed).toContain(id);
  });
});
