/** Counts elements that code walks over, one by one, in maps, sets and arrays: what grows with a program unless an index is asked. */
export interface WalkCounter {
  /** Elements so far. */
  count(): number;
  /** Not of what is done meanwhile: a fake kernel looks at all of itself. */
  without<T>(body: () => Promise<T>): Promise<T>;
  /** Puts the language back as it was. */
  [Symbol.dispose](): void;
}

type Method = (this: unknown, ...args: readonly unknown[]) => unknown;

const callbackMethods = ['map', 'filter', 'forEach', 'flatMap', 'some', 'every', 'find', 'findIndex', 'reduce'];

/**
 * From now on, in the whole process: `for`, spreading and every constructor that takes an iterable step through these
 * iterators. Copies (`slice`) and sorting without a function do not count.
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
