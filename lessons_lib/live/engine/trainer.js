// Training in the page: stories in, steps of an optimizer, what new stories cost, and stories told.

import { AdamW, Averages, Muon } from "./optimizers.js";
import { draw, randomBits, softmax } from "./sampling.js";
import { START, StoryNet } from "./story_net.js";

const HEAD = 16; // numbers
const WARM_UP = 20; // steps
// Which parameters each optimizer moves, and how far at a step, before the reader's own factor.
const RECIPES = {
  muon: (net) => [
    [new Muon(net.matrices), 0.03],
    [new AdamW([net.table, net.head]), 0.02],
  ],
  adamw: (net) => [[new AdamW(net.parameters), 0.02]],
};

// The stories of a file: `pack_stories` of `lessons_lib.live.train_in_page` says how it is made.
async function openStories(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = new Uint8Array(await new Response(stream).arrayBuffer());
  const end = data.indexOf(10);
  const { words, held } = JSON.parse(new TextDecoder().decode(data.subarray(0, end)));
  const n = (data.length - end - 1) / 2;
  const low = data.subarray(end + 1, end + 1 + n);
  const high = data.subarray(end + 1 + n);
  const ids = Uint16Array.from(low, (byte, i) => byte + 256 * high[i]);
  const all = [];
  for (let at = 0; at < n; at += all.at(-1).length) {
    all.push(ids.subarray(at, ids.indexOf(START, at) + 1));
  }
  return { words, stories: all.slice(0, -held), held: all.slice(-held) };
}

class Trainer {
  constructor({ words, stories, held }, { dModel, nLayers, optimizer, batchSize = 4, seed = 1 }) {
    const longest = Math.max(...stories.map((one) => one.length), ...held.map((one) => one.length));
    const sizes = { vocabSize: words.length, dModel, nHeads: dModel / HEAD, nLayers };
    this.net = new StoryNet({ ...sizes, batchSize, longest }, randomBits(seed));
    this.optimizers = RECIPES[optimizer](this.net);
    this.averages = new Averages(this.net.parameters);
    Object.assign(this, { words, stories, held, batchSize, longest, steps: 0, tokens: 0 });
  }

  get nParameters() {
    return this.net.parameters.reduce((sum, { weights }) => sum + weights.length, 0);
  }

  // One step; what its stories cost before it, in nats per story. `factor` makes all rates larger or
  // smaller. `pause` is awaited in between, so that a page may do something else.
  async step(factor, pause) {
    const { net, stories, batchSize, steps } = this;
    const from = steps * batchSize;
    const batch = Array.from({ length: batchSize }, (_, i) => stories[(from + i) % stories.length]);
    net.read(batch);
    await pause();
    const nats = net.surprise(true) / batchSize;
    if (!Number.isFinite(nats)) throw this.#diverged();
    net.back();
    await pause();
    this.steps++;
    this.tokens += net.length;
    const warmth = Math.min(1, this.steps / WARM_UP);
    for (const [optimizer, rate] of this.optimizers) optimizer.step(rate * factor * warmth);
    this.averages.step();
    return nats;
  }

  #diverged() {
    const error = new Error(`expected a finite loss, got none after ${this.steps} steps`);
    error.reason = "diverged";
    return error;
  }

  async #averaged(act) {
    this.averages.swap();
    try {
      return await act(this.net);
    } finally {
      this.averages.swap();
    }
  }

  // What the held-out stories cost the averaged weights, in nats per story.
  heldOut(pause) {
    return this.#averaged(async (net) => {
      let nats = 0;
      for (let i = 0; i < this.held.length; i += this.batchSize) {
        net.read(this.held.slice(i, i + this.batchSize));
        nats += net.surprise(false);
        await pause();
      }
      const mean = nats / this.held.length;
      if (!Number.isFinite(mean)) throw this.#diverged();
      return mean;
    });
  }

  // A story of the averaged weights, drawn word by word.
  tell(seed, pause) {
    const bits = randomBits(seed);
    const { words, longest } = this;
    return this.#averaged(async (net) => {
      const told = [];
      while (told.length + 1 < longest && told.at(-1) !== START) {
        net.read([Uint16Array.of(...told, START)]); // the last one is only a place to guess
        const end = net.length * words.length;
        const probs = softmax(Float64Array.from(net.logits.subarray(end - words.length, end)));
        if (!probs.every(Number.isFinite)) throw this.#diverged();
        told.push(draw(probs, bits));
        await pause();
      }
      return told.map((id) => words[id]).join("");
    });
  }
}

export { Trainer, openStories };
