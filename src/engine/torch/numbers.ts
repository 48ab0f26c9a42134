/** Numbers that the workers of all clusters know policies and generations by. */

let last = 0;

export function nextNumber(): number {
  last += 1;
  return last;
}
