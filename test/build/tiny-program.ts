/** Programs of some hundred bytes that need nothing but a Linux kernel: what an image FROM scratch can run. */

const BASE = 0x400000;
const HEADERS = 64 + 56;

/** Wraps machine code into an executable of one segment ("Tool Interface Standard ELF", System V ABI supplements). */
function elf(machine: number, code: Buffer): Buffer {
  const header = Buffer.alloc(HEADERS);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16); // an executable
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(BASE + HEADERS), 24); // where it starts
  header.writeBigUInt64LE(64n, 32); // where the segments are described
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64); // to be loaded
  header.writeUInt32LE(5, 68); // read and execute
  header.writeBigUInt64LE(BigInt(BASE), 80);
  header.writeBigUInt64LE(BigInt(BASE), 88);
  header.writeBigUInt64LE(BigInt(HEADERS + code.length), 96);
  header.writeBigUInt64LE(BigInt(HEADERS + code.length), 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([header, code]);
}

const words = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, at * 4);
  return bytes;
};

/** Machine code in hexadecimal, a number as four bytes. */
function code(strings: TemplateStringsArray, ...numbers: readonly number[]): Buffer {
  const parts = strings.flatMap((text, at) => {
    const number = numbers[at];
    const bytes = Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
    return number === undefined ? [bytes] : [bytes, words(number)];
  });
  return Buffer.concat(parts);
}

/** write(1, text); exit(0) */
export function printing(architecture: 'amd64' | 'arm64', text: string): Buffer {
  const message = Buffer.from(text);
  if (architecture === 'arm64') {
    const instructions = words(
      0xd2800808, // mov x8, 64
      0xd2800020, // mov x0, 1
      0x100000c1, // adr x1, +24
      0xd2800002 | (message.length << 5), // mov x2, length
      0xd4000001, // svc 0
      0xd2800ba8, // mov x8, 93
      0xd2800000, // mov x0, 0
      0xd4000001, // svc 0
    );
    return elf(183, Buffer.concat([instructions, message]));
  }
  // mov edx, length; syscall; mov eax, 60; xor edi, edi; syscall
  const rest = code`ba ${message.length} 0f05 b8 ${60} 31ff 0f05`;
  // mov eax, 1; mov edi, 1; lea rsi, [rip + message]
  return elf(62, Buffer.concat([code`b8 ${1} bf ${1} 488d35 ${rest.length}`, rest, message]));
}

/** Prints what is in a file, as `cat` does; for amd64. */
export function printingFile(file: string): Buffer {
  const rest = Buffer.concat([
    code`31f6 0f05 89c7 31c0`, // open, read only; mov edi, eax; xor eax, eax
    code`4881ec ${4096} 4889e6 ba ${4096} 0f05`, // room on the stack; read
    code`89c2 b8 ${1} bf ${1} 0f05`, // write what was read
    code`b8 ${60} 31ff 0f05`, // exit
  ]);
  // mov eax, 2; lea rdi, [rip + path]
  return elf(62, Buffer.concat([code`b8 ${2} 488d3d ${rest.length}`, rest, Buffer.from(`${file}\0`)]));
}

/** Writes a new file, as a scanner writes what it found; for amd64. */
export function writingFile(file: string, text: string): Buffer {
  const name = Buffer.from(`${file}\0`);
  const message = Buffer.from(text);
  const last = code`ba ${message.length} b8 ${1} 0f05 b8 ${60} 31ff 0f05`; // write; exit
  const rest = Buffer.concat([
    code`be ${0x41} ba ${0o644} 0f05 89c7 488d35 ${last.length + name.length}`, // open, to be made; lea rsi, [rip + text]
    last,
  ]);
  // mov eax, 2; lea rdi, [rip + path]
  return elf(62, Buffer.concat([code`b8 ${2} 488d3d ${rest.length}`, rest, name, message]));
}
