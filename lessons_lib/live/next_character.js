// The next-character figure. It counts and draws as `lessons_lib.intro` does.

import { randomBits } from "./engine/sampling.js";

const STRINGS = {
  en: {
    text: "Your text so far",
    tries: "Begin with",
    slider: "How many characters it may look back",
    looks: "The model looks at",
    nothing: "The model looks at no character at all: it counts the whole text",
    times: (n, shown) => `(${shown} ${n === 1 ? "place" : "places"})`,
    best: "Add the most likely",
    random: "Add one at random",
    bestMany: "Write 40, the most likely each time",
    randomMany: "Write 40 at random",
    reset: "Start again",
    caption: "What came next in those places",
    character: "Character",
    probability: "Probability",
    count: "Times",
    others: (n) => (n === 1 ? "1 other" : `${n} others`),
    space: "space",
    newline: "line end",
    tab: "tab",
  },
  es: {
    text: "Tu texto hasta ahora",
    tries: "Empieza con",
    slider: "Cuántos caracteres puede mirar hacia atrás",
    looks: "El modelo se fija en",
    nothing: "El modelo no se fija en ningún carácter: cuenta todo el texto",
    times: (n, shown) => `(${shown} ${n === 1 ? "lugar" : "lugares"})`,
    best: "Añadir el más probable",
    random: "Añadir uno al azar",
    bestMany: "Escribir 40, cada vez el más probable",
    randomMany: "Escribir 40 al azar",
    reset: "Empezar de nuevo",
    caption: "Lo que vino después en esos lugares",
    character: "Carácter",
    probability: "Probabilidad",
    count: "Veces",
    others: (n) => (n === 1 ? "1 más" : `${n} más`),
    space: "espacio",
    newline: "fin de línea",
    tab: "tabulador",
  },
};

const MAX_ROWS = 8;
const MANY = 40;
const MAX_LENGTH = 5000; // that the reader may type
const LONGEST = 12; // where the slider ends, unless the figure starts further

// Text as code points, as Python counts them.
const points = (text) => Array.from(text, (character) => character.codePointAt(0));
const textOf = (codes) => codes.map((code) => String.fromCodePoint(code)).join("");

// Count what follows the longest end of `prompt` that something follows in `text` (code points).
function nextCounts(text, prompt, maxContext) {
  const most = Math.min(maxContext, prompt.length);
  let longest = 0;
  let counts = new Map();
  for (let i = 0; i < text.length; i++) {
    let length = 0;
    while (
      length < most &&
      length < i &&
      text[i - 1 - length] === prompt[prompt.length - 1 - length]
    ) {
      length++;
    }
    if (length > longest) {
      longest = length;
      counts = new Map();
    }
    if (length === longest) counts.set(text[i], (counts.get(text[i]) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, n], [b, m]) => m - n || a - b);
  return { context: prompt.slice(prompt.length - longest), counts: sorted };
}

const sum = (counts) => counts.reduce((total, [, n]) => total + n, 0);

// The first character whose cumulative count is above a random place; without bits, the first.
function pick(counts, bits) {
  let place = bits ? Math.floor((bits() * sum(counts)) / 2 ** 32) : 0;
  for (const [code, n] of counts) {
    if (place < n) return code;
    place -= n;
  }
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const text = points(model.get("text"));
  const prompts = model.get("prompts");
  let start = prompts[0];
  let written = points(start);
  let maxContext = model.get("max_context");
  let bits = randomBits(model.get("seed"));

  const begin = (prompt) => {
    start = prompt;
    written = points(start);
    bits = randomBits(model.get("seed"));
    showAll();
  };
  const add = (n, source) => {
    for (let i = 0; i < n; i++) {
      written.push(pick(nextCounts(text, written, maxContext).counts, source));
    }
    showAll();
  };

  const box = textBox(3, MAX_LENGTH, (typed) => {
    written = points(typed);
    show();
  });
  const most = Math.max(LONGEST, maxContext);
  const back = slider(say.slider, { min: 0, max: most, step: 1 }, (value) => {
    maxContext = value;
    show();
  });
  const status = statusLine();
  const table = tableWith("live-bars", say.caption, [say.character, say.probability, say.count]);

  function showAll() {
    box.value = textOf(written);
    box.scrollTop = box.scrollHeight;
    show();
  }

  function show() {
    const { context, counts } = nextCounts(text, written, maxContext);
    const total = sum(counts);
    const row = (head, n, data) =>
      rowOf(
        { "data-count": n, "data-probability": n / total, ...data },
        head,
        barCell(n / total, decimal(n / total, 3, language)),
        cell(plain(n, language)),
      );
    const rest = counts.slice(MAX_ROWS);
    fillTable(table, [
      ...counts.slice(0, MAX_ROWS).map(([code, n]) => {
        const character = String.fromCodePoint(code);
        return row(characterOf(character, say), n, { "data-char": character });
      }),
      ...(rest.length ? [row(say.others(rest.length), sum(rest), { "data-rest": "" })] : []),
    ]);
    table.dataset.context = textOf(context);
    table.dataset.counts = JSON.stringify(
      counts.map(([code, n]) => [String.fromCodePoint(code), n]),
    );

    back.set(maxContext, String(maxContext));
    const mark = element("mark", {}, visible(textOf(context)));
    status.replaceChildren(
      ...(context.length ? [`${say.looks} `, mark] : [say.nothing]),
      ` ${say.times(total, plain(total, language))}.`,
    );
  }

  el.replaceChildren(
    formOf(
      language,
      buttonGroup(
        say.tries,
        prompts.map((prompt) =>
          button(visible(prompt).replaceAll("·", " "), () => begin(prompt)),
        ),
      ),
      labelled(say.text, box),
      element(
        "div",
        { class: "live-buttons" },
        button(say.best, () => add(1)),
        button(say.random, () => add(1, bits)),
        button(say.bestMany, () => add(MANY)),
        button(say.randomMany, () => add(MANY, bits)),
        button(say.reset, () => begin(start)),
      ),
      back.box,
      status,
      table,
    ),
  );
  showAll();
}

const render = renderer(["text", "prompts", "max_context", "seed", "language"], draw);

export default { render };
