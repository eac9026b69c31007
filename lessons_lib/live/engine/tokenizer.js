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
const [NORMAL, CONTROL, USER_DEFINED, UNUSED] = [1, 3, 4, 5]; // kinds of tokens

// A byte is shown in the file as a visible character: itself, or one from 256 on.
const BYTE_CHARACTERS = (() => {
  const visible = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let others = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(visible(byte) ? byte : others++),
  );
})();
const BYTE_OF = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

// The entries of the metadata that say how the tokenizer works. Others name tokens that texts are
// not made with; what else there is asks for something that is not done here.
const START = "tokenizer.ggml.";
const SETTINGS = new Set(
  ["model", "pre", "tokens", "token_type", "merges", "scores", "add_bos_token", "add_space_prefix"].map(
    (name) => START + name,
  ),
);
const isHarmless = ({ value }) => [0, false, ""].includes(value);
const isText = (kind) => kind === "text";
const pairKey = (left, right) => left * 2 ** 21 + right;

class Tokenizer {
  constructor(file, vocabSize) {
    this.file = file;
    for (const [name, entry] of file.metadata) {
      const known = SETTINGS.has(name) || !name.startsWith(START) || name.endsWith("_token_id");
      if (known || isHarmless(entry)) continue;
      throw wrong(name, entry.at, "a tokenizer without this", described(entry), "tokenizer");
    }
    this.choose("model", ["gpt2"]);
    this.pre = this.choose("pre", Object.keys(PRE_TOKENIZERS));
    this.words = new RegExp(PRE_TOKENIZERS[this.pre], "gu");
    const tokens = this.list("tokens", isText, "texts");
    if (tokens.length !== vocabSize) {
      const expected = `${vocabSize} tokens, a row of token_embd.weight each`;
      throw wrong(`${START}tokens`, this.entry("tokens").at, expected, tokens.length);
    }
    this.readVocabulary(tokens);
    this.readMerges();
    this.bos = this.readId("bos_token_id");
    this.eos = this.readId("eos_token_id");
    // The token that begins a text: where the file asks for it, and where one token stands between
    // texts, as in those that the book's models are trained on.
    const asked = this.readSwitch("add_bos_token", this.pre === "llama-bpe");
    if (asked && this.bos === undefined) {
      throw wrong(`${START}bos_token_id`, this.entry("bos_token_id").at, "an id", "none");
    }
    this.start = asked || this.bos === this.eos ? this.bos : undefined;
  }

  entry(name) {
    return entryOf(this.file, START + name);
  }

  choose(name, known) {
    const entry = this.entry(name);
    if (known.includes(entry.value)) return entry.value;
    const expected = `one of ${known.join(", ")}`;
    throw wrong(START + name, entry.at, expected, described(entry), "tokenizer");
  }

  list(name, fits, what) {
    const entry = this.entry(name);
    if (entry.type === "list" && fits(entry.value.kind)) return entry.value;
    throw wrong(START + name, entry.at, `a list of ${what}`, described(entry));
  }

  readSwitch(name, usual) {
    const entry = this.entry(name);
    if (entry.type === "none") return usual;
    if (entry.type === "bool") return entry.value;
    throw wrong(START + name, entry.at, "true or false", described(entry));
  }

  readId(name) {
    const entry = this.entry(name);
    if (entry.type === "none") return undefined;
    if (isInteger(entry.type) && entry.value >= 0 && entry.value < this.bytes.length) {
      return entry.value;
    }
    throw wrong(START + name, entry.at, `an id from 0 to ${this.bytes.length - 1}`, described(entry));
  }

  // The bytes of each token, and the ids of the ordinary ones and of those that users have defined.
  readVocabulary(tokens) {
    const encoder = new TextEncoder();
    const all = { length: tokens.length, get: () => NORMAL };
    const none = this.entry("token_type").type === "none";
    const kinds = none ? all : this.list("token_type", isInteger, "integers");
    if (kinds.length !== tokens.length) {
      const { at } = this.entry("token_type");
      throw wrong(`${START}token_type`, at, `${tokens.length} integers`, kinds.length);
    }
    const seen = new Set();
    const defined = [];
    this.bytes = [];
    this.ids = new Map();
    for (let id = 0; id < tokens.length; id++) {
      const [text, kind] = [tokens.get(id), kinds.get(id)];
      const name = `${START}tokens[${id}]`;
      if (seen.has(text)) {
        throw wrong(name, tokens.place(id), "a new token", `${shown(text)} again`);
      }
      seen.add(text);
      if (![NORMAL, CONTROL, USER_DEFINED, UNUSED].includes(kind)) {
        const expected = "1 (normal), 3 (control), 4 (user-defined) or 5 (unused)";
        throw wrong(`${START}token_type[${id}]`, kinds.place(id), expected, kind, "tokenizer");
      }
      const bytes = Array.from(text, (character) => BYTE_OF.get(character));
      if (kind === NORMAL) {
        if (bytes.includes(undefined)) {
          throw wrong(name, tokens.place(id), "characters that stand for bytes", shown(text));
        }
        this.ids.set(text, id);
      }
      const asText = kind === CONTROL || kind === USER_DEFINED;
      this.bytes.push(asText ? encoder.encode(text) : Uint8Array.from(bytes));
      if (kind === USER_DEFINED && text) defined.push([text, id]);
    }
    const size = ([, id]) => this.bytes[id].length;
    this.defined = defined.sort((a, b) => size(b) - size(a));
  }

  // Which pair makes which token, and in which place of the list it stands: the first goes first. A
  // token's number is its place among the bytes and the ordinary tokens.
  readMerges() {
    const merges = this.list("merges", isText, "texts");
    const numbers = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));
    for (const text of this.ids.keys()) if (!numbers.has(text)) numbers.set(text, numbers.size);
    this.made = new Map();
    for (let rank = 0; rank < merges.length; rank++) {
      const text = merges.get(rank);
      const [left, right, ...more] = text.split(" ");
      const parts = [left, right, left + right];
      if (more.length || !parts.every((part) => this.ids.has(part))) {
        const name = `${START}merges[${rank}]`;
        throw wrong(name, merges.place(rank), "two tokens that make a third", shown(text));
      }
      const [first, second, whole] = parts.map((part) => numbers.get(part));
      const key = pairKey(first, second);
      if (!this.made.has(key)) this.made.set(key, { rank, whole });
    }
    this.idOf = Array.from(numbers.keys(), (text) => this.ids.get(text));
  }

  // Merge the bytes of one word: always the pair that stands first in the list, at its first place.
  mergeWord(bytes) {
    const word = [...bytes];
    const pairAt = (i) => this.made.get(pairKey(word[i], word[i + 1])); // the last one has none
    const found = word.map((_, i) => pairAt(i));
    for (;;) {
      let best = -1;
      found.forEach((pair, i) => {
        if (pair && (best < 0 || pair.rank < found[best].rank)) best = i;
      });
      if (best < 0) return word;
      word.splice(best, 2, found[best].whole);
      found.splice(best, 1);
      for (const i of [best - 1, best]) if (i >= 0) found[i] = pairAt(i);
    }
  }

  encodeWord(word) {
    const bytes = new TextEncoder().encode(word);
    if (this.pre === "llama-bpe") {
      const whole = this.ids.get(Array.from(bytes, (byte) => BYTE_CHARACTERS[byte]).join(""));
      if (whole !== undefined) return [whole];
    }
    return this.mergeWord(bytes).map((one) => {
      if (this.idOf[one] !== undefined) return this.idOf[one];
      const error = new Error(`expected bytes that are tokens, got ${one} in ${shown(word)}`);
      error.reason = "bytes";
      throw error;
    });
  }

  // Token ids of a text. Tokens that users have defined are found in it, the longest first; control
  // tokens are plain text.
  encode(text) {
    let parts = [text];
    for (const [token, id] of this.defined) {
      parts = parts.flatMap((part) =>
        typeof part === "number"
          ? part
          : part.split(token).flatMap((piece, i) => (i ? [id, piece] : piece)),
      );
    }
    const wordsOf = (part) => part.match(this.words) ?? [];
    return parts.flatMap((part) =>
      typeof part === "number" ? part : wordsOf(part).flatMap((word) => this.encodeWord(word)),
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
