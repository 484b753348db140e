/**
 * Makes a function that keeps what it is given until the end of the event loop's turn, and then calls `each` with all of
 * it in order. Answers to requests that came together so go out together: a client that is woken by the first of them
 * finds the others, where it would be woken for each.
 */
export function atEndOfTurn<Item>(each: (item: Item) => void): (item: Item) => void {
  let waiting: Item[] = [];
  const takeAll = (): void => {
    const taken = waiting;
    waiting = [];
    for (const item of taken) each(item);
  };
  return (item) => {
    if (waiting.push(item) === 1) setImmediate(takeAll);
  };
}
