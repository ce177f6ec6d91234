/** One member of an archive. A folder comes before its contents. */
export type Member =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

const typeBits = { directory: 0o040755, link: 0o120777, file: 0o100000 };

/**
 * An archive in the "newc" form of cpio, which a kernel unpacks as its first root.
 *
 * source  Documentation/driver-api/early-userspace/buffer-format.rst of the kernel
 */
export function cpioArchive(members: readonly Member[]): Buffer {
  const parts = members.flatMap((member, index) => memberParts(member, index + 1));
  return Buffer.concat([...parts, ...memberParts({ kind: 'file', path: 'TRAILER!!!', mode: 0, content: empty }, 0)]);
}

const empty = new Uint8Array();

function memberParts(member: Member, inode: number): Uint8Array[] {
  const content = contentOf(member);
  const name = Buffer.from(`${member.path}\0`);
  const mode = typeBits[member.kind] | (member.kind === 'file' ? member.mode : 0);
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [header, name, padding(header.length + name.length), content, padding(content.length)];
}

function contentOf(member: Member): Uint8Array {
  switch (member.kind) {
    case 'directory':
      return empty;
    case 'link':
      return Buffer.from(member.target);
    case 'file':
      return member.content;
  }
}

/** Name and content each end on a multiple of four bytes. */
function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
