/**
 * Writing HTML as template literals that are safe by default: every interpolated string is escaped unless it is
 * already an `Html`. Instructions come from datasets and thoughts from a model, so no text here can be trusted.
 */

/** Markup that needs no more escaping. Made by `html` and `trusted` only. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

export type HtmlPart = Html | string | number | undefined | false | readonly HtmlPart[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it may stand between tags and inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** Takes markup as it is. Only for markup that earl itself wrote: style, script, drawn charts. */
export function trusted(markup: string): Html {
  return new Html(markup);
}

function partMarkup(part: HtmlPart): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.markup;
  if (typeof part === "string") return escapeHtml(part);
  if (typeof part === "number") return String(part);
  return part.map(partMarkup).join("");
}

/**
 * The tag of HTML templates: strings and numbers are escaped, `Html` goes in as it is, lists are joined,
 * `undefined` and `false` leave nothing.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  let markup = strings[0] ?? "";
  for (const [index, part] of parts.entries()) markup += partMarkup(part) + (strings[index + 1] ?? "");
  return new Html(markup);
}

/** Prose with `code` between backticks, as the metric table writes it. */
export function prose(text: string): Html {
  return html`${text
    .split("`")
    .map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : html`${piece}`))}`;
}
