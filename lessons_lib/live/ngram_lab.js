// The n-gram lab. It counts characters and computes surprises as `lessons_lib.ngrams` does.

const STRINGS = {
  en: {
    tries: "Try",
    text: "Your text",
    order: "Order n: it looks at the n − 1 characters before",
    smoothing: "Smoothing",
    none: "none",
    addK: "add-k",
    wittenBell: "Witten-Bell",
    k: "k, added to each count",
    mean: "Cross-entropy (nats per character)",
    perplexity: "Perplexity",
    counted: "Characters",
    unknown: (list) => `Left out, because the counted text does not contain them: ${list}`,
    surprises: "The surprise of each character, in nats",
    next: "What the model expects next",
    looks: "It looks at",
    start: "It looks at no character:",
    seen: (n, shown, kinds) =>
      `seen ${n === 1 ? "once" : `${shown} times`}; different characters after it: ${kinds}.`,
    never: "never seen in the counted text.",
    nothing: "Without smoothing there are no probabilities here.",
    character: "Character",
    probability: "Probability",
    surprise: "Surprise",
    others: (n) => (n === 1 ? "1 other" : `${n} others`),
    space: "space",
    newline: "line end",
    tab: "tab",
  },
  es: {
    tries: "Prueba con",
    text: "Tu texto",
    order: "Orden n: se fija en los n − 1 caracteres anteriores",
    smoothing: "Suavizado",
    none: "ninguno",
    addK: "suma k",
    wittenBell: "Witten-Bell",
    k: "k, que se suma a cada recuento",
    mean: "Entropía cruzada (nats por carácter)",
    perplexity: "Perplejidad",
    counted: "Caracteres",
    unknown: (list) => `Se dejan fuera porque no están en el texto contado: ${list}`,
    surprises: "La sorpresa de cada carácter, en nats",
    next: "Lo que el modelo espera a continuación",
    looks: "Se fija en",
    start: "No se fija en ningún carácter:",
    seen: (n, shown, kinds) =>
      `visto ${n === 1 ? "una vez" : `${shown} veces`}; caracteres distintos detrás: ${kinds}.`,
    never: "nunca visto en el texto contado.",
    nothing: "Sin suavizado, aquí no hay probabilidades.",
    character: "Carácter",
    probability: "Probabilidad",
    surprise: "Sorpresa",
    others: (n) => (n === 1 ? "1 más" : `${n} más`),
    space: "espacio",
    newline: "fin de línea",
    tab: "tabulador",
  },
};

const MAX_ROWS = 8;
const MAX_ORDER = 5;
const MAX_LENGTH = 300; // that the reader may type
const FULL = 8; // nats of a bar of full height
const SMALLEST = -4; // the slider gives 10 to the power of its place, in halves
const LARGEST = 1;

const add = (a, b) => a + b;

// Count, for one order, what follows each context: context -> { seen, counts: character -> times }.
function countCharacters(text, n) {
  const characters = Array.from(text);
  const found = new Map();
  let context = characters.slice(0, n - 1).join("");
  for (let i = n - 1; i < characters.length; i++) {
    if (!found.has(context)) found.set(context, { seen: 0, counts: new Map() });
    const after = found.get(context);
    after.seen++;
    after.counts.set(characters[i], (after.counts.get(characters[i]) ?? 0) + 1);
    if (n > 1) context = context.slice(characters[i - n + 1].length) + characters[i];
  }
  return found;
}

// A model of characters: `probs` after a context, for all characters or for one.
function makeModel(text) {
  const vocabulary = Array.from(new Set(text)).sort((a, b) => a.codePointAt(0) - b.codePointAt(0));
  const known = new Set(vocabulary);
  const orders = [];
  const after = (context) => {
    const order = context.length;
    orders[order] ??= countCharacters(text, order + 1);
    return orders[order].get(context.join(""));
  };
  // The probability of each wanted character after `context`; null where there are none.
  const probs = (context, smoothing, k, wanted = vocabulary) => {
    const size = vocabulary.length;
    if (smoothing === "witten-bell") {
      let mixed = wanted.map(() => 1 / size);
      for (let length = 0; length <= context.length; length++) {
        const found = after(context.slice(context.length - length));
        if (!found) break; // what never stood before anything does not do so with more before it
        const { seen, counts } = found;
        mixed = mixed.map((p, i) => {
          return ((counts.get(wanted[i]) ?? 0) + counts.size * p) / (seen + counts.size);
        });
      }
      return mixed;
    }
    const { seen, counts } = after(context) ?? { seen: 0, counts: new Map() };
    const added = smoothing === "add-k" ? k : 0;
    if (!seen && !added) return null;
    return wanted.map((one) => ((counts.get(one) ?? 0) + added) / (seen + added * size));
  };
  return { vocabulary, known, after, probs };
}

// The surprise of each character of a text, a list of known characters, in nats.
function surprisesOf(model, characters, n, smoothing, k) {
  return characters.map((character, i) => {
    const context = characters.slice(Math.max(0, i - n + 1), i);
    const p = model.probs(context, smoothing, k, [character])?.[0] ?? 0;
    return p === 1 ? 0 : -Math.log(p);
  });
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const lab = makeModel(model.get("text"));
  const prompts = model.get("prompts");
  let text = prompts[0]; // as given: a text box changes line ends
  let n = model.get("n");
  let smoothing = model.get("smoothing");
  let k = model.get("k");

  const box = textBox(2, MAX_LENGTH, (typed) => {
    text = typed;
    show();
  });
  const order = slider(say.order, { min: 1, max: MAX_ORDER, step: 1 }, (value) => {
    n = value;
    show();
  });
  const added = slider(say.k, { min: SMALLEST, max: LARGEST, step: 0.5 }, (value) => {
    k = 10 ** value;
    show();
  });
  const kinds = [
    ["none", say.none],
    ["add-k", say.addK],
    ["witten-bell", say.wittenBell],
  ];
  const changeSmoothing = (kind) => {
    smoothing = kind;
    show();
  };

  const unknown = element("p", { class: "live-note" });
  const letters = element("ol", { class: "live-surprises", "aria-label": say.surprises });
  const numbers = element("dl");
  const status = statusLine();
  const table = tableWith("live-bars", say.next, [say.character, say.probability, say.surprise]);

  function showSurprises(characters) {
    const surprises = surprisesOf(lab, characters, n, smoothing, k);
    letters.replaceChildren(
      ...surprises.map((nats, i) => {
        const height = (100 * Math.min(nats, FULL)) / FULL;
        const kind = nats === Infinity ? "live-endless" : "";
        return element(
          "li",
          {},
          element(
            "span",
            { class: "live-column", "aria-hidden": "true" },
            element("span", { class: kind, style: `height:${height}%` }),
          ),
          tokenOf(visible(characters[i])),
          element("small", {}, decimal(nats, nats < 10 ? 2 : 1, language)),
        );
      }),
    );
    letters.hidden = !characters.length;
    const mean = surprises.reduce(add, 0) / surprises.length;
    letters.dataset.surprises = JSON.stringify(surprises.map(String));
    letters.dataset.mean = mean;
    letters.dataset.perplexity = Math.exp(mean);
    const readouts = [[say.counted, String(surprises.length)]];
    if (surprises.length) {
      readouts.push([say.mean, decimal(mean, 3, language)]);
      readouts.push([say.perplexity, decimal(Math.exp(mean), 2, language)]);
    }
    numbers.replaceChildren(...facts(readouts));
  }

  function showNext(characters) {
    const context = characters.slice(Math.max(0, characters.length - n + 1));
    const found = lab.after(context);
    const probs = lab.probs(context, smoothing, k);
    const mark = element("mark", {}, visible(context.join("")));
    status.replaceChildren(
      ...(context.length ? [`${say.looks} `, mark, ": "] : [`${say.start} `]),
      found ? say.seen(found.seen, plain(found.seen, language), found.counts.size) : say.never,
      probs ? "" : ` ${say.nothing}`,
    );
    table.hidden = !probs;
    table.dataset.context = context.join("");
    table.dataset.probs = JSON.stringify(probs);
    const row = (head, p, last) => rowOf({}, head, barCell(p, decimal(p, 3, language)), cell(last));
    const sorted = (probs ?? [])
      .map((p, i) => [lab.vocabulary[i], p])
      .filter(([, p]) => p > 0)
      .sort(([, p], [, q]) => q - p);
    const rest = sorted.slice(MAX_ROWS).map(([, p]) => p);
    fillTable(table, [
      ...sorted.slice(0, MAX_ROWS).map(([one, p]) => {
        const surprise = p === 1 ? 0 : -Math.log(p);
        return row(characterOf(one, say), p, decimal(surprise, 2, language));
      }),
      ...(rest.length ? [row(say.others(rest.length), rest.reduce(add, 0), "")] : []),
    ]);
  }

  function show() {
    const all = Array.from(text);
    const characters = all.filter((character) => lab.known.has(character));
    const missing = [...new Set(all)].filter((character) => !lab.known.has(character));
    unknown.hidden = !missing.length;
    unknown.textContent = missing.length ? say.unknown(missing.map(visible).join(" ")) : "";
    order.set(n, String(n));
    added.set(Math.log10(k), plain(Number(k.toPrecision(2)), language));
    added.box.hidden = smoothing !== "add-k";
    showSurprises(characters);
    showNext(characters);
  }

  const begin = (prompt) => {
    text = prompt;
    box.value = prompt;
    show();
  };
  el.replaceChildren(
    formOf(
      language,
      buttonGroup(
        say.tries,
        prompts.map((prompt) => button(prompt, () => begin(prompt))),
      ),
      labelled(say.text, box),
      order.box,
      choice(say.smoothing, "smoothing", kinds, smoothing, changeSmoothing),
      added.box,
      unknown,
      letters,
      numbers,
      status,
      table,
    ),
  );
  begin(text);
}

const render = renderer(["text", "prompts", "n", "smoothing", "k", "language"], draw);

export default { render };
