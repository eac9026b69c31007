// Looking inside a model while it reads and writes: all that a figure shows of it, as functions that
// are called by messages, in a worker or in the page. Layers and heads are counted from 0.

import { answerCalls } from "./calls.js";
import { Session, openFile, quantizeModel } from "./model.js";
import { largestAt, mostProbable, pickToken, randomBits, softmax } from "./sampling.js";
import { makePause } from "./turns.js";

const N_GUESSES = 4; // that are told of each layer
const N_NEXT = 10; // of the next token
const N_ROWS = 6; // keys that are told of one head
const MOST_HEADS = 256; // that can be drawn

// What is seen from a position of what a session has read: the weights of all heads, one head whole,
// what the stream says after each block, and the logits.
function viewOf(session, position, layer, head) {
  const { nLayers, nHeads, dHead, dModel, vocabSize } = session.model.config;
  const n = position + 1;
  // What the session calculates with has 64 bits; so do the copies of what it has kept.
  const kept = (numbers, size) => Float64Array.from(numbers.subarray(position * size, n * size));
  const queryOf = (i, j) => kept(session.queries[i], nHeads * dHead).subarray(j * dHead, (j + 1) * dHead);
  const weigh = (i, j) => session.weigh(i, j, queryOf(i, j), n);
  const weights = new Float32Array(nLayers * nHeads * n);
  for (let i = 0; i < nLayers; i++) {
    for (let j = 0; j < nHeads; j++) {
      weights.set(weigh(i, j).subarray(0, n), (i * nHeads + j) * n);
    }
  }
  const logits = new Float64Array(vocabSize);
  const guesses = session.stream.map((stream) => {
    const probs = softmax(session.guess(kept(stream, dModel), logits));
    return mostProbable(probs, N_GUESSES).map((id) => [id, probs[id]]);
  });
  const mixed = new Float64Array(dHead);
  session.mix(mixed, layer, head, weigh(layer, head), n);
  const q = queryOf(layer, head).slice();
  const own = weights.subarray((layer * nHeads + head) * n, (layer * nHeads + head + 1) * n);
  const rows = mostProbable(own, N_ROWS).map((place) => ({
    place,
    ...session.keptBy(layer, head, place),
  }));
  return { position, layer, head, weights, guesses, logits, zoom: { q, rows, mixed } };
}

// A view with the bytes of the tokens that it names.
function namedView(session, tokenizer, position, layer, head) {
  const view = viewOf(session, position, layer, head);
  const guessed = view.guesses.flat().map(([id]) => id);
  const ids = new Set([...guessed, ...mostProbable(view.logits, N_NEXT)]);
  return { ...view, names: [...ids].map((id) => [id, tokenizer.bytes[id]]) };
}

// `tell` also gets `{ counted }`, how the count of right answers stands.
function serve(tell) {
  let [opened, bits] = [null, randomBits(1)];
  let [session, counter] = [null, null]; // one that is looked at, one that counts
  let counting = 0;
  const types = new Map();
  const startOf = ({ tokenizer }) => (tokenizer.start === undefined ? [] : [tokenizer.start]);

  return answerCalls(tell, makePause(), (pause) => ({
    // Open a GGUF file and read a text, or as much of it as the model remembers. Only then it takes
    // the place of the one before.
    async open(bytes, text, layer, head) {
      const next = await openFile(bytes, pause);
      const { config } = next.model;
      const heads = config.nLayers * config.nHeads;
      if (heads > MOST_HEADS) {
        const error = new Error(`expected at most ${MOST_HEADS} heads, got ${heads}`);
        throw Object.assign(error, { reason: "heads" });
      }
      const own = new Session(next.model, { trace: true });
      const ids = [...startOf(next), ...next.tokenizer.encode(text)].slice(0, own.positions);
      await own.readAll(ids, pause);
      largestAt(own.logits); // there is one
      [opened, session, counter] = [next, own, null];
      counting++;
      types.clear();
      return {
        ...config,
        positions: own.positions,
        starts: startOf(next).length > 0,
        ids,
        bytes: ids.map((id) => next.tokenizer.bytes[id]),
        view: namedView(own, next.tokenizer, ids.length - 1, layer, head),
      };
    },

    // Go on with the model's weights in another type; "" is the file's own.
    async quantize(type) {
      const { model } = types.get("") ?? opened;
      types.set("", { model });
      if (!types.has(type)) types.set(type, { model: await quantizeModel(model, type, pause) });
      opened = { ...opened, ...types.get(type) };
      counting++;
      [session, counter] = [null, null];
    },

    // The ids of a text, after the token that begins texts, and the bytes of each token.
    encode(text) {
      const ids = [...startOf(opened), ...opened.tokenizer.encode(text)];
      return { ids, bytes: ids.map((id) => opened.tokenizer.bytes[id]) };
    },

    // Read a text with some heads `off`; draws begin anew with the `seed`, if there is one.
    async read(ids, off, seed) {
      session ??= new Session(opened.model, { trace: true });
      session.switchOff(off);
      if (seed !== undefined) bits = randomBits(seed);
      const own = session;
      await own.readAll(ids, pause);
      largestAt(own.logits); // there is one
    },

    view: (position, layer, head) =>
      namedView(session, opened.tokenizer, position, layer, head),

    // Write so many tokens, or as many as come in so many milliseconds. Of a token that the reader
    // has chosen, its id stands in `chosen`.
    write({ tokens, milliseconds = Infinity, settings, chosen, layer, head }) {
      const until = performance.now() + milliseconds;
      const written = [];
      let end;
      while (written.length < tokens && performance.now() < until) {
        if (session.ids.length >= session.positions) end = "long";
        const id = end ? undefined : (chosen ?? pickToken(session.logits, settings, bits));
        if (id !== undefined && id === opened.tokenizer.eos) end = "end";
        if (end) break;
        session.read(id);
        written.push(id);
      }
      const { tokenizer } = opened;
      const bytes = written.map((id) => tokenizer.bytes[id]);
      const view = namedView(session, tokenizer, session.ids.length - 1, layer, head);
      return { written, bytes, end, view };
    },

    // How many questions, each a text and how it has to go on, get the right answer, token by token.
    async count(questions, off) {
      const mine = ++counting;
      const own = (counter ??= new Session(opened.model));
      own.switchOff(off);
      const mayPause = async () => {
        const paused = await pause();
        if (mine !== counting) throw Object.assign(new Error("counted anew"), { reason: "anew" });
        return paused;
      };
      let right = 0;
      for (const [i, [text, answer]] of questions.entries()) {
        const asked = [...startOf(opened), ...opened.tokenizer.encode(text)];
        const ids = opened.tokenizer.encode(answer);
        const fits = asked.length + ids.length <= own.positions;
        if (fits) await own.readAll(asked, mayPause);
        let n = 0;
        while (fits && n < ids.length && largestAt(own.logits) === ids[n]) own.read(ids[n++]);
        right += Number(n === ids.length);
        tell({ counted: [right, i + 1] });
      }
      return right;
    },
  }));
}

export { serve };
