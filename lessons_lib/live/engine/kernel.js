// A matrix times a vector, four numbers at a time: a small module of WebAssembly with SIMD, put together
// here instruction by instruction. What it multiplies lies in its own memory. It adds up in 32 bits, in
// four partial sums for each row, as the library does on a processor with SIMD.
//
// Source: WebAssembly Core Specification 2.0, "Binary Format".

const GROUP = 8; // rows at a time: they share what is read of the vector, and no sum waits for another
const [LANES, NUMBER] = [4, 4]; // numbers in a vector of 128 bits, bytes of a number
const VECTOR = LANES * NUMBER;
const PAGE = 2 ** 16; // bytes: memory is given in pages

// ------------------------------------------------------------------------------ the binary format

const [I32, V128, FUNCTION, NOTHING] = [0x7f, 0x7b, 0x60, 0x40]; // types

// An integer from 0 on: seven bits in a byte, and an eighth that says whether others follow.
const integer = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...integer(n >> 7)]);
const list = (...items) => [...integer(items.length), ...items.flat()];
const text = (characters) => list(...new TextEncoder().encode(characters));
const section = (id, ...bytes) => [id, ...list(...bytes.flat())];

const get = (local) => [0x20, local];
const set = (local) => [0x21, local];
const constant = (n) => [0x41, n]; // of less than 64
const ADD = [0x6a];
const SUBTRACT = [0x6b];
const UNEQUAL = [0x47];
const loop = (...body) => [0x03, NOTHING, ...body.flat(), 0x0b];
const AGAIN_IF = [0x0d, 0]; // go on at the start of the loop if what was last calculated is not 0
const STORE = [0x38, 2]; // a number of 32 bits; its offset follows
const ADD_NUMBERS = [0x92];
const ZEROS = [0xfd, 0x0c, ...Array(VECTOR).fill(0)];
const vectorAt = (pointer) => [...get(pointer), 0xfd, 0x00, 2, 0]; // at least on a number's boundary
const lane = (i) => [0xfd, 0x1f, i];
const ADD_VECTORS = [0xfd, ...integer(0xe4)];
const MULTIPLY_VECTORS = [0xfd, ...integer(0xe6)];

// -------------------------------------------------------------------------------- the one function

// It gets where the matrix, the vector and the product begin; how many bytes of a row are multiplied, and
// how many there are from one row to the next; and where the product ends. The product is a multiple of
// GROUP numbers, what is multiplied of a row a multiple of LANES.
const [MATRIX, GIVEN, PRODUCT, WIDTH, STRIDE, END, AT, LAST] = Array(8).keys();
const PARAMETERS = [I32, I32, I32, I32, I32, I32];
const rows = Array.from({ length: GROUP }, (_, i) => i);
const pointerOf = (row) => LAST + 1 + row;
const sumOf = (row) => LAST + 1 + GROUP + row;
const HERE = sumOf(GROUP); // what stands at AT of the vector

const locals = list([2 + GROUP, I32], [GROUP + 1, V128]);
const step = (pointer, bytes) => [...get(pointer), ...constant(bytes), ...ADD, ...set(pointer)];
const code = [
  ...[...get(GIVEN), ...get(WIDTH), ...ADD, ...set(LAST)],
  ...loop(
    ...rows.map((row) => [
      ...(row ? [...get(pointerOf(row - 1)), ...get(STRIDE), ...ADD] : get(MATRIX)),
      ...set(pointerOf(row)),
      ...[...ZEROS, ...set(sumOf(row))],
    ]),
    [...get(GIVEN), ...set(AT)],
    loop(
      [...vectorAt(AT), ...set(HERE)],
      ...rows.map((row) => [
        ...[...get(sumOf(row)), ...vectorAt(pointerOf(row)), ...get(HERE)],
        ...[...MULTIPLY_VECTORS, ...ADD_VECTORS, ...set(sumOf(row))],
        ...step(pointerOf(row), VECTOR),
      ]),
      step(AT, VECTOR),
      [...get(AT), ...get(LAST), ...UNEQUAL, ...AGAIN_IF],
    ),
    ...rows.map((row) => [
      ...get(PRODUCT),
      ...[0, 1, 2, 3].flatMap((i) => [...get(sumOf(row)), ...lane(i)]),
      ...[...ADD_NUMBERS, ...ADD_NUMBERS, ...ADD_NUMBERS, ...STORE, ...integer(NUMBER * row)],
    ]),
    [...get(pointerOf(GROUP - 1)), ...get(STRIDE), ...ADD, ...get(WIDTH), ...SUBTRACT, ...set(MATRIX)],
    step(PRODUCT, NUMBER * GROUP),
    [...get(PRODUCT), ...get(END), ...UNEQUAL, ...AGAIN_IF],
  ),
  0x0b,
];

const MODULE = Uint8Array.from([
  ...[0, ...new TextEncoder().encode("asm"), 1, 0, 0, 0],
  ...section(1, list([FUNCTION, ...list(...PARAMETERS), ...list()])),
  ...section(2, list([...text("page"), ...text("memory"), 2, 0, 0])),
  ...section(3, list(0)), // the one function has the one type
  ...section(7, list([...text("multiply"), 0, 0])),
  ...section(10, list(list(...locals, ...code))),
]);

// -------------------------------------------------------------------------------------- its memory

let compiled; // when it is first needed
const wholeVectors = (numbers) => VECTOR * Math.ceil((NUMBER * numbers) / VECTOR); // bytes

// Zeros for matrices of so many numbers each, as `arrays`, and the `kernel` that can multiply them by
// vectors; neither these nor the products may have more than `most` numbers. Where the browser has no SIMD,
// or no room, the kernel is null and the arrays are ordinary ones.
function makeSpace(counts, most) {
  const vector = wholeVectors(most);
  const places = [2 * vector];
  for (const count of counts) places.push(places.at(-1) + wholeVectors(count));
  const pages = Math.ceil(places.at(-1) / PAGE);
  let memory, run;
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    compiled ??= new WebAssembly.Module(MODULE);
    run = new WebAssembly.Instance(compiled, { page: { memory } }).exports.multiply;
  } catch {
    return { arrays: counts.map((count) => new Float32Array(count)), kernel: null };
  }
  const given = new Float32Array(memory.buffer, 0, most);
  const product = new Float32Array(memory.buffer, vector, most);

  // out = matrix times x, for as many rows as are whole groups; the answer is how many.
  function multiply(out, { rows, columns, stride, numbers }, x) {
    const n = columns % LANES ? 0 : rows - (rows % GROUP);
    if (!n) return 0;
    for (let i = 0; i < columns; i++) given[i] = x[i];
    const [width, apart] = [NUMBER * columns, NUMBER * stride];
    run(numbers.byteOffset, 0, vector, width, apart, vector + NUMBER * n);
    for (let i = 0; i < n; i++) out[i] = product[i];
    return n;
  }

  const arrays = counts.map((count, i) => new Float32Array(memory.buffer, places[i], count));
  return { arrays, kernel: { multiply } };
}

export { LANES, makeSpace };
