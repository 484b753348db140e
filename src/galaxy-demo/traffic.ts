import { OPERATION_NAMES, type OperationName } from "./operations.ts";

/** Counts requests by operation, and tells when there were enough. */
export class Traffic {
  readonly #counts = new Map<OperationName, number>(OPERATION_NAMES.map((name) => [name, 0]));
  readonly #waiting = new Set<() => void>();

  count(operation: OperationName): void {
    this.#counts.set(operation, this.of(operation) + 1);
    for (const look of this.#waiting) look();
  }

  /** How many requests there were for an operation, those with faults included. */
  of(operation: OperationName): number {
    return this.#counts.get(operation) ?? 0;
  }

  get all(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Resolves when there were so many requests for an operation. */
  async reach(operation: OperationName, times: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.of(operation) < times) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}
