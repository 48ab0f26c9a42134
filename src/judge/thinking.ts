/** What a reasoning model wrote before its answer, where the server left it in the reply: `<think>…</think>`. */

const OPENING = /<think(?:ing)?>|\[THINK\]/i;
const CLOSING = /<\/think(?:ing)?>|\[\/THINK\]/gi;

export interface Answer {
  readonly text: string;
  /** Where it begins in the reply. */
  readonly start: number;
}

/**
 * The reply without its thoughts; empty where it ends within them. Chat templates often write the opening mark
 * themselves, so that the reply has the closing one alone.
 */
export function withoutThinking(reply: string): Answer {
  const opening = OPENING.exec(reply)?.index ?? Infinity;
  const answer = reply.search(/[{[]/);
  if (opening !== Infinity && (answer < 0 || opening <= answer)) {
    const end = endsOfThought(reply).find((at) => at > opening);
    return end === undefined ? { text: "", start: reply.length } : from(reply, end);
  }
  // A mark inside of an answer is one that the answer quotes.
  const end = answer === reply.length - reply.trimStart().length ? undefined : endsOfThought(reply).at(-1);
  return from(reply, end === undefined || end > opening ? 0 : end);
}

/** Where each closing mark ends. */
function endsOfThought(reply: string): number[] {
  return [...reply.matchAll(CLOSING)].map((mark) => mark.index + mark[0].length);
}

function from(reply: string, start: number): Answer {
  return { text: reply.slice(start), start };
}
