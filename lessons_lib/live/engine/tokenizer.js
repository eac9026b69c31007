// Tokens: what `lessons_lib.tokens.BPETokenizer` does, with the vocabulary of a GGUF file, read as
// `lessons_lib.gguf.read_tokenizer` reads it.

import { bytesOf, described, entryOf, isInteger, refuse, shown, wrong } from "./gguf.js";
import {
  CONTROL,
  MERGES_FIRST,
  NORMAL,
  PRE_NAMES,
  PRE_TOKENIZERS,
  USER_DEFINED,
  checkApart,
  checkNoWords,
  settleKinds,
} from "./vocabulary.js";

// A byte is shown in the file as a visible character: itself, or one from 256 on.
const BYTE_CHARACTERS = (() => {
  const visible = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let others = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(visible(byte) ? byte : others++),
  );
})();
const BYTE_OF = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));
const neverInTexts = (byte) => byte === 0xc0 || byte === 0xc1 || byte > 0xf4; // in UTF-8

// The entries of the metadata that say how the tokenizer works, or that change nothing here. Others
// name tokens with a task; what else there is asks for something that is not done here.
const START = "tokenizer.ggml.";
const SETTINGS = new Set([
  ...["model", "pre", "tokens", "token_type", "merges"],
  ...["add_bos_token", "add_space_prefix", "scores"],
]);
const USUAL_BOS = 11; // what llama.cpp takes when told nothing
const pairKey = (left, right) => left * 2 ** 21 + right;

// Bytes as the visible characters of a token stand for them; undefined for others.
function readBytes(token) {
  const bytes = Array.from(token, (character) => BYTE_OF.get(character));
  return bytes.includes(undefined) ? undefined : Uint8Array.from(bytes);
}

// The text whose bytes look like a token, or what no word is.
function spelled(token) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readBytes(token));
  } catch {
    return "";
  }
}

class Tokenizer {
  constructor(file, vocabSize) {
    this.file = file;
    this.readSettings();
    const { tokens, kinds } = this.readTokens(vocabSize);
    this.readVocabulary(tokens, kinds);
    this.readMerges();
    this.bos = this.readId("bos_token_id");
    this.eos = this.readId("eos_token_id");
    // A file has to name an end; one that is an ordinary token is none.
    if (kinds[this.eos] !== CONTROL) this.eos = undefined;
    // The token that begins a text: where the file asks for it, and where one token stands between
    // texts, as in those that the book's models are trained on.
    const asked = this.readSwitch("add_bos_token", this.wholeWords);
    const between = this.bos !== undefined && this.bos === this.eos;
    this.start = asked ? (this.bos ?? USUAL_BOS) : between ? this.bos : undefined;
  }

  entry(name) {
    return entryOf(this.file, START + name);
  }

  readSettings() {
    for (const [name, entry] of this.file.metadata) {
      const setting = name.startsWith(START) ? name.slice(START.length) : "model";
      const known = SETTINGS.has(setting) || setting.endsWith("_token_id");
      if (known || [0, false, ""].includes(entry.value)) continue;
      throw wrong(name, entry.at, "a tokenizer without this", described(entry), "tokenizer");
    }
    const [model, pre] = ["model", "pre"].map((name) => this.entry(name).value);
    if (model !== "gpt2" || !PRE_NAMES.has(pre)) {
      const quoted = (text) => `'${shown(text)}'`;
      const cuts = Object.keys(PRE_TOKENIZERS).map(quoted).join(", ");
      const got = `${model === undefined ? "None" : quoted(String(model))}, cut as ${quoted(String(pre ?? "None"))}`;
      refuse(`expected the tokenizer gpt2, cut as one of [${cuts}], got ${got}`, "tokenizer");
    }
    if (/phi-?3/i.test(entryOf(this.file, "general.name").value)) {
      const expected = "no Phi-3, whose special tokens take in spaces";
      refuse(`expected ${expected}, got one by name`, "tokenizer");
    }
    this.pattern = PRE_TOKENIZERS[PRE_NAMES.get(pre)];
    this.words = new RegExp(this.pattern, "gu");
    this.wholeWords = PRE_NAMES.get(pre) === "llama-bpe" && !MERGES_FIRST.has(pre);
  }

  list(name, fits, what) {
    const entry = this.entry(name);
    if (entry.type === "list" && fits(entry.value.kind)) return entry.value;
    throw wrong(START + name, entry.at, `a list of ${what}`, described(entry));
  }

  texts(name) {
    return this.list(name, (kind) => kind === "text", "texts");
  }

  readSwitch(name, usual) {
    const entry = this.entry(name);
    if (entry.type === "none") return usual;
    if (entry.type === "bool") return entry.value;
    throw wrong(START + name, entry.at, "true or false", described(entry));
  }

  // The id of a token with a task; undefined where there is none, or none of the tokens.
  readId(name) {
    const entry = this.entry(name);
    if (entry.type === "none") return undefined;
    if (!isInteger(entry.type) || entry.value < 0) {
      throw wrong(START + name, entry.at, "an integer from 0 on", described(entry));
    }
    return entry.value < this.bytes.length ? entry.value : undefined;
  }

  // The texts of the tokens, which differ, and their types.
  readTokens(vocabSize) {
    const read = this.texts("tokens");
    if (read.length !== vocabSize) {
      const expected = `${vocabSize} tokens, a row of token_embd.weight each`;
      refuse(`expected ${expected}, got ${read.length}`);
    }
    const tokens = Array.from({ length: vocabSize }, (_, id) => read.get(id) || `[EMPTY_${id}]`);
    const times = new Map();
    for (const token of tokens) times.set(token, (times.get(token) ?? 0) + 1);
    if (times.size < tokens.length) {
      const [twice, n] = [...times].reduce((a, b) => (b[1] > a[1] ? b : a));
      refuse(`expected tokens that differ, got ${shown(twice)} ${n} times`);
    }
    if (this.entry("token_type").type === "none") {
      return { tokens, kinds: settleKinds(tokens, tokens.map(() => NORMAL)) };
    }
    const kinds = this.list("token_type", isInteger, "integers");
    if (kinds.length < vocabSize) {
      refuse(`expected a type for each of ${vocabSize} tokens, got ${kinds.length}`);
    }
    return { tokens, kinds: settleKinds(tokens, tokens.map((_, id) => kinds.get(id))) };
  }

  // The bytes of each token, the ids of the ordinary ones, and those that users have defined.
  readVocabulary(tokens, kinds) {
    const special = (id) => kinds[id] === CONTROL || kinds[id] === USER_DEFINED;
    checkApart(tokens.filter((_, id) => special(id)));
    if (this.wholeWords) {
      const others = tokens.filter((_, id) => kinds[id] !== NORMAL);
      checkNoWords(others.map(spelled), this.pattern);
    }
    const encoder = new TextEncoder();
    this.ids = new Map();
    this.bytes = tokens.map((token, id) => {
      if (special(id)) return encoder.encode(token);
      const bytes = readBytes(token);
      if (kinds[id] !== NORMAL) return bytes ?? encoder.encode(token);
      this.ids.set(token, id);
      if (bytes) return bytes;
      const at = this.texts("tokens").place(id);
      throw wrong(`${START}tokens[${id}]`, at, "characters that stand for bytes", shown(token));
    });
    const missing = BYTE_CHARACTERS.flatMap((character, byte) =>
      this.ids.has(character) || neverInTexts(byte) ? [] : [byte],
    );
    if (missing.length) {
      const some = missing.slice(0, 3).map((byte) => bytesOf(Uint8Array.of(byte)));
      refuse(`expected a token for each byte, got none for [${some.join(", ")}]`);
    }
    // Texts of special tokens, which stand in no text; a chat's marks are among them.
    this.controls = new Map(
      tokens.map((token, id) => [token, id]).filter(([, id]) => kinds[id] === CONTROL),
    );
    // The longest is looked for first.
    this.defined = tokens
      .map((token, id) => [token, id])
      .filter(([, id]) => kinds[id] === USER_DEFINED)
      .sort(([, a], [, b]) => this.bytes[b].length - this.bytes[a].length);
  }

  // Which pair makes which token, and in which place of the list it stands: the first goes first. A
  // token's number is its place among the bytes and the ordinary tokens.
  readMerges() {
    const merges = this.texts("merges");
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
    if (this.wholeWords) {
      const whole = this.ids.get(Array.from(bytes, (byte) => BYTE_CHARACTERS[byte]).join(""));
      if (whole !== undefined) return [whole];
    }
    return this.mergeWord(bytes).map((one) => this.idOf[one]);
  }

  // Token ids of a text. Tokens that users have defined are found in it; control tokens are plain
  // text.
  encode(text) {
    let parts = [text]; // texts, and ids of tokens found
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

export { Tokenizer };
