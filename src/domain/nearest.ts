/** How many letters it takes at most to make one word of another. Letters that changed places count once. */
function distance(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1] ? 0 : 1;
      const [above = [], before = []] = [rows[i - 1], rows[i - 2]];
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      row.push(
        Math.min(
          (above[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (above[j - 1] ?? 0) + same,
          swapped ? (before[j - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    rows.push(row);
  }
  return rows.at(-1)?.at(-1) ?? 0;
}

/** The known word that was probably meant; null when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  const near = known
    .map((each) => ({ each, far: each.startsWith(word) ? 1 : distance(word, each) }))
    .filter(({ each, far }) => far <= Math.max(1, Math.min(word.length, each.length) / 2));
  return near.sort((left, right) => left.far - right.far)[0]?.each ?? null;
}

/** What to say of a word that is none of those which are known. */
export function unknownMember(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return `${near === null ? "" : `did you mean ${near}? `}there are ${known.join(", ")}`;
}
