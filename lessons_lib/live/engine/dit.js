// The network that paints: what `DiT` of `lessons_lib.dit` calculates for one picture and a caption. Its
// names for its tensors are those of the library.

import { add, attend, gelu, layerNorm, linear, linearOf, scaleAndShift, silu } from "./layers.js";

const [SLOWEST, FINEST] = [10000, 1000];
const EPS = 1e-6;
const TINY = 2 ** -23; // what 32 bits tell from 1

// A time as waves, from fast to slow: the cosines first, then the sines.
function timeWaves(t, n) {
  const half = n / 2;
  const waves = new Float32Array(n);
  for (let i = 0; i < half; i++) {
    const angle = t * SLOWEST ** (-i / (half - 1));
    waves[i] = Math.cos(angle);
    waves[half + i] = Math.sin(angle);
  }
  return waves;
}

// For a picture in planes, call `act` with the places of its numbers there and in its patches: row by row,
// and in each row by row, the colours of a pixel beside each other.
function eachNumber(side, size, act) {
  const patches = side / size;
  let to = 0;
  for (let patch = 0; patch < patches ** 2; patch++) {
    const start = Math.floor(patch / patches) * size * side + (patch % patches) * size;
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const pixel = start + row * side + column;
        for (let c = 0; c < 3; c++) act(c * side ** 2 + pixel, to++);
      }
    }
  }
}

// Heads of queries or keys, brought to a mean square of 1.
function evenOut(x, dHead) {
  for (let at = 0; at < x.length; at += dHead) {
    let squares = 0;
    for (let c = at; c < at + dHead; c++) squares += x[c] ** 2;
    const scale = 1 / Math.sqrt(squares / dHead + TINY);
    for (let c = at; c < at + dHead; c++) x[c] *= scale;
  }
  return x;
}

// Rows, normalised, then stretched and moved as the time and the caption say.
function modulate(x, width, eps, shift, scale) {
  return scaleAndShift(layerNorm(x, width, eps), scale.map((one) => 1 + one), shift);
}

class PaintingNet {
  constructor(part, { nHeads, nLayers, nWaves, patchSize, feedEps }) {
    const map = (name) => linearOf(part, name);
    Object.assign(this, { nHeads, nWaves, patchSize, feedEps });
    this.places = part("places").numbers;
    this.width = part("places").columns;
    this.embedder = { first: map("embedders.0.first"), second: map("embedders.0.second") };
    this.caption = { pooled: map("caption.pooled"), words: map("caption.words") };
    this.nothing = part("caption.nothing").numbers;
    this.patchMap = map("patch_map");
    this.blocks = Array.from({ length: nLayers }, (_, i) => {
      const own = (name) => map(`blocks.${i}.${name}`);
      return {
        modulation: own("modulation"),
        ...{ query: own("attention.query"), key: own("attention.key") },
        ...{ value: own("attention.value"), output: own("attention.output") },
        ...{ up: own("feed_forward.up"), down: own("feed_forward.down") },
      };
    });
    this.modulation = map("modulation");
    this.output = map("output");
  }

  // A caption's vectors, in the width of the model.
  condition({ pooled, words }) {
    return { pooled: linear(pooled, this.caption.pooled), words: linear(words, this.caption.words) };
  }

  // What the picture behind a mixture x is, in planes, at the time t; without a condition, of any caption.
  predict(x, t, condition) {
    const { width, patchSize, nHeads, embedder } = this;
    const side = Math.sqrt(x.length / 3);
    const cut = new Float32Array(x.length);
    eachNumber(side, patchSize, (from, to) => (cut[to] = x[from]));
    const waves = timeWaves(FINEST * t, this.nWaves);
    const told = linear(linear(waves, embedder.first).map(silu), embedder.second);
    const bent = add(told, condition ? condition.pooled : this.nothing).map(silu);
    const part = (map) => {
      const all = linear(bent, map);
      return Array.from({ length: all.length / width }, (_, i) => all.subarray(i * width, (i + 1) * width));
    };
    const words = condition ? condition.words : new Float32Array(0);
    const h = new Float32Array(words.length + this.places.length);
    h.set(words);
    h.set(add(linear(cut, this.patchMap), this.places), words.length);
    for (const block of this.blocks) {
      const [shift, scale, gate, feedShift, feedScale, feedGate] = part(block.modulation);
      const seen = modulate(h, width, EPS, shift, scale);
      const [q, k, v] = [block.query, block.key, block.value].map((map) => linear(seen, map));
      for (const heads of [q, k]) evenOut(heads, width / nHeads);
      const gathered = linear(attend(q, k, v, { width, nHeads }), block.output);
      for (let i = 0; i < h.length; i++) h[i] += gate[i % width] * gathered[i];
      const fed = modulate(h, width, this.feedEps, feedShift, feedScale);
      const thought = linear(linear(fed, block.up).map(gelu), block.down);
      for (let i = 0; i < h.length; i++) h[i] += feedGate[i % width] * thought[i];
    }
    const [shift, scale] = part(this.modulation);
    const last = modulate(h.subarray(words.length), width, EPS, shift, scale);
    const patches = linear(last, this.output);
    const picture = new Float32Array(x.length);
    eachNumber(side, patchSize, (to, from) => (picture[to] = patches[from]));
    return picture;
  }
}

export { PaintingNet, timeWaves };
