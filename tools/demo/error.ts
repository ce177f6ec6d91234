/** A part of the demo did not work; the message is for the person who ran it. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
}
