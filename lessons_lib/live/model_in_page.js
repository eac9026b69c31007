// The model in the page: a small engine for GGUF files, and the figure around it.
//
// The engine does what the library does, part by part, and its comments name the part. It knows
// the architectures llama and qwen3 and tensors of the types F32, F16, Q8_0 and Q4_0. A file may
// come from anywhere: what it says is checked before it is believed and before memory is taken.

const STRINGS = {
  en: {
    intro:
      "The language model that this book builds and trains can run here, in your browser. " +
      "Nothing that you type leaves the page.",
    load: (size) => `Load the model (${size} MB)`,
    before: "A story it has told, always with the most probable token:",
    loading: "Loading the model …",
    reading: "Reading the weights …",
    ready: (arch, millions, tokens) =>
      `Ready: ${arch}, ${millions} million parameters, a vocabulary of ${tokens} tokens.`,
    notLoaded: "The model could not be loaded.",
    beginning: "How the text begins",
    temperature: "Temperature; at 0 always the most probable token",
    minP: "Min-p: only tokens at least p times as probable as the best",
    seed: "Seed of the draws",
    tell: "Tell",
    stop: "Stop",
    story: "The text so far",
    empty: "Type how the text begins.",
    telling: "Telling …",
    tokens: "Tokens told",
    speed: "Tokens per second",
    told: (tokens, speed) => `${tokens} tokens, ${speed} tokens per second.`,
    ends: { end: "The model ended the text.", long: "Stopped: long enough.", stop: "Stopped." },
    tooLong: (most) => `This beginning is too long: the model remembers ${most} tokens.`,
    table: "The next token after this text",
    token: "Token",
    probability: "Probability",
    others: (n, shown) => (n === 1 ? "1 other" : `${shown} others`),
    compare: "The same model in fewer bits",
    compareTell: "Tell with each",
    compareLegend:
      "The page quantizes the weights, block by block, and each model goes on with the beginning, " +
      "always with the most probable token. Marked: words that the first one does not have there.",
    quantizing: "Quantizing …",
    compared: "All have told their text.",
    size: (size) => `${size} MB`,
    same: (first) => `The same text as ${first}.`,
    differs: (first, n) => `Differs from ${first} at token ${n}.`,
    noBlocks: "The rows of this model are no multiples of 32: they cannot be cut into blocks.",
    notFinite: "A scale is too large for 16 bits: this model cannot be quantized so.",
    file: "Open a small GGUF file of your own, or drop it here",
    limits:
      "Architecture llama or qwen3; tensors in F32, F16, Q8_0 or Q4_0; at most 128 MB and 25 " +
      "million parameters. The file stays on your computer.",
    refused: {
      size: "This file is too large for the page.",
      magic: "This is no GGUF file.",
      architecture: "This model has an architecture that the page does not know.",
      type: "This file has tensors of a type that the page does not know.",
      tokenizer: "This file has a tokenizer that the page does not know.",
      broken: "This file cannot be opened.",
    },
  },
  es: {
    intro:
      "El modelo de lenguaje que este libro construye y entrena puede funcionar aquí, en tu " +
      "navegador. Nada de lo que escribas sale de la página.",
    load: (size) => `Cargar el modelo (${size} MB)`,
    before: "Un cuento que ha contado, siempre con el token más probable:",
    loading: "Cargando el modelo…",
    reading: "Leyendo los pesos…",
    ready: (arch, millions, tokens) =>
      `Listo: ${arch}, ${millions} millones de parámetros, un vocabulario de ${tokens} tokens.`,
    notLoaded: "No se ha podido cargar el modelo.",
    beginning: "Cómo empieza el texto",
    temperature: "Temperatura; con 0, siempre el token más probable",
    minP: "Min-p: solo tokens con al menos p veces la probabilidad del mejor",
    seed: "Semilla del sorteo",
    tell: "Seguir el cuento",
    stop: "Parar",
    story: "El texto hasta ahora",
    empty: "Escribe cómo empieza el texto.",
    telling: "Escribiendo…",
    tokens: "Tokens escritos",
    speed: "Tokens por segundo",
    told: (tokens, speed) => `${tokens} tokens, ${speed} tokens por segundo.`,
    ends: {
      end: "El modelo ha terminado el texto.",
      long: "Parado: ya es bastante largo.",
      stop: "Parado.",
    },
    tooLong: (most) => `Este comienzo es demasiado largo: el modelo recuerda ${most} tokens.`,
    table: "El token siguiente después de este texto",
    token: "Token",
    probability: "Probabilidad",
    others: (n, shown) => (n === 1 ? "1 más" : `otros ${shown}`),
    compare: "El mismo modelo con menos bits",
    compareTell: "Seguir con cada uno",
    compareLegend:
      "La página cuantiza los pesos, bloque a bloque, y cada modelo continúa el comienzo, siempre " +
      "con el token más probable. Marcadas: palabras que el primero no tiene ahí.",
    quantizing: "Cuantizando…",
    compared: "Todos han escrito su texto.",
    size: (size) => `${size} MB`,
    same: (first) => `El mismo texto que ${first}.`,
    differs: (first, n) => `Se aparta de ${first} en el token ${n}.`,
    noBlocks: "Las filas de este modelo no son múltiplos de 32: no se pueden cortar en bloques.",
    notFinite: "Una escala es demasiado grande para 16 bits: este modelo no se puede cuantizar así.",
    file: "Abre un archivo GGUF pequeño que tengas, o suéltalo aquí",
    limits:
      "Arquitectura llama o qwen3; tensores en F32, F16, Q8_0 o Q4_0; como mucho 128 MB y 25 " +
      "millones de parámetros. El archivo no sale de tu ordenador (computadora).",
    refused: {
      size: "Este archivo es demasiado grande para la página.",
      magic: "Esto no es un archivo GGUF.",
      architecture: "Este modelo tiene una arquitectura que la página no conoce.",
      type: "Este archivo tiene tensores de un tipo que la página no conoce.",
      tokenizer: "Este archivo tiene un tokenizador que la página no conoce.",
      broken: "Este archivo no se puede abrir.",
    },
  },
};

const { fround } = Math;

// ------------------------------------------------------------------------------ limits and errors

const MOST_BYTES = 128e6; // of a file
const MOST_NUMBERS = 25e6; // of a model, and of its cache
const MOST_POSITIONS = 1024; // that a cache has room for
// Those of `lessons_lib.gguf`: tensors or entries of the metadata, texts in all lists, bytes.
const [MOST_ENTRIES, MOST_TEXTS] = [2 ** 12, 3 * 2 ** 18];
const [LONGEST_NAME, LONGEST_TEXTS, LONGEST_HEADER] = [2 ** 16 - 1, 2 ** 23, 2 ** 24];

// A text of the file, fit to be read: cut, and what is no visible character spelled out.
function shown(text, most = 60) {
  const cut = text.slice(0, most).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => {
    return `\\u{${one.codePointAt(0).toString(16)}}`;
  });
  return text.length > most ? `${cut}...` : cut;
}

// The error for a field that is not as it must be, with the byte where it stands. `reason` chooses
// the sentence that the reader sees before it.
function wrong(name, at, expected, got, reason = "broken") {
  const error = new Error(`${shown(name, 120)} at byte ${at}: expected ${expected}, got ${got}`);
  error.reason = reason;
  return error;
}

// -------------------------------------------------------- the file: `lessons_lib.gguf.parse_gguf`

const [VERSION, ALIGNMENT] = [3, 32];

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

// The types of tensors: `size` numbers stand in `bytes` bytes.
const TYPES = {
  0: { name: "F32", size: 1, bytes: 4 },
  1: { name: "F16", size: 1, bytes: 2 },
  2: { name: "Q4_0", size: 32, bytes: 18 },
  8: { name: "Q8_0", size: 32, bytes: 34 },
};
// Types that other programs write and that are refused by name.
const OTHER_TYPES = {
  ...{ 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K" },
  ...{ 14: "Q6_K", 30: "BF16", 39: "MXFP4" },
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
    if (size > left) throw wrong(name, start, `${size} bytes`, `${left}: the file or header ends`);
    this.at += Number(size);
    return start;
  }

  number(kind, name) {
    const [, size, read] = NUMBERS[kind];
    return ordinary(this.view[read](this.take(size, name), true)); // the lowest byte first
  }

  check(start, stop, name) {
    const bad = firstBadCharacter(this.bytes, start, stop);
    if (bad >= 0) throw wrong(name, bad, "UTF-8", `byte ${this.bytes[bad].toString(16)}`);
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
  type(name, known) {
    const at = this.at;
    const kind = this.number(UINT32, `type of ${name}`);
    if (known.has(kind)) return kind;
    throw wrong(`type of ${name}`, at, `one of ${[...known]}`, kind);
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
      throw wrong(`${name}[${i}]`, file.at, `a text that ends up to byte ${file.end}`, "more");
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
  const start = file.take(typeof length === "bigint" ? length : length * size, name);
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
  const kind = file.number(UINT32, `type of ${name}`);
  if (!Object.hasOwn(TYPES, kind)) {
    const known = Object.values(TYPES).map((type) => type.name);
    const got = OTHER_TYPES[kind] ?? kind;
    throw wrong(`type of ${name}`, at, `one of ${known.join(", ")}`, got, "type");
  }
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
      throw wrong(`dimensions of ${name}`, dimensionsAt, expected, `(${sizes.join(", ")})`);
    }
    if (offset % alignment || offset < free) {
      const expected = `a multiple of ${alignment} from ${free} on`;
      throw wrong(`offset of ${name}`, at + 4, expected, offset);
    }
    const rows = others.reduce((product, size) => product * size, 1n);
    const bytes = ((rows * columns) / BigInt(type.size)) * BigInt(type.bytes);
    const start = dataOffset + offset;
    free = offset + roundUp(bytes, alignment);
    if (dataOffset + free > fileEnd) {
      const got = `${bytes} bytes from ${start} on, and padding`;
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
  const magic = String.fromCharCode(...bytes.subarray(file.take(4, "magic"), 4));
  if (magic !== "GGUF") throw wrong("magic", 0, "GGUF", shown(magic), "magic");
  const version = file.number(UINT32, "version");
  if (version !== VERSION) {
    const swapped = version % 2 ** 16 === 0 && version > 0; // a small number, read back to front
    const got = swapped ? `${file.view.getUint32(4)} in big-endian order` : version;
    throw wrong("version", 4, `${VERSION} in little-endian order`, got);
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

// --------------------------------------- blocks of numbers: `lessons_lib.quantization`, bit by bit

let halves; // all of them, when they are first needed
function allHalves() {
  halves ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => fromHalf(bits));
  return halves;
}

// The numbers in the bytes of a type: d q for Q8_0, d (q - 8) for Q4_0.
const DECODERS = {
  F32(data, x) {
    for (let i = 0; i < x.length; i++) x[i] = data.getFloat32(4 * i, true);
  },
  F16(data, x) {
    const half = allHalves();
    for (let i = 0; i < x.length; i++) x[i] = half[data.getUint16(2 * i, true)];
  },
  Q8_0(data, x) {
    const half = allHalves();
    for (let i = 0, at = 0; i < x.length; i += 32, at += 34) {
      const d = half[data.getUint16(at, true)];
      for (let j = 0; j < 32; j++) x[i + j] = d * data.getInt8(at + 2 + j);
    }
  },
  Q4_0(data, x) {
    const half = allHalves();
    for (let i = 0, at = 0; i < x.length; i += 32, at += 18) {
      const d = half[data.getUint16(at, true)];
      for (let j = 0; j < 16; j++) {
        const two = data.getUint8(at + 2 + j);
        x[i + j] = d * ((two & 15) - 8);
        x[i + 16 + j] = d * ((two >> 4) - 8);
      }
    }
  },
};

// Of the 32 numbers from `start` on the one of the largest size, with its sign; of several the
// first. A zero is positive.
function largest(x, start) {
  let peak = 0;
  for (let i = start; i < start + 32; i++) if (Math.abs(x[i]) > Math.abs(peak)) peak = x[i];
  return peak;
}

// The bytes of numbers in a type. As in the library each step is rounded to 32 bits.
const ENCODERS = {
  Q8_0(x, data) {
    for (let i = 0, at = 0; i < x.length; i += 32, at += 34) {
      const scale = fround(Math.abs(largest(x, i)) / 127);
      const inverse = reciprocal(scale, 0);
      data.setUint16(at, toHalf(scale), true);
      for (let j = 0; j < 32; j++) {
        const level = fround(x[i + j] * inverse);
        const rest = fround(level - Math.trunc(level)); // doubled, a half becomes a whole
        data.setInt8(at + 2 + j, Math.trunc(fround(level + rest)));
      }
    }
  },
  Q4_0(x, data) {
    const level = (number, inverse) => {
      const up = fround(fround(number * inverse) + 8.5);
      return Math.trunc(Math.min(Math.max(up, 0), 15)) || 0; // 0 for what is not a number
    };
    for (let i = 0, at = 0; i < x.length; i += 32, at += 18) {
      const scale = fround(largest(x, i) / -8);
      const inverse = reciprocal(scale, NaN);
      data.setUint16(at, toHalf(scale), true);
      for (let j = 0; j < 16; j++) {
        const high = level(x[i + 16 + j], inverse);
        data.setUint8(at + 2 + j, level(x[i + j], inverse) | (high << 4));
      }
    }
  },
};

const AT_A_TIME = 2 ** 16; // numbers: some milliseconds
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const typeNamed = (name) => Object.values(TYPES).find((type) => type.name === name);

// The numbers of a tensor, in pieces, so that the page can do something else in between.
async function decodeTensor({ name, type, bytes, offset, rows, columns }, pause) {
  const numbers = new Float32Array(rows * columns);
  for (let start = 0; start < numbers.length; start += AT_A_TIME) {
    const part = numbers.subarray(start, start + AT_A_TIME);
    const from = (start / type.size) * type.bytes;
    const size = (part.length / type.size) * type.bytes;
    DECODERS[type.name](viewOf(bytes.subarray(from, from + size)), part);
    const bad = part.findIndex((number) => !Number.isFinite(number));
    if (bad >= 0) {
      const at = offset + from + Math.floor(bad / type.size) * type.bytes;
      throw wrong(name, at, "finite numbers", part[bad]);
    }
    await pause();
  }
  return numbers;
}

// The bytes of numbers in a type, likewise.
async function encodeNumbers(numbers, type, pause) {
  const bytes = new Uint8Array((numbers.length / type.size) * type.bytes);
  for (let start = 0; start < numbers.length; start += AT_A_TIME) {
    const part = numbers.subarray(start, start + AT_A_TIME);
    const from = (start / type.size) * type.bytes;
    const size = (part.length / type.size) * type.bytes;
    ENCODERS[type.name](part, viewOf(bytes.subarray(from, from + size)));
    await pause();
  }
  return bytes;
}

// ------------------------------------------------- the sizes of the model: `gguf.read_config`

const isInteger = (type) => /^u?int/.test(type);
const KNOWN_SIZES = new Set([
  ...["context_length", "embedding_length", "attention.head_count", "block_count"],
  ...["feed_forward_length", "attention.head_count_kv", "rope.freq_base", "vocab_size"],
  ...["attention.key_length", "attention.value_length", "rope.dimension_count"],
  "attention.layer_norm_rms_epsilon",
]);

// An entry of the metadata; of one that is missing, where it could stand.
function entryOf(file, name) {
  return file.metadata.get(name) ?? { type: "none", at: file.entriesEnd };
}

function described(entry) {
  if (entry.type === "none") return "none";
  if (entry.type === "list") return `a list of ${entry.value.length} values`;
  return shown(String(entry.value));
}

function readInteger(file, name, usual) {
  const entry = entryOf(file, name);
  if (entry.type === "none" && usual !== undefined) return usual;
  if (isInteger(entry.type) && Number.isSafeInteger(entry.value) && entry.value > 0) {
    return entry.value;
  }
  throw wrong(name, entry.at, "an integer from 1 on", described(entry));
}

function readFloat(file, name, usual) {
  const entry = entryOf(file, name);
  if (entry.type === "none" && usual !== undefined) return usual;
  if (/^float/.test(entry.type) && Number.isFinite(entry.value) && entry.value > 0) {
    return entry.value;
  }
  throw wrong(name, entry.at, "a number above 0", described(entry));
}

function readConfig(file) {
  const architecture = entryOf(file, "general.architecture");
  const arch = architecture.value;
  if (arch !== "llama" && arch !== "qwen3") {
    const got = described(architecture);
    throw wrong("general.architecture", architecture.at, "llama or qwen3", got, "architecture");
  }
  for (const [name, entry] of file.metadata) {
    const known = !name.startsWith(`${arch}.`) || KNOWN_SIZES.has(name.slice(arch.length + 1));
    if (!known && ![0, false, "none"].includes(entry.value)) {
      const expected = `a plain ${arch}, without this`;
      throw wrong(name, entry.at, expected, described(entry), "architecture");
    }
  }
  const key = (name) => `${arch}.${name}`;
  const table = file.tensors.get("token_embd.weight");
  if (!table) throw wrong("token_embd.weight", Number(file.dataOffset), "a tensor", "none");
  const dModel = readInteger(file, key("embedding_length"));
  const nHeads = readInteger(file, key("attention.head_count"));
  const nKvHeads = readInteger(file, key("attention.head_count_kv"), nHeads);
  const dHead = readInteger(file, key("attention.key_length"), dModel / nHeads);
  for (const name of ["attention.value_length", "rope.dimension_count"].map(key)) {
    if (readInteger(file, name, dHead) !== dHead) {
      throw wrong(name, entryOf(file, name).at, `${dHead}, the width of a head`, "another");
    }
  }
  if (dHead % 2 || nHeads % nKvHeads) {
    const got = `${nHeads} and ${nKvHeads} heads of width ${dHead}`;
    const { at } = entryOf(file, key("attention.head_count"));
    throw wrong(key("attention.head_count"), at, "heads that can share keys, of even width", got);
  }
  const config = {
    ...{ arch, dModel, nHeads, nKvHeads, dHead },
    contextLength: readInteger(file, key("context_length")),
    nLayers: readInteger(file, key("block_count")),
    dFF: readInteger(file, key("feed_forward_length")),
    eps: readFloat(file, key("attention.layer_norm_rms_epsilon")),
    ropeBase: readFloat(file, key("rope.freq_base"), 10000),
    vocabSize: table.rows,
    tied: !file.tensors.has("output.weight"),
  };
  checkTensors(file, config);
  return config;
}

// name of the tensor -> its shape
function tensorShapes({ arch, dModel, nHeads, nKvHeads, dHead, dFF, vocabSize, tied, nLayers }) {
  const shapes = new Map([
    ["token_embd.weight", [vocabSize, dModel]],
    ["output_norm.weight", [dModel]],
  ]);
  if (!tied) shapes.set("output.weight", [vocabSize, dModel]);
  const layer = {
    attn_norm: [dModel],
    attn_q: [nHeads * dHead, dModel],
    attn_k: [nKvHeads * dHead, dModel],
    attn_v: [nKvHeads * dHead, dModel],
    attn_output: [dModel, nHeads * dHead],
    ...(arch === "qwen3" && { attn_q_norm: [dHead], attn_k_norm: [dHead] }),
    ffn_norm: [dModel],
    ffn_gate: [dFF, dModel],
    ffn_up: [dFF, dModel],
    ffn_down: [dModel, dFF],
  };
  for (let i = 0; i < nLayers; i++) {
    for (const [part, shape] of Object.entries(layer)) shapes.set(`blk.${i}.${part}.weight`, shape);
  }
  return shapes;
}

// The tensors are those of a model of these sizes, and there is room for it and for its cache.
function checkTensors(file, config) {
  const { arch, nLayers, nKvHeads, dHead, contextLength } = config;
  const { tensors } = file;
  if (nLayers > tensors.size) {
    const { at } = entryOf(file, `${arch}.block_count`);
    throw wrong(`${arch}.block_count`, at, `at most ${tensors.size}, the tensors`, nLayers);
  }
  const shapes = tensorShapes(config);
  for (const [name, shape] of shapes) {
    const tensor = tensors.get(name);
    if (!tensor) throw wrong(name, Number(file.dataOffset), "a tensor", "none");
    const [expected, got] = [shape, tensor.shape].map((sizes) => `(${sizes.join(", ")})`);
    if (got !== expected) throw wrong(`dimensions of ${name}`, tensor.dimensionsAt, expected, got);
  }
  let numbers = 0;
  for (const [name, { at, rows, columns }] of tensors) {
    if (!shapes.has(name)) throw wrong(name, at, `no such tensor in a plain ${arch}`, "one");
    numbers += rows * columns;
  }
  if (numbers > MOST_NUMBERS) {
    const at = Number(file.dataOffset);
    throw wrong("tensors", at, `at most ${MOST_NUMBERS} numbers`, numbers, "size");
  }
  const positions = Math.min(contextLength, MOST_POSITIONS);
  const cache = 2 * nLayers * positions * nKvHeads * dHead;
  if (cache > MOST_NUMBERS) {
    const { at } = entryOf(file, `${arch}.context_length`);
    const expected = `a cache of at most ${MOST_NUMBERS} numbers`;
    throw wrong(`${arch}.context_length`, at, expected, cache, "size");
  }
}

// --------------------------------------------------------------- the model, its weights decoded

// The book's layer names; `matrices` are those whose type can be changed.
const LAYER = {
  norms: {
    ...{ attentionNorm: "attn_norm", qNorm: "attn_q_norm", kNorm: "attn_k_norm" },
    feedNorm: "ffn_norm",
  },
  matrices: {
    ...{ query: "attn_q", key: "attn_k", value: "attn_v", output: "attn_output" },
    ...{ gate: "ffn_gate", up: "ffn_up", down: "ffn_down" },
  },
};

async function readModel(file, config, pause) {
  const norm = async (name) => {
    const tensor = file.tensors.get(name);
    return tensor && (await decodeTensor(tensor, pause));
  };
  const matrix = async (name) => {
    const tensor = file.tensors.get(name);
    const numbers = await decodeTensor(tensor, pause);
    const { rows, columns, type } = tensor;
    return { rows, columns, numbers, type: type.name, bytes: tensor.bytes.length };
  };
  const table = await matrix("token_embd.weight");
  const layers = [];
  for (let i = 0; i < config.nLayers; i++) {
    const layer = {};
    for (const [own, name] of Object.entries(LAYER.norms)) {
      layer[own] = await norm(`blk.${i}.${name}.weight`);
    }
    for (const [own, name] of Object.entries(LAYER.matrices)) {
      layer[own] = await matrix(`blk.${i}.${name}.weight`);
    }
    layers.push(layer);
  }
  const head = config.tied ? table : await matrix("output.weight");
  return { config, table, layers, finalNorm: await norm("output_norm.weight"), head };
}

const matricesOf = ({ table, layers, head }) => [
  ...new Set([
    table,
    head,
    ...layers.flatMap((layer) => Object.keys(LAYER.matrices).map((name) => layer[name])),
  ]),
];
const normsOf = ({ layers, finalNorm }) => [
  finalNorm,
  ...layers.flatMap((layer) => Object.keys(LAYER.norms).map((name) => layer[name] ?? [])),
];
const countOf = (model) =>
  [...matricesOf(model).map((matrix) => matrix.numbers), ...normsOf(model)].reduce(
    (sum, numbers) => sum + numbers.length,
    0,
  );

// The same model with its matrices through the bytes of another type and back; as in a file, norms
// stay as they are.
async function quantizeModel(model, typeName, pause) {
  const type = typeNamed(typeName);
  const changed = new Map();
  for (const matrix of matricesOf(model)) {
    const bytes = await encodeNumbers(matrix.numbers, type, pause);
    const tensor = { ...matrix, name: typeName, type, bytes, offset: 0 };
    const numbers = await decodeTensor(tensor, pause);
    changed.set(matrix, { ...matrix, numbers, type: typeName, bytes: bytes.length });
  }
  const layers = model.layers.map((layer) => {
    const copy = { ...layer };
    for (const name of Object.keys(LAYER.matrices)) copy[name] = changed.get(layer[name]);
    return copy;
  });
  return { ...model, layers, table: changed.get(model.table), head: changed.get(model.head) };
}

// ------------------------------------- one token through the model: `generation.LlamaStep`

// out = matrix times x. Four rows at a time share what is read of x, and none of the four sums
// waits for the addition before it.
function multiply(out, { rows, columns, numbers }, x) {
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    const first = row * columns;
    const second = first + columns;
    const third = second + columns;
    const fourth = third + columns;
    let a = 0; // one by one: as a list, these would be three times slower
    let b = 0;
    let c = 0;
    let d = 0;
    for (let i = 0; i < columns; i++) {
      const number = x[i];
      a += numbers[first + i] * number;
      b += numbers[second + i] * number;
      c += numbers[third + i] * number;
      d += numbers[fourth + i] * number;
    }
    out[row] = a;
    out[row + 1] = b;
    out[row + 2] = c;
    out[row + 3] = d;
  }
  for (; row < rows; row++) {
    out[row] = 0;
    for (let i = 0; i < columns; i++) out[row] += numbers[row * columns + i] * x[i];
  }
}

// Scale `size` numbers of x from `start` on to a mean square of 1, then by learned numbers.
function rmsNorm(out, x, weight, eps, start = 0) {
  const size = weight.length;
  let squares = 0;
  for (let i = 0; i < size; i++) squares += x[start + i] ** 2;
  const scale = 1 / Math.sqrt(squares / size + eps);
  for (let i = 0; i < size; i++) out[start + i] = x[start + i] * scale * weight[i];
}

function add(x, y) {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
}

// A model that reads one text: it keeps the keys and values of all positions.
class Session {
  constructor(model) {
    const { arch, dModel, dHead, dFF, nHeads, nKvHeads, nLayers, vocabSize } = model.config;
    const { contextLength, ropeBase } = model.config;
    this.model = model;
    this.positions = Math.min(contextLength, MOST_POSITIONS);
    this.ids = []; // what it has read
    this.cache = Array.from({ length: nLayers }, () => ({
      keys: new Float32Array(this.positions * nKvHeads * dHead),
      values: new Float32Array(this.positions * nKvHeads * dHead),
    }));
    const space = (size) => new Float64Array(size); // what is calculated: in 64 bits
    [this.x, this.y] = [space(dModel), space(dModel)];
    [this.q, this.mixed] = [space(nHeads * dHead), space(nHeads * dHead)];
    [this.gate, this.up, this.logits] = [space(dFF), space(dFF), space(vocabSize)];
    this.weights = space(this.positions);
    // Pairs of a head's numbers turn together: neighbours in the files of llama, number i and
    // i + K / 2 in those of qwen3. In 32 bits, as in the library.
    this.partner = arch === "llama" ? 1 : dHead / 2;
    this.speeds = Float32Array.from(
      { length: dHead / 2 },
      (_, i) => 1 / fround(ropeBase ** fround((2 * i) / dHead)),
    );
    [this.cos, this.sin] = [new Float64Array(dHead / 2), new Float64Array(dHead / 2)];
  }

  // Turn the heads in `x` by the position, after their norm if they have one.
  prepare(x, norm) {
    const { partner, cos, sin } = this;
    const { dHead, eps } = this.model.config;
    const step = partner === 1 ? 2 : 1;
    for (let head = 0; head < x.length; head += dHead) {
      if (norm) rmsNorm(x, x, norm, eps, head);
      for (let i = 0; i < dHead / 2; i++) {
        const at = head + step * i;
        const [a, b] = [x[at], x[at + partner]];
        x[at] = a * cos[i] - b * sin[i];
        x[at + partner] = a * sin[i] + b * cos[i];
      }
    }
  }

  // Let each query head attend to all positions up to this one; query heads share key heads.
  attend({ keys, values }, position) {
    const { q, mixed, weights } = this;
    const { dHead, nHeads, nKvHeads } = this.model.config;
    const width = nKvHeads * dHead;
    for (let head = 0; head < nHeads; head++) {
      const from = head * dHead;
      const shared = Math.floor((head * nKvHeads) / nHeads) * dHead;
      let most = -Infinity;
      for (let s = 0; s <= position; s++) {
        let score = 0;
        for (let i = 0, at = s * width + shared; i < dHead; i++) {
          score += q[from + i] * keys[at + i];
        }
        weights[s] = score / Math.sqrt(dHead);
        if (weights[s] > most) most = weights[s];
      }
      let total = 0;
      for (let s = 0; s <= position; s++) total += weights[s] = Math.exp(weights[s] - most);
      mixed.fill(0, from, from + dHead);
      for (let s = 0; s <= position; s++) {
        const weight = weights[s] / total;
        for (let i = 0, at = s * width + shared; i < dHead; i++) {
          mixed[from + i] += weight * values[at + i];
        }
      }
    }
  }

  // Read one more token; return the logits (V) of the next, which the next call overwrites.
  read(tokenId) {
    const { x, y, q, mixed, gate, up, logits } = this;
    const { config, table, layers, finalNorm, head } = this.model;
    const { dModel, dHead, nKvHeads, eps } = config;
    const position = this.ids.length;
    const width = nKvHeads * dHead;
    for (let i = 0; i < dHead / 2; i++) {
      const angle = fround(position * this.speeds[i]);
      this.cos[i] = Math.cos(angle);
      this.sin[i] = Math.sin(angle);
    }
    x.set(table.numbers.subarray(tokenId * dModel, (tokenId + 1) * dModel));
    for (const [i, layer] of layers.entries()) {
      const cache = this.cache[i];
      const k = cache.keys.subarray(position * width, (position + 1) * width);
      const v = cache.values.subarray(position * width, (position + 1) * width);
      rmsNorm(y, x, layer.attentionNorm, eps);
      multiply(q, layer.query, y);
      multiply(k, layer.key, y);
      multiply(v, layer.value, y);
      this.prepare(q, layer.qNorm);
      this.prepare(k, layer.kNorm);
      this.attend(cache, position);
      multiply(y, layer.output, mixed);
      add(x, y);
      rmsNorm(y, x, layer.feedNorm, eps);
      multiply(gate, layer.gate, y);
      multiply(up, layer.up, y);
      for (let j = 0; j < gate.length; j++) gate[j] *= up[j] / (1 + Math.exp(-gate[j])); // SwiGLU
      multiply(y, layer.down, gate);
      add(x, y);
    }
    rmsNorm(y, x, finalNorm, eps);
    multiply(logits, head, y);
    this.ids.push(tokenId);
    return logits;
  }

  // Read a whole text, but for what it shares with the text before.
  async readAll(ids, pause) {
    let same = 0;
    while (same < ids.length - 1 && ids[same] === this.ids[same]) same++;
    this.ids.length = Math.min(same, this.ids.length); // what comes after is forgotten
    for (const tokenId of ids.slice(this.ids.length)) {
      this.read(tokenId);
      await pause();
    }
  }
}

// ---------------------------------------------------- the tokenizer: `lessons_lib.tokens.BPE`

// How texts are cut into words, by the name in the files. JavaScript's \s is not Unicode's white
// space and its (?i:...) is young, so both are spelled out.
const CONTRACTION = "'[sS\u017f]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const [SPACE, INK] = ["\\p{White_Space}", "[^\\p{White_Space}\\p{L}\\p{N}]"];
const GPT2_START = `'(?:[sdmt]|ll|ve|re)| ?\\p{L}+`;
const GPT4_END = ` ?${INK}+[\\r\\n]*|${SPACE}*[\\r\\n]+|${SPACE}+(?!\\P{White_Space})|${SPACE}+`;
const GPT4_START = `${CONTRACTION}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+`;
const PRE_TOKENIZERS = {
  "gpt-2": `${GPT2_START}| ?\\p{N}+| ?${INK}+|${SPACE}+(?!\\P{White_Space})|${SPACE}+`,
  "llama-bpe": `${GPT4_START}|\\p{N}{1,3}|${GPT4_END}`,
  qwen2: `${GPT4_START}|\\p{N}|${GPT4_END}`,
  smollm: `${GPT2_START}|\\p{N}| ?${INK}+|${SPACE}+(?![^\\p{White_Space}\\p{N}])|${SPACE}+`,
};
const [NORMAL, CONTROL, USER_DEFINED] = [1, 3, 4]; // kinds of tokens

// A byte is shown in the file as a visible character: itself, or one from 256 on.
const BYTE_CHARACTERS = (() => {
  const visible = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let others = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(visible(byte) ? byte : others++),
  );
})();
const BYTE_OF = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

const pairKey = (left, right) => left * 2 ** 21 + right;

class Tokenizer {
  constructor(file, vocabSize) {
    const entry = (name) => entryOf(file, `tokenizer.ggml.${name}`);
    for (const [name, known] of [
      ["model", ["gpt2"]],
      ["pre", Object.keys(PRE_TOKENIZERS)],
    ]) {
      const { value, at } = entry(name);
      if (known.includes(value)) continue;
      const expected = `one of ${known.join(", ")}`;
      throw wrong(`tokenizer.ggml.${name}`, at, expected, described(entry(name)), "tokenizer");
    }
    this.words = new RegExp(PRE_TOKENIZERS[entry("pre").value], "gu");
    const list = (name, fits, expected, length) => {
      const found = entry(name);
      const { value, at, type } = found;
      if (type === "list" && fits(value.kind) && value.length === (length ?? value.length)) {
        return value;
      }
      throw wrong(`tokenizer.ggml.${name}`, at, expected, described(found));
    };
    const isText = (kind) => kind === "text";
    const tokens = list("tokens", isText, `${vocabSize} texts`, vocabSize);
    const kinds =
      entry("token_type").type === "none"
        ? { get: () => NORMAL }
        : list("token_type", isInteger, `${vocabSize} integers`, vocabSize);
    this.readVocabulary(tokens, kinds);
    this.readMerges(list("merges", isText, "a list of texts"), tokens);
    this.bos = this.readId(file, "bos_token_id");
    this.eos = this.readId(file, "eos_token_id");
    // The token that begins a text: where the file asks for it, and where one token stands between
    // texts, as in those that the book's models are trained on.
    const asked = entry("add_bos_token").value === true;
    this.start = asked || this.bos === this.eos ? this.bos : undefined;
  }

  readId(file, name) {
    const key = `tokenizer.ggml.${name}`;
    const entry = entryOf(file, key);
    if (entry.type === "none") return undefined;
    if (isInteger(entry.type) && entry.value >= 0 && entry.value < this.bytes.length) {
      return entry.value;
    }
    throw wrong(key, entry.at, `an id from 0 to ${this.bytes.length - 1}`, described(entry));
  }

  // The bytes of each token, and the ids of the ordinary ones.
  readVocabulary(tokens, kinds) {
    const encoder = new TextEncoder();
    const seen = new Set();
    this.bytes = [];
    this.ids = new Map();
    for (let id = 0; id < tokens.length; id++) {
      const [text, kind] = [tokens.get(id), kinds.get(id)];
      const name = `tokenizer.ggml.tokens[${id}]`;
      if (seen.has(text)) {
        throw wrong(name, tokens.place(id), "a new token", `${shown(text)} again`);
      }
      seen.add(text);
      const bytes = Array.from(text, (character) => BYTE_OF.get(character));
      if (kind === NORMAL) {
        if (bytes.includes(undefined)) {
          throw wrong(name, tokens.place(id), "characters that stand for bytes", shown(text));
        }
        this.ids.set(text, id);
      }
      const special = kind === CONTROL || kind === USER_DEFINED;
      this.bytes.push(special ? encoder.encode(text) : Uint8Array.from(bytes));
    }
  }

  // Which pair makes which token. While merging, a token's number is its place in the order in
  // which the merges first make them, after the 256 bytes: a lower one was learned earlier.
  readMerges(merges, tokens) {
    const made = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));
    this.made = new Map();
    for (const character of BYTE_CHARACTERS) {
      if (this.ids.has(character)) continue;
      const name = "tokenizer.ggml.tokens";
      throw wrong(name, tokens.place(0) - 8, `the byte ${character} among them`, "none");
    }
    for (let i = 0; i < merges.length; i++) {
      const text = merges.get(i);
      const [left, right, ...more] = text.split(" ");
      const whole = left + right;
      if (more.length || !made.has(left) || !made.has(right) || !this.ids.has(whole)) {
        const name = `tokenizer.ggml.merges[${i}]`;
        throw wrong(name, merges.place(i), "two earlier tokens that make a third", shown(text));
      }
      if (!made.has(whole)) made.set(whole, made.size);
      this.made.set(pairKey(made.get(left), made.get(right)), made.get(whole));
    }
    for (const [text, id] of this.ids) {
      if (made.has(text)) continue;
      const name = `tokenizer.ggml.tokens[${id}]`;
      throw wrong(name, tokens.place(id), "a token that merges make", shown(text));
    }
    this.idOf = Array.from(made.keys(), (text) => this.ids.get(text));
  }

  // Merge the bytes of one word, the earliest learned pair first and at all its places.
  mergeWord(bytes) {
    let word = [...bytes];
    for (;;) {
      let best = Infinity;
      const found = word.map((one, i) => this.made.get(pairKey(one, word[i + 1])) ?? Infinity);
      for (let i = 0; i + 1 < word.length; i++) best = Math.min(best, found[i]);
      if (best === Infinity) return word;
      const merged = [];
      // Several pairs may make one token: from left to right, never one place twice.
      for (let i = 0; i < word.length; i++) {
        if (i + 1 < word.length && found[i] === best) {
          merged.push(best);
          i++;
        } else merged.push(word[i]);
      }
      word = merged;
    }
  }

  // Token ids of a text; special tokens in it are plain text.
  encode(text) {
    const encoder = new TextEncoder();
    return (text.match(this.words) ?? []).flatMap((word) =>
      this.mergeWord(encoder.encode(word)).map((one) => this.idOf[one]),
    );
  }

  // Turns tokens that come one by one into text; half characters wait for their other half.
  stream() {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return (id) => decoder.decode(id === undefined ? new Uint8Array() : this.bytes[id], {
      stream: id !== undefined,
    });
  }
}

// ------------------------------------------ the next token: `lessons_lib.generation.token_probs`

function largestAt(numbers) {
  let best = 0; // of equals the first
  for (let i = 1; i < numbers.length; i++) if (numbers[i] > numbers[best]) best = i;
  return best;
}

function tokenProbs(logits, { temperature, minP }) {
  const best = largestAt(logits);
  if (temperature === 0) return Float64Array.from(logits, (_, id) => Number(id === best));
  const probs = softmax(logits.map((logit) => logit / temperature));
  const least = minP * probs[best];
  const kept = probs.map((prob) => (prob < least ? 0 : prob));
  const total = kept.reduce((sum, prob) => sum + prob, 0);
  return kept.map((prob) => prob / total);
}

// The probabilities lie end to end on a line; a random place on it falls on a token.
function draw(probs, bits) {
  let place = bits() / 2 ** 32;
  const last = probs.findLastIndex((one) => one > 0); // should the sum fall short of 1
  const found = probs.findIndex((one) => (place -= one) < 0);
  return found < 0 ? last : found;
}

function pickToken(logits, settings, bits) {
  if (settings.temperature === 0) return largestAt(logits);
  return draw(tokenProbs(logits, settings), bits);
}

// ------------------------------------------------------------------------------- the page's turn

const TURN = 12; // milliseconds of work before the page may do something else

function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel(); // timers would wait for 4 ms
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

// A function to call often: from time to time it lets the page work, and then says true.
function makePause() {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < TURN) return false;
    await nextTask();
    since = performance.now();
    return true;
  };
}

// ------------------------------------------------------- where the bytes of the model come from

const PAGE_SCRIPT = document.currentScript?.src; // of a built page; a module of Jupyter has none

// The script beside the page's own holds the file as text: a page opened from a folder may load
// scripts, but not other files.
function loadScript(language) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`model_${language}.js`, PAGE_SCRIPT);
    script.onload = () => {
      script.remove();
      resolve(globalThis.bookModels[language]);
      delete globalThis.bookModels[language];
    };
    script.onerror = () => reject(new Error(script.src));
    document.head.append(script);
  });
}

async function fromBase64(text, pause) {
  const bytes = new Uint8Array((text.length / 4) * 3 - (text.match(/=*$/)[0].length));
  for (let start = 0; start < text.length; start += AT_A_TIME) {
    const part = atob(text.slice(start, start + AT_A_TIME));
    const at = (start / 4) * 3;
    for (let i = 0; i < part.length; i++) bytes[at + i] = part.charCodeAt(i);
    await pause();
  }
  return bytes;
}

const PATIENCE = 30_000; // milliseconds for the kernel's answer

// In Jupyter the kernel sends it when it is asked.
function askKernel(model) {
  return new Promise((resolve, reject) => {
    const listen = (content, [data] = []) => {
      if (content?.type !== "model") return;
      finish();
      resolve(new Uint8Array(data.buffer ?? data, data.byteOffset, data.byteLength));
    };
    const finish = () => {
      clearTimeout(timer);
      model.off("msg:custom", listen);
    };
    const timer = setTimeout(() => {
      finish();
      reject(new Error("no answer from the kernel"));
    }, PATIENCE);
    model.on("msg:custom", listen);
    model.send({ type: "load" });
  });
}

async function loadBytes(model, pause) {
  if (!PAGE_SCRIPT) return askKernel(model);
  return fromBase64(await loadScript(model.get("language")), pause);
}

function checkSize(size) {
  if (size > MOST_BYTES) throw wrong("file", 0, `at most ${MOST_BYTES} bytes`, size, "size");
}

// All that a file gives: the model and the tokenizer. `reading` is called when the header is read.
async function openFile(bytes, pause, reading = () => {}) {
  checkSize(bytes.length);
  const file = parseGGUF(bytes);
  const config = readConfig(file);
  const tokenizer = new Tokenizer(file, config.vocabSize);
  reading();
  return { tokenizer, model: await readModel(file, config, pause) };
}

// ----------------------------------------------------------------------------------- the figure

const MOST_TOLD = 200; // tokens of a text
const MAX_ROWS = 8;
const SMALLER = ["Q8_0", "Q4_0"];

// Which words of `words` belong to the longest text that both have, in order.
function wordsInCommon(words, others) {
  const rows = words.length + 1;
  const longest = Array.from({ length: rows }, () => new Uint16Array(others.length + 1));
  for (let i = words.length - 1; i >= 0; i--) {
    for (let j = others.length - 1; j >= 0; j--) {
      longest[i][j] =
        words[i] === others[j]
          ? longest[i + 1][j + 1] + 1
          : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const common = words.map(() => false);
  for (let i = 0, j = 0; i < words.length && j < others.length; ) {
    if (words[i] === others[j]) {
      common[i++] = true;
      j++;
    } else if (longest[i + 1][j] >= longest[i][j + 1]) i++;
    else j++;
  }
  return common;
}

const wordsOf = (text) => text.match(/\s+|\S+/g) ?? []; // and what is between them

// The ids of the `n` largest probabilities, the largest first.
function mostProbable(probs, n) {
  const best = [];
  probs.forEach((prob, id) => {
    if (best.length === n && prob <= probs[best[n - 1]]) return;
    const place = best.findIndex((other) => prob > probs[other]);
    best.splice(place < 0 ? best.length : place, 0, id);
    best.length = Math.min(best.length, n);
  });
  return best;
}

function show(widget, el) {
  const language = widget.get("language");
  const say = STRINGS[language];
  const settings = { temperature: 0, minP: 0, seed: 1 };
  let opened = null; // the model, its tokenizer, a session, and the model in other types
  let turn = 0; // what runs belongs to one turn and ends when the next one begins
  let [busy, stopping, waiting] = [false, false, 0];

  const megabytes = (bytes) => decimal(bytes / 1e6, 1, language);

  // The sentence before an error's message.
  const refused = (otherwise = say.refused.broken) => (error) =>
    say.refused[error.reason] ?? otherwise;

  const status = statusLine();
  const speak = (...sentences) => (status.textContent = sentences.join(" "));

  const load = button(say.load(megabytes(widget.get("size"))), () =>
    work(say.loading, refused(say.notLoaded), async (pause) =>
      openFile(await loadBytes(widget, pause), pause, () => speak(say.reading)),
    ).then((own) => own && use(own, true)),
  );
  const stored = element(
    "div",
    { class: "live-stack" },
    element("span", {}, say.before),
    element(
      "p",
      { class: "live-story" },
      element("b", {}, widget.get("beginning")),
      widget.get("story"),
    ),
  );

  const field = textBox(2, 2000, () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => busy || look(), 200);
  });
  field.value = widget.get("beginning");

  function setting(name, label, range) {
    const made = slider(label, range, (value) => {
      settings[name] = value;
      write();
    });
    const write = () => made.set(settings[name], decimal(settings[name], 2, language));
    write();
    return made.box;
  }

  const seed = element("input", {
    type: "number",
    min: 0,
    max: 2 ** 32 - 1,
    step: 1,
    value: settings.seed,
    oninput: () => {
      settings.seed = Number(seed.value) >>> 0;
    },
  });
  const tellButton = button(say.tell, tell);
  const stopButton = button(say.stop, () => {
    stopping = true;
  });
  const beginning = element("b");
  const told = element("span");
  const story = element("p", { class: "live-story" }, beginning, told);
  const readouts = element("dl", {}, ...facts([[say.tokens, ""], [say.speed, ""]]));
  const [tokensTold, tokensPerSecond] = readouts.querySelectorAll("dd");
  const table = tableWith("live-bars live-next", say.table, [say.token, say.probability]);
  const compareButton = button(say.compareTell, compare);
  const columns = element("div", { class: "live-columns" });
  const ask = element("div", { class: "live-buttons" }, load);
  const controls = element(
    "div",
    { class: "live-controls", hidden: "" },
    labelled(say.beginning, field),
    setting("temperature", say.temperature, { min: 0, max: 2, step: 0.1 }),
    setting("minP", say.minP, { min: 0, max: 0.5, step: 0.02 }),
    labelled(say.seed, seed),
    element("div", { class: "live-buttons" }, tellButton, stopButton),
  );
  const results = element(
    "div",
    { class: "live-controls", hidden: "" },
    element("div", { class: "live-stack" }, element("span", {}, say.story), story),
    readouts,
    table,
    element(
      "div",
      { class: "live-stack", role: "group", "aria-label": say.compare },
      element("span", {}, say.compare),
      element("p", { class: "live-legend" }, say.compareLegend),
      element("div", { class: "live-buttons" }, compareButton),
      columns,
    ),
  );
  const file = element("input", {
    type: "file",
    accept: ".gguf",
    onchange: () => {
      if (file.files.length) open(file.files[0]);
      file.value = ""; // the same file may be chosen again
    },
  });

  // Do some work, unless a later turn ends it; `act` gets a pause that throws then. Work without
  // words to start with goes on in silence, and the buttons stay.
  async function work(start, excuse, act) {
    const mine = ++turn;
    clearTimeout(waiting);
    const others = makePause();
    const pause = async () => {
      const paused = await others();
      if (mine !== turn) throw new Error("a later turn has begun");
      return paused;
    };
    if (start) {
      mark(true);
      speak(start);
    }
    let result;
    try {
      result = await act(pause);
    } catch (error) {
      if (mine === turn) speak(excuse(error), error.message);
    }
    if (mine !== turn) return undefined;
    mark(false);
    return result;
  }

  function mark(now) {
    [busy, stopping] = [now, false];
    for (const one of [load, tellButton, compareButton]) one.setAttribute("aria-disabled", now);
    stopButton.setAttribute("aria-disabled", !now);
  }

  function use({ model, tokenizer }, own) {
    opened = { model, tokenizer, session: new Session(model), smaller: new Map() };
    const { arch, vocabSize } = model.config;
    const millions = decimal(countOf(model) / 1e6, 1, language);
    speak(say.ready(arch, millions, plain(vocabSize, language)));
    const focused = document.activeElement === load;
    [controls.hidden, results.hidden, stored.hidden, ask.hidden] = [false, false, true, own];
    if (focused) field.focus();
    columns.replaceChildren();
    look();
  }

  function open(chosen) {
    work(say.loading, refused(), async (pause) => {
      checkSize(chosen.size); // before it is read
      return openFile(new Uint8Array(await chosen.arrayBuffer()), pause, () => speak(say.reading));
    }).then((other) => other && use(other, false));
  }

  // The ids of the beginning, with the token in front that begins texts; none if it does not fit.
  function encodeField() {
    const { tokenizer, session } = opened;
    const start = tokenizer.start === undefined ? [] : [tokenizer.start];
    const ids = [...start, ...tokenizer.encode(field.value)];
    if (!ids.length) speak(say.empty);
    if (ids.length > session.positions) speak(say.tooLong(session.positions));
    return ids.length > session.positions ? [] : ids;
  }

  // The beginning stands there alone.
  function clear() {
    beginning.textContent = field.value;
    told.replaceChildren();
    told.dataset.ids = "[]";
    for (const readout of [tokensTold, tokensPerSecond]) readout.textContent = "–";
  }

  // The distribution after the beginning, before anything is told.
  async function look() {
    const ids = encodeField();
    if (!ids.length) return;
    clear();
    const done = await work("", refused(), async (pause) => {
      await opened.session.readAll(ids, pause);
      return true;
    });
    if (done) drawTable();
  }

  async function tell() {
    const ids = encodeField();
    if (!ids.length) return;
    clear();
    const { session, tokenizer } = opened;
    const bits = randomBits(settings.seed);
    const decode = tokenizer.stream();
    const text = new Text();
    const written = [];
    told.replaceChildren(text);
    let since;
    const write = () => {
      const seconds = (performance.now() - since) / 1000;
      tokensTold.textContent = written.length;
      tokensPerSecond.textContent = Math.round(written.length / seconds) || "–";
      drawTable();
    };
    const end = await work(say.telling, refused(), async (pause) => {
      await session.readAll(ids, pause);
      since = performance.now();
      while (written.length < MOST_TOLD && session.ids.length < session.positions) {
        if (stopping) return "stop";
        const next = pickToken(session.logits, settings, bits);
        if (next === tokenizer.eos) return "end";
        written.push(next);
        text.data += decode(next);
        session.read(next);
        if (await pause()) write();
      }
      return "long";
    });
    if (!end) return;
    text.data += decode();
    told.dataset.ids = JSON.stringify(written);
    write();
    speak(say.told(written.length, tokensPerSecond.textContent), say.ends[end]);
  }

  function drawTable() {
    const { tokenizer, session } = opened;
    const probs = softmax(session.logits);
    const best = mostProbable(probs, MAX_ROWS);
    const row = (head, prob) => rowOf({}, head, barCell(prob, decimal(prob, 3, language)));
    const left = probs.length - best.length;
    const rest = best.reduce((sum, id) => sum - probs[id], 1);
    fillTable(table, [
      ...best.map((id) => row(tokenOf(visible(decoded(tokenizer.bytes[id]))), probs[id])),
      ...(left ? [row(say.others(left, plain(left, language)), Math.max(rest, 0))] : []),
    ]);
    table.dataset.best = JSON.stringify(best.map((id) => [id, probs[id]]));
  }

  // --- The same beginning by the same model in several types

  async function compare() {
    const ids = encodeField();
    if (!ids.length) return;
    const { model, tokenizer, smaller } = opened;
    if (matricesOf(model).some((matrix) => matrix.columns % 32)) {
      speak(say.noBlocks);
      return;
    }
    const done = await work(say.quantizing, () => say.notFinite, async (pause) => {
      for (const type of SMALLER) {
        if (!smaller.has(type)) smaller.set(type, await quantizeModel(model, type, pause));
      }
      speak(say.telling);
      const all = [model, ...smaller.values()].map((one) => makeColumn(one, tokenizer));
      columns.replaceChildren(...all.map((column) => column.box));
      for (const { session } of all) await session.readAll(ids, pause);
      for (let n = 0; n < MOST_TOLD && !stopping; n++) {
        const growing = all.filter((column) => column.grow());
        if (await pause()) all.forEach((column) => column.write(all[0]));
        if (!growing.length) break;
      }
      for (const column of all) column.finish(all[0]);
      columns.dataset.ids = JSON.stringify(all.map((column) => column.written));
      return true;
    });
    if (done) speak(say.compared);
  }

  function makeColumn(model, tokenizer) {
    const session = new Session(model);
    const types = [...new Set(matricesOf(model).map((matrix) => matrix.type))];
    const wide = types.every((type) => type === "F32" || type === "F16");
    const name = wide ? "F32" : types.join(", "); // 16 bits are calculated as 32
    const sizes = matricesOf(model).map((m) => (wide ? 4 * m.numbers.length : m.bytes));
    const norms = normsOf(model).map((numbers) => 4 * numbers.length);
    const size = [...sizes, ...norms].reduce((a, b) => a + b, 0);
    const goesOn = element("span");
    const verdict = element("p", { class: "live-legend" });
    const box = element(
      "div",
      { role: "group", "aria-label": name },
      element("p", {}, element("b", {}, name), ` · ${say.size(megabytes(size))}`),
      element("p", { class: "live-story" }, element("b", {}, field.value), goesOn),
      verdict,
    );
    const decode = tokenizer.stream();
    const column = { box, name, session, text: "", written: [], ended: false };
    column.grow = () => {
      if (column.ended) return false;
      const next = pickToken(session.logits, { temperature: 0 });
      column.ended = next === tokenizer.eos || session.ids.length >= session.positions;
      if (column.ended) return false;
      column.written.push(next);
      column.text += decode(next);
      session.read(next);
      return true;
    };
    column.write = (first) => {
      const words = wordsOf(column.text);
      const common = wordsInCommon(words, wordsOf(first.text));
      goesOn.replaceChildren(
        ...words.map((word, i) =>
          common[i] || !word.trim() ? word : element("mark", {}, word),
        ),
      );
    };
    column.finish = (first) => {
      column.text += decode();
      column.write(first);
      if (column === first) return;
      const length = Math.max(first.written.length, column.written.length);
      let n = 0;
      while (n < length && first.written[n] === column.written[n]) n++;
      verdict.textContent = n < length ? say.differs(first.name, n + 1) : say.same(first.name);
    };
    return column;
  }

  mark(false);
  const form = formOf(
    language,
    element("p", {}, say.intro),
    stored,
    ask,
    controls,
    status,
    results,
    labelled(say.file, file),
    element("p", { class: "live-legend" }, say.limits),
  );
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
  });
  el.replaceChildren(form);
  return () => {
    turn++; // what runs ends
    clearTimeout(waiting);
  };
}

const render = renderer(["beginning", "story", "size", "language"], show);

export default { render };
