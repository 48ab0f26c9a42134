import { afterEach, describe, expect, test, vi } from "vitest";
import { completion, fails, json, says, text, type Behaviour } from "../../test/judge-server/behaviour.ts";
import { ask } from "../../test/judge-server/open-chat.ts";
import { ServerSettings } from "./judge-settings.ts";

afterEach(() => vi.unstubAllEnvs());

describe("the key of a judge", () => {
  const variable = "EARL_TEST_JUDGE_KEY";
  const key = "sk-very-secret-0123";
  const endpoint = { keyVariable: variable };

  test("comes from the environment, and is sent", async () => {
    vi.stubEnv(variable, key);
    const { server } = await ask([says("fine")], { endpoint });
    expect(server.seen[0]?.headers.authorization).toBe(`Bearer ${key}`);
  });
  test("is not sent where there is none, whatever other keys the environment holds", async () => {
    vi.stubEnv("OPENAI_API_KEY", key);
    const { server } = await ask([says("fine")], { endpoint });
    expect(JSON.stringify(server.seen[0]?.headers)).not.toContain(key);
    expect(server.seen[0]?.headers.authorization).toBeUndefined();
  });
  test.each<[string, Behaviour]>([
    ["a refusal", fails(401, `Incorrect API key: ${key}`)],
    ["a server's fault", fails(500, `while checking ${key}`)],
    ["an unknown model", fails(404, `no model for ${key}`)],
    ["a reply of another shape", json({ authorization: `Bearer ${key}` })],
    ["a reply that is no JSON", text(`<html>${key}</html>`)],
    ["a refusal of the model", completion({ content: null, message: { refusal: `I know ${key}` } })],
    ["an answer", says(`I was called with ${key}`)],
  ])("stands in nothing that is made of %s that quotes it", async (_, behaviour) => {
    vi.stubEnv(variable, key);
    const { asked } = await ask([behaviour], { endpoint, server: { retries: 0, reasks: 0 } });
    expect(JSON.stringify(asked)).toContain("[key]");
    expect(JSON.stringify(asked)).not.toContain(key);
  });
  test("is refused in an address, where it would be recorded", () => {
    const refused = ["http://user:secret@localhost/v1", "http://localhost/v1?key=secret", "localhost:8000"];
    for (const url of refused) expect(ServerSettings.safeParse({ endpoints: [{ url }] }).success).toBe(false);
  });
});
