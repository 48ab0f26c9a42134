/**
 * A judge of so many slots, each of which takes its time over a request: `slow-server.ts SLOTS MILLISECONDS`. It shares
 * the machine with the client that is measured, so it does as little as HTTP allows: it counts a request's bytes and
 * does not read them. Sends its address to its parent, and its figures whenever it is sent anything.
 */

import { createServer, type AddressInfo, type Socket } from "node:net";

import type { ServerFigures } from "./server-figures.ts";

const [slots = 64, milliseconds = 50] = process.argv.slice(2).map(Number);
const HEAD_END = "\r\n\r\n";
let free = slots;
let served = 0;
let busy = 0;
let last = performance.now();
const waiting: Socket[] = [];

/** Replies with scores that differ from one to the next. */
const replies = Array.from({ length: 121 }, (_, index) => {
  const content = JSON.stringify({ score: [index % 11, Math.floor(index / 11)], reasoning: "as asked" });
  const message = { role: "assistant", content };
  const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };
  const body = JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 0,
    model: "judge",
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
    usage,
  });
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  return Buffer.from(head + HEAD_END + body);
});

/** Adds up the slots' time until now. */
function count(): void {
  const now = performance.now();
  busy += ((slots - free) * (now - last)) / 1000;
  last = now;
}

function take(socket: Socket): void {
  if (free === 0) {
    waiting.push(socket);
    return;
  }
  count();
  free -= 1;
  setTimeout(() => {
    socket.write(replies[served % replies.length]!);
    served += 1;
    count();
    free += 1;
    const next = waiting.shift();
    if (next !== undefined) take(next);
  }, milliseconds);
}

/** One request at a time on a socket, as clients without pipelining send them. */
function serve(socket: Socket): void {
  let head = "";
  let left = 0;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    if (left === 0) {
      head += chunk.toString("latin1");
      const end = head.indexOf(HEAD_END);
      if (end < 0) return;
      left = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0) - (head.length - end - HEAD_END.length);
      head = "";
    } else left -= chunk.length;
    if (left === 0) take(socket);
  });
}

const server = createServer({ noDelay: true }, serve).listen(0, "127.0.0.1", () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` });
});
process.on("message", () => {
  count();
  const { user, system } = process.cpuUsage();
  const figures: ServerFigures = { served, busy, cpu: (user + system) / 1e6, at: performance.now() / 1000 };
  process.send?.(figures);
});
process.on("disconnect", () => process.exit());
