import { StringDecoder } from 'node:string_decoder';

/**
 * The lines of a stream, however its chunks are cut. A last line without a line end is left out:
 * in a watch it is an event that was cut off.
 *
 * throws   Error when a line grows beyond `maxLength` characters: no API server sends such a line
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, maxLength: number): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let pending: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      pending.push(text.slice(0, end));
      yield pending.join('');
      pending = [];
      length = 0;
      text = text.slice(end + 1);
    }
    pending.push(text);
    length += text.length;
    if (length > maxLength) throw new Error(`a line of more than ${maxLength} characters`);
  }
}
