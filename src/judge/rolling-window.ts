/** A limit on how much may happen within a time, counted exactly: requests a minute, tokens a minute. */

interface Spent {
  readonly at: number;
  amount: number;
}

/** What was spent, to be corrected when the true amount is known. */
export type Spending = Spent;

export class RollingWindow {
  readonly #limit: number;
  readonly #seconds: number;
  /** Oldest first, from `#first` on. */
  #spent: Spent[] = [];
  #first = 0;
  #total = 0;

  /** At most `limit` within any `seconds`. */
  constructor(limit: number, seconds: number) {
    this.#limit = limit;
    this.#seconds = seconds;
  }

  /** When so much may be spent, in seconds; `now` or earlier where it may be at once. More than the limit may be spent alone. */
  readyAt(amount: number, now: number): number {
    this.#forget(now);
    let total = this.#total;
    for (let index = this.#first; index < this.#spent.length; index += 1) {
      if (total + amount <= this.#limit) break;
      const { at, amount: freed } = this.#spent[index]!;
      total -= freed;
      if (total + amount <= this.#limit || index === this.#spent.length - 1) return at + this.#seconds;
    }
    return now;
  }

  spend(amount: number, now: number): Spending {
    const spent = { at: now, amount };
    this.#spent.push(spent);
    this.#total += amount;
    return spent;
  }

  /** Replaces an estimate by what it came to. */
  correct(spending: Spending, amount: number, now: number): void {
    this.#forget(now);
    if (spending.at + this.#seconds > now) this.#total += amount - spending.amount;
    spending.amount = amount;
  }

  #forget(now: number): void {
    while (this.#first < this.#spent.length) {
      const { at, amount } = this.#spent[this.#first]!;
      if (at + this.#seconds > now) break;
      this.#total -= amount;
      this.#first += 1;
    }
    // Dropping the head in one go keeps each entry's cost constant.
    if (this.#first > 1024 && this.#first > this.#spent.length / 2) {
      this.#spent = this.#spent.slice(this.#first);
      this.#first = 0;
    }
  }
}
