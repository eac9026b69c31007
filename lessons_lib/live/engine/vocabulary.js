// What llama.cpp makes of a vocabulary: what `lessons_lib.gguf.vocabulary` does. Where it does more
// than the page's tokenizer, the file is refused: the ids are the same, or there are none.

import { refuse, shown } from "./gguf.js";

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

// Other names for the same cuts.
const OTHER_NAMES = {
  "gpt-2": "phi-2 gigachat a.x-4.0 mellum mpt olmo jais trillion granite-docling exaone4",
  "llama-bpe":
    "llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano " +
    "dbrx smaug-bpe glm4 chatglm-bpe",
  qwen2: "deepseek-r1-qwen kormo stablelm2 hunyuan solar-open megrez grok-2",
  smollm: "starcoder refact command-r codeshell exaone minerva-7b",
};
const PRE_NAMES = new Map(
  Object.keys(PRE_TOKENIZERS).flatMap((name) =>
    [name, ...OTHER_NAMES[name].split(" ")].map((other) => [other, name]),
  ),
);
// With Llama's cut, but for these a word that is a token is merged all the same.
const MERGES_FIRST = new Set(["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"]);

const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED] = [1, 2, 3, 4, 5]; // kinds of tokens
const KINDS = [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED];

// Texts that are control tokens, or user-defined ones, whatever the file says of them.
const ENDS = new Set([
  ...["<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>"],
  ...["<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]"],
  ...["<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "[e~["],
  "<｜end▁of▁sentence｜>",
]);
const CHANNELS = new Set(["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"]);
// Texts that may become control tokens; which of several, depends on the order in a hash table.
const GAPS = new Set([
  ...["<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<PRE>", "▁<PRE>", "<|code_prefix|>"],
  ...["<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<SUF>", "▁<SUF>", "<|code_suffix|>"],
  ...["<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<MID>", "▁<MID>", "<|code_middle|>"],
  ...["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|prefix|>", "<|suffix|>"],
  ...["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>"],
  ...["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "<|middle|>"],
]);
const LONGEST_SPECIAL = 2 ** 10; // bytes of a special or user-defined token

// The types of tokens as llama.cpp settles them: some it knows by their text.
function settleKinds(tokens, kinds) {
  const unknown = new Set(kinds.filter((kind) => !KINDS.includes(kind)));
  if (unknown.size) {
    const got = [...unknown].sort((a, b) => a - b).join(", ");
    refuse(`expected tokens of the types (${KINDS.join(", ")}), got [${got}]`, "tokenizer");
  }
  const present = new Set(tokens);
  const any = (...texts) => texts.some((text) => present.has(text));
  const channels = new Set(CHANNELS);
  if (any("<|call|>", "<|calls|>") && any("<|return|>", "<|flush|>")) channels.add("<|end|>");
  if (present.has("<|tool_response>") && present.has("</s>")) {
    refuse("expected <|tool_response> or </s>, got both", "tokenizer");
  }
  return tokens.map((token, id) => {
    const kind = kinds[id];
    if (GAPS.has(token) && kind !== CONTROL && kind !== UNKNOWN) {
      refuse(`expected ${token} to be of type ${CONTROL}, control, got ${kind}`, "tokenizer");
    }
    if (channels.has(token)) return USER_DEFINED;
    return ENDS.has(token) || kind === UNKNOWN ? CONTROL : kind;
  });
}

// No two special tokens can claim the same letters: llama.cpp looks for the longest token first,
// everywhere, others from left to right.
function checkApart(tokens) {
  const size = (text) => new TextEncoder().encode(text).length;
  const texts = [...tokens].sort();
  const firsts = new Set(texts.map((text) => text[0]));
  for (const text of texts) {
    if (size(text) > LONGEST_SPECIAL) {
      const expected = `special tokens of at most ${LONGEST_SPECIAL} bytes`;
      refuse(`expected ${expected}, got ${shown(text)}`, "tokenizer");
    }
    for (let i = 1; i < text.length; i++) {
      if (!firsts.has(text[i])) continue;
      const shared = text.slice(i);
      const other = texts.find(
        (one) =>
          one !== text &&
          one !== shared &&
          one.startsWith(shared) &&
          size(one) >= size(text) &&
          !(text.slice(0, i) + one).startsWith(one),
      );
      if (other === undefined) continue;
      const got = `${shown(text)} and ${shown(other)}`;
      refuse(`expected special tokens that cannot overlap, got ${got}`, "tokenizer");
    }
  }
}

// None of these texts could be taken for a word: where words are looked up before they are merged,
// llama.cpp finds tokens of all kinds.
function checkNoWords(texts, pattern) {
  const word = new RegExp(`^(?:${pattern})$`, "u");
  for (const text of texts) {
    if (!word.test(text)) continue;
    const expected = "control and unused tokens that are no words";
    refuse(`expected ${expected}, got ${shown(text)}`, "tokenizer");
  }
}

export {
  CONTROL,
  MERGES_FIRST,
  NORMAL,
  PRE_NAMES,
  PRE_TOKENIZERS,
  USER_DEFINED,
  checkApart,
  checkNoWords,
  settleKinds,
};
