// Numbers in few bits: what `lessons_lib.quantization` does, bit by bit.

const { fround } = Math;

// The number that 16 bits stand for: a sign, 5 bits of exponent, 10 of fraction.
function fromHalf(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}

// The bits of the float of 16 bits that is nearest to a finite x, of two equally near the even one.
function toHalf(x) {
  const size = Math.abs(x);
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const steps = size / 2 ** (exponent - 10); // exact
  const rounded = steps + 2 ** 52 - 2 ** 52; // there is no room for what follows the point
  return sign | Math.min(rounded + (exponent + 14) * 1024, 0x7c00); // beyond the largest: infinite
}

// 1 / x in 32 bits; 0 for 0, and `beyond` where 1 / x is too large for them.
function reciprocal(x, beyond) {
  const inverse = Math.fround(1 / x);
  if (x === 0) return 0;
  return Number.isFinite(inverse) ? inverse : beyond;
}

// --- Rounding to levels: a scale, perhaps the lowest number, and 32 levels. As in the library each
// step is rounded to 32 bits.

// The number of the largest size with its sign, of several the first; a zero is positive.
const largest = (x) => x.reduce((peak, one) => (Math.abs(one) > Math.abs(peak) ? one : peak), 0);

// Cut off what follows the point, to levels from 0 to `most`; 0 for what is not a number.
const cutToLevel = (x, most) => Math.trunc(Math.min(Math.max(x, 0), most)) || 0;

function roundAbsmax(x) {
  const scale = fround(Math.abs(largest(x)) / 127);
  const inverse = reciprocal(scale, 0);
  const levels = x.map((one) => {
    const level = fround(one * inverse);
    return Math.trunc(fround(level + (level - Math.trunc(level)))) || 0; // no -0
  });
  return { scale, levels };
}

function roundSigned(x, half) {
  const scale = fround(largest(x) / -half);
  const inverse = reciprocal(scale, NaN);
  const levels = x.map((one) => {
    const level = fround(one * inverse);
    return cutToLevel(fround(level + (half + 0.5)), 2 * half - 1);
  });
  return { scale, levels };
}

function roundZeroPoint(x, most) {
  const low = x.reduce((least, one) => (one < least ? one : least));
  const scale = fround(fround(Math.abs(Math.max(...x) - low)) / most);
  const inverse = reciprocal(scale, 0);
  const levels = x.map((one) => {
    const level = fround(fround(one - low) * inverse);
    return cutToLevel(fround(level + 0.5), most);
  });
  return { scale, low, levels };
}

// --- The formats: `count` levels from `first` on, of which `zero` stands for zero (or for m)

const FORMATS = {
  Q8_0: {
    first: -127,
    count: 255,
    zero: 0,
    round: roundAbsmax,
    fields: ["d", "qs"],
  },
  Q5_0: {
    first: 0,
    count: 32,
    zero: 16,
    round: (x) => roundSigned(x, 16),
    fields: ["d", "qh", "qs"],
  },
  Q4_1: {
    first: 0,
    count: 16,
    zero: 0,
    round: (x) => roundZeroPoint(x, 15),
    fields: ["d", "m", "qs"],
  },
  Q4_0: {
    first: 0,
    count: 16,
    zero: 8,
    round: (x) => roundSigned(x, 8),
    fields: ["d", "qs"],
  },
};

const lowestFirst = (bits) => [bits & 255, bits >> 8];

// Two levels of four bits to a byte: levels j and 16 + j.
const packFour = (levels) =>
  levels.slice(0, 16).map((level, j) => (level & 15) | ((levels[16 + j] & 15) << 4));

// The fifth bits, eight to a byte.
const packFifth = (levels) =>
  [0, 8, 16, 24].map((start) =>
    levels.slice(start, start + 8).reduce((byte, level, i) => byte | ((level >> 4) << i), 0),
  );

// A block, a list of 32 numbers, in a format: the bytes of its fields, and the number that a level
// stands for.
function quantizeBlock(x, type) {
  const { zero, round, fields } = FORMATS[type];
  const { scale, low = 0, levels } = round(x);
  const stored = { d: toHalf(scale), m: toHalf(low) };
  const [d, m] = [fromHalf(stored.d), fromHalf(stored.m)];
  const bytes = {
    d: lowestFirst(stored.d),
    m: lowestFirst(stored.m),
    qh: packFifth(levels),
    qs: type === "Q8_0" ? levels.map((level) => level & 255) : packFour(levels),
  };
  const value = (level) => fround(fround((level - zero) * d) + m);
  return { d, m, levels, bytes: fields.map((name) => bytes[name]), value };
}

// --- Many numbers

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

const AT_A_TIME = 2 ** 16; // numbers: some milliseconds
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// The numbers in the bytes of a type, `size` of them in `bytes` bytes. In pieces, so that the page can
// do something else in between; `look` sees each piece, and where it begins in the bytes.
async function decodeNumbers(bytes, type, pause, look = () => {}) {
  const numbers = new Float32Array((bytes.length / type.bytes) * type.size);
  for (let start = 0; start < numbers.length; start += AT_A_TIME) {
    const part = numbers.subarray(start, start + AT_A_TIME);
    const from = (start / type.size) * type.bytes;
    DECODERS[type.name](viewOf(bytes.subarray(from)), part);
    look(part, from);
    await pause();
  }
  return numbers;
}

// The bytes of numbers in a type of `FORMATS`, likewise.
async function encodeNumbers(numbers, type, pause) {
  const bytes = new Uint8Array((numbers.length / type.size) * type.bytes);
  for (let start = 0, at = 0; start < numbers.length; start += 32, at += type.bytes) {
    const block = Array.from(numbers.subarray(start, start + 32));
    bytes.set(quantizeBlock(block, type.name).bytes.flat(), at);
    if (start % AT_A_TIME === 0) await pause();
  }
  return bytes;
}

export { DECODERS, FORMATS, decodeNumbers, encodeNumbers, fromHalf, quantizeBlock, toHalf, viewOf };
