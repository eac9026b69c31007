// A small transformer that can learn, with its walk back written out by hand. Its layers are those of
// `lessons_lib.llama` in their plainest form: RMSNorms without gains, queries and keys normalised and
// turned, causal attention, a feed-forward network of squared ReLUs. A story begins after the token 0,
// the line end, and ends with it; stories of a batch lie end to end, without padding.

import { multiply, transpose } from "./matrices.js";

const EPS = 1e-6;
const WIDER = 4; // the feed-forward network is so many times as wide as the stream
const SHARPNESS = 12; // of attention: a product of normalised vectors is at most the head's width
const BASE = 1000; // of the rotations
const START = 0;
const floats = (n) => new Float32Array(n);

// Rows of `x`, brought to a mean square of 1, into `out`; `scales` keeps by how much.
function normalise(x, out, scales, N, D) {
  for (let i = 0; i < N; i++) {
    let sum = 0;
    for (let c = i * D; c < (i + 1) * D; c++) sum += x[c] * x[c];
    const scale = 1 / Math.sqrt(sum / D + EPS);
    scales[i] = scale;
    for (let c = i * D; c < (i + 1) * D; c++) out[c] = x[c] * scale;
  }
}

// Add to `dx` what the slopes `dy` of the normalised rows `y` mean for the rows before.
function normaliseBack(dy, y, scales, dx, N, D) {
  for (let i = 0; i < N; i++) {
    let sum = 0;
    for (let c = i * D; c < (i + 1) * D; c++) sum += dy[c] * y[c];
    const mean = sum / D;
    for (let c = i * D; c < (i + 1) * D; c++) dx[c] += scales[i] * (dy[c] - y[c] * mean);
  }
}

// Columns of a wide matrix, from `from` on, as a matrix of its own, and back.
function cut(wide, out, { at, T, D, width, from }) {
  for (let t = 0; t < T; t++) {
    for (let c = 0; c < width; c++) out[t * width + c] = wide[(at + t) * D + from + c];
  }
}

function cutTransposed(wide, out, { at, T, D, width, from }) {
  for (let t = 0; t < T; t++) {
    for (let c = 0; c < width; c++) out[c * T + t] = wide[(at + t) * D + from + c];
  }
}

function paste(narrow, wide, { at, T, D, width, from }) {
  for (let t = 0; t < T; t++) {
    for (let c = 0; c < width; c++) wide[(at + t) * D + from + c] = narrow[t * width + c];
  }
}

class StoryNet {
  // `bits` gives random numbers of 32 bits; `longest` is the length of the longest story, in tokens.
  constructor({ vocabSize, dModel, nHeads, nLayers, batchSize, longest }, bits) {
    Object.assign(this, { vocabSize, dModel, nHeads, dHead: dModel / nHeads, longest });
    const [D, F, N] = [dModel, WIDER * dModel, batchSize * longest];
    const bound = Math.sqrt(3 / D); // of numbers whose variance is 1 / D
    const parameter = (rows, columns, most) => {
      const draw = () => ((2 * bits()) / 2 ** 32 - 1) * most;
      const weights = Float32Array.from({ length: rows * columns }, draw);
      return { rows, columns, weights, gradient: floats(weights.length), turned: floats(weights.length) };
    };
    this.table = parameter(vocabSize, D, 1);
    this.layers = Array.from({ length: nLayers }, () => ({
      qkv: parameter(3 * D, D, bound),
      mix: parameter(D, D, 0.3 * bound),
      up: parameter(F, D, bound),
      down: parameter(D, F, 0.15 * bound),
      ...this.#activations(N, D, F, batchSize),
    }));
    this.head = parameter(vocabSize, D, 0.1 * bound);
    this.matrices = this.layers.flatMap(({ qkv, mix, up, down }) => [qkv, mix, up, down]);
    this.parameters = [this.table, ...this.matrices, this.head];
    this.#workspace(N, D, F);
    this.#rotations();
  }

  #activations(N, D, F, batchSize) {
    const [H, T] = [this.nHeads, this.longest];
    return {
      ...{ read: floats(N * D), readScales: floats(N), triple: floats(3 * N * D) },
      ...{ q: floats(N * D), k: floats(N * D), qNorm: floats(N * D), kNorm: floats(N * D) },
      ...{ qScales: floats(N * H), kScales: floats(N * H), weights: floats(batchSize * H * T * T) },
      ...{ found: floats(N * D), read2: floats(N * D), readScales2: floats(N) },
      ...{ hidden: floats(N * F), squared: floats(N * F) },
    };
  }

  #workspace(N, D, F) {
    const most = N * Math.max(F, this.vocabSize, 3 * D);
    const T = this.longest;
    Object.assign(this, {
      ...{ rows: floats(N * D), first: floats(N * D), firstScales: floats(N), stream: floats(N * D) },
      ...{ last: floats(N * D), lastScales: floats(N), logits: floats(N * this.vocabSize) },
      ...{ slope: floats(N * D), wide: floats(N * F), spare: floats(most) },
      ...{ turnedOut: floats(most), turnedIn: floats(most) },
      small: Array.from({ length: 8 }, () => floats(T * Math.max(T, this.dHead))),
    });
  }

  #rotations() {
    const half = this.dHead / 2;
    this.cos = floats(this.longest * half);
    this.sin = floats(this.longest * half);
    for (let t = 0; t < this.longest; t++) {
      for (let c = 0; c < half; c++) {
        const angle = t * BASE ** (-c / half);
        this.cos[t * half + c] = Math.cos(angle);
        this.sin[t * half + c] = Math.sin(angle);
      }
    }
  }

  // ------------------------------------------------------------------------------------- forward

  // Calculate the logits at each token of the stories, lists of token ids; each token sees those before.
  read(stories) {
    const { dModel: D } = this;
    this.starts = [0];
    for (const story of stories) this.starts.push(this.starts.at(-1) + story.length);
    const N = (this.length = this.starts.at(-1));
    this.inputs = new Int32Array(N);
    this.targets = new Int32Array(N);
    stories.forEach((story, s) => {
      this.targets.set(story, this.starts[s]);
      this.inputs.set(story.slice(0, -1), this.starts[s] + 1);
      this.inputs[this.starts[s]] = START;
    });
    for (let i = 0; i < N; i++) {
      const from = this.inputs[i] * D;
      for (let c = 0; c < D; c++) this.rows[i * D + c] = this.table.weights[from + c];
    }
    normalise(this.rows, this.first, this.firstScales, N, D);
    this.stream.set(this.first.subarray(0, N * D));
    for (const layer of this.layers) this.#layer(layer, N);
    normalise(this.stream, this.last, this.lastScales, N, D);
    this.#linear(this.last, this.head, this.logits, N);
  }

  #linear(x, { weights, rows, columns }, out, N) {
    multiply(x, weights, out, N, columns, rows);
  }

  #add(to, what, n) {
    for (let i = 0; i < n; i++) to[i] += what[i];
  }

  #layer(layer, N) {
    const { dModel: D, stream, spare } = this;
    normalise(stream, layer.read, layer.readScales, N, D);
    this.#linear(layer.read, layer.qkv, layer.triple, N);
    this.#turn(layer.triple, 0, layer.q, layer.qNorm, layer.qScales);
    this.#turn(layer.triple, D, layer.k, layer.kNorm, layer.kScales);
    this.#attend(layer);
    this.#linear(layer.found, layer.mix, spare, N);
    this.#add(stream, spare, N * D);
    normalise(stream, layer.read2, layer.readScales2, N, D);
    this.#linear(layer.read2, layer.up, layer.hidden, N);
    for (let i = 0; i < N * WIDER * D; i++) layer.squared[i] = Math.max(0, layer.hidden[i]) ** 2;
    this.#linear(layer.squared, layer.down, spare, N);
    this.#add(stream, spare, N * D);
  }

  // Call `act` with where each head of each token lies: its place in the story (in the table of
  // rotations), and in rows of D and of 3 D numbers.
  #eachHead(act) {
    const { dModel: D, nHeads, dHead, starts } = this;
    for (let s = 0; s + 1 < starts.length; s++) {
      for (let i = starts[s]; i < starts[s + 1]; i++) {
        const place = (i - starts[s]) * (dHead / 2);
        for (let h = 0; h < nHeads; h++) {
          act(i * nHeads + h, place, i * D + h * dHead, 3 * i * D + h * dHead);
        }
      }
    }
  }

  // Queries or keys, which stand from column `from` on: normalised for each head, then turned.
  #turn(triple, from, out, norm, scales) {
    const { dHead, cos, sin } = this;
    const half = dHead / 2;
    this.#eachHead((row, place, at, wide) => {
      let sum = 0;
      for (let c = 0; c < dHead; c++) sum += triple[wide + from + c] ** 2;
      const scale = 1 / Math.sqrt(sum / dHead + EPS);
      scales[row] = scale;
      for (let c = 0; c < dHead; c++) norm[at + c] = triple[wide + from + c] * scale;
      for (let c = 0; c < half; c++) {
        const [x, y] = [norm[at + c], norm[at + half + c]];
        const [co, si] = [cos[place + c], sin[place + c]];
        out[at + c] = x * co - y * si;
        out[at + half + c] = x * si + y * co;
      }
    });
  }

  // The slopes `out` of the turned become those of what stood in `triple`, which are put there.
  #turnBack(triple, from, out, norm, scales) {
    const { dHead, cos, sin } = this;
    const half = dHead / 2;
    this.#eachHead((row, place, at, wide) => {
      let sum = 0;
      for (let c = 0; c < half; c++) {
        const [x, y] = [out[at + c], out[at + half + c]];
        const [co, si] = [cos[place + c], sin[place + c]];
        out[at + c] = x * co + y * si;
        out[at + half + c] = y * co - x * si;
        sum += out[at + c] * norm[at + c] + out[at + half + c] * norm[at + half + c];
      }
      const mean = sum / dHead;
      for (let c = 0; c < dHead; c++) {
        triple[wide + from + c] = scales[row] * (out[at + c] - norm[at + c] * mean);
      }
    });
  }

  // Call `act` for each head of each story: how to cut it out, and where its weights (T, T) lie.
  #eachMap(act) {
    const { dModel: D, nHeads, dHead: width, starts } = this;
    let place = 0;
    for (let s = 0; s + 1 < starts.length; s++) {
      const [at, T] = [starts[s], starts[s + 1] - starts[s]];
      for (let h = 0; h < nHeads; h++, place += T * T) {
        act({ at, T, D, width, from: h * width }, place);
      }
    }
  }

  #attend(layer) {
    const [q, k, v, found] = this.small;
    const { dModel: D, dHead } = this;
    const scale = SHARPNESS / dHead;
    this.#eachMap((head, place) => {
      const { T } = head;
      cut(layer.q, q, head);
      cut(layer.k, k, head);
      cutTransposed(layer.triple, v, { ...head, D: 3 * D, from: 2 * D + head.from });
      const weights = layer.weights.subarray(place, place + T * T);
      multiply(q, k, weights, T, dHead, T);
      for (let i = 0; i < T; i++) softmaxRow(weights, i * T, i + 1, T, scale);
      multiply(weights, v, found, T, T, dHead);
      paste(found, layer.found, head);
    });
  }

  // What the stories cost, in nats; when `learning`, logits become their slopes in the mean per token.
  surprise(learning) {
    const { logits, vocabSize: V, targets, length: N } = this;
    let nats = 0;
    for (let i = 0; i < N; i++) {
      const at = i * V;
      let most = -Infinity;
      for (let j = at; j < at + V; j++) most = Math.max(most, logits[j]);
      let total = 0;
      for (let j = at; j < at + V; j++) total += Math.exp(logits[j] - most);
      nats += Math.log(total) + most - logits[at + targets[i]];
      if (!learning) continue;
      for (let j = at; j < at + V; j++) logits[j] = Math.exp(logits[j] - most) / (total * N);
      logits[at + targets[i]] -= 1 / N;
    }
    return nats;
  }

  // ------------------------------------------------------------------------------------ backward

  // From the slopes of the logits to those of all parameters.
  back() {
    const { dModel: D, length: N, slope, spare, table } = this;
    this.#linearBack(this.logits, this.last, this.head, spare);
    slope.fill(0, 0, N * D);
    normaliseBack(spare, this.last, this.lastScales, slope, N, D);
    for (const layer of this.layers.toReversed()) this.#layerBack(layer, N);
    spare.fill(0, 0, N * D);
    normaliseBack(slope, this.first, this.firstScales, spare, N, D);
    table.gradient.fill(0);
    for (let i = 0; i < N; i++) {
      const to = this.inputs[i] * D;
      for (let c = 0; c < D; c++) table.gradient[to + c] += spare[i * D + c];
    }
  }

  // The slopes of the weights are products over the tokens, those of `x` products with the weights.
  #linearBack(slopes, x, { rows, columns, weights, gradient, turned }, out) {
    const { length: N, turnedOut, turnedIn } = this;
    transpose(slopes, turnedOut, N, rows);
    transpose(x, turnedIn, N, columns);
    multiply(turnedOut, turnedIn, gradient, rows, N, columns);
    transpose(weights, turned, rows, columns);
    multiply(slopes, turned, out, N, rows, columns);
  }

  #layerBack(layer, N) {
    const { dModel: D, slope, spare, wide } = this;
    this.#linearBack(slope, layer.squared, layer.down, wide);
    for (let i = 0; i < N * WIDER * D; i++) wide[i] *= 2 * Math.max(0, layer.hidden[i]);
    this.#linearBack(wide, layer.read2, layer.up, spare);
    normaliseBack(spare, layer.read2, layer.readScales2, slope, N, D);
    this.#linearBack(slope, layer.found, layer.mix, spare);
    this.#attendBack(layer, spare);
    this.#turnBack(layer.triple, 0, layer.q, layer.qNorm, layer.qScales);
    this.#turnBack(layer.triple, D, layer.k, layer.kNorm, layer.kScales);
    this.#linearBack(layer.triple, layer.read, layer.qkv, spare);
    normaliseBack(spare, layer.read, layer.readScales, slope, N, D);
  }

  // Slopes take the places of q, k and v, which are not needed any more.
  #attendBack(layer, slopes) {
    const [a, b, c, d, e, f] = this.small;
    const { dModel: D, dHead } = this;
    const scale = SHARPNESS / dHead;
    this.#eachMap((head, place) => {
      const { T } = head;
      const values = { ...head, D: 3 * D, from: 2 * D + head.from };
      const weights = layer.weights.subarray(place, place + T * T);
      cut(slopes, a, head);
      cutTransposed(slopes, b, head);
      cut(layer.triple, c, values);
      transpose(weights, d, T, T);
      multiply(d, b, e, T, T, dHead);
      paste(e, layer.triple, values);
      multiply(a, c, d, T, dHead, T);
      for (let i = 0; i < T; i++) softmaxRowBack(weights, d, i * T, i + 1, T, scale);
      cutTransposed(layer.k, a, head);
      cutTransposed(layer.q, b, head);
      transpose(d, f, T, T);
      multiply(d, a, e, T, T, dHead);
      paste(e, layer.q, head);
      multiply(f, b, e, T, T, dHead);
      paste(e, layer.k, head);
    });
  }
}

// Scores from `at` on: the first `seen` of `all` become weights, the others, of tokens to come, 0.
function softmaxRow(scores, at, seen, all, scale) {
  let most = -Infinity;
  for (let j = at; j < at + seen; j++) most = Math.max(most, scores[j]);
  let total = 0;
  for (let j = at; j < at + seen; j++) {
    scores[j] = Math.exp((scores[j] - most) * scale);
    total += scores[j];
  }
  for (let j = at; j < at + seen; j++) scores[j] /= total;
  scores.fill(0, at + seen, at + all);
}

function softmaxRowBack(weights, slopes, at, seen, all, scale) {
  let mean = 0;
  for (let j = at; j < at + seen; j++) mean += weights[j] * slopes[j];
  for (let j = at; j < at + seen; j++) slopes[j] = scale * weights[j] * (slopes[j] - mean);
  slopes.fill(0, at + seen, at + all);
}

export { START, StoryNet };
