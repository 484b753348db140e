/** The `Link` header of a page (RFC 8288): first, previous, next and last, with the query they need. No header for a single page. */
export function pageLinks(
  path: string,
  query: Readonly<Record<string, unknown>> & { readonly limit: number; readonly offset: number },
  total: number,
): Record<string, string> {
  const { limit, offset } = query;
  if (total <= limit && offset === 0) return {};
  const link = (at: number, relation: string): string => {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...query, offset: at }))
      if (value !== undefined) parameters.set(name, String(value));
    return `<${path}?${parameters.toString()}>; rel="${relation}"`;
  };
  const last = Math.max(0, Math.floor((total - 1) / limit) * limit);
  return {
    Link: [
      link(0, "first"),
      ...(offset > 0 ? [link(Math.max(0, offset - limit), "prev")] : []),
      ...(offset + limit < total ? [link(offset + limit, "next")] : []),
      link(last, "last"),
    ].join(", "),
  };
}
