/**
 * The same items in an array with room for exactly these. An array that grows by `push`, `flatMap`, `filter` or
 * spreading has room for at least 17, which matters with tens of thousands of arrays of one or two items.
 */
export function exact<T>(items: Iterable<T>): T[] {
  return Array.isArray(items) ? items.slice() : Array.from(items);
}
