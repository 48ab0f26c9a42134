/** The page of `earl serve` in a browser: a run that goes on, is resumed and ends; a long one; the playground. */

import { existsSync } from "node:fs";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { encodePng } from "../src/images/png.ts";
import { picture } from "../src/images/picture.ts";
import type { OpenRun } from "../src/runs/open-run.ts";
import { RunDirectory } from "../src/runs/run-directory.ts";
import { listen, type Listening } from "../src/serve/listen.ts";
import { pageServer } from "../src/serve/page-server.ts";
import { Playground } from "../src/serve/playground.ts";
import { RunShelf } from "../src/serve/run-shelf.ts";
import { HOSTILE } from "./report/written-run.ts";
import { writeTinyCheckpoint } from "./small/tiny-checkpoint.ts";
import { openTrial, trialDirectory } from "./small/trial-run.ts";

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);

/** A busy machine is slow, not wrong. */
const eventually = (look: () => unknown): ReturnType<typeof expect.poll> =>
  expect.poll(look, { timeout: 20_000 });

/** A red square on white, `side` pixels wide. */
function redSquare(side: number): Uint8Array {
  const drawn = picture(
    side,
    side,
    Uint8Array.from({ length: 3 * side * side }, () => 255),
  );
  for (let y = 8; y < 16; y += 1)
    for (let x = 8; x < 16; x += 1) drawn.pixels.set([220, 30, 30], 3 * (y * side + x));
  return encodePng(drawn);
}

function recordStep(run: OpenRun, step: number, reward: number): void {
  run.recorder.record({ kind: "step-end", stage: "grpo", step, metrics: { reward, loss: -reward / 10 } });
}

function recordGroup(run: OpenRun, step: number, thought?: string): void {
  const image = run.recorder.saveImage(redSquare(32));
  const said = { reasoning: HOSTILE, ...(thought !== undefined && { thought }) };
  const completions = [3, 7].map((reward) => ({
    image,
    reward,
    advantage: reward - 5,
    verdict: "scored" as const,
    ...said,
  }));
  const group = { exampleId: "a", task: "swap", instruction: HOSTILE, source: image, completions };
  run.recorder.record({ kind: "group-logged", stage: "grpo", step, group });
}

describe.skipIf(!hasChromium)("the page in a browser", () => {
  let browser: Browser;
  let page: Page;
  let shelf: RunShelf;
  let playground: Playground;
  let server: Listening;
  /** What the browser complained of. */
  let complaints: string[];

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });
  afterAll(async () => browser?.close());
  afterEach(async () => {
    await page.close();
    await server[Symbol.asyncDispose]();
    await playground[Symbol.asyncDispose]();
    await shelf[Symbol.asyncDispose]();
    if (complaints.length > 0) throw new Error(`The browser complained: ${complaints.join("; ")}`);
  });

  async function open(run: RunDirectory, view: string): Promise<void> {
    const folder = join(run.path, "..");
    shelf = new RunShelf(folder);
    playground = new Playground(folder);
    server = await listen(pageServer({ shelf, playground }), { host: "127.0.0.1", port: 0 });
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    complaints = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", (dialog) => complaints.push(`a script ran: ${dialog.message()}`));
    await page.goto(`http://127.0.0.1:${server.port}/#/${run.name}/${view}`);
  }

  const text = (selector: string): Promise<string | null> => page.textContent(selector);

  test("follows a run while it goes on, through a resume, to its end", async () => {
    const directory = trialDirectory();
    {
      using run = openTrial(directory, false);
      run.recorder.record({ kind: "stage-start", stage: "grpo", steps: 9 });
      recordStep(run, 1, 2);
      await open(directory, "overview");
      await eventually(() => text("main")).toContain("1 of 9 steps");
      expect(await text(".runs")).toContain("running");
      recordStep(run, 2, 3);
      await eventually(() => text("main")).toContain("2 of 9 steps");
      await page.click("text=Curves");
      await expect
        .poll(() => page.getAttribute(".plot", "aria-label"))
        .toContain("reward from 2 at step 1 to 3 at step 2");
      recordStep(run, 3, 5);
      await eventually(() => page.getAttribute(".plot", "aria-label")).toContain("to 5 at step 3");
    }
    // Nothing was saved, so it begins again: what was shown is void.
    using run = openTrial(directory, true);
    run.recorder.record({ kind: "stage-start", stage: "grpo", steps: 9 });
    recordStep(run, 1, 8);
    await expect.poll(() => page.getAttribute(".plot", "aria-label")).toContain("to 8 at step 1");
    run.recorder.record({
      kind: "warning",
      stage: "grpo",
      step: 1,
      figure: "monitor/unchanged",
      value: 0.9,
      limit: 0.5,
      message: "most pictures equal their source",
    });
    run.recorder.record({ kind: "run-paused", stage: "grpo", reason: "The judge is gone." });
    await page.click("text=Overview");
    await eventually(() => text("main")).toContain("The run waits: The judge is gone.");
    expect(await text("main")).toContain("most pictures equal their source");
    run.recorder.record({ kind: "run-end" });
    run[Symbol.dispose]();
    await eventually(() => text(".lead")).toContain("finished");
  });

  test("shows groups as they come, and what others wrote as text", async () => {
    const directory = trialDirectory();
    using run = openTrial(directory, false);
    run.recorder.record({ kind: "stage-start", stage: "grpo", steps: 9 });
    recordGroup(run, 1);
    await open(directory, "gallery");
    await page.waitForSelector(".completion img");
    expect(await page.$$eval(".group h2", (titles) => titles.map((title) => title.textContent))).toEqual([
      `${HOSTILE} swap`,
    ]);
    recordGroup(run, 4, HOSTILE);
    await eventually(() => text("output")).toContain("GRPO step 4 (newest)");
    await page.click("text=Thought");
    expect(await page.$$eval(".words", (all) => all.map((one) => one.textContent))).toContain(HOSTILE);
    expect(await page.$$eval("main script, main b i", (all) => all.length)).toBe(0);
    // By keyboard to the earlier step.
    await page.focus('input[type="range"]');
    await page.keyboard.press("ArrowLeft");
    await eventually(() => text("output")).toBe("GRPO step 1");
    const broken = await page.$$eval(
      "img",
      (all) => all.filter((one) => !one.complete || one.naturalWidth === 0).length,
    );
    expect(broken).toBe(0);
  });

  test("says what is wrong with a run that is broken, or none", async () => {
    const directory = trialDirectory();
    {
      using run = openTrial(directory, false);
      run.recorder.record({ kind: "stage-start", stage: "grpo", steps: 9 });
      recordStep(run, 1, 2);
    }
    appendFileSync(directory.events, "{nonsense\n");
    await open(directory, "overview");
    await eventually(() => text("main")).toContain("is not an event. What stands here is what was read");
    expect([await text("main .state"), await text("main")]).toEqual([
      "damaged",
      expect.not.stringContaining("Reading") as string,
    ]);
    await page.evaluate("location.hash = '#/no-such-run/curves'");
    await eventually(() => text("main")).toBe("There is no run no-such-run here. Choose one above.");
  });

  test("lays runs over each other, also those that lack a metric, and takes them away again", async () => {
    const directory = trialDirectory();
    using run = openTrial(directory, false);
    run.recorder.record({ kind: "stage-start", stage: "grpo", steps: 9 });
    for (const step of [1, 2, 3]) recordStep(run, step, step);
    for (const [name, metrics] of [
      ["other", { reward: 5 }],
      ["without", { loss: 1 }],
    ] as const) {
      const other = new RunDirectory(join(directory.path, "..", name));
      mkdirSync(other.path);
      const told = { v: 2, attempt: 0, time: 0, stage: "grpo" };
      const events = [
        { kind: "stage-start", steps: 2, ...told },
        { kind: "step-end", step: 1, metrics, ...told },
        { kind: "step-end", step: 7, metrics, ...told },
      ];
      writeFileSync(other.events, events.map((one) => `${JSON.stringify(one)}\n`).join(""));
      writeFileSync(other.config, "");
    }
    await open(directory, "curves");
    const words = (part: string): Promise<(string | null)[]> =>
      page.$$eval(
        ".chart",
        ([first], within) => [...(first?.querySelectorAll(within) ?? [])].map((one) => one.textContent),
        part,
      );
    await eventually(async () => words(".u-label")).toEqual(["step", "trial"]);
    await page.check('fieldset label:has-text("other")');
    await page.check('fieldset label:has-text("without")');
    await eventually(async () => words(".u-label")).toEqual(["step", "trial", "other", "without"]);
    // Both runs that have a first step say what it was.
    await page.hover(".chart .u-over", { position: { x: 2, y: 20 } });
    await eventually(async () => words(".u-value")).toEqual(["1", "1", "5", "--"]);
    recordStep(run, 4, 9);
    await eventually(() => page.getAttribute(".plot", "aria-label")).toContain("to 9 at step 4");
    await page.uncheck('fieldset label:has-text("other")');
    await eventually(async () => words(".u-label")).toEqual(["step", "trial", "without"]);
    expect(await words(".u-value")).toHaveLength(3);
  });

  test("opens a run of 100,000 events, thinned out but to its last step, and zooms in by keys", async () => {
    const directory = trialDirectory();
    openTrial(directory, false)[Symbol.dispose]();
    const event = (step: number): string =>
      `{"kind":"step-end","v":2,"attempt":0,"stage":"grpo","step":${step},"metrics":{"reward":${step === 54_321 ? 99 : step % 7}},"time":${step}}\n`;
    appendFileSync(directory.events, Array.from({ length: 100_000 }, (_, at) => event(at + 1)).join(""));
    await open(directory, "curves");
    await eventually(() => page.getAttribute(".plot", "aria-label")).toContain(
      "at step 100000, between 0 and 99.",
    );
    await page.focus(".plot");
    for (let times = 0; times < 3; times += 1) await page.keyboard.press("+");
    await expect
      .poll(() => page.getAttribute(".plot", "aria-label"))
      .toMatch(/from \S+ at step 4\d{4} to \S+ at step 5\d{4}/);
    await page.keyboard.press("0");
    await eventually(() => page.getAttribute(".plot", "aria-label")).toContain("at step 100000");
  });

  test("fits a phone in the dark, and lets keys skip to its content", async () => {
    const directory = trialDirectory();
    using run = openTrial(directory, false);
    recordGroup(run, 1);
    recordStep(run, 1, 5);
    await open(directory, "overview");
    const light = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 360, height: 640 });
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const brightness = (colour: string): number => Number(/\d+/.exec(colour)?.[0]);
    expect([brightness(light) > 200, brightness(dark) < 60]).toEqual([true, true]);
    for (const view of ["Curves", "Gallery", "Held-out", "Judges", "Playground"]) {
      await page.click(`.views a:has-text("${view}")`);
      await eventually(() => text("h1")).toContain(view);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), view).toBe(360);
      const box = await page.locator(".views [aria-current]").boundingBox();
      expect(box!.x + box!.width, view).toBeLessThanOrEqual(361);
    }
    const address = page.url();
    await page.focus(".skip");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("content");
    expect(page.url()).toBe(address);
  });

  test("edits a picture row by row, compares two checkpoints on one seed, and says what one cannot do", async () => {
    const directory = trialDirectory();
    using run = openTrial(directory, false);
    run.recorder.record({ kind: "stage-start", stage: "sft", steps: 1 });
    for (const step of [1, 2]) {
      await run.recorder.saveCheckpoint({
        stage: "sft",
        step,
        loop: {},
        isBest: step === 1,
        write: async (folder) => void (await writeTinyCheckpoint(folder)),
      });
    }
    const source = join(directory.path, "..", "..", "source.png");
    mkdirSync(join(source, ".."), { recursive: true });
    writeFileSync(source, redSquare(32));
    await open(directory, "playground");
    await page.waitForSelector("option[value='trial/sft-000001']", { state: "attached" });
    await page.click("button.main");
    await eventually(() => text(".alert")).toBe("Give a picture.");
    await page.setInputFiles("input[type=file]", source);
    await page.fill("input[type=text]", "Make it blue");
    const shown = new Set<string>();
    await page.exposeFunction("shown", (words: string) => shown.add(words));
    await page.evaluate(() => {
      const tell = (globalThis as unknown as { shown: (words: string) => void }).shown;
      new MutationObserver(() => {
        for (const one of document.querySelectorAll("figcaption")) tell(one.textContent ?? "");
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    await page.click("button.main");
    await eventually(() => page.$$eval(".canvas img", (all) => all.length)).toBe(4);
    await eventually(() => page.getAttribute("[aria-busy]", "aria-busy")).toBe("false");
    expect([...shown].some((words) => /^row \d of 4$/.test(words))).toBe(true);
    expect([...shown]).toEqual(expect.arrayContaining(["source", "completion 1", "completion 4"]));

    // Equal weights and one seed write equal pictures; another seed writes others.
    const pictures = (): Promise<string[][]> =>
      page.$$eval("section.group", (arms) =>
        arms.map((arm) =>
          [...arm.querySelectorAll(".canvas img")].map((one) => one.getAttribute("src") ?? ""),
        ),
      );
    const [alone] = await pictures();
    await page.selectOption('label:has-text("Compare with") select', "trial/sft-000002");
    const seed = 'label:has-text("Seed") input';
    for (const [value, isSame] of [
      ["0", true],
      ["7", false],
    ] as const) {
      await page.fill(seed, value);
      await page.click("button.main");
      await eventually(() => page.$$eval("section.group .canvas img", (all) => all.length)).toBe(8);
      await eventually(() => page.getAttribute("[aria-busy]", "aria-busy")).toBe("false");
      const [first, second] = await pictures();
      expect([first, JSON.stringify(first) === JSON.stringify(alone)]).toEqual([second, isSame]);
    }
  });
});
