import fc from "fast-check";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { html, prose, trusted } from "./html.ts";

describe("html", () => {
  test("any text stays text, between tags and in attributes", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."<>&\"'`/=a b".split("")) }), (text) => {
        const { document } = parseHTML(
          html`<body>
            <p title="${text}">${text}</p>
          </body>`.markup,
        );
        const [paragraph] = document.querySelectorAll("p");
        expect(document.querySelectorAll("*").length).toBe(2);
        expect(paragraph?.textContent).toBe(text);
        expect(paragraph?.getAttribute("title")).toBe(text);
      }),
    );
  });

  test("keeps markup, joins lists, and leaves nothing for undefined and false", () => {
    const items = ["a", "<"].map((item) => html`<li>${item}</li>`);
    const flag: boolean = items.length > 5;
    expect(
      html`<ul>
        ${items}${undefined}${flag && "no"}${trusted("<hr>")}${3}
      </ul>`.markup.replaceAll(/\s/g, ""),
    ).toBe("<ul><li>a</li><li>&lt;</li><hr>3</ul>");
  });
});

describe("prose", () => {
  test("sets text between backticks as code", () => {
    expect(prose("watch `reward` <").markup).toBe("watch <code>reward</code> &lt;");
  });
});
