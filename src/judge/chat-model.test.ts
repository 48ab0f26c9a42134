import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { picture } from "../images/picture.ts";
import {
  completion,
  fails,
  json,
  says,
  text,
  throttles,
  type Behaviour,
} from "../../test/judge-server/behaviour.ts";
import { JudgeServer } from "../../test/judge-server/judge-server.ts";
import { ask, never, openModel, QUESTION, take } from "../../test/judge-server/open-chat.ts";
import type { Asked } from "./pursuit.ts";

const statuses = ({ attempts }: Asked<unknown>): string[] => attempts.map(({ status }) => status);

describe("ChatModel", () => {
  test("sends the text first, then the pictures as JPEG of quality 75 with halved colour", async () => {
    const source = picture(64, 48, new Uint8Array(64 * 48 * 3).fill(200));
    const { asked, server } = await ask([says("fine")], { question: { pictures: [source, source] } });
    expect(asked).toMatchObject({
      kind: "answered",
      answer: "fine",
      usage: { inputTokens: 100, outputTokens: 10 },
    });
    const [{ body, pictures }] = server.seen as [(typeof server.seen)[0]];
    const parts = (body["messages"] as [{ content: { type: string }[] }])[0].content;
    expect(parts.map(({ type }) => type)).toEqual(["text", "image_url", "image_url"]);
    expect(await sharp(pictures[0]).metadata()).toMatchObject({
      format: "jpeg",
      width: 64,
      height: 48,
      chromaSubsampling: "4:2:0",
    });
    expect(body).toMatchObject({ model: "judge", temperature: 0, max_tokens: 100 });
    expect(body).not.toHaveProperty("seed");
  });

  test.each<[string, Behaviour]>([
    ["never comes", { does: "hangs" }],
    ["never ends", { does: "stalls", beginning: '{"choices": [' }],
  ])("tries again after a reply that %s", async (_, fault) => {
    const { asked } = await ask([fault, says("fine")], { server: { callSeconds: 20 } });
    expect(asked.kind).toBe("answered");
    expect(statuses(asked)[0]).toBe("timeout");
  });

  test.each<[string, Behaviour, string]>([
    ["a connection that is reset", { does: "resets" }, "connection"],
    ["a reply that breaks off", { does: "breaks off", body: '{"choices": [{}]}' }, "connection"],
    ["408", fails(408), "timeout"],
    ["429", throttles(), "throttled"],
    ["429 with seconds to wait", throttles("1"), "throttled"],
    ["500", fails(500), "server-error"],
    ["503 with a page", text("<html>down</html>", 503), "server-error"],
    ["a router that passes on 429 under 200", json({ error: { message: "busy", code: 429 } }), "throttled"],
    [
      "a router that passes on 502 under 200",
      json({ error: { message: "down", code: 502 } }),
      "server-error",
    ],
    ["JSON that is cut", text('{"choices": [{"mess', 200, "application/json"), "malformed"],
    ["a page under 200", text("<html>sign in</html>"), "malformed"],
    ["another shape", json({ result: "fine" }), "malformed"],
    ["an error under 200", json({ object: "error", error: "bad" }), "malformed"],
    ["no choices", json({ choices: [], usage: null }), "empty"],
    ["no content", completion({ content: null }), "empty"],
    ["thoughts alone", completion({ content: null, message: { reasoning: "hm" } }), "empty"],
    ["white space", completion({ content: " \n\n " }), "empty"],
    ["white space without an end", completion({ content: " ".repeat(5000), finish: "length" }), "truncated"],
    ["a reply that was too long", completion({ content: "The edit", finish: "length" }), "truncated"],
    ["a refusal", completion({ content: null, message: { refusal: "I will not" } }), "refused"],
    ["a filter", completion({ content: "", finish: "content_filter" }), "refused"],
    ["more bytes than any verdict has", text(`{"a": "${"x".repeat(5 * 2 ** 20)}"}`), "too-large"],
  ])("tries again after %s", async (_, fault, status) => {
    const { asked, server } = await ask([fault, says("fine")]);
    expect(asked).toMatchObject({ kind: "answered", answer: "fine" });
    expect(statuses(asked)).toEqual([status, "answered"]);
    expect(server.count).toBe(2);
  });

  test.each([
    [
      "content in parts",
      completion({
        content: [
          { type: "text", text: "fi" },
          { type: "text", text: "ne" },
        ],
      }),
    ],
    ["usage that is null", completion({ content: "fine", usage: null })],
    ["no usage", completion({ content: "fine", usage: undefined })],
    ["usage of another shape", completion({ content: "fine", usage: { prompt_tokens: "many" } })],
    ["fields that nobody knows", completion({ content: "fine", message: { audio: null, annotations: [] } })],
    [
      "thoughts in a field of their own",
      completion({ content: "fine", message: { reasoning_content: "hm" } }),
    ],
    ["no reason for its end", completion({ content: "fine", finish: null })],
    ["JSON under the type of text", text('{"choices":[{"message":{"content":"fine"}}]}', 200, "text/plain")],
  ])("reads %s", async (_, reply) => {
    expect((await ask([reply])).asked).toMatchObject({ kind: "answered", answer: "fine" });
  });

  test.each([
    ["400", fails(400, "the picture is broken")],
    ["401", fails(401, "no key")],
    ["403", fails(403)],
    ["413", text("too large", 413)],
  ])("gives up at once at %s", async (_, fault) => {
    const { asked, server } = await ask([fault]);
    expect(asked.kind).toBe("unreachable");
    expect(server.count).toBe(1);
  });

  test.each([
    ["an OpenAI error", fails(403, "not allowed")],
    ["an error of older vLLM", json({ object: "error", message: "not allowed", code: 403 }, 403)],
    ["an error of FastAPI", json({ detail: "not allowed" }, 403)],
    ["an error of Ollama", json({ error: "not allowed" }, 403)],
    ["a page", text("not allowed", 403)],
  ])("says what the server said in %s", async (_, fault) => {
    const { asked, server } = await ask([fault]);
    expect(asked).toMatchObject({ reason: `HTTP 403: not allowed (${server.url})` });
  });

  test("a server that never recovers is given up after the retries, with its last fault", async () => {
    const { asked, server } = await ask([fails(500, "out of memory")], { server: { retries: 3 } });
    expect(asked).toMatchObject({
      kind: "unreachable",
      reason: expect.stringContaining("out of memory") as string,
    });
    expect(server.count).toBe(4);
    expect(asked.attempts).toHaveLength(4);
  });
  test("a model that never makes sense is given up as unparsable, each time asked for another reply", async () => {
    const { asked, server } = await ask([completion({ content: "" })], { server: { reasks: 2 } });
    expect(asked.kind).toBe("unparsable");
    expect(server.seen.map(({ body }) => [body["temperature"], body["seed"]])).toEqual([
      [0, undefined],
      [0.7, 1],
      [0.7, 2],
    ]);
  });
  test("waits as long as the server asks for", async () => {
    const begun = performance.now();
    const { asked } = await ask([throttles("20"), says("fine")]);
    expect(asked.kind).toBe("answered");
    expect(performance.now() - begun).toBeGreaterThan(20_000 / 100);
  });
  test("does not wait beyond its deadline", async () => {
    const { asked, server } = await ask([throttles("3600")]);
    expect(asked).toMatchObject({
      kind: "unreachable",
      reason: expect.stringContaining("slow down") as string,
    });
    expect(server.count).toBe(1);
  });
  test("ends in time when nothing ever replies", async () => {
    const begun = performance.now();
    const { asked } = await ask([{ does: "hangs" }], {
      server: { retries: 1000, callSeconds: 20, totalSeconds: 100 },
    });
    expect(asked.kind).toBe("unreachable");
    // 100 s at hundredfold speed, with room for a busy machine.
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
  test("asks plainly where a server knows no schemas, and remembers it", async () => {
    const isPlain = (body: Record<string, unknown>): boolean => !("response_format" in body);
    await using server = await JudgeServer.start(
      ({ body }) => (isPlain(body) ? says("fine") : fails(400, "response_format is not supported")),
      { isRemembering: true },
    );
    await using model = openModel([server]);
    const question = { ...QUESTION, schema: { type: "object" } };
    const first = await model.ask(question, take, never);
    const second = await model.ask(question, take, never);
    expect([statuses(first), statuses(second)]).toEqual([["rejected", "answered"], ["answered"]]);
    expect(server.seen.map(({ body }) => isPlain(body))).toEqual([false, true, true]);
  });
  test("a fault that has nothing to do with the schema does not cost the next question its schema", async () => {
    let isBroken = true;
    await using server = await JudgeServer.start(
      () => (isBroken ? fails(400, "the picture is broken") : says("fine")),
      {
        isRemembering: true,
      },
    );
    await using model = openModel([server]);
    const question = { ...QUESTION, schema: { type: "object" } };
    expect((await model.ask(question, take, never)).kind).toBe("unreachable");
    isBroken = false;
    await model.ask(question, take, never);
    expect(server.seen.at(-1)?.body).toHaveProperty("response_format");
  });
  test("takes the newer name of maxTokens where a server wants it", async () => {
    const { asked, server } = await ask([
      fails(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
      says("fine"),
    ]);
    expect(asked.kind).toBe("answered");
    expect(server.seen[1]?.body).toMatchObject({ max_completion_tokens: 100 });
    expect(server.seen[1]?.body).not.toHaveProperty("max_tokens");
  });
  test("names the models that the server knows", async () => {
    const { asked } = await ask([fails(404, "The model `jugde` does not exist.")], {
      model: { model: "jugde" },
    });
    expect(asked).toMatchObject({
      kind: "unreachable",
      reason: expect.stringContaining('does not know the model "jugde"; it knows judge, other') as string,
    });
  });
  test("sends the other server what one has failed at", async () => {
    await using broken = await JudgeServer.start(() => fails(500));
    await using sound = await JudgeServer.start(() => says("fine"));
    await using model = openModel([broken, sound]);
    const asked = await Promise.all(Array.from({ length: 40 }, () => model.ask(QUESTION, take, never)));
    expect(asked.every(({ kind }) => kind === "answered")).toBe(true);
    // The circuit opens after a few.
    expect(broken.count).toBeLessThan(30);
  });
  test("shares calls among servers and keeps to each one's limit", async () => {
    const slow: Behaviour = { does: "waits", milliseconds: 150, next: says("fine") };
    await using one = await JudgeServer.start(() => slow);
    await using other = await JudgeServer.start(() => slow);
    await using model = openModel([one, other], { endpoint: { concurrency: 4 } });
    await Promise.all(Array.from({ length: 40 }, () => model.ask(QUESTION, take, never)));
    expect([one.mostInFlight, other.mostInFlight]).toEqual([4, 4]);
    expect(Math.abs(one.count - other.count)).toBeLessThan(10);
    expect(one.mostSockets).toBeLessThanOrEqual(4);
  });
  test("calls off what is on its way when the signal aborts, with its reason", async () => {
    await using server = await JudgeServer.start(() => ({ does: "hangs" }));
    await using model = openModel([server], { endpoint: { concurrency: 1 } });
    const controller = new AbortController();
    const calls = [1, 2].map(() => model.ask(QUESTION, take, controller.signal));
    while (server.inFlight === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    controller.abort(new Error("stop"));
    expect(await Promise.allSettled(calls)).toEqual([
      { status: "rejected", reason: new Error("stop") },
      { status: "rejected", reason: new Error("stop") },
    ]);
    while (server.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(server.count).toBe(1);
  });
});
