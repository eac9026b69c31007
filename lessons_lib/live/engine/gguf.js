// GGUF files: what `lessons_lib.gguf` reads.
//
// Tensors of the types F32, F16, Q8_0 and Q4_0 are decoded. A file may come from anywhere: what it
// says is checked before it is believed and before memory is taken.

import { decodeNumbers } from "./quantization.js";

// Those of `lessons_lib.gguf`: tensors or entries of the metadata, texts in all lists, bytes.
const [MOST_ENTRIES, MOST_TEXTS] = [2 ** 12, 3 * 2 ** 18];
const [LONGEST_NAME, LONGEST_TEXTS, LONGEST_HEADER] = [2 ** 16 - 1, 2 ** 23, 2 ** 24];

// A text of the file, fit to be read: cut, and if not all of it can be seen, written as in Python.
function shown(text, most = 60) {
  const hidden = /(?! )[\p{C}\p{Z}]/u;
  const points = Array.from(text);
  const cut = points.slice(0, most);
  const written = cut.some((one) => hidden.test(one))
    ? cut.map((one) => (one === "\\" || hidden.test(one) ? escaped(one.codePointAt(0)) : one))
    : cut;
  return written.join("") + (points.length > most ? "..." : "");
}

function escaped(code) {
  const names = { 9: "\\t", 10: "\\n", 13: "\\r", 39: "\\'", 92: "\\\\" };
  const [letter, digits] = code < 256 ? ["x", 2] : code < 65536 ? ["u", 4] : ["U", 8];
  return names[code] ?? `\\${letter}${code.toString(16).padStart(digits, "0")}`;
}

// Bytes as Python writes them.
function bytesOf(bytes) {
  const quote = bytes.includes(39) && !bytes.includes(34) ? '"' : "'";
  const plain = (byte) => byte >= 32 && byte < 127 && byte !== 92 && byte !== quote.charCodeAt(0);
  const written = (byte) => (plain(byte) ? String.fromCharCode(byte) : escaped(byte));
  return `b${quote}${Array.from(bytes, written).join("")}${quote}`;
}

const tupleOf = (sizes) => (sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(", ")})`);

// The error for a field that is not as it must be, with the byte where it stands. `reason` chooses
// the sentence that the reader sees before it.
function wrong(name, at, expected, got, reason = "broken") {
  const error = new Error(`${shown(name, 120)} at byte ${at}: expected ${expected}, got ${got}`);
  error.reason = reason;
  return error;
}

const MAGIC = "b'GGUF'";
const VERSIONS = [2, 3]; // of one layout
const ALIGNMENT = 32;

// The types of numbers in the metadata: name, bytes, and how a DataView reads one.
const NUMBERS = {
  0: ["uint8", 1, "getUint8"],
  1: ["int8", 1, "getInt8"],
  2: ["uint16", 2, "getUint16"],
  3: ["int16", 2, "getInt16"],
  4: ["uint32", 4, "getUint32"],
  5: ["int32", 4, "getInt32"],
  6: ["float32", 4, "getFloat32"],
  7: ["bool", 1, "getUint8"],
  10: ["uint64", 8, "getBigUint64"],
  11: ["int64", 8, "getBigInt64"],
  12: ["float64", 8, "getFloat64"],
};
const [UINT32, UINT64, TEXT, LIST] = [4, 10, 8, 9];

// The types of tensors: `size` numbers stand in `bytes` bytes. Those in `DECODERS` become numbers; the
// others can only be named.
const TYPES = Object.fromEntries(
  [
    [0, "F32", 1, 4],
    [1, "F16", 1, 2],
    [2, "Q4_0", 32, 18],
    [3, "Q4_1", 32, 20],
    [6, "Q5_0", 32, 22],
    [7, "Q5_1", 32, 24],
    [8, "Q8_0", 32, 34],
    [9, "Q8_1", 32, 36],
    [10, "Q2_K", 256, 84],
    [11, "Q3_K", 256, 110],
    [12, "Q4_K", 256, 144],
    [13, "Q5_K", 256, 176],
    [14, "Q6_K", 256, 210],
    [15, "Q8_K", 256, 292],
    [16, "IQ2_XXS", 256, 66],
    [17, "IQ2_XS", 256, 74],
    [18, "IQ3_XXS", 256, 98],
    [19, "IQ1_S", 256, 50],
    [20, "IQ4_NL", 32, 18],
    [21, "IQ3_S", 256, 110],
    [22, "IQ2_S", 256, 82],
    [23, "IQ4_XS", 256, 136],
    [24, "I8", 1, 1],
    [25, "I16", 1, 2],
    [26, "I32", 1, 4],
    [27, "I64", 1, 8],
    [28, "F64", 1, 8],
    [29, "IQ1_M", 256, 56],
    [30, "BF16", 1, 2],
    [34, "TQ1_0", 256, 54],
    [35, "TQ2_0", 256, 66],
    [39, "MXFP4", 32, 17],
    [40, "NVFP4", 64, 36],
    [41, "Q1_0", 128, 18],
  ].map(([number, name, size, bytes]) => [number, { name, size, bytes }]),
);
// Types of old files, which llama.cpp does not open any more.
const GIVEN_UP = {
  ...{ 4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8" },
  ...{ 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8" },
};

// Integers of 64 bits that fit become ordinary numbers; a larger one stays what it is.
function ordinary(number) {
  return typeof number === "bigint" && BigInt.asIntN(53, number) === number
    ? Number(number)
    : number;
}

// Where the first character begins that is no UTF-8, or -1.
function firstBadCharacter(bytes, start, stop) {
  for (let i = start; i < stop; ) {
    const lead = bytes[i];
    if (lead < 0x80) {
      i++;
      continue;
    }
    const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (lead < 0xc2 || lead > 0xf4 || i + more >= stop) return i;
    // No longer codes than needed, no surrogates, nothing beyond U+10FFFF.
    const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (bytes[i + 1] < least || bytes[i + 1] > most) return i;
    for (let k = 2; k <= more; k++) if ((bytes[i + k] & 0xc0) !== 0x80) return i;
    i += more + 1;
  }
  return -1;
}

// Reads a file's bytes from front to back, and never beyond the end.
class ByteReader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.end = Math.min(bytes.length, LONGEST_HEADER);
    this.nTexts = 0; // of lists
    this.textBytes = 0; // of other texts
    this.decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  }

  // Step over `size` bytes; return where they begin.
  take(size, name) {
    const [start, left] = [this.at, this.end - this.at];
    if (size > left) {
      const place = this.end === this.bytes.length ? "file" : "longest header";
      throw wrong(name, start, `${size} bytes`, `${left}: the ${place} ends at ${this.end}`);
    }
    this.at += Number(size);
    return start;
  }

  number(kind, name) {
    const [, size, read] = NUMBERS[kind];
    return ordinary(this.view[read](this.take(size, name), true)); // the lowest byte first
  }

  check(start, stop, name) {
    const bad = firstBadCharacter(this.bytes, start, stop);
    if (bad >= 0) throw wrong(name, bad, "UTF-8", bytesOf(this.bytes.subarray(bad, bad + 1)));
  }

  // A text: its length, then its bytes.
  text(name, longest = LONGEST_TEXTS) {
    const at = this.at;
    const size = this.number(UINT64, `length of ${name}`);
    const most = Math.min(longest, LONGEST_TEXTS - this.textBytes);
    if (size > most) throw wrong(`length of ${name}`, at, `at most ${most}`, size);
    const start = this.take(size, name);
    this.textBytes += size;
    this.check(start, this.at, name);
    return this.decoder.decode(this.bytes.subarray(start, this.at));
  }

  // The number that stands for a type, one of those known.
  type(name, known, givenUp = {}) {
    const at = this.at;
    const kind = this.number(UINT32, `type of ${name}`);
    if (known.has(kind)) return kind;
    const all = [...known].sort((a, b) => a - b);
    const old = Object.hasOwn(givenUp, kind) && `${givenUp[kind]}, which llama.cpp has given up`;
    throw wrong(`type of ${name}`, at, `one of [${all.join(", ")}]`, old ? `${kind}, ${old}` : kind, "type");
  }

  count(name) {
    const at = this.at;
    const count = this.number(UINT64, `number of ${name}`);
    if (count <= MOST_ENTRIES) return count;
    throw wrong(`number of ${name}`, at, `at most ${MOST_ENTRIES}`, count);
  }
}

// A value of the metadata, with its type and the byte where it stands. Lists are read when they
// are used: `get(i)` gives a value, `place(i)` where it stands. There are no lists of lists.
const VALUE_KINDS = new Set([...Object.keys(NUMBERS).map(Number), TEXT, LIST]);
const TYPE_KINDS = new Set(Object.keys(TYPES).map(Number));
const LIST_KINDS = new Set([...VALUE_KINDS].filter((kind) => kind !== LIST));

function readValue(file, name) {
  const kind = file.type(name, VALUE_KINDS);
  const at = file.at;
  if (kind === TEXT) return { type: "text", at, value: file.text(name) };
  if (kind === LIST) return { type: "list", at, value: readList(file, name) };
  const numbers = readNumbers(file, kind, 1, name);
  return { type: NUMBERS[kind][0], at, value: numbers.get(0) };
}

function readList(file, name) {
  const kind = file.type(`the values of ${name}`, LIST_KINDS);
  const at = file.at;
  const length = file.number(UINT64, `number of values of ${name}`);
  if (kind !== TEXT) return readNumbers(file, kind, length, name);
  const most = MOST_TEXTS - file.nTexts;
  if (length > most) throw wrong(`number of values of ${name}`, at, `at most ${most}`, length);
  file.nTexts += length;
  const starts = [];
  for (let i = 0; i < length; i++) {
    const left = file.end - file.at - 8;
    const size = left < 0 ? 0 : file.view.getBigUint64(file.at, true);
    if (left < 0 || size > left) {
      const expected = `a text that ends up to byte ${file.end}`;
      throw wrong(`${name}[${i}]`, file.at, expected, "one that goes on");
    }
    starts.push(file.at + 8);
    file.at += 8 + Number(size);
  }
  const stop = file.at;
  const end = (i) => (i + 1 < length ? starts[i + 1] - 8 : stop);
  for (let i = 0; i < length; i++) file.check(starts[i], end(i), `${name}[${i}]`);
  const get = (i) => file.decoder.decode(file.bytes.subarray(starts[i], end(i)));
  return { kind: "text", length, get, place: (i) => starts[i] };
}

function readNumbers(file, kind, length, name) {
  const [type, size, read] = NUMBERS[kind];
  const start = file.take(BigInt(length) * BigInt(size), name);
  if (type === "bool") {
    const most = file.bytes.subarray(start, file.at).reduce((a, b) => Math.max(a, b), 0);
    if (most > 1) throw wrong(name, start, "truth values 0 and 1", most);
  }
  const place = (i) => start + i * size;
  const get = (i) => {
    const number = ordinary(file.view[read](place(i), true));
    return type === "bool" ? number === 1 : number;
  };
  return { kind: type, length, get, place };
}

// What the header says of a tensor; whether that can be is not checked yet.
function readTensorEntry(file, name) {
  const dimensionsAt = file.at;
  const nDimensions = file.number(UINT32, `number of dimensions of ${name}`);
  if (nDimensions > 4) {
    throw wrong(`number of dimensions of ${name}`, dimensionsAt, "at most 4", nDimensions);
  }
  const sizes = [];
  for (let d = 0; d < nDimensions; d++) {
    sizes.push(BigInt(file.number(UINT64, `dimension ${d} of ${name}`)));
  }
  const at = file.at;
  const kind = file.type(name, TYPE_KINDS, GIVEN_UP);
  const offset = BigInt(file.number(UINT64, `offset of ${name}`));
  return { name, sizes, type: TYPES[kind], offset, at, dimensionsAt: dimensionsAt + 4 };
}

const roundUp = (n, multiple) => ((n + multiple - 1n) / multiple) * multiple;

// Find the bytes of each tensor: inside the file, aligned, and nobody else's. Sizes are whole
// numbers without limit here: their product may be larger than any file.
function placeTensors(file, entries, dataOffset, alignment) {
  const tensors = new Map();
  const fileEnd = BigInt(file.bytes.length);
  let free = 0n; // where the tensor before ends
  const inOrder = [...entries.values()].sort((a, b) =>
    a.offset < b.offset ? -1 : Number(a.offset > b.offset),
  );
  for (const { name, sizes, type, offset, at, dimensionsAt } of inOrder) {
    const [columns = 1n, ...others] = sizes;
    if (columns % BigInt(type.size) || sizes.some((size) => size < 1n)) {
      const expected = `at least 1, rows in blocks of ${type.size}`;
      throw wrong(`dimensions of ${name}`, dimensionsAt, expected, tupleOf(sizes));
    }
    if (offset % alignment || offset < free) {
      const expected = `a multiple of ${alignment} from ${free} on`;
      throw wrong(`offset of ${name}`, at + 4, expected, offset);
    }
    const rows = others.reduce((product, size) => product * size, 1n);
    const bytes = ((rows * columns) / BigInt(type.size)) * BigInt(type.bytes);
    const start = dataOffset + offset;
    free = offset + roundUp(bytes, alignment);
    if (start + bytes > fileEnd) {
      const got = `${bytes} bytes from ${start} on`;
      throw wrong(name, at + 4, `an end up to byte ${fileEnd}, that of the file`, got);
    }
    tensors.set(name, {
      ...{ name, type, at, dimensionsAt, offset: Number(start) },
      ...{ shape: sizes.map(Number).reverse(), rows: Number(rows), columns: Number(columns) },
      bytes: file.bytes.subarray(Number(start), Number(start + bytes)),
    });
  }
  return tensors;
}

function parseGGUF(bytes) {
  const file = new ByteReader(bytes);
  const magic = bytesOf(bytes.subarray(file.take(4, "magic"), 4));
  if (magic !== MAGIC) throw wrong("magic", 0, MAGIC, magic, "magic");
  const version = file.number(UINT32, "version");
  if (!VERSIONS.includes(version)) {
    const swapped = version % 2 ** 16 === 0 && version > 0; // a small number, read back to front
    const got = swapped ? `${file.view.getUint32(4)} in big-endian order` : version;
    throw wrong("version", 4, `${VERSIONS.join(" or ")} in little-endian order`, got);
  }
  const [nTensors, nEntries] = [file.count("tensors"), file.count("entries")];
  const [metadata, entries] = [new Map(), new Map()];
  let alignment = BigInt(ALIGNMENT);
  for (let i = 0; i < nEntries; i++) {
    const at = file.at;
    const name = file.text(`name of entry ${i}`, LONGEST_NAME);
    if (metadata.has(name)) {
      throw wrong(`name of entry ${i}`, at, "a new one", `${shown(name)} again`);
    }
    metadata.set(name, readValue(file, name));
    if (name === "general.alignment") alignment = readAlignment(metadata.get(name));
  }
  const entriesEnd = file.at;
  for (let i = 0; i < nTensors; i++) {
    const at = file.at;
    const name = file.text(`name of tensor ${i}`, LONGEST_NAME);
    const entry = readTensorEntry(file, name);
    if (entries.has(name)) {
      throw wrong(`name of tensor ${i}`, at, "a new one", `${shown(name)} again`);
    }
    entries.set(name, entry);
  }
  const dataOffset = roundUp(BigInt(file.at), alignment);
  const tensors = placeTensors(file, entries, dataOffset, alignment);
  return { metadata, tensors, entriesEnd, dataOffset };
}

function readAlignment({ type, at, value }) {
  if (isInteger(type)) {
    const n = BigInt(value);
    if (n > 0n && (n & (n - 1n)) === 0n) return n;
  }
  throw wrong("general.alignment", at, "a power of two", value);
}

// ------------------------------------------------------------------------ what stands in the file

const isInteger = (type) => /^u?int/.test(type);

// Another error, with the sentence of the library.
function refuse(sentence, reason = "broken") {
  const error = new Error(sentence);
  error.reason = reason;
  throw error;
}

// An entry of the metadata; of one that is missing, where it could stand.
function entryOf(file, name) {
  return file.metadata.get(name) ?? { type: "none", at: file.entriesEnd };
}

function described(entry) {
  if (entry.type === "none") return "none";
  if (entry.type === "list") return `a list of ${entry.value.length} values`;
  return shown(String(entry.value));
}

// A file that is one of several parts holds no whole model.
function checkWhole(file) {
  const [count, part] = ["split.count", "split.no"].map((name) => {
    const entry = entryOf(file, name);
    if (entry.type === "none") return 0;
    if (isInteger(entry.type) && entry.value >= 0) return entry.value;
    throw wrong(name, entry.at, "an integer from 0 on", described(entry));
  });
  if (count === 0 || count === 1) return;
  const way = "join the parts with llama.cpp's llama-gguf-split --merge";
  refuse(`expected a whole file, got part ${BigInt(part) + 1n} of ${count}: ${way}`, "part");
}

const typeNamed = (name) => Object.values(TYPES).find((type) => type.name === name);

// The numbers of a tensor.
async function decodeTensor({ name, type, bytes, offset }, pause) {
  return decodeNumbers(bytes, type, pause, (part, from) => {
    const bad = part.findIndex((number) => !Number.isFinite(number));
    if (bad < 0) return;
    const at = offset + from + Math.floor(bad / type.size) * type.bytes;
    throw wrong(name, at, "finite numbers", part[bad]);
  });
}

export {
  TYPES,
  bytesOf,
  checkWhole,
  decodeTensor,
  described,
  entryOf,
  isInteger,
  parseGGUF,
  refuse,
  shown,
  typeNamed,
  wrong,
};
