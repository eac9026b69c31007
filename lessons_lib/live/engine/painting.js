// A model that paints: what `paint` of `lessons_lib.dit` does, step by step, with what `read` of
// `lessons_lib.corpus.pictures` sees in each step. Functions that are called by messages, in a worker or
// in the page.

import { answerCalls } from "./calls.js";
import { TextTower, encodeCaption, idsOf } from "./captions.js";
import { PaintingNet } from "./dit.js";
import { openTensors, partOf } from "./layers.js";
import { Drawings, SIDE } from "./pictures.js";
import { randomBits } from "./sampling.js";
import { SceneWords } from "./scene_words.js";
import { makePause } from "./turns.js";

const PIXELS = SIDE ** 2;

// `n` normal numbers, the same for a seed as in the library (`seeded_noise`): of two random numbers one
// says how far, the other in which direction.
function seededNoise(n, seed) {
  const bits = randomBits(seed);
  const numbers = new Float32Array(n);
  for (let i = 0; i < n; i += 2) {
    const far = Math.sqrt(-2 * Math.log((bits() + 0.5) / 2 ** 32));
    const turn = (2 * Math.PI * (bits() + 0.5)) / 2 ** 32;
    numbers[i] = far * Math.cos(turn);
    if (i + 1 < n) numbers[i + 1] = far * Math.sin(turn);
  }
  return numbers;
}

// Where a step of Euler's method leads, from the time t to the time s, if `guess` is the picture: the
// mixture moves on the straight line between them.
const eulerStep = (x, guess, t, s) => x.map((one, i) => one + ((s - t) * (one - guess[i])) / t);

// Numbers around 0 in three planes as a picture: red, green and blue of each pixel, from 0 to 1.
function asPicture(planes) {
  const picture = new Float32Array(planes.length);
  for (let i = 0; i < PIXELS; i++) {
    for (let c = 0; c < 3; c++) {
      picture[3 * i + c] = Math.min(1, Math.max(0, (planes[c * PIXELS + i] + 1) / 2));
    }
  }
  return picture;
}

// A caption's picture, guided away from what the model would paint without one: with 1 it is the
// caption's alone.
function guess(net, x, t, condition, guidance) {
  const own = net.predict(x, t, condition);
  if (guidance === 1) return own;
  const plain = net.predict(x, t, null);
  return own.map((one, i) => plain[i] + guidance * (one - plain[i]));
}

const listOf = ({ value }) => Array.from({ length: value.length }, (_, i) => value.get(i));

function readWords(metadata, language) {
  const list = (name) => listOf(metadata.get(`${language}.${name}`));
  return new SceneWords({
    things: [1, 2, 3].map((n) => list(`things.${n}`)),
    names: [1, 2, 3].map((n) => list(`names.${n}`)),
    ...{ places: list("places"), times: list("times"), side: metadata.get(`${language}.side`).value },
  });
}

async function openPainter(bytes, pause) {
  const { metadata, tensors } = await openTensors(bytes, pause);
  const size = (name) => metadata.get(name).value;
  const tower = new TextTower(partOf(tensors, "text."), {
    ...{ nHeads: size("text.n_heads"), nLayers: size("text.n_layers") },
  });
  const net = new PaintingNet(partOf(tensors, "dit."), {
    ...{ nHeads: size("dit.n_heads"), nLayers: size("dit.n_layers"), nWaves: size("dit.n_waves") },
    ...{ patchSize: size("dit.patch_size"), feedEps: size("dit.feed_eps") },
  });
  const words = { en: readWords(metadata, "en"), es: readWords(metadata, "es") };
  const drawings = new Drawings(partOf(tensors, "drawings."), words.en.nObjects);
  return { tower, net, words, drawings, vocabulary: idsOf(listOf(metadata.get("words"))) };
}

// What the tower says of a caption: its own vector, brought to a mean square of 1, and those of its words.
function said(tower, ids) {
  const { hidden, pooled } = tower.read(ids);
  const squares = pooled.reduce((sum, one) => sum + one ** 2, 0);
  return { pooled: pooled.map((one) => one * Math.sqrt(pooled.length / squares)), words: hidden };
}

// What the reader sees in a picture, in words of `language`, and which parts of the caption are there.
function judge({ drawings, words }, picture, caption, language) {
  const { scene, nearest, rmse } = drawings.read(picture);
  const checks = Object.values(words).map((one) => one.check(caption, scene));
  const parts = checks.reduce((a, b) => (b.length > a.length ? b : a));
  return { text: words[language].caption(scene), nearest, rmse, parts };
}

// `tell` also gets `{ step }` for each step: the mixture behind it, the guess, and what is read in that.
function serve(tell) {
  let painter = null;
  return answerCalls(tell, makePause(), (pause) => ({
    async open(bytes) {
      painter = await openPainter(bytes, pause);
    },

    // Paint a caption. The answer: words that are unknown, and why nothing is painted, if so.
    async paint({ caption, steps, guidance, seed, language }) {
      const { tower, net, vocabulary } = painter;
      const { ids, unknown, known } = encodeCaption(vocabulary, caption);
      if (!known) return { unknown, refused: "unknown" };
      if (ids.length > tower.length) return { unknown, refused: "long", most: tower.length - 2 };
      const condition = net.condition(said(tower, ids));
      let x = seededNoise(3 * PIXELS, seed);
      for (let i = 0; i < steps; i++) {
        const [t, s] = [1 - i / steps, 1 - (i + 1) / steps];
        const planes = guess(net, x, t, condition, guidance);
        x = eulerStep(x, planes, t, s);
        const picture = asPicture(planes);
        tell({ step: { way: asPicture(x), guess: picture, ...judge(painter, picture, caption, language) } });
        await pause();
      }
      return { unknown, refused: null };
    },
  }));
}

export { asPicture, eulerStep, guess, judge, openPainter, seededNoise, serve };
