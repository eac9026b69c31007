// A model that goes on with texts: all that a figure shows of that, as functions that are called by
// messages, in a worker or in the page.

import { answerCalls } from "./calls.js";
import { Session, countOf, matricesOf, normsOf, openFile, quantizeModel } from "./model.js";
import { largestAt, mostProbable, pickToken, randomBits, softmax } from "./sampling.js";
import { makePause } from "./turns.js";

const N_NEXT = 8; // that are told of the next token
const MOST_TOLD = 200; // tokens of a text
const SMALLER = ["Q8_0", "Q4_0"];

const refuse = (reason, message) => {
  throw Object.assign(new Error(message), { reason });
};

// The most probable next tokens, each with its id and its bytes; and how many others there are.
function nextOf({ logits }, { bytes }) {
  const probs = softmax(logits);
  const best = mostProbable(probs, N_NEXT).map((id) => [id, probs[id], bytes[id]]);
  return { best, others: probs.length - best.length };
}

// The types of a model's weights by name, and how many bytes they take as the page calculates them:
// 16 bits as 32.
function weightsOf(model) {
  const types = [...new Set(matricesOf(model).map(({ type }) => type))];
  const wide = types.every((type) => type === "F32" || type === "F16");
  const matrices = matricesOf(model).map((one) => (wide ? 4 * one.numbers.length : one.bytes));
  const norms = normsOf(model).map((numbers) => 4 * numbers.length);
  const size = [...matrices, ...norms].reduce((a, b) => a + b, 0);
  return { name: wide ? "F32" : types.join(", "), size };
}

async function makeSmaller(model, type, pause) {
  try {
    return await quantizeModel(model, type, pause);
  } catch (error) {
    if (error.reason === "later") throw error;
    return refuse("scale", error.message);
  }
}

// A session that goes on with what it has read; `grow` says whether it has written another token.
function makeWriter(session, tokenizer, pick) {
  const decode = tokenizer.stream();
  const writer = { session, ids: [], text: "", end: null };
  writer.grow = () => {
    if (writer.end) return false;
    const full = session.ids.length >= session.positions || writer.ids.length >= MOST_TOLD;
    const next = full ? undefined : pick(session.logits);
    if (full || next === tokenizer.eos) {
      writer.end = full ? "long" : "end";
      writer.text += decode();
      return false;
    }
    writer.ids.push(next);
    writer.text += decode(next);
    session.read(next);
    return true;
  };
  writer.stop = () => {
    if (writer.end) return;
    writer.end = "stop";
    writer.text += decode();
  };
  return writer;
}

// `tell` also gets `{ stage }`: "reading" the weights, "telling"; `{ writes }`, how the text grows that is
// told, from where it was told last; and `{ columns }`, how the texts of several types grow.
function serve(tell) {
  let opened = null; // the model, its tokenizer, a session, and the model in other types
  let [turn, stopping] = [0, false];

  return answerCalls(tell, makePause(), (pause) => {
    // What runs belongs to one turn, and ends when the next one begins.
    function begin() {
      const mine = ++turn;
      stopping = false;
      return async () => {
        const paused = await pause();
        if (mine !== turn) refuse("later", "a later turn has begun");
        return paused;
      };
    }

    // The ids of a text, with the token in front that begins texts.
    function idsOf(text, tokenizer, session) {
      const start = tokenizer.start === undefined ? [] : [tokenizer.start];
      const ids = [...start, ...tokenizer.encode(text)];
      if (!ids.length) refuse("empty", "");
      if (ids.length > session.positions) refuse("tooLong", String(session.positions));
      return ids;
    }

    return {
      // Open a GGUF file and read a text. Only then it takes the place of the one before.
      async open(bytes, text) {
        const mine = begin();
        const reading = () => tell({ stage: "reading" });
        const { model, tokenizer } = await openFile(bytes, mine, reading);
        const session = new Session(model);
        try {
          await session.readAll(idsOf(text, tokenizer, session), mine);
          largestAt(session.logits); // there is one
        } catch (error) {
          if (!["empty", "tooLong"].includes(error.reason)) throw error; // those are no file's fault
        }
        opened = { model, tokenizer, session, smaller: new Map() };
        const { arch, vocabSize } = model.config;
        return { arch, vocabSize, parameters: countOf(model) };
      },

      // What comes next after a text.
      async look(text) {
        const mine = begin();
        const { session, tokenizer } = opened;
        await session.readAll(idsOf(text, tokenizer, session), mine);
        largestAt(session.logits); // there is one
        return nextOf(session, tokenizer);
      },

      // Go on with a text, to its end or until `stop`.
      async tell(text, { seed, ...settings }) {
        const mine = begin();
        const { session, tokenizer } = opened;
        await session.readAll(idsOf(text, tokenizer, session), mine);
        const bits = randomBits(seed);
        const writer = makeWriter(session, tokenizer, (logits) => pickToken(logits, settings, bits));
        const since = performance.now();
        const { ids } = writer;
        let told = 0;
        const state = () => {
          const more = writer.text.slice(told);
          told = writer.text.length;
          const speed = (1000 * ids.length) / (performance.now() - since);
          return { more, tokens: ids.length, speed, next: nextOf(session, tokenizer) };
        };
        while (!stopping && writer.grow()) if (await mine()) tell({ writes: state() });
        writer.stop();
        return { ...state(), ids, end: writer.end };
      },

      stop() {
        stopping = true;
      },

      // Go on with a text by the model in several types, always with the most probable token.
      async compare(text) {
        const mine = begin();
        const { model, tokenizer, session, smaller } = opened;
        const ids = idsOf(text, tokenizer, session);
        if (matricesOf(model).some(({ columns }) => columns % 32)) refuse("blocks", "");
        for (const type of SMALLER) {
          if (!smaller.has(type)) smaller.set(type, await makeSmaller(model, type, mine));
        }
        const models = [model, ...smaller.values()];
        const best = (logits) => pickToken(logits, { temperature: 0 });
        const writers = models.map((one) => makeWriter(new Session(one), tokenizer, best));
        const columns = models.map(weightsOf);
        const state = () => writers.map((writer, i) => ({ ...columns[i], text: writer.text }));
        tell({ columns: state(), stage: "telling" });
        for (const writer of writers) await writer.session.readAll(ids, mine);
        while (!stopping && writers.filter((writer) => writer.grow()).length) {
          if (await mine()) tell({ columns: state() });
        }
        for (const writer of writers) writer.stop();
        return state().map((column, i) => ({ ...column, ids: writers[i].ids }));
      },
    };
  });
}

export { serve };
