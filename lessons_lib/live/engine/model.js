// The model: what `lessons_lib.llama` calculates, with the cache of `lessons_lib.generation`; its sizes
// and its weights come from a GGUF file of the architecture llama or qwen3.

import {
  checkWhole,
  decodeTensor,
  described,
  entryOf,
  isInteger,
  parseGGUF,
  typeNamed,
  wrong,
} from "./gguf.js";
import { LANES, makeSpace } from "./kernel.js";
import { DECODERS, encodeNumbers } from "./quantization.js";
import { Tokenizer } from "./tokenizer.js";

const { fround } = Math;
const MOST_BYTES = 128e6; // of a file
const MOST_NUMBERS = 25e6; // of a model, and of its cache
const MOST_POSITIONS = 1024; // that a cache has room for

// ------------------------------------------------- the sizes of the model: `gguf.read_config`

const KNOWN_SIZES = new Set([
  ...["context_length", "embedding_length", "attention.head_count", "block_count"],
  ...["feed_forward_length", "attention.head_count_kv", "rope.freq_base", "vocab_size"],
  ...["attention.key_length", "attention.value_length", "rope.dimension_count"],
  "attention.layer_norm_rms_epsilon",
]);

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
  for (const [name, { type, at }] of tensors) {
    if (Object.hasOwn(DECODERS, type.name)) continue;
    throw wrong(`type of ${name}`, at, `one of ${Object.keys(DECODERS).join(", ")}`, type.name, "type");
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
    const bytes = tensor.bytes.length;
    return { rows, columns, stride: columns, numbers, type: type.name, bytes };
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
  return withKernel({
    config,
    table,
    layers,
    finalNorm: await norm("output_norm.weight"),
    head,
  });
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

// The matrices of the layers, by their names in a file.
const matricesByName = ({ layers }) =>
  new Map(
    layers.flatMap((layer, i) =>
      Object.entries(LAYER.matrices).map(([own, name]) => [`blk.${i}.${name}.weight`, layer[own]]),
    ),
  );

// A model whose matrices are multiplied as fast as the browser can.
function withKernel(model) {
  const matrices = matricesOf(model);
  const most = Math.max(...matrices.flatMap(({ rows, columns }) => [rows, columns]));
  const { arrays, kernel } = makeSpace(matrices.map(({ numbers }) => numbers.length), most);
  for (const [i, matrix] of matrices.entries()) {
    arrays[i].set(matrix.numbers);
    Object.assign(matrix, { numbers: arrays[i], kernel });
  }
  return model;
}

// The same model with other matrices in the place of some of its own; it shares none of them.
function withMatrices(model, changed) {
  const copies = new Map(
    matricesOf(model).map((matrix) => [matrix, changed.get(matrix) ?? { ...matrix }]),
  );
  const layers = model.layers.map((layer) => {
    const copy = { ...layer };
    for (const name of Object.keys(LAYER.matrices)) copy[name] = copies.get(layer[name]);
    return copy;
  });
  const [table, head] = [model.table, model.head].map((matrix) => copies.get(matrix));
  return withKernel({ ...model, layers, table, head });
}

// The same model with its matrices through the bytes of another type and back; as in a file, norms
// stay as they are.
async function quantizeModel(model, typeName, pause) {
  const type = typeNamed(typeName);
  const changed = new Map();
  for (const matrix of matricesOf(model)) {
    const bytes = await encodeNumbers(matrix.numbers, type, pause);
    const numbers = await decodeTensor({ name: typeName, type, bytes, offset: 0 }, pause);
    changed.set(matrix, { ...matrix, numbers, type: typeName, bytes: bytes.length });
  }
  return withMatrices(model, changed);
}

// ------------------------------------- one token through the model: `generation.LlamaStep`

// out = matrix times x. What the kernel leaves, or all where there is none: four rows at a time share
// what is read of x, and none of the four sums waits for the addition before it.
function multiply(out, matrix, x) {
  const { rows, columns, stride, numbers, kernel } = matrix;
  let row = kernel ? kernel.multiply(out, matrix, x) : 0;
  for (; row + 4 <= rows; row += 4) {
    const first = row * stride;
    const second = first + stride;
    const third = second + stride;
    const fourth = third + stride;
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
    let sum = 0;
    for (let i = 0; i < columns; i++) sum += numbers[row * stride + i] * x[i];
    out[row] = sum;
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

// A model that reads one text: it keeps the keys and values of all positions. Heads may be switched off:
// they look, but pass nothing on. A `trace`, where one is kept, holds for each position what went in
// and out of the blocks, and the queries.
class Session {
  constructor(model, { trace = false } = {}) {
    const { arch, dModel, dHead, dFF, nHeads, nKvHeads, nLayers, vocabSize } = model.config;
    const { contextLength, ropeBase } = model.config;
    this.model = model;
    this.positions = Math.min(contextLength, MOST_POSITIONS);
    this.ids = []; // what it has read
    this.off = new Uint8Array(nLayers * nHeads); // 1 where a head is off
    this.makeCache();
    const space = (size) => new Float64Array(size); // what is calculated: in 64 bits
    [this.x, this.y] = [space(dModel), space(dModel)];
    [this.q, this.mixed] = [space(nHeads * dHead), space(nHeads * dHead)];
    const byHead = (x) =>
      Array.from({ length: nHeads }, (_, i) => x.subarray(i * dHead, (i + 1) * dHead));
    [this.queryOf, this.mixedOf] = [byHead(this.q), byHead(this.mixed)];
    [this.k, this.v] = [space(nKvHeads * dHead), space(nKvHeads * dHead)];
    [this.gate, this.up, this.logits] = [space(dFF), space(dFF), space(vocabSize)];
    this.weights = space(this.positions + LANES);
    // Pairs of a head's numbers turn together: neighbours in the files of llama, number i and
    // i + K / 2 in those of qwen3. In 32 bits, as in the library.
    this.partner = arch === "llama" ? 1 : dHead / 2;
    this.speeds = Float32Array.from(
      { length: dHead / 2 },
      (_, i) => 1 / fround(ropeBase ** fround((2 * i) / dHead)),
    );
    [this.cos, this.sin] = [new Float64Array(dHead / 2), new Float64Array(dHead / 2)];
    if (!trace) return;
    const traced = (size) => new Float32Array(this.positions * size);
    this.stream = Array.from({ length: nLayers + 1 }, () => traced(dModel));
    this.queries = Array.from({ length: nLayers }, () => traced(nHeads * dHead));
  }

  // Switch off the heads that have a 1, layer by layer. Where that changes something, the text is forgotten.
  switchOff(heads) {
    if (this.off.every((one, i) => one === heads[i])) return;
    this.off.set(heads);
    this.ids.length = 0;
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
        const a = x[at];
        const b = x[at + partner];
        x[at] = a * cos[i] - b * sin[i];
        x[at + partner] = a * sin[i] + b * cos[i];
      }
    }
  }

  // Of each layer and key head two matrices: the keys, a row for each position, and the values, a column
  // for each, so that both are multiplied by a vector.
  makeCache() {
    const { nLayers, nKvHeads, dHead } = this.model.config;
    const columns = LANES * Math.ceil(this.positions / LANES);
    const counts = Array(2 * nLayers * nKvHeads).fill(dHead * columns);
    const { arrays, kernel } = makeSpace(counts, Math.max(dHead, columns));
    const matrix = (stride) => () => ({ rows: dHead, columns: dHead, stride, kernel, numbers: arrays.pop() });
    this.cache = Array.from({ length: nLayers }, () => ({
      keys: Array.from({ length: nKvHeads }, matrix(dHead)),
      values: Array.from({ length: nKvHeads }, matrix(columns)),
    }));
  }

  // The weights that a head gives to n positions, with its query.
  weigh(layer, head, query, n) {
    const { weights } = this;
    const keys = this.cache[layer].keys[this.sharedBy(head)];
    keys.rows = n;
    multiply(weights, keys, query);
    const root = Math.sqrt(query.length);
    let most = -Infinity;
    for (let s = 0; s < n; s++) most = Math.max(most, weights[s]);
    let total = 0;
    for (let s = 0; s < n; s++) total += weights[s] = Math.exp((weights[s] - most) / root);
    for (let s = 0; s < n; s++) weights[s] /= total;
    weights.fill(0, n, n + LANES); // for `mix`
    return weights;
  }

  // The weighted sum of a head's values at n positions, and at as many more as make whole vectors: their
  // weights are 0.
  mix(mixed, layer, head, weights, n) {
    const values = this.cache[layer].values[this.sharedBy(head)];
    values.columns = LANES * Math.ceil(n / LANES);
    multiply(mixed, values, weights);
  }

  // The key head of a query head.
  sharedBy(head) {
    const { nHeads, nKvHeads } = this.model.config;
    return Math.floor((head * nKvHeads) / nHeads);
  }

  // Let each query head attend to all positions up to this one.
  attend(layer, position) {
    const { mixedOf, queryOf, off } = this;
    const { nHeads } = this.model.config;
    for (let head = 0; head < nHeads; head++) {
      if (off[layer * nHeads + head]) {
        mixedOf[head].fill(0);
        continue;
      }
      const weights = this.weigh(layer, head, queryOf[head], position + 1);
      this.mix(mixedOf[head], layer, head, weights, position + 1);
    }
  }

  // Keep what a token hands on, for each head at the place of its position. What stood behind it is
  // another text's.
  keep({ keys, values }, k, v, position) {
    const { dHead } = this.model.config;
    for (let head = 0; head < keys.length; head++) {
      const from = head * dHead;
      const { numbers, stride } = values[head];
      for (let i = 0; i < dHead; i++) {
        keys[head].numbers[position * dHead + i] = k[from + i];
        numbers[i * stride + position] = v[from + i];
        for (let s = position + 1; s % LANES; s++) numbers[i * stride + s] = 0;
      }
    }
  }

  // The key and the value of a head at a position.
  keptBy(layer, head, position) {
    const { dHead } = this.model.config;
    const shared = this.sharedBy(head);
    const keys = this.cache[layer].keys[shared].numbers;
    const { numbers, stride } = this.cache[layer].values[shared];
    return {
      k: keys.slice(position * dHead, (position + 1) * dHead),
      v: Float32Array.from({ length: dHead }, (_, i) => numbers[i * stride + position]),
    };
  }

  // Read one more token; return the logits (V) of the next, which the next call overwrites. Where they
  // are not `wanted`, the last block only keeps its key and value.
  read(tokenId, wanted = true) {
    const { x, y, q, k, v, mixed, gate, up, logits } = this;
    const { config, table, layers, finalNorm, head } = this.model;
    const { dModel, dHead, eps } = config;
    const position = this.ids.length;
    for (let i = 0; i < dHead / 2; i++) {
      const angle = fround(position * this.speeds[i]);
      this.cos[i] = Math.cos(angle);
      this.sin[i] = Math.sin(angle);
    }
    for (let i = 0, at = tokenId * dModel; i < dModel; i++, at++) x[i] = table.numbers[at];
    this.stream?.[0].set(x, position * dModel);
    this.ids.push(tokenId);
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[i];
      rmsNorm(y, x, layer.attentionNorm, eps);
      multiply(k, layer.key, y);
      multiply(v, layer.value, y);
      this.prepare(k, layer.kNorm);
      this.keep(this.cache[i], k, v, position);
      if (!wanted && i === layers.length - 1) return undefined;
      multiply(q, layer.query, y);
      this.prepare(q, layer.qNorm);
      this.queries?.[i].set(q, position * q.length);
      this.attend(i, position);
      multiply(y, layer.output, mixed);
      add(x, y);
      rmsNorm(y, x, layer.feedNorm, eps);
      multiply(gate, layer.gate, y);
      multiply(up, layer.up, y);
      for (let j = 0; j < gate.length; j++) gate[j] *= up[j] / (1 + Math.exp(-gate[j])); // SwiGLU
      multiply(y, layer.down, gate);
      add(x, y);
      this.stream?.[i + 1].set(x, position * dModel);
    }
    return this.guess(x);
  }

  // The logits (V) that a vector of the stream stands for, as if no block came after it.
  guess(x, logits = this.logits) {
    rmsNorm(this.y, x, this.model.finalNorm, this.model.config.eps);
    multiply(logits, this.model.head, this.y);
    return logits;
  }

  // Read a whole text, but for what it shares with the text before. Only a trace needs more than the
  // logits after its last token.
  async readAll(ids, pause) {
    let same = 0;
    while (same < ids.length - 1 && ids[same] === this.ids[same]) same++;
    this.ids.length = Math.min(same, this.ids.length); // what comes after is forgotten
    while (this.ids.length < ids.length) {
      const n = this.ids.length;
      this.read(ids[n], Boolean(this.stream) || n === ids.length - 1);
      await pause();
    }
  }
}

// ------------------------------------------------------------------------------------ a whole file

function checkSize(size) {
  if (size > MOST_BYTES) throw wrong("file", 0, `at most ${MOST_BYTES} bytes`, size, "size");
}

// All that a file gives: the model and the tokenizer. `reading` is called when the header is read.
async function openFile(bytes, pause, reading = () => {}) {
  checkSize(bytes.length);
  const file = parseGGUF(bytes);
  checkWhole(file);
  const config = readConfig(file);
  const tokenizer = new Tokenizer(file, config.vocabSize);
  reading();
  return { tokenizer, model: await readModel(file, config, pause) };
}

export {
  Session,
  checkSize,
  countOf,
  matricesByName,
  matricesOf,
  normsOf,
  openFile,
  quantizeModel,
  readConfig,
  withMatrices,
};
