import { beforeEach, describe, expect, test } from "vitest";
import { fails, says, type Behaviour } from "../../test/judge-server/behaviour.ts";
import { JudgeServer } from "../../test/judge-server/judge-server.ts";
import { never, openModel, QUESTION, take } from "../../test/judge-server/open-chat.ts";
import { JumpingTimers } from "../../test/judge-server/jumping-timers.ts";
import { EndpointPool } from "./endpoint-pool.ts";
import { Endpoint, type Slot } from "./endpoint.ts";
import { EndpointSettings } from "./judge-settings.ts";
import { ServerConnection } from "./server-connection.ts";
import { sleep } from "./timers.ts";

let timers: JumpingTimers;
beforeEach(() => {
  timers = new JumpingTimers();
});

function endpoint(own: object = {}): Endpoint {
  const settings = EndpointSettings.parse({ url: "http://127.0.0.1:9/v1", ...own });
  return new Endpoint(new ServerConnection(settings), settings);
}

/** Takes a slot, or throws where there is none. */
async function slotOf(pool: EndpointPool, own: { tokens?: number; avoid?: Endpoint } = {}): Promise<Slot> {
  const { tokens = 0, avoid } = own;
  const slot = await pool.slot({ tokens, avoid, signal: never });
  if (slot === "stalled") throw new Error("stalled");
  return slot;
}

describe("EndpointPool", () => {
  test("lets no more through a minute than it may, and everything in the end", async () => {
    const pool = new EndpointPool([endpoint({ requestsPerMinute: 10 })], 1e6, timers);
    const begun = timers.seconds();
    const times: number[] = [];
    await Promise.all(
      Array.from({ length: 35 }, async () => {
        const slot = await slotOf(pool);
        times.push(timers.seconds() - begun);
        slot.release({ health: "up" });
      }),
    );
    for (const [index, time] of times.entries()) {
      const within = times.filter((other) => other >= time && other < time + 60);
      expect(within.length, `from request ${index} on`).toBeLessThanOrEqual(10);
    }
    expect(times).toHaveLength(35);
  });
  test("counts tokens as they were estimated, and as they were when that is known", async () => {
    const pool = new EndpointPool([endpoint({ tokensPerMinute: 1000 })], 1e6, timers);
    const first = await slotOf(pool, { tokens: 900 });
    const begun = timers.seconds();
    const waiting = slotOf(pool, { tokens: 500 });
    first.release({ health: "up", tokens: 100 });
    (await waiting).release({ health: "up" });
    expect(timers.seconds() - begun).toBe(0);
    await slotOf(pool, { tokens: 900 });
    expect(timers.seconds() - begun).toBe(60);
  });
  test("serves those first who were tried before, then in order", async () => {
    const only = endpoint({ concurrency: 1 });
    const pool = new EndpointPool([only], 1e6, timers);
    const held = await slotOf(pool);
    const served: string[] = [];
    const waiters = [
      ["a", undefined],
      ["b", undefined],
      ["again", only],
      ["c", undefined],
    ] as const;
    const done = waiters.map(async ([name, avoid]) => {
      const slot = await slotOf(pool, avoid === undefined ? {} : { avoid });
      served.push(name);
      slot.release({ health: "up" });
    });
    held.release({ health: "up" });
    await Promise.all(done);
    expect(served).toEqual(["again", "a", "b", "c"]);
  });
  test("takes the emptiest server, and another one than that which failed", async () => {
    const [wide, narrow] = [endpoint({ concurrency: 10 }), endpoint({ concurrency: 2 })];
    const pool = new EndpointPool([wide, narrow], 1e6, timers);
    const slots = [];
    for (let index = 0; index < 12; index += 1) slots.push(await slotOf(pool));
    expect(slots.filter((slot) => slot.endpoint === wide)).toHaveLength(10);
    expect(slots.slice(0, 6).filter((slot) => slot.endpoint === wide)).toHaveLength(5);
    for (const slot of slots) slot.release({ health: "up" });
    expect((await slotOf(pool, { avoid: wide })).endpoint).toBe(narrow);
  });
  test("leaves a server alone for as long as it asked", async () => {
    const [tired, fresh] = [endpoint(), endpoint()];
    const pool = new EndpointPool([tired, fresh], 1e6, timers);
    const first = await slotOf(pool, { avoid: fresh });
    first.release({ health: "throttling", restMs: 60_000 });
    for (let index = 0; index < 5; index += 1) expect((await slotOf(pool)).endpoint).toBe(fresh);
  });
  test("gives up on whoever waits while nobody is answered, not while others are", async () => {
    const busy = endpoint({ concurrency: 1 });
    const pool = new EndpointPool([busy], 100, timers);
    let slot = await slotOf(pool);
    const waiting = pool.slot({ tokens: 0, avoid: undefined, signal: never });
    const others = Array.from({ length: 5 }, () => slotOf(pool, { avoid: busy }));
    // Half of the patience between two answers: five of them are longer than one patience.
    for (const other of others) {
      await sleep(timers, 50_000, never);
      slot.release({ health: "up" });
      slot = await other;
    }
    slot.release({ health: "up" });
    expect(await waiting).not.toBe("stalled");
    const begun = timers.seconds();
    expect(await pool.slot({ tokens: 0, avoid: undefined, signal: never })).toBe("stalled");
    expect(timers.seconds() - begun).toBe(100);
  });
  test("tells those in front to get ready, as many as there are slots, once each and before their turn", async () => {
    const pool = new EndpointPool([endpoint({ concurrency: 2 })], 1e6, timers);
    const events: string[] = [];
    const asked = Array.from({ length: 7 }, async (_, index) => {
      const onNear = (): void => void events.push(`near ${index}`);
      const slot = await pool.slot({ tokens: 0, avoid: undefined, onNear, signal: never });
      if (slot === "stalled") throw new Error("stalled");
      events.push(`slot ${index}`);
      return slot;
    });
    const [first, second] = await Promise.all(asked.slice(0, 2));
    expect(events).toEqual(["near 2", "near 3", "slot 0", "slot 1"]);
    first!.release({ health: "up" });
    expect(events.at(-1)).toBe("near 4");
    second!.release({ health: "up" });
    for (const one of asked.slice(2)) (await one).release({ health: "up" });
    expect(events.filter((event) => event.startsWith("near"))).toEqual(
      [2, 3, 4, 5, 6].map((index) => `near ${index}`),
    );
    for (let index = 2; index < 7; index += 1) {
      expect(events.indexOf(`near ${index}`)).toBeLessThan(events.indexOf(`slot ${index}`));
    }
  });
  test("whoever leaves the line takes no slot", async () => {
    const pool = new EndpointPool([endpoint({ concurrency: 1 })], 1e6, timers);
    const held = await slotOf(pool);
    const controller = new AbortController();
    const leaving = pool.slot({ tokens: 0, avoid: undefined, signal: controller.signal });
    const staying = slotOf(pool);
    controller.abort(new Error("left"));
    await expect(leaving).rejects.toThrow("left");
    held.release({ health: "up" });
    await staying;
  });
});

describe("a server that goes away and comes back", () => {
  test("is left alone meanwhile, probed now and then, and asked again", async () => {
    let behaviour: Behaviour = fails(503);
    await using server = await JudgeServer.start(() => behaviour);
    await using model = openModel([server], { server: { retries: 1, totalSeconds: 10_000 } });
    const begun = performance.now();
    const during = await Promise.all(Array.from({ length: 6 }, () => model.ask(QUESTION, take, never)));
    expect(during.every(({ kind }) => kind === "unreachable")).toBe(true);
    expect(server.count).toBe(12);
    // Some at once, the others not before the first probe, after 2 s at hundredfold speed.
    expect(performance.now() - begun).toBeGreaterThan(20);
    const probes = server.count;
    behaviour = says("fine");
    const after = await Promise.all(Array.from({ length: 6 }, () => model.ask(QUESTION, take, never)));
    expect(after.every(({ kind }) => kind === "answered")).toBe(true);
    expect(server.count - probes).toBe(6);
  });
});
