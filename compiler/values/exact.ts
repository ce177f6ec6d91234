/**
 * The same items in an array with room for just them. One that grows by `push`, `flatMap`, `filter` or spreading has
 * room for at least 17, which counts where there are ten thousands of arrays of one or two.
 */
export function exact<T>(items: Iterable<T>): T[] {
  return Array.isArray(items) ? items.slice() : Array.from(items);
}
