/** Tables as text for the terminal, Markdown, LaTeX and CSV. What others named is escaped in each. */

import { formatTable } from "../format.ts";
import type { ResultTable } from "./result-tables.ts";

export function textOf(tables: readonly ResultTable[]): string {
  return tables
    .map(({ title, head, rows, notes }) => [title, "", formatTable([head, ...rows]), ...notes].join("\n"))
    .join("\n\n");
}

export function markdownOf(tables: readonly ResultTable[]): string {
  const cell = (text: string): string =>
    text
      .replaceAll("\\", "\\\\")
      .replaceAll(/[|<>*_`[\]]/g, String.raw`\$&`)
      .replaceAll(/\s+/g, " ");
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  const blocks = tables.map(({ title, head, rows, notes }, index) =>
    [
      `${index === 0 ? "#" : "##"} ${cell(title)}`,
      [line(head), `| --- |${" ---: |".repeat(head.length - 1)}`, ...rows.map(line)].join("\n"),
      ...notes.map(cell),
    ].join("\n\n"),
  );
  return `${blocks.join("\n\n")}\n`;
}

/** No wider than the text. */
const FITTED = String.raw`  \resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%`;

/** Needs the packages booktabs and graphicx. */
export function latexOf(tables: readonly ResultTable[]): string {
  const blocks = tables.map(({ title, head, rows, notes }) => {
    const line = (cells: readonly string[]): string => `    ${cells.map(latex).join(" & ")} \\\\`;
    return [
      ...notes.map((note) => `% ${note.replaceAll(/\s+/g, " ")}`),
      String.raw`\begin{table}`,
      String.raw`  \centering`,
      `  \\caption{${latex(title)}}`,
      FITTED,
      `  \\begin{tabular}{l${"r".repeat(head.length - 1)}}`,
      String.raw`    \toprule`,
      line(head),
      String.raw`    \midrule`,
      ...rows.map(line),
      String.raw`    \bottomrule`,
      String.raw`  \end{tabular}}`,
      String.raw`\end{table}`,
    ].join("\n");
  });
  return `% Needs \\usepackage{booktabs,graphicx}.\n${blocks.join("\n\n")}\n`;
}

const LATEX: Readonly<Record<string, string>> = {
  "\\": String.raw`\textbackslash{}`,
  "~": String.raw`\textasciitilde{}`,
  "^": String.raw`\textasciicircum{}`,
  "−": "$-$",
  "→": String.raw`$\rightarrow$`,
  "—": "---",
  // At a line's beginning LaTeX would read it as an option of the line before.
  "[": "{[}",
  "]": "{]}",
};

function latex(text: string): string {
  return text.replaceAll(/[\\~^−→—[\]#$%&_{}]/g, (character) => LATEX[character] ?? `\\${character}`);
}

/** RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe. */
export function csvOf(lines: readonly (readonly string[])[]): string {
  const cell = (text: string): string => {
    const harmless = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
  };
  return `${lines.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}
