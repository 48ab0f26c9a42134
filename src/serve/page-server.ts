/** The page's server: what a run said as JSON, what it says as server-sent events, and the files of the page. */

import { readFile } from "node:fs/promises";
import { lstatSync } from "node:fs";
import { join } from "node:path";

import { Hono, type Context } from "hono";
import { streamSSE, streamText } from "hono/streaming";

import { StageName, type Stage } from "../runs/event.ts";
import { isMetricName, metricSpec } from "../runs/metrics.ts";
import { EditAsked } from "./edit-asked.ts";
import { guard, policyHeaders } from "./guard.ts";
import type { EditTold, Push } from "./messages.ts";
import { IMPORT_MAP, libraryFileOf, pageFileOf, type PageFile } from "./page-files.ts";
import { pageHtml } from "./page-html.ts";
import { PAGE_STYLE } from "./page-style.ts";
import type { Playground } from "./playground.ts";
import { Curve } from "./curve.ts";
import type { RunShelf } from "./run-shelf.ts";
import type { RunWatch } from "./run-watch.ts";

export interface PageServerOptions {
  readonly shelf: RunShelf;
  readonly playground: Pick<Playground, "edit">;
  /** The run that the page opens with. */
  readonly first?: string | undefined;
  /** Needed from everybody where it is given. */
  readonly token?: string | undefined;
}

/** What a request is known to be about. */
interface Known {
  Variables: { watch: RunWatch };
}

/** Points of a curve that a chart can show, and the most that anybody gets. */
const POINTS = 1500;
const MOST_POINTS = 20_000;
/** A page that heard nothing for so long would think that the server is gone. */
const BEAT_MS = 10_000;

const TYPES: Readonly<Record<string, string>> = { png: "image/png", jpg: "image/jpeg", webp: "image/webp" };

/** Routes, ready for a socket. */
export function pageServer({ shelf, playground, first, token }: PageServerOptions): Hono<Known> {
  const app = new Hono<Known>();
  const headers = policyHeaders(IMPORT_MAP);
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(headers)) context.header(name, value);
  });
  app.use(guard(token));
  app.onError((error, context) => context.json({ problem: error.message }, 500));

  app.get("/", (context) => context.html(pageHtml(first)));
  app.get("/page/style.css", (context) => fileAnswer(context, { type: "text/css", content: PAGE_STYLE }));
  app.get("/page/:file", async (context) => fileAnswer(context, await pageFileOf(context.req.param("file"))));
  app.get("/library/:file", async (context) =>
    fileAnswer(context, await libraryFileOf(context.req.param("file"))),
  );

  app.get("/api/runs", (context) => context.json(shelf.cards()));
  app.get("/api/checkpoints", (context) => context.json(shelf.checkpoints()));
  app.get("/api/metrics/:name{.+}", (context) => {
    const name = context.req.param("name");
    return isMetricName(name)
      ? context.json(metricSpec(name))
      : notFound(context, `There is no metric ${name}.`);
  });
  app.get("/api/runs/:id/*", async (context, next) => {
    const watch = shelf.watch(context.req.param("id"));
    if (watch === undefined) return notFound(context, `There is no run ${context.req.param("id")} here.`);
    context.set("watch", watch);
    // Curves and groups of a part of the run would be mistaken for all of it.
    if (!context.req.path.endsWith("/events")) await watch.read();
    return next();
  });
  app.get("/api/runs/:id/curve", (context) => {
    const place = stageOf(context);
    const metric = context.req.query("metric") ?? "";
    if (place === undefined) return notFound(context, "Give stage and metric.");
    // A run that is laid over another one need not have all its metrics.
    const curve = watchOf(context).model.curve(place, metric) ?? new Curve();
    const from = numberOf(context, "from");
    const to = numberOf(context, "to");
    const points = Math.min(MOST_POINTS, Math.max(4, numberOf(context, "points") ?? POINTS));
    return context.json(
      curve.view({ ...(from !== undefined && { from }), ...(to !== undefined && { to }), points }),
    );
  });
  app.get("/api/runs/:id/groups", (context) => {
    const stage = stageOf(context);
    const step = numberOf(context, "step");
    if (stage === undefined || step === undefined) return notFound(context, "Give stage and step.");
    return context.json(watchOf(context).model.groups(stage, step));
  });
  app.get("/api/runs/:id/comparisons", (context) => context.json(watchOf(context).model.comparisons));
  app.get("/api/runs/:id/held-out", (context) => context.json(watchOf(context).model.heldOut));
  app.get("/api/runs/:id/images/:name", async (context) => {
    const name = context.req.param("name");
    const { directory } = watchOf(context);
    const path = join(directory.images, name);
    if (!directory.imageName.test(name) || !isPlainFile(path))
      return notFound(context, "There is no such picture.");
    context.header("content-type", TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream");
    return context.body(new Uint8Array(await readFile(path)));
  });
  app.get("/api/runs/:id/events", (context) => pushes(context, watchOf(context)));
  app.post("/api/edits", async (context) => {
    const asked = EditAsked.safeParse(await context.req.json().catch(() => undefined));
    if (!asked.success)
      return context.json({ problem: asked.error.issues[0]?.message ?? "This is no request." }, 400);
    const gone = new AbortController();
    return streamText(context, async (stream) => {
      stream.onAbort(() => gone.abort());
      const tell = async (told: EditTold): Promise<void> =>
        void (await stream.write(`${JSON.stringify(told)}\n`));
      await playground.edit(asked.data, { signal: gone.signal, tell });
    });
  });
  return app;
}

function pushes(context: Context, watch: RunWatch): Response {
  return streamSSE(context, async (stream) => {
    const waiting: Push[] = [];
    let wake: () => void = () => undefined;
    const leave = watch.listen((push) => {
      waiting.push(push);
      wake();
    });
    stream.onAbort(() => wake());
    try {
      while (!stream.aborted && !stream.closed) {
        for (let push = waiting.shift(); push !== undefined; push = waiting.shift()) {
          await stream.writeSSE({ data: JSON.stringify(push) });
        }
        const isHeard = await new Promise<boolean>((resolve) => {
          const timer = setTimeout(() => resolve(false), BEAT_MS);
          wake = () => {
            clearTimeout(timer);
            resolve(true);
          };
          if (waiting.length > 0 || stream.aborted) wake();
        });
        if (!isHeard) await stream.write(": still here\n\n");
      }
    } finally {
      leave();
    }
  });
}

function watchOf(context: Context<Known>): RunWatch {
  return context.get("watch");
}

function stageOf(context: Context): Stage | undefined {
  return StageName.safeParse(context.req.query("stage")).data;
}

function numberOf(context: Context, name: string): number | undefined {
  const text = context.req.query(name);
  const value = Number(text);
  return text === undefined || text === "" || !Number.isFinite(value) ? undefined : value;
}

function isPlainFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function fileAnswer(context: Context, file: PageFile | undefined): Response {
  if (file === undefined) return notFound(context, "There is no such file.");
  context.header("content-type", `${file.type}; charset=utf-8`);
  return context.body(file.content);
}

function notFound(context: Context, problem: string): Response {
  return context.json({ problem }, 404);
}
