/**
 * The path that a request asks for, as it is written: nothing is decoded or resolved, since what is
 * served has one spelling.
 *
 * target    `/metrics?x=1`, or with a host as proxies send it: `http://node:10249/metrics`
 * returns   undefined for what names no path
 */
export function pathOfTarget(target: string | undefined): string | undefined {
  const [, path] = /^(?:https?:\/\/[^/?#]+)?(\/[^?#]*)/i.exec(target ?? '') ?? [];
  return path;
}
