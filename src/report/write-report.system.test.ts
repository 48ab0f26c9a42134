import { existsSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../errors.ts";
import { HOSTILE, writeTestRun } from "../../test/report/written-run.ts";
import { readRun } from "./read-run.ts";
import { writeReport } from "./write-report.ts";

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);

let directory: string;
let path: string;
let page: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "earl-report-"));
  await writeTestRun(directory);
  path = await writeReport(directory);
  page = await readFile(path, "utf8");
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("writeReport", () => {
  test("writes report.html into the run and loads nothing from elsewhere", () => {
    expect(path).toBe(join(directory, "report.html"));
    const { document } = parseHTML(page);
    const sources = [...document.querySelectorAll("[src]")].map(
      (element) => element.getAttribute("src") ?? "",
    );
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.every((source) => source.startsWith("data:image/"))).toBe(true);
    expect(document.querySelectorAll("link, iframe, object, [href]")).toHaveLength(0);
    expect(page).not.toMatch(/url\(|@import/);
  });

  test("escapes an instruction that tries to run a script", () => {
    const { document } = parseHTML(page);
    expect(document.querySelectorAll("script")).toHaveLength(1);
    expect(page).not.toContain("<script>alert");
    expect(page).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;red&#39;");
    const alts = [...document.querySelectorAll("img")].map((image) => image.getAttribute("alt"));
    expect(alts).toContain(`Source of: ${HOSTILE}`);
  });

  test("holds every section in order, and says the main result", () => {
    const { document } = parseHTML(page);
    const sections = [...document.querySelectorAll("section")].map((section) => section.id);
    expect(sections).toEqual(["results", "comparisons", "curves", "groups", "worst", "manifest"]);
    expect(document.querySelector(".lead")?.textContent).toBe(
      "RL lifted the mean reward at temperature 1 from 6.17 to 8.51 (95 % intervals apart); " +
        "exact match went from 45 % to 70 %.",
    );
    expect(document.querySelectorAll("#curves svg")).toHaveLength(12);
    expect(document.querySelectorAll("#groups .group")).toHaveLength(6);
    expect(document.querySelectorAll("#comparisons .row")).toHaveLength(32);
    expect(document.querySelector("#manifest")?.textContent).toContain("onnxruntime-node");
  });

  test("shows what the judge said of a completion, and whose fault a missing score was", () => {
    const { document } = parseHTML(page);
    const [group] = document.querySelectorAll("#groups .group");
    const judged = [...group!.querySelectorAll(".judged")];
    expect(judged).toHaveLength(6);
    expect(judged[0]!.querySelector("dl")!.textContent.replaceAll(/\s+/g, " ")).toContain(
      "preservation 0.93",
    );
    expect(group!.querySelector(".said")!.textContent).toBe(HOSTILE);
    expect(group!.querySelector(".said")!.children).toHaveLength(0);
    expect(group!.textContent).toContain("Not scored: 1 unreachable, 1 undecodable.");
    expect(group!.textContent).toContain("undecodable: cut off after 24 tokens");
    const titles = [...document.querySelectorAll("#curves h4")].map((title) => title.textContent);
    expect(titles).toContain("Subscores of reference");
    expect(titles).not.toContain("Scores by reward");
  });

  test("every picture has an alternative text and marks what is wrong in words", () => {
    const { document } = parseHTML(page);
    const images = [...document.querySelectorAll("img")];
    expect(images.every((image) => (image.getAttribute("alt") ?? "").length > 5)).toBe(true);
    const wrong = [...document.querySelectorAll("#comparisons .wrong")];
    expect(wrong.length).toBeGreaterThan(0);
    expect(wrong.every((figure) => figure.textContent.includes("✗"))).toBe(true);
  });

  test("reads a supervised run and the GRPO run after it as one", async () => {
    const [sft, grpo] = [await mkdtemp(join(directory, "a-")), await mkdtemp(join(directory, "b-"))];
    const step = (stage: string, metrics: object): string =>
      `${JSON.stringify({ kind: "run-start", name: stage, seed: 3, time: 0 })}\n` +
      `${JSON.stringify({ kind: "step-end", stage, step: 1, metrics, time: 2000 })}\n`;
    await writeFile(join(sft, "events.jsonl"), step("sft", { loss: 1.5 }));
    await writeFile(join(grpo, "events.jsonl"), step("grpo", { reward: 6, reward_std: 1 }));
    const output = join(directory, "both.html");
    expect(await writeReport({ directories: [sft, grpo], output })).toBe(output);
    const { document } = parseHTML(await readFile(output, "utf8"));
    expect(document.querySelector("h1")?.textContent).toBe("sft → grpo");
    expect([...document.querySelectorAll("#curves h3")].map((title) => title.textContent)).toEqual([
      "Supervised fine-tuning",
      "Reinforcement learning (GRPO)",
    ]);
    expect(document.querySelector(".lead")).toBeNull();
    expect(document.querySelector(".facts")?.textContent).toContain("4 s");
  });

  test("refuses a folder without events, damage in the middle, and pictures outside the run", async () => {
    const broken = await mkdtemp(join(directory, "c-"));
    await expect(writeReport(broken)).rejects.toThrow(DataError);
    const events = join(broken, "events.jsonl");
    await writeFile(events, '{"kind":"run-st\n');
    await appendFile(events, `${JSON.stringify({ kind: "run-end", time: 1 })}\n`);
    await expect(writeReport(broken)).rejects.toThrow("events.jsonl:1");
    const group = {
      exampleId: "a",
      task: "add",
      instruction: "",
      source: "../../secret.png",
      completions: [],
    };
    const event = { kind: "group-logged", stage: "grpo", step: 1, group, time: 1 };
    await writeFile(events, `${JSON.stringify(event)}\n`);
    await expect(writeReport(broken)).rejects.toThrow("outside images/");
    expect(existsSync(join(broken, "report.html"))).toBe(false);
  });

  test("refuses pictures that are links, and an images/ that is one", async () => {
    const linked = await mkdtemp(join(directory, "f-"));
    const group = { exampleId: "a", task: "add", instruction: "x", source: "s.png", completions: [] };
    const event = { kind: "group-logged", stage: "grpo", step: 1, group, time: 1 };
    await writeFile(join(linked, "events.jsonl"), `${JSON.stringify(event)}\n`);
    await mkdir(join(linked, "images"));
    await symlink(join(directory, "images", "s0.png"), join(linked, "images", "s.png"));
    await expect(writeReport(linked)).rejects.toThrow("s.png is a link");
    await rm(join(linked, "images"), { recursive: true });
    await symlink(join(directory, "images"), join(linked, "images"));
    await expect(writeReport(linked)).rejects.toThrow("images is a link");
    expect(existsSync(join(linked, "report.html"))).toBe(false);
  });

  test("takes the place of an older report, and of nothing else", async () => {
    const output = join(directory, "mine.html");
    await writeReport({ directories: [directory], output });
    await writeReport({ directories: [directory], output });
    await writeFile(output, "my own page");
    await expect(writeReport({ directories: [directory], output })).rejects.toThrow("no report of earl");
    expect(await readFile(output, "utf8")).toBe("my own page");
  });

  test("reads a run of 300,000 events", async () => {
    const long = await mkdtemp(join(directory, "g-"));
    const step = (number: number): string =>
      `${JSON.stringify({ kind: "step-end", stage: "sft", step: number, metrics: { loss: 1 }, time: number })}\n`;
    await writeFile(
      join(long, "events.jsonl"),
      Array.from({ length: 300_000 }, (_, number) => step(number)).join(""),
    );
    expect((await readRun([long])).events).toHaveLength(300_000);
  }, 60_000);

  test("shows a missing picture as missing", async () => {
    const bare = await mkdtemp(join(directory, "d-"));
    const group = { exampleId: "a", task: "add", instruction: "x", source: "gone.png", completions: [] };
    const event = { kind: "group-logged", stage: "grpo", step: 1, group, time: 1 };
    await writeFile(join(bare, "events.jsonl"), `${JSON.stringify(event)}\n`);
    expect(await readFile(await writeReport(bare), "utf8")).toContain("no picture");
  });
});

describe.skipIf(!hasChromium)(
  `report.html in Chromium${hasChromium ? "" : " (skipped: not installed)"}`,
  () => {
    test("fits 390 and 1280 px without a horizontal scroll of the page; the filter works", async () => {
      const args = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
      ];
      const browser = await chromium.launch({
        executablePath: CHROMIUM,
        args: [...args, "--disable-sync", "--no-first-run"],
      });
      try {
        for (const width of [390, 1280]) {
          const view = await browser.newPage({ viewport: { width, height: 900 } });
          const faults: string[] = [];
          view.on("console", (message) => faults.push(message.text()));
          await view.goto(`file://${path}`);
          await view.evaluate(() => {
            for (const fold of document.querySelectorAll("details")) fold.open = true;
          });
          expect(await view.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
          await view.selectOption("#task-filter", "swap");
          expect(await view.locator("#comparisons .row:visible").count()).toBe(4);
          expect(faults).toEqual([]);
          await view.close();
        }
      } finally {
        await browser.close();
      }
    });
  },
);
