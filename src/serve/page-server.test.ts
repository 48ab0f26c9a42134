import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { openTrial, trainTrial, trialConfig, trialDirectory } from "../../test/small/trial-run.ts";
import { readEvents } from "../runs/event-log.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import type { EditAsked } from "./edit-asked.ts";
import type { EditTold } from "./messages.ts";
import { pageServer } from "./page-server.ts";
import { RunShelf } from "./run-shelf.ts";

let run: RunDirectory;
let shelf: RunShelf;
let asked: EditAsked[];

/** Says what it was asked. */
const playground = {
  async edit(edit: EditAsked, { tell }: { tell: (told: EditTold) => Promise<void> }): Promise<void> {
    asked.push(edit);
    await tell({ kind: "end" });
  },
};

beforeEach(async () => {
  asked = [];
  run = trialDirectory();
  using open = openTrial(run, false, trialConfig());
  await trainTrial(open);
  const image = open.recorder.saveImage(new Uint8Array([0x89, 0x50, 1]));
  const group = { exampleId: "a", task: "swap", instruction: "<b>Swap</b>", source: image, completions: [] };
  open.recorder.record({ kind: "group-logged", stage: "sft", step: 5, group });
  shelf = new RunShelf(join(run.path, ".."));
});
afterEach(async () => shelf[Symbol.asyncDispose]());

type Served = Pick<Hono, "request">;
const serverOf = (token?: string): Served => pageServer({ shelf, playground, token });
const here = { headers: { host: "localhost:4040" } };
const json = async (server: Served, address: string): Promise<unknown> =>
  (await server.request(address, here)).json();

describe("what the page asks", () => {
  test("runs, with how far they are", async () => {
    expect(await json(serverOf(), "/api/runs")).toEqual([
      { id: "trial", state: "stopped", stage: "sft", step: 10, steps: expect.any(Number) as number },
    ]);
  });

  test("the values of a metric are those of the events", async () => {
    const losses = readEvents(run.events).flatMap((event) =>
      event.kind === "step-end" ? (event.metrics.loss ?? []) : [],
    );
    expect(await json(serverOf(), "/api/runs/trial/curve?stage=sft&metric=loss")).toEqual({
      steps: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      values: losses,
      total: 10,
    });
    const part = "/api/runs/trial/curve?stage=sft&metric=loss&from=4&to=5";
    expect(await json(serverOf(), part)).toMatchObject({ steps: [4, 5] });
  });

  test("groups, as they were logged", async () => {
    expect(await json(serverOf(), "/api/runs/trial/groups?stage=sft&step=5")).toMatchObject([
      { instruction: "<b>Swap</b>", order: 0 },
    ]);
    expect(await json(serverOf(), "/api/runs/trial/groups?stage=sft&step=6")).toEqual([]);
  });

  test("pictures of the run, and no other file of the machine", async () => {
    const server = serverOf();
    const name = (await json(server, "/api/runs/trial/groups?stage=sft&step=5")) as { source: string }[];
    const picture = await server.request(`/api/runs/trial/images/${name[0]?.source}`, here);
    expect(picture.headers.get("content-type")).toBe("image/png");
    const secret = join(mkdtempSync(join(tmpdir(), "earl-secret-")), "secret");
    writeFileSync(secret, "secret");
    const link = `${"0".repeat(20)}.png`;
    symlinkSync(secret, join(run.images, link));
    const others = [link, "..%2fconfig.yaml", "%2e%2e%2fevents.jsonl", `${"1".repeat(20)}.png`];
    for (const other of others) {
      expect((await server.request(`/api/runs/trial/images/${other}`, here)).status).toBe(404);
    }
    for (const other of ["..", "%2e%2e", "..%2f..", "trial%2f..", "nothing"]) {
      expect((await server.request(`/api/runs/${other}/comparisons`, here)).status).toBe(404);
    }
  });

  test("what is not there is said in words", async () => {
    expect(await json(serverOf(), "/api/runs/trial/curve?stage=none&metric=reward")).toEqual({
      problem: "Give stage and metric.",
    });
    expect(await json(serverOf(), "/api/runs/trial/curve?stage=sft&metric=reward")).toEqual({
      steps: [],
      values: [],
      total: 0,
    });
    expect(await json(serverOf(), "/api/runs/other/comparisons")).toEqual({
      problem: "There is no run other here.",
    });
  });

  test("a run that came later is found, one that is gone is not listed", async () => {
    const server = serverOf();
    const later = new RunDirectory(join(run.path, "..", "later"));
    using _ = openTrial(later, false);
    expect(await json(server, "/api/runs")).toHaveLength(2);
    rmSync(run.path, { recursive: true });
    expect(await json(server, "/api/runs")).toMatchObject([{ id: "later", state: "running" }]);
  });
});

describe("who may ask", () => {
  test("on loopback those who address loopback: no page of a name that points here", async () => {
    const status = async (host: string): Promise<number> =>
      (await serverOf().request("/api/runs", { headers: { host } })).status;
    expect(await status("127.0.0.1:4040")).toBe(200);
    expect(await status("[::1]:4040")).toBe(200);
    expect(await status("evil.example:4040")).toBe(403);
    expect(await status("localhost.evil.example")).toBe(403);
    expect(await status("127.evil.example")).toBe(403);
  });

  test("elsewhere those with the token, which is a cookie from then on", async () => {
    const server = serverOf("s3cret");
    const from = { headers: { host: "10.0.0.5:4040" } };
    expect((await server.request("/", from)).status).toBe(403);
    expect((await server.request("/?token=guess", from)).status).toBe(403);
    const opened = await server.request("/?token=s3cret", from);
    expect(opened.status).toBe(200);
    const cookie = opened.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/HttpOnly.*SameSite=Strict/i);
    const known = { headers: { ...from.headers, cookie: cookie.split(";")[0] ?? "" } };
    expect((await server.request("/api/runs", known)).status).toBe(200);
  });

  test("edits are asked for by the server's own page alone", async () => {
    const ask = (headers: Record<string, string>, body: unknown): Promise<Response> | Response =>
      serverOf().request("/api/edits", {
        method: "POST",
        headers: { ...here.headers, "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
    const edit: EditAsked = {
      picture: "data:image/png;base64,AAAA",
      instruction: "Make it red",
      checkpoints: [{ run: "trial", name: "sft-000009" }],
      completions: 2,
      temperature: 1,
      seed: 3,
    };
    expect((await ask({ origin: "http://evil.example" }, edit)).status).toBe(403);
    expect((await ask({ origin: "null" }, edit)).status).toBe(403);
    expect(asked).toEqual([]);
    const told = await ask({ origin: "http://localhost:4040" }, edit);
    expect(await told.text()).toBe('{"kind":"end"}\n');
    expect(asked).toEqual([edit]);
    const wrong: [object, string][] = [
      [{ ...edit, instruction: "  " }, "Type an instruction."],
      [{ ...edit, picture: "http://elsewhere/picture.png" }, "The picture must be a PNG, JPEG or WebP file."],
      [{ ...edit, checkpoints: [] }, "Choose a checkpoint."],
      [{ ...edit, completions: 1000 }, "At most 16 completions."],
    ];
    for (const [body, problem] of wrong) {
      const answer = await ask({}, body);
      expect([answer.status, await answer.json()]).toEqual([400, { problem }]);
    }
  });

  test("the page runs its own scripts alone and lies in no frame", async () => {
    const page = await serverOf().request("/", here);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/script-src[^;]*(?:unsafe|\*|https?:)/);
  });
});
