/** Printers' colours as Pillow shows them: without a profile, each ink takes its share of what black leaves. */

/**
 * [pixels, 4] of cyan, magenta, yellow, black (0 is none, 255 is full) to [pixels, 3] of red, green, blue: Pillow's
 * `convert("RGB")`, with its rounding.
 */
export function cmykToRgb(inks: Uint8Array): Uint8Array {
  const count = inks.length / 4;
  const pixels = new Uint8Array(count * 3);
  for (let pixel = 0; pixel < count; pixel += 1) {
    const left = 255 - inks[pixel * 4 + 3]!;
    for (let channel = 0; channel < 3; channel += 1) {
      const product = inks[pixel * 4 + channel]! * left + 128;
      // product / 255, rounded.
      pixels[pixel * 3 + channel] = left - ((product + (product >> 8)) >> 8);
    }
  }
  return pixels;
}
