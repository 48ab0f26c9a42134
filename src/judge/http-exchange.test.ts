import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer, type RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { LARGEST_REPLY_BYTES, ReplyTooLarge, Sockets, type HttpRequest } from "./http-exchange.ts";

interface Listening extends AsyncDisposable {
  readonly url: URL;
  /** Connections that were ever made. */
  readonly connections: () => number;
}

async function listening(server: Server): Promise<Listening> {
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/x?y=1`),
    connections: () => sockets.length,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const serving = async (listener: RequestListener): Promise<Listening> => listening(createServer(listener));
/** Says something that need not be HTTP to whoever sends anything, and closes. */
const saying = async (text: string): Promise<Listening> =>
  listening(
    createTcpServer((socket) => socket.on("error", () => undefined).once("data", () => socket.end(text))),
  );

function posting(url: URL, body = "{}", signal?: AbortSignal): HttpRequest {
  return { url, method: "POST", headers: { "x-own": "1" }, body, signal };
}

describe("Sockets", () => {
  test("sends a request as it is and returns the whole reply, letters of several bytes included", async () => {
    await using server = await serving((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method, url, headers } = request;
        const seen = [
          method,
          url,
          headers["x-own"],
          headers["content-length"],
          Buffer.concat(chunks).toString(),
        ];
        response.writeHead(201, { "retry-after": "7" });
        const bytes = Buffer.from(JSON.stringify(seen));
        // In the middle of a letter.
        const middle = bytes.indexOf("ü") + 1;
        response.write(bytes.subarray(0, middle), () => response.end(bytes.subarray(middle)));
      });
    });
    using sockets = new Sockets(1);
    const { status, headers, text } = await sockets.exchange(posting(server.url, "grün"));
    expect(status).toBe(201);
    expect(headers["retry-after"]).toBe("7");
    expect(JSON.parse(text)).toEqual(["POST", "/v1/x?y=1", "1", "5", "grün"]);
  });
  test("has no more sockets than it may, and uses them again", async () => {
    await using server = await serving((_, response) => setTimeout(() => response.end("yes"), 2));
    using sockets = new Sockets(3);
    const asked = Array.from({ length: 30 }, async () => sockets.exchange(posting(server.url)));
    expect((await Promise.all(asked)).map(({ text }) => text)).toEqual(
      Array.from({ length: 30 }, () => "yes"),
    );
    expect(server.connections()).toBe(3);
  });
  test("ends with the signal's reason, on its way and before it has a socket", async () => {
    await using server = await serving(() => undefined);
    using sockets = new Sockets(1);
    const stop = new AbortController();
    const asked = [0, 1].map(async () => sockets.exchange(posting(server.url, "{}", stop.signal)));
    setTimeout(() => stop.abort(new Error("enough")), 20);
    for (const one of await Promise.allSettled(asked)) {
      expect(one).toMatchObject({ status: "rejected", reason: { message: "enough" } });
    }
    await expect(sockets.exchange(posting(server.url, "{}", stop.signal))).rejects.toThrow("enough");
  });
  test("cuts off a reply that is too long", async () => {
    await using server = await serving((_, response) => {
      const more = (): void => {
        while (response.write("9".repeat(65_536)));
        response.once("drain", more);
      };
      more();
    });
    using sockets = new Sockets(1);
    await expect(sockets.exchange(posting(server.url))).rejects.toThrow(ReplyTooLarge);
    expect(LARGEST_REPLY_BYTES).toBeGreaterThan(1e6);
  });
  test.each([
    ["nothing", ""],
    ["half a reply", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[10, 10]"],
    ["what is not HTTP", "[10, 10]\r\n\r\n"],
    ["half a head", "HTTP/1.1 200 OK\r\ncontent-le"],
    ["another protocol", "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"],
  ])("rejects where a server says %s and closes", async (_, said) => {
    await using server = await saying(said);
    using sockets = new Sockets(1);
    await expect(sockets.exchange(posting(server.url))).rejects.toThrow(Error);
  });
  test("rejects what is on its way when it is closed", async () => {
    await using server = await serving(() => undefined);
    const sockets = new Sockets(1);
    const asked = sockets.exchange(posting(server.url));
    setTimeout(() => sockets[Symbol.dispose](), 20);
    await expect(asked).rejects.toThrow(Error);
  });
});
