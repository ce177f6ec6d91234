/**
 * The path of a request, exactly as written: nothing is decoded or resolved, because every served
 * path has one spelling.
 *
 * target    `/metrics?x=1`, or with a host as proxies send it: `http://node:10249/metrics`
 * returns   undefined for a target without a path
 */
export function pathOfTarget(target: string | undefined): string | undefined {
  const [, path] = /^(?:https?:\/\/[^/?#]+)?(\/[^?#]*)/i.exec(target ?? '') ?? [];
  return path;
}
