// LoRA adapters for llama.cpp: what `fine_tuning.load_adapter` and `merge_lora` do with such a file.

import { decodeTensor, described, entryOf, parseGGUF, wrong } from "./gguf.js";
import { matricesByName, withMatrices } from "./model.js";

// The thin matrices of a file: the name of a large one -> its `a` and its `b`.
function readPairs(file) {
  const pairs = new Map();
  for (const [name, tensor] of file.tensors) {
    const [base, half] = name.split(".lora_");
    if (half !== "a" && half !== "b") {
      throw wrong(name, tensor.at, "lora_a and lora_b alone", name, "adapter");
    }
    pairs.set(base, { ...pairs.get(base), [half]: tensor });
  }
  return pairs;
}

function checkPair(name, matrix, { a, b }) {
  const { at } = a ?? b;
  if (!a || !b || !matrix) throw wrong(name, at, "an a and a b for a map of the model", "others");
  const fits =
    a.columns === matrix.columns && b.rows === matrix.rows && a.rows === b.columns && a.rows > 0;
  if (fits) return;
  const [expected, got] = [
    [`(r, ${matrix.columns})`, `(${matrix.rows}, r)`],
    [`(${a.shape.join(", ")})`, `(${b.shape.join(", ")})`],
  ].map((shapes) => shapes.join(" and "));
  throw wrong(name, at, expected, got);
}

// W + s B A, as a new matrix.
async function merged(matrix, a, b, scale, pause) {
  const { rows, columns } = matrix;
  const rank = a.length / columns;
  const numbers = Float32Array.from(matrix.numbers);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < rank; k++) {
      const weight = scale * b[row * rank + k];
      for (let i = 0; i < columns; i++) numbers[row * columns + i] += weight * a[k * columns + i];
    }
    await pause();
  }
  return { ...matrix, numbers };
}

// The model with an adapter's matrices added to its own; the model itself stays as it is.
async function adaptModel(model, bytes, pause) {
  const file = parseGGUF(bytes);
  const expected = { "general.type": "adapter", "adapter.type": "lora" };
  expected["general.architecture"] = model.config.arch;
  for (const [name, value] of Object.entries(expected)) {
    const entry = entryOf(file, name);
    if (entry.value !== value) throw wrong(name, entry.at, value, described(entry), "adapter");
  }
  const alpha = entryOf(file, "adapter.lora.alpha");
  if (!(alpha.value > 0) || !/^float/.test(alpha.type)) {
    throw wrong("adapter.lora.alpha", alpha.at, "a number above 0", described(alpha));
  }
  const own = matricesByName(model);
  const changed = new Map();
  for (const [name, pair] of readPairs(file)) {
    const matrix = own.get(name);
    checkPair(name, matrix, pair);
    const [a, b] = [await decodeTensor(pair.a, pause), await decodeTensor(pair.b, pause)];
    changed.set(matrix, await merged(matrix, a, b, alpha.value / pair.a.rows, pause));
  }
  return withMatrices(model, changed);
}

export { adaptModel };
