// Captions: what `WordTokenizer` and `TextTower` of `lessons_lib.clip` do. The tower's names for its
// tensors are those of the library.

import { add, attend, layerNorm, linear, linearOf, quickGelu, scaleAndShift } from "./layers.js";

const EPS = 1e-5;
const SPECIAL = 4; // padding, begin, unknown, end; words follow
const [BEGIN, UNKNOWN, END] = [1, 2, 3];

const wordsIn = (text) => text.normalize("NFC").toLowerCase().match(/[\p{L}\p{Nl}\p{No}]+/gu) ?? [];

// The ids of a caption, and the words that the vocabulary does not have.
function encodeCaption(ids, text) {
  const words = wordsIn(text);
  return {
    ids: [BEGIN, ...words.map((word) => ids.get(word) ?? UNKNOWN), END],
    unknown: [...new Set(words.filter((word) => !ids.has(word)))],
    known: words.filter((word) => ids.has(word)).length,
  };
}

const idsOf = (words) => new Map(words.map((word, i) => [word, SPECIAL + i]));

class TextTower {
  constructor(part, { nHeads, nLayers }) {
    const norm = (name) => [part(`${name}.weight`).numbers, part(`${name}.bias`).numbers];
    this.nHeads = nHeads;
    this.words = part("token_embedding.weight");
    this.places = part("position_embedding.weight");
    this.blocks = Array.from({ length: nLayers }, (_, i) => {
      const own = (name) => `blocks.${i}.${name}`;
      const map = (name) => linearOf(part, own(name));
      return {
        norms: [norm(own("attention_norm")), norm(own("feed_norm"))],
        ...{ query: map("attention.query"), key: map("attention.key") },
        ...{ value: map("attention.value"), output: map("attention.output") },
        ...{ up: map("feed_forward.up"), down: map("feed_forward.down") },
      };
    });
    this.finalNorm = norm("final_norm");
    this.projection = { weight: part("projection.weight") };
  }

  // The most tokens of a caption.
  get length() {
    return this.places.rows;
  }

  // A vector for each token (T, D), and the caption's (E,), read at its end.
  read(ids) {
    const { nHeads, words, places } = this;
    const width = words.columns;
    const norm = (x, [scale, shift]) => scaleAndShift(layerNorm(x, width, EPS), scale, shift);
    let x = new Float32Array(ids.length * width);
    ids.forEach((id, i) => {
      for (let c = 0; c < width; c++) {
        x[i * width + c] = words.numbers[id * width + c] + places.numbers[i * width + c];
      }
    });
    for (const { norms, query, key, value, output, up, down } of this.blocks) {
      const seen = norm(x, norms[0]);
      const [q, k, v] = [query, key, value].map((map) => linear(seen, map));
      add(x, linear(attend(q, k, v, { width, nHeads, causal: true }), output));
      add(x, linear(linear(norm(x, norms[1]), up).map(quickGelu), down));
    }
    const hidden = norm(x, this.finalNorm);
    return { hidden, pooled: linear(hidden.subarray((ids.length - 1) * width), this.projection) };
  }
}

export { TextTower, encodeCaption, idsOf, wordsIn };
