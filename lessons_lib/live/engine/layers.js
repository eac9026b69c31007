// The parts that a text tower and a painter are made of, for several positions at once: the rows of a
// Float32Array. What `lessons_lib.block` and `lessons_lib.attention` calculate, without gradients.

import { decodeTensor, parseGGUF } from "./gguf.js";
import { makeSpace } from "./kernel.js";
import { multiply } from "./matrices.js";

// A file's tensors by name, decoded. Matrices lie where the kernel, if there is one, can multiply them;
// `most` numbers has the longest row that they are multiplied by, or give.
async function openTensors(bytes, pause) {
  const file = parseGGUF(bytes);
  const tensors = new Map();
  const matrices = [];
  for (const [name, tensor] of file.tensors) {
    const { rows, columns, shape } = tensor;
    const one = { shape, rows, columns, stride: columns, numbers: await decodeTensor(tensor, pause) };
    tensors.set(name, one);
    if (shape.length === 2) matrices.push(one);
  }
  const most = Math.max(...matrices.flatMap(({ rows, columns }) => [rows, columns]));
  const { arrays, kernel } = makeSpace(matrices.map(({ numbers }) => numbers.length), most);
  for (const [i, matrix] of matrices.entries()) {
    arrays[i].set(matrix.numbers);
    Object.assign(matrix, { numbers: arrays[i], kernel });
  }
  return { metadata: file.metadata, tensors };
}

// Those tensors whose names begin with `prefix`, as a function of the rest of the name.
const partOf = (tensors, prefix) => (name) => {
  const found = tensors.get(prefix + name);
  if (!found) throw new Error(`expected a tensor ${prefix}${name}, got none`);
  return found;
};

// x (N, D) times a matrix (E, D) transposed, and a bias: (N, E).
function linear(x, { weight, bias }) {
  const { rows, columns, numbers, kernel } = weight;
  const N = x.length / columns;
  const out = new Float32Array(N * rows);
  const row = (i) => kernel.multiply(out.subarray(i * rows), weight, x.subarray(i * columns));
  if (kernel && row(0) === rows) for (let i = 1; i < N; i++) row(i);
  else multiply(x, numbers, out, N, columns, rows);
  if (bias) for (let i = 0; i < out.length; i++) out[i] += bias.numbers[i % rows];
  return out;
}

const linearOf = (part, name) => ({ weight: part(`${name}.weight`), bias: part(`${name}.bias`) });

// Rows of `width` numbers, brought to a mean of 0 and a mean square of 1.
function layerNorm(x, width, eps) {
  const out = new Float32Array(x.length);
  for (let at = 0; at < x.length; at += width) {
    let [sum, squares] = [0, 0];
    for (let c = at; c < at + width; c++) sum += x[c];
    const mean = sum / width;
    for (let c = at; c < at + width; c++) squares += (x[c] - mean) ** 2;
    const scale = 1 / Math.sqrt(squares / width + eps);
    for (let c = at; c < at + width; c++) out[c] = (x[c] - mean) * scale;
  }
  return out;
}

// Rows times `scale`, plus `shift`, both of one row.
function scaleAndShift(x, scale, shift) {
  const width = scale.length;
  for (let i = 0; i < x.length; i++) x[i] = x[i] * scale[i % width] + shift[i % width];
  return x;
}

function add(x, y) {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
  return x;
}

// Queries, keys and values (T, D), in heads: what each position gathers. Causal ones see none behind
// themselves.
function attend(q, k, v, { width, nHeads, causal = false }) {
  const [T, dHead] = [q.length / width, width / nHeads];
  const out = new Float32Array(q.length);
  const weights = new Float64Array(T);
  for (let head = 0; head < nHeads; head++) {
    for (let i = 0; i < T; i++) {
      const from = i * width + head * dHead;
      const seen = causal ? i + 1 : T;
      let most = -Infinity;
      for (let j = 0; j < seen; j++) {
        const to = j * width + head * dHead;
        let score = 0;
        for (let c = 0; c < dHead; c++) score += q[from + c] * k[to + c];
        weights[j] = score / Math.sqrt(dHead);
        most = Math.max(most, weights[j]);
      }
      let total = 0;
      for (let j = 0; j < seen; j++) total += weights[j] = Math.exp(weights[j] - most);
      for (let j = 0; j < seen; j++) {
        const [share, to] = [weights[j] / total, j * width + head * dHead];
        for (let c = 0; c < dHead; c++) out[from + c] += share * v[to + c];
      }
    }
  }
  return out;
}

const ROOT = Math.sqrt(2 / Math.PI);
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const quickGelu = (x) => x * sigmoid(1.702 * x);
const gelu = (x) => (x / 2) * (1 + Math.tanh(ROOT * (x + 0.044715 * x ** 3)));
const silu = (x) => x * sigmoid(x);

export {
  add,
  attend,
  gelu,
  layerNorm,
  linear,
  linearOf,
  openTensors,
  partOf,
  quickGelu,
  scaleAndShift,
  silu,
};
