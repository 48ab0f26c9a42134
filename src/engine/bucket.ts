/** The next size that graphs are compiled for: at most an eighth above. Keeps the number of graphs small. */
export function bucket(size: number): number {
  if (size <= 8) return size;
  const grain = 2 ** Math.max(0, Math.floor(Math.log2(size)) - 3);
  return Math.ceil(size / grain) * grain;
}
