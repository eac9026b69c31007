// The shape walk. It computes what `lessons_lib.gpt.GPT` computes, one step at a time.

import { softmax } from "./engine/sampling.js";

const STRINGS = {
  en: {
    text: (n) => `Your text: up to ${n} characters`,
    known: "The model knows",
    space: "space",
    unknown: (characters) => `Left out, because the model has no token for it: ${characters}`,
    back: "Back",
    next: "Next step",
    end: "To the end",
    slider: "Step",
    place: (step, last) => `${step} of ${last}`,
    shape: "Shape",
    character: "Character",
    probability: "Probability",
    head: (h) => `Head ${h}`,
    empty: "Write at least one character.",
    best: (character, p) => `Most likely next: ${character}, with ${p}.`,
    steps: [
      ["Token ids", "Each character becomes its place in the vocabulary."],
      ["Token table", "Each id picks its row."],
      ["Plus positions", "Row t of the position table is added. This is the residual stream."],
      ["Normalised", "Each row gets mean 0 and variance 1, then a weight and a bias."],
      ["Queries", "A linear map of each row. Each head owns some of the columns."],
      ["Keys", "Another linear map of the same rows."],
      ["Values", "And a third."],
      ["Attention weights", "Row t says how much position t takes from each earlier one."],
      ["Output of the attention", "The values, averaged with these weights and mapped once more."],
      ["Added to the stream", "The stream of before, plus what the attention found."],
      ["Normalised again", "The same operation, with numbers of its own."],
      ["Up, and GELU", "More columns for a moment; most negative numbers shrink to nearly 0."],
      ["Down, and added", "Back to D columns, added to the stream. The block is done."],
      ["Last normalisation", "So that the logits do not depend on how large the stream grew."],
      ["Logits", "Each row times the token table of the start: one score for each character."],
      ["Probabilities", "The softmax of the last row: the guess for the next character."],
    ],
  },
  es: {
    text: (n) => `Tu texto: hasta ${n} caracteres`,
    known: "El modelo conoce",
    space: "espacio",
    unknown: (characters) => `El modelo no tiene token para esto y lo omite: ${characters}`,
    back: "Atrás",
    next: "Paso siguiente",
    end: "Hasta el final",
    slider: "Paso",
    place: (step, last) => `${step} de ${last}`,
    shape: "Forma",
    character: "Carácter",
    probability: "Probabilidad",
    head: (h) => `Cabeza ${h}`,
    empty: "Escribe al menos un carácter.",
    best: (character, p) => `Lo más probable: ${character}, con ${p}.`,
    steps: [
      ["Ids de los tokens", "Cada carácter se convierte en su lugar en el vocabulario."],
      ["Tabla de tokens", "Cada id escoge su fila."],
      ["Más posiciones", "Se suma la fila t de la tabla de posiciones. Es el flujo residual."],
      ["Normalizado", "Cada fila pasa a media 0 y varianza 1; luego, peso y sesgo aditivo."],
      ["Consultas", "Una capa lineal en cada fila. Cada cabeza se queda con unas columnas."],
      ["Claves", "Otra capa lineal, en las mismas filas."],
      ["Valores", "Y una tercera."],
      ["Pesos de atención", "La fila t dice cuánto toma la posición t de cada una hasta ella."],
      ["Salida de la atención", "Los valores, promediados con estos pesos, y una capa lineal más."],
      ["Sumado al flujo", "El flujo de antes, más lo que la atención ha encontrado."],
      ["Normalizado otra vez", "La misma operación, con números propios."],
      ["Subida y GELU", "Más columnas por un momento; casi todo lo negativo queda cerca de 0."],
      ["Bajada y suma", "De vuelta a D columnas, que se suman al flujo. Fin del bloque."],
      ["Última normalización", "Para que los logits no dependan de cuánto creció el flujo."],
      ["Logits", "Cada fila, por la tabla de tokens: una puntuación para cada carácter."],
      ["Probabilidades", "El softmax de la última fila: la apuesta por el carácter siguiente."],
    ],
  },
};

const dot = (a, b) => a.reduce((sum, number, i) => sum + number * b[i], 0);
const add = (x, y) => x.map((row, t) => row.map((number, i) => number + y[t][i]));
const gelu = (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

// The forward pass: a list of steps, each {shape, values}; `values` is nested as deep as `shape`.
function forward(ids, weights, sizes) {
  const D = sizes.d_model;
  const K = D / sizes.n_heads;
  const heads = Array.from({ length: sizes.n_heads }, (_, h) => h);
  const linear = (x, name) =>
    x.map((row) =>
      weights[`${name}.weight`].map((line, i) => dot(row, line) + weights[`${name}.bias`][i]),
    );
  const norm = (x, name) =>
    x.map((row) => {
      const mean = row.reduce((sum, number) => sum + number, 0) / D;
      const variance = row.reduce((sum, number) => sum + (number - mean) ** 2, 0) / D;
      return row.map((number, i) => {
        const scaled = (number - mean) / Math.sqrt(variance + sizes.eps);
        return scaled * weights[`${name}.weight`][i] + weights[`${name}.bias`][i];
      });
    });
  const part = (row, h) => row.slice(h * K, (h + 1) * K);

  const table = weights["token_embedding.weight"];
  const embedded = ids.map((id) => table[id]);
  const start = add(embedded, weights["position_embedding.weight"]);
  const attended = norm(start, "blocks.0.attention_norm");
  const [q, k, v] = ["query", "key", "value"].map((name) =>
    linear(attended, `blocks.0.attention.${name}`),
  );
  const attention = heads.map((h) =>
    q.map((query, t) => {
      const seen = k.slice(0, t + 1);
      const scores = seen.map((key) => dot(part(query, h), part(key, h)) / Math.sqrt(K));
      return [...softmax(scores), ...Array(ids.length - t - 1).fill(0)];
    }),
  );
  const mixed = ids.map((_, t) =>
    v[0].map((_, i) => dot(attention[Math.floor(i / K)][t], v.map((row) => row[i]))),
  );
  const found = linear(mixed, "blocks.0.attention.output");
  const middle = add(start, found);
  const fed = norm(middle, "blocks.0.feed_norm");
  const up = linear(fed, "blocks.0.feed_forward.up").map((row) => row.map(gelu));
  const end = add(middle, linear(up, "blocks.0.feed_forward.down"));
  const last = norm(end, "final_norm");
  const logits = last.map((row) => table.map((line) => dot(row, line)));
  const probabilities = softmax(logits[logits.length - 1]);
  return [
    ["T", ids],
    ["TD", embedded],
    ["TD", start],
    ["TD", attended],
    ["TD", q],
    ["TD", k],
    ["TD", v],
    ["HTT", attention],
    ["TD", found],
    ["TD", middle],
    ["TD", fed],
    ["TF", up],
    ["TD", end],
    ["TD", last],
    ["TV", logits],
    ["V", probabilities],
  ].map(([shape, values]) => ({ shape, values }));
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const characters = model.get("characters");
  const sizes = model.get("sizes");
  const weights = model.get("weights");
  const last = say.steps.length - 1;
  let text = Array.from(model.get("text"));
  let left = [];
  let step = 0;

  const go = (to) => {
    step = Math.min(Math.max(to, 0), last);
    show();
  };
  const buttons = {
    back: button(say.back, () => go(step - 1)),
    next: button(say.next, () => go(step + 1)),
    end: button(say.end, () => go(last)),
  };
  const box = element("input", {
    type: "text",
    maxlength: sizes.context_length,
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => {
      const typed = Array.from(box.value);
      text = typed.filter((one) => characters.includes(one)).slice(0, sizes.context_length);
      left = typed.filter((one) => !characters.includes(one));
      show();
    },
  });
  box.value = text.join("");
  const steps = slider(say.slider, { min: 0, max: last, step: 1 }, go);
  const status = statusLine();
  const shape = element("p", { class: "live-shape" });
  const board = element("div", { class: "live-boards" });
  const known = characters.map((one) => (one === " " ? `· (${say.space})` : visible(one)));

  const three = (number) => decimal(number, 3, language);

  // One table of numbers: a row for each name, a column for each heading.
  function table(caption, columns, names, rows) {
    const made = rows.map((row, t) => rowOf({}, names[t], ...row.map((number) => cell(three(number)))));
    return scrolling(caption, tableWith("live-numbers", caption, ["", ...columns], made));
  }

  function tables(title, { shape: letters, values }) {
    const names = text.map(visible);
    const every = characters.map(visible);
    const headings = { D: null, F: null, T: names, V: every };
    const columns = headings[letters.at(-1)] ?? values[0].map((_, i) => String(i));
    if (letters === "T") {
      const row = element("tr", {}, ...values.map((id) => cell(String(id))));
      return [tableWith("live-numbers", title, columns, [row])];
    }
    if (letters === "V") {
      const order = values.map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
      const row = (i) => rowOf({}, tokenOf(every[i]), barCell(values[i], three(values[i])));
      return [tableWith("live-bars", title, [say.character, say.probability], order.map(row))];
    }
    if (letters === "HTT") {
      return values.map((one, h) => table(say.head(h + 1), columns, names, one));
    }
    return [table(title, columns, names, values)];
  }

  function show() {
    steps.set(step, say.place(step, last));
    buttons.back.setAttribute("aria-disabled", step === 0);
    for (const one of [buttons.next, buttons.end]) {
      one.setAttribute("aria-disabled", step === last);
    }
    const ids = text.map((one) => characters.indexOf(one));
    const [title, why] = say.steps[step];
    const missing = left.length ? ` ${say.unknown(left.join(" "))}.` : "";
    if (!ids.length) {
      shape.replaceChildren();
      board.replaceChildren();
      board.dataset.values = "null";
      status.textContent = say.empty + missing;
      return;
    }
    const now = forward(ids, weights, sizes)[step];
    const size = {
      T: ids.length,
      D: sizes.d_model,
      H: sizes.n_heads,
      F: sizes.d_ff,
      V: sizes.vocab_size,
    };
    const letters = Array.from(now.shape);
    const numbers = letters.map((letter) => size[letter]).join(" × ");
    shape.replaceChildren(
      element("strong", {}, `${say.shape} `),
      `(${letters.join(", ")}) = ${numbers}`,
    );
    board.replaceChildren(...tables(title, now));
    board.dataset.step = step;
    board.dataset.values = JSON.stringify(now.values);
    let guess = "";
    if (step === last) {
      const best = now.values.indexOf(Math.max(...now.values));
      guess = ` ${say.best(visible(characters[best]), three(now.values[best]))}`;
    }
    status.replaceChildren(element("strong", {}, `${title}.`), ` ${why}${guess}${missing}`);
  }

  el.replaceChildren(
    formOf(
      language,
      labelled(say.text(sizes.context_length), box),
      element("p", { class: "live-known" }, `${say.known}: ${known.join(" ")}`),
      element("div", { class: "live-buttons" }, ...Object.values(buttons)),
      steps.box,
      status,
      shape,
      board,
    ),
  );
  show();
}

const render = renderer(["characters", "text", "sizes", "weights", "language"], draw);

export default { render };
