/**
 * Whether a text is printable ASCII and nothing else: slicewright writes nothing else. A line break, a carriage return
 * or another control character within a word would begin a new line for the tool that reads it, or hide text from a
 * person.
 */
export function isPlainText(text: string): boolean {
  return !/[^ -~]/.test(text);
}
