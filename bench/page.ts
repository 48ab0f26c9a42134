/**
 * The page of `earl serve` in Debian's chromium: time to first paint, to the curves of a long run, and from an event that
 * a run records to what stands on the page. With --picture, a run's page is photographed instead.
 *
 *   node src/from-source.mjs bench/page.ts [--events 100000] [--rounds 5]
 *   node src/from-source.mjs bench/page.ts --run runs/demo --picture docs/watch-gallery.png [--view gallery] [--over other]
 *
 * The long run has 40 metrics a step, as GRPO logs them. The page's modules are compiled before the clock starts, as they
 * are in the package.
 */

import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { chromium, type Page } from "playwright-core";

import { listen } from "../src/serve/listen.ts";
import { pageServer } from "../src/serve/page-server.ts";
import { Playground } from "../src/serve/playground.ts";
import { RunShelf } from "../src/serve/run-shelf.ts";
import { quantile } from "../src/algorithms/statistics.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "100000" },
    rounds: { type: "string", default: "5" },
    run: { type: "string" },
    picture: { type: "string" },
    view: { type: "string", default: "gallery" },
    /** Of curves: a run beside it that is laid over. */
    over: { type: "string" },
  },
});

const METRICS = 40;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  if (values.picture === undefined) await measure();
  else await photograph(values.run ?? "runs/demo", values.picture);
} finally {
  await browser.close();
}

/** A page of a server over a folder of runs; both are closed with it. */
async function openPage(
  folder: string,
  work: (page: Page, address: string) => Promise<void>,
  size = { width: 1280, height: 900 },
): Promise<void> {
  await using shelf = new RunShelf(folder);
  await using playground = new Playground(folder);
  await using server = await listen(pageServer({ shelf, playground }), { host: "127.0.0.1", port: 0 });
  const page = await browser.newPage({ viewport: size });
  try {
    await work(page, `http://127.0.0.1:${server.port}`);
  } finally {
    await page.close();
  }
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "earl-page-"));
  const long = join(folder, "long");
  mkdirSync(long);
  const events = Number(values.events);
  writeFileSync(join(long, "events.jsonl"), eventLine({ kind: "run-start", name: "long", seed: 0 }));
  for (let from = 1; from <= events; from += 1000) {
    const lines = Array.from({ length: Math.min(1000, events - from + 1) }, (_, at) => stepLine(from + at));
    appendFileSync(join(long, "events.jsonl"), lines.join(""));
  }
  const figures = {
    paint: [] as number[],
    open: [] as number[],
    again: [] as number[],
    follow: [] as number[],
  };
  try {
    // Compiles the page's modules, and starts the browser's own processes.
    await openPage(folder, async (page, address) => void (await page.goto(`${address}/#/long/overview`)));
    for (let round = 0; round < Number(values.rounds); round += 1) {
      await openPage(folder, async (page, address) => {
        const opened = async (): Promise<number> => {
          const begun = performance.now();
          await page.goto(`${address}/#/long/curves`);
          await page.waitForFunction(
            (last) => document.querySelector(".plot")?.getAttribute("aria-label")?.includes(`step ${last}`),
            events + figures.follow.length,
          );
          return performance.now() - begun;
        };
        figures.open.push(await opened());
        const paint = await page.evaluate(
          () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
        );
        figures.paint.push(paint);
        await page.goto("about:blank");
        figures.again.push(await opened());
        const step = events + figures.follow.length + 1;
        const told = page.waitForFunction(
          (last) => document.querySelector(".plot")?.getAttribute("aria-label")?.includes(`step ${last}`),
          step,
        );
        const begun = performance.now();
        appendFileSync(join(long, "events.jsonl"), stepLine(step));
        await told;
        figures.follow.push(performance.now() - begun);
      });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const row = (name: string, times: readonly number[]): string =>
    `${name.padEnd(44)} ${quantile(times, 0.5).toFixed(0).padStart(6)} ms  (${Math.min(...times).toFixed(0)}-${Math.max(...times).toFixed(0)})`;
  console.log(row("first contentful paint", figures.paint));
  console.log(row(`curves of ${events} events, read anew`, figures.open));
  console.log(row("the same, read before", figures.again));
  console.log(row("from an event to the page", figures.follow));
}

async function photograph(run: string, picture: string): Promise<void> {
  const whole = resolve(run);
  await openPage(
    dirname(whole),
    async (page, address) => {
      await page.goto(`${address}/#/${basename(whole)}/${values.view}`);
      await page.waitForSelector("main h1");
      if (values.over !== undefined) await page.check(`fieldset label:has-text("${values.over}")`);
      await page.waitForTimeout(2000);
      await page.screenshot({ path: picture });
      console.log(picture);
    },
    { width: 1280, height: 860 },
  );
}

function eventLine(fields: object): string {
  return `${JSON.stringify({ v: 2, attempt: 0, time: 0, ...fields })}\n`;
}

function stepLine(step: number): string {
  const metrics: Record<string, number> = { reward: 3 + Math.sin(step / 2000) + (step % 7) / 10 };
  for (let at = 1; at < METRICS; at += 1) metrics[`rewards/part-${at}/mean`] = Math.sin(step / (100 * at));
  return eventLine({ kind: "step-end", stage: "grpo", step, metrics, time: 500 * step });
}
