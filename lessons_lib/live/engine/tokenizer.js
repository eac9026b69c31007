// Tokens: what `lessons_lib.tokens.BPE` does, with the vocabulary of a GGUF file.

import { described, entryOf, isInteger, shown, wrong } from "./gguf.js";

// How texts are cut into words, by the name in the files. JavaScript's \s is not Unicode's white
// space and its (?i:...) is young, so both are spelled out.
const CONTRACTION = "'[sS\u017f]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const [SPACE, INK] = ["\\p{White_Space}", "[^\\p{White_Space}\\p{L}\\p{N}]"];
const GPT2_START = `'(?:[sdmt]|ll|ve|re)| ?\\p{L}+`;
const GPT4_END = ` ?${INK}+[\\r\\n]*|${SPACE}*[\\r\\n]+|${SPACE}+(?!\\P{White_Space})|${SPACE}+`;
const GPT4_START = `${CONTRACTION}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+`;
const PRE_TOKENIZERS = {
  "gpt-2": `${GPT2_START}| ?\\p{N}+| ?${INK}+|${SPACE}+(?!\\P{White_Space})|${SPACE}+`,
  "llama-bpe": `${GPT4_START}|\\p{N}{1,3}|${GPT4_END}`,
  qwen2: `${GPT4_START}|\\p{N}|${GPT4_END}`,
  smollm: `${GPT2_START}|\\p{N}| ?${INK}+|${SPACE}+(?![^\\p{White_Space}\\p{N}])|${SPACE}+`,
};
const [NORMAL, CONTROL, USER_DEFINED] = [1, 3, 4]; // kinds of tokens

// A byte is shown in the file as a visible character: itself, or one from 256 on.
const BYTE_CHARACTERS = (() => {
  const visible = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let others = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(visible(byte) ? byte : others++),
  );
})();
const BYTE_OF = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

const pairKey = (left, right) => left * 2 ** 21 + right;

class Tokenizer {
  constructor(file, vocabSize) {
    const entry = (name) => entryOf(file, `tokenizer.ggml.${name}`);
    for (const [name, known] of [
      ["model", ["gpt2"]],
      ["pre", Object.keys(PRE_TOKENIZERS)],
    ]) {
      const { value, at } = entry(name);
      if (known.includes(value)) continue;
      const expected = `one of ${known.join(", ")}`;
      throw wrong(`tokenizer.ggml.${name}`, at, expected, described(entry(name)), "tokenizer");
    }
    this.words = new RegExp(PRE_TOKENIZERS[entry("pre").value], "gu");
    const list = (name, fits, expected, length) => {
      const found = entry(name);
      const { value, at, type } = found;
      if (type === "list" && fits(value.kind) && value.length === (length ?? value.length)) {
        return value;
      }
      throw wrong(`tokenizer.ggml.${name}`, at, expected, described(found));
    };
    const isText = (kind) => kind === "text";
    const tokens = list("tokens", isText, `${vocabSize} texts`, vocabSize);
    const kinds =
      entry("token_type").type === "none"
        ? { get: () => NORMAL }
        : list("token_type", isInteger, `${vocabSize} integers`, vocabSize);
    this.readVocabulary(tokens, kinds);
    this.readMerges(list("merges", isText, "a list of texts"), tokens);
    this.bos = this.readId(file, "bos_token_id");
    this.eos = this.readId(file, "eos_token_id");
    // The token that begins a text: where the file asks for it, and where one token stands between
    // texts, as in those that the book's models are trained on.
    const asked = entry("add_bos_token").value === true;
    this.start = asked || this.bos === this.eos ? this.bos : undefined;
  }

  readId(file, name) {
    const key = `tokenizer.ggml.${name}`;
    const entry = entryOf(file, key);
    if (entry.type === "none") return undefined;
    if (isInteger(entry.type) && entry.value >= 0 && entry.value < this.bytes.length) {
      return entry.value;
    }
    throw wrong(key, entry.at, `an id from 0 to ${this.bytes.length - 1}`, described(entry));
  }

  // The bytes of each token, and the ids of the ordinary ones.
  readVocabulary(tokens, kinds) {
    const encoder = new TextEncoder();
    const seen = new Set();
    this.bytes = [];
    this.ids = new Map();
    for (let id = 0; id < tokens.length; id++) {
      const [text, kind] = [tokens.get(id), kinds.get(id)];
      const name = `tokenizer.ggml.tokens[${id}]`;
      if (seen.has(text)) {
        throw wrong(name, tokens.place(id), "a new token", `${shown(text)} again`);
      }
      seen.add(text);
      const bytes = Array.from(text, (character) => BYTE_OF.get(character));
      if (kind === NORMAL) {
        if (bytes.includes(undefined)) {
          throw wrong(name, tokens.place(id), "characters that stand for bytes", shown(text));
        }
        this.ids.set(text, id);
      }
      const special = kind === CONTROL || kind === USER_DEFINED;
      this.bytes.push(special ? encoder.encode(text) : Uint8Array.from(bytes));
    }
  }

  // Which pair makes which token. While merging, a token's number is its place in the order in
  // which the merges first make them, after the 256 bytes: a lower one was learned earlier.
  readMerges(merges, tokens) {
    const made = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));
    this.made = new Map();
    for (const character of BYTE_CHARACTERS) {
      if (this.ids.has(character)) continue;
      const name = "tokenizer.ggml.tokens";
      throw wrong(name, tokens.place(0) - 8, `the byte ${character} among them`, "none");
    }
    for (let i = 0; i < merges.length; i++) {
      const text = merges.get(i);
      const [left, right, ...more] = text.split(" ");
      const whole = left + right;
      if (more.length || !made.has(left) || !made.has(right) || !this.ids.has(whole)) {
        const name = `tokenizer.ggml.merges[${i}]`;
        throw wrong(name, merges.place(i), "two earlier tokens that make a third", shown(text));
      }
      if (!made.has(whole)) made.set(whole, made.size);
      this.made.set(pairKey(made.get(left), made.get(right)), made.get(whole));
    }
    for (const [text, id] of this.ids) {
      if (made.has(text)) continue;
      const name = `tokenizer.ggml.tokens[${id}]`;
      throw wrong(name, tokens.place(id), "a token that merges make", shown(text));
    }
    this.idOf = Array.from(made.keys(), (text) => this.ids.get(text));
  }

  // Merge the bytes of one word, the earliest learned pair first and at all its places.
  mergeWord(bytes) {
    let word = [...bytes];
    for (;;) {
      let best = Infinity;
      const found = word.map((one, i) => this.made.get(pairKey(one, word[i + 1])) ?? Infinity);
      for (let i = 0; i + 1 < word.length; i++) best = Math.min(best, found[i]);
      if (best === Infinity) return word;
      const merged = [];
      // Several pairs may make one token: from left to right, never one place twice.
      for (let i = 0; i < word.length; i++) {
        if (i + 1 < word.length && found[i] === best) {
          merged.push(best);
          i++;
        } else merged.push(word[i]);
      }
      word = merged;
    }
  }

  // Token ids of a text; special tokens in it are plain text.
  encode(text) {
    const encoder = new TextEncoder();
    return (text.match(this.words) ?? []).flatMap((word) =>
      this.mergeWord(encoder.encode(word)).map((one) => this.idOf[one]),
    );
  }

  // Turns tokens that come one by one into text; half characters wait for their other half.
  stream() {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return (id) => decoder.decode(id === undefined ? new Uint8Array() : this.bytes[id], {
      stream: id !== undefined,
    });
  }
}

export { PRE_TOKENIZERS, Tokenizer };
