import { describe, expect, test } from "vitest";
import { says } from "../../test/judge-server/behaviour.ts";
import { JudgeServer } from "../../test/judge-server/judge-server.ts";
import { never, QUESTION, take } from "../../test/judge-server/open-chat.ts";
import { quickTimers } from "../../test/judge-server/quick-timers.ts";
import { ConfigError } from "../errors.ts";
import { Rng } from "../random.ts";
import { ChatModel } from "./chat-model.ts";
import { ModelSettings, ServerSettings } from "./judge-settings.ts";
import { ServerDirectory } from "./server-directory.ts";

function openAt(directory: ServerDirectory, endpoint: object): ChatModel {
  const settings = {
    ...ModelSettings.parse({ model: "judge" }),
    ...ServerSettings.parse({ endpoints: [endpoint] }),
  };
  return new ChatModel(settings, { timers: quickTimers(100), rng: Rng.from(1, "test"), directory });
}

describe("two who ask one server", () => {
  test("keep to its limits together, and each has its turn", async () => {
    const order: string[] = [];
    await using server = await JudgeServer.start(({ text }) => {
      order.push(text);
      return { does: "waits", milliseconds: 5, next: says("yes") };
    });
    const directory = new ServerDirectory();
    await using one = openAt(directory, { url: server.url, concurrency: 3 });
    await using other = openAt(directory, { url: `${server.url}/`, concurrency: 3 });
    const asked = [one, other].flatMap((model, index) =>
      Array.from({ length: 20 }, async () => model.ask({ ...QUESTION, text: `of ${index}` }, take, never)),
    );
    for (const { kind } of await Promise.all(asked)) expect(kind).toBe("answered");
    expect(server.mostInFlight).toBe(3);
    expect(server.mostSockets).toBe(3);
    const half = order.slice(0, 20).filter((text) => text === "of 1");
    expect(half.length).toBeGreaterThan(5);
  });
  test("one of them closes, and the other goes on", async () => {
    await using server = await JudgeServer.start(() => says("yes"));
    const directory = new ServerDirectory();
    const one = openAt(directory, { url: server.url });
    await using other = openAt(directory, { url: server.url });
    await one[Symbol.asyncDispose]();
    expect(await other.ask(QUESTION, take, never)).toMatchObject({ kind: "answered" });
  });
  test("must name the same limits", async () => {
    const directory = new ServerDirectory();
    const url = "http://127.0.0.1:9/v1";
    await using _ = openAt(directory, { url, requestsPerMinute: 10 });
    expect(() => openAt(directory, { url })).toThrow(ConfigError);
    expect(() => openAt(directory, { url })).toThrow("another requestsPerMinute: 10 and no limit");
    expect(() => openAt(directory, { url, requestsPerMinute: 10, concurrency: 1 })).toThrow(
      "concurrency: 32 and 1",
    );
    await using own = openAt(directory, { url, keyVariable: "OTHER_KEY", concurrency: 1 });
    expect(own).toBeInstanceOf(ChatModel);
  });
});
