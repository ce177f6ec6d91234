/**
 * Whether a text is printable ASCII and nothing else: all that slicewright writes is. A line break, a carriage return or another
 * control character within a word would begin a line of its own for the tool that reads it, or hide one from who does.
 */
export function isPlainText(text: string): boolean {
  return !/[^ -~]/.test(text);
}
