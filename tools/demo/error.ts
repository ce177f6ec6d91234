/** Something of the demo did not work; the message is for whoever ran it. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
}
