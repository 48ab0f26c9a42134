/** Words of others as Markdown shows them: on one line, never as markup. */
export function markdownText(words: string): string {
  return words.replaceAll(/[\\`*_[\]<>|#]/g, String.raw`\$&`).replaceAll(/\s+/g, " ");
}
