/** Numbers as the report prints them: a true minus sign, a set number of digits, units with a space. */

/** Fixed digits with a true minus sign. */
export function fixed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** A share in [0, 1] as whole or tenth percents: "70 %". */
export function percent(share: number, digits = 0): string {
  return `${fixed(share * 100, digits)} %`;
}

/** A number with its sign always shown: "+0.52", "−1.20", "0.00". */
export function signed(value: number, digits: number): string {
  const text = fixed(value, digits);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** A whole number with thousands set apart: "12,345". */
export function counted(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** "1 edit", "2 edits". */
export function plural(count: number, noun: string): string {
  return `${counted(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Seconds as people say them: "42 s", "4 min 20 s", "3 h 5 min". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** An axis tick that stays short at any size: "0.25", "1,200", "2e−4". */
export function tick(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.001 || size >= 1e6) return value.toExponential().replace("e+", "e").replaceAll("-", "−");
  return value.toLocaleString("en-US", { maximumFractionDigits: 4 }).replace("-", "−");
}
