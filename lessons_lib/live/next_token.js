// The next-token figure. The engine computes what `lessons_lib.generation.token_probs` computes.

import { softmax, tokenProbs } from "./engine/sampling.js";

const STRINGS = {
  en: {
    prefix: "The model has read",
    temperature: "Temperature: the logits are divided by it",
    topK: "Top-k: keep the k most probable tokens",
    topP: "Top-p: keep the most probable until they add up to p",
    minP: "Min-p: keep those at least p times as probable as the best",
    all: "all",
    kept: (kept, all, share) =>
      `${kept} of ${all} tokens can come; the model itself gave them ${share}.`,
    table: "The most probable next tokens",
    token: "Token",
    now: "With these settings",
    own: "The model",
    others: (n, shown) => (n === 1 ? "1 other" : `${shown} others`),
    reset: "The model's own probabilities",
  },
  es: {
    prefix: "El modelo ha leído",
    temperature: "Temperatura: los logits se dividen entre ella",
    topK: "Top-k: se quedan los k tokens más probables",
    topP: "Top-p: se quedan los más probables hasta sumar p",
    minP: "Min-p: se quedan los que tienen al menos p veces la probabilidad del mejor",
    all: "todos",
    kept: (kept, all, share) =>
      `Pueden venir ${kept} de ${all} tokens; el propio modelo les daba ${share}.`,
    table: "Los tokens siguientes más probables",
    token: "Token",
    now: "Con estos ajustes",
    own: "El modelo",
    others: (n, shown) => (n === 1 ? "1 más" : `otros ${shown}`),
    reset: "Las probabilidades del propio modelo",
  },
};

const MAX_ROWS = 10;
const OWN = { temperature: 1, topK: Infinity, topP: 1, minP: 0 };
const TOP_K = [1, 2, 3, 5, 10, 20, 50, Infinity]; // the places of the slider

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const tokens = model.get("tokens");
  const logits = model.get("logits");
  let prefix = 0;
  let settings = { ...OWN };

  const select = selectOf(model.get("prefixes"), (i) => {
    prefix = i;
    show();
  });

  // A slider for one setting; `read` makes the setting of its place, `write` the place of it.
  const sliders = [];
  function setting(name, label, range, text, read = (place) => place, write = (value) => value) {
    const made = slider(label, range, (place) => {
      settings[name] = read(place);
      show();
    });
    sliders.push(() => made.set(write(settings[name]), text(settings[name])));
    return made.box;
  }
  const two = (value) => decimal(value, 2, language);
  const controls = [
    setting("temperature", say.temperature, { min: 0.1, max: 3, step: 0.1 }, two),
    setting(
      "topK",
      say.topK,
      { min: 0, max: TOP_K.length - 1, step: 1 },
      (k) => (k === Infinity ? say.all : String(k)),
      (place) => TOP_K[place],
      (k) => TOP_K.indexOf(k),
    ),
    setting("topP", say.topP, { min: 0.05, max: 1, step: 0.05 }, two),
    setting("minP", say.minP, { min: 0, max: 0.5, step: 0.02 }, two),
  ];
  const reset = button(say.reset, () => {
    settings = { ...OWN };
    show();
  });
  const status = statusLine();
  const table = tableWith("live-bars", say.table, [say.token, say.now, say.own]);

  function show() {
    const own = softmax(logits[prefix]);
    const probs = Array.from(tokenProbs(logits[prefix], settings));
    const order = own.map((_, i) => i).sort((a, b) => own[b] - own[a] || a - b);
    const sum = (values, ids) => ids.reduce((total, i) => total + values[i], 0);
    const three = (value) => decimal(value, 3, language);
    const row = (head, ids) =>
      rowOf(
        {},
        head,
        barCell(sum(probs, ids), three(sum(probs, ids))),
        cell(three(sum(own, ids))),
      );
    const rest = order.slice(MAX_ROWS);
    fillTable(table, [
      ...order.slice(0, MAX_ROWS).map((i) => row(tokenOf(tokens[i]), [i])),
      ...(rest.length ? [row(say.others(rest.length, plain(rest.length, language)), rest)] : []),
    ]);
    table.dataset.probs = JSON.stringify(probs);
    table.dataset.prefix = prefix;
    table.dataset.settings = JSON.stringify({
      ...settings,
      topK: settings.topK === Infinity ? null : settings.topK,
    });
    const kept = order.filter((i) => probs[i] > 0);
    const [some, all] = [kept.length, probs.length].map((n) => plain(n, language));
    status.textContent = say.kept(some, all, three(sum(own, kept)));
    for (const update of sliders) update();
  }

  el.replaceChildren(
    formOf(
      language,
      labelled(say.prefix, select, "live-stack live-wide"), // a long one is cut, not the page
      ...controls,
      element("div", { class: "live-buttons" }, reset),
      status,
      table,
    ),
  );
  show();
}

const render = renderer(["prefixes", "logits", "tokens", "language"], draw);

export default { render };
