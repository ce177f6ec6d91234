/**
 * Counts elements of maps, sets and arrays that code steps through: the number grows with a program, unless an index is
 * used.
 */
export interface WalkCounter {
  /** The count so far. */
  count(): number;
  /** Runs a body without counting: a fake kernel looks at all its contents. */
  without<T>(body: () => Promise<T>): Promise<T>;
  /** Restores the original iterators of the language. */
  [Symbol.dispose](): void;
}

type Method = (this: unknown, ...args: readonly unknown[]) => unknown;

const callbackMethods = ['map', 'filter', 'forEach', 'flatMap', 'some', 'every', 'find', 'findIndex', 'reduce'];

/**
 * Counts from now on, in the whole process: `for`, spreading and every constructor that takes an iterable step through
 * these iterators. Copies (`slice`) and sorting without a function do not count.
 */
export function countWalks(): WalkCounter {
  let walked = 0;
  let pauses = 0;
  const restores: (() => void)[] = [];
  const add = () => {
    if (pauses === 0) walked++;
  };

  function replace(owner: object, name: string, change: (original: Method) => Method): void {
    const original = Reflect.get(owner, name) as Method;
    Reflect.defineProperty(owner, name, { value: change(original), configurable: true, writable: true });
    restores.push(() => {
      Reflect.defineProperty(owner, name, { value: original, configurable: true, writable: true });
    });
  }

  for (const iterator of [new Map().entries(), new Set().values(), [].values()]) {
    replace(
      Object.getPrototypeOf(iterator) as object,
      'next',
      (next) =>
        function (this: unknown) {
          const step = Reflect.apply(next, this, []) as IteratorResult<unknown>;
          if (step.done !== true) add();
          return step;
        },
    );
  }
  for (const owner of [Map.prototype, Set.prototype, Array.prototype]) {
    for (const name of callbackMethods) {
      if (!(name in owner)) continue;
      replace(
        owner,
        name,
        (method) =>
          function (this: unknown, callback, ...rest) {
            const counted = function (this: unknown, ...args: readonly unknown[]): unknown {
              add();
              return Reflect.apply(callback as Method, this, args);
            };
            return Reflect.apply(method, this, rest.length === 0 ? [counted] : [counted, rest[0]]);
          },
      );
    }
  }
  return {
    count: () => walked,
    async without(body) {
      pauses++;
      try {
        return await body();
      } finally {
        pauses--;
      }
    },
    [Symbol.dispose]: () => {
      for (const restore of restores) restore();
    },
  };
}
