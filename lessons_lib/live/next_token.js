// The next-token figure. The engine computes what `lessons_lib.generation.token_probs` computes.

import { softmax, tokenProbs } from "./engine/sampling.js";

const STRINGS = {
  en: {
    prefix: "The model has read",
    temperature: "Temperature: divides the logits",
    topK: "Top-k: the k most probable",
    topP: "Top-p: until they add up to p",
    minP: "Min-p: at least p times the best",
    all: "all",
    kept: (kept, all, share) =>
      `${kept} of ${all} tokens can come; the model itself gave them ${share}.`,
    picture: (kept) =>
      `Staircase: the most probable tokens, falling. The cut line stands after ${kept}; grey ones are removed.`,
    line: "cut",
    floor: "min-p line",
    rest: (shown, share) => `+ ${shown} more: ${share}`,
    legend: "Bars: with these settings. Dots: the model. Grey: removed. Drag the cut line (top-k).",
    numbers: "In numbers",
    table: "The most probable next tokens",
    token: "Token",
    now: "With these settings",
    own: "The model",
    others: (n, shown) => (n === 1 ? "1 other" : `${shown} others`),
    reset: "The model's own probabilities",
  },
  es: {
    prefix: "El modelo ha leído",
    temperature: "Temperatura: divide los logits",
    topK: "Top-k: los k más probables",
    topP: "Top-p: hasta que sumen p",
    minP: "Min-p: al menos p veces el mejor",
    all: "todos",
    kept: (kept, all, share) =>
      `Pueden venir ${kept} de ${all} tokens; el propio modelo les daba ${share}.`,
    picture: (kept) =>
      `Escalera: los tokens más probables, de mayor a menor. El corte está tras ${kept}; los grises se descartan.`,
    line: "corte",
    floor: "umbral",
    rest: (shown, share) => `+ ${shown} más: ${share}`,
    legend:
      "Barras: con estos ajustes. Puntos: el modelo. Gris: descartados. Arrastra el corte (top-k).",
    numbers: "En números",
    table: "Los tokens siguientes más probables",
    token: "Token",
    now: "Con estos ajustes",
    own: "El modelo",
    others: (n, shown) => (n === 1 ? "1 más" : `otros ${shown}`),
    reset: "Las probabilidades del propio modelo",
  },
};

const MAX_ROWS = 10;
const STEP = 28; // how wide a stair is at least
const ALONG = 4.5; // how far to the left a letter of a turned name reaches
const MOST_STEPS = 26;
const [TOP, BELOW] = [20, 62]; // heights above and below the stairs
const heightOf = (width) => (width < 500 ? 110 : 150); // of the stairs
const OWN = { temperature: 1, topK: Infinity, topP: 1, minP: 0 };
const TOP_K = [1, 2, 3, 5, 10, 20, 50, Infinity]; // the places of the slider

// How many nats of doubt there are in probabilities.
const doubt = (probs) => probs.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const tokens = model.get("tokens");
  const logits = model.get("logits");
  // It opens where the model doubts most: there is most to cut.
  const doubts = logits.map((row) => doubt(softmax(row)));
  let prefix = doubts.indexOf(Math.max(...doubts));
  let settings = { ...OWN };

  const select = selectOf(model.get("prefixes"), (i) => {
    prefix = i;
    show();
  });

  select.selectedIndex = prefix;

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
  let [own, warm, probs, order] = [[], [], [], []]; // warm: after the temperature, before the cuts
  let step = STEP;
  const sum = (values, ids) => ids.reduce((total, i) => total + values[i], 0);
  const three = (value) => decimal(value, 3, language);
  const isKept = (i) => probs[i] > 0;

  const picture = drawing("live-staircase", (width, put) => {
    const stairs = order.slice(0, Math.min(MOST_STEPS, Math.floor(width / STEP)));
    step = Math.min(width / stairs.length, 60);
    const high = heightOf(width);
    const foot = TOP + high;
    const highest = Math.max(...stairs.flatMap((i) => [own[i], warm[i], probs[i]]));
    const tall = (value) => (value / highest) * high;
    stairs.forEach((i, place) => {
      const x = place * step;
      const [left, wide] = [x + 2, step - 4];
      const height = tall(isKept(i) ? probs[i] : warm[i]);
      const kind = isKept(i) ? "live-stair" : "live-removed";
      put(shape("rect", { class: kind, x: left, y: foot - height, width: wide, height }));
      put(shape("circle", { class: "live-own", cx: x + step / 2, cy: foot - tall(own[i]), r: 3 }));
      const turn = { transform: `rotate(-48 ${x + step / 2 + 4} ${foot + 13})` };
      const room = Math.floor((x + step / 2 + 12) / ALONG); // the first names have less
      const name = cut(tokens[i], Math.min(8, room));
      put(textAt(x + step / 2 + 4, foot + 13, name, "live-mono live-end live-small", turn));
      if (probs[i] < 0.005) return;
      const top = foot - Math.max(height, tall(own[i]) + 2) - 5;
      put(textAt(x + step / 2, top, two(probs[i]), "live-small live-middle"));
    });
    put(shape("line", { class: "live-axis", x1: 0, x2: step * stairs.length, y1: foot, y2: foot }));
    const rest = order.slice(stairs.length);
    const others = say.rest(plain(rest.length, language), three(sum(probs, rest)));
    if (rest.length) put(textAt(width, foot + BELOW - 4, others, "live-small live-end"));
    cutLines(stairs, width, foot, tall, put);
    return foot + BELOW;
  });

  // Where the kept ones end, if among the stairs; and how high min-p asks for.
  function cutLines(stairs, width, foot, tall, put) {
    const x = Math.max(1, stairs.filter(isKept).length) * step;
    const at = Math.min(x, width - 1);
    put(
      shape("line", { class: "live-cut", x1: at, x2: at, y1: 12, y2: foot + 6 }),
      textAt(Math.min(at, width - 18), 10, say.line, "live-small live-middle live-strong"),
      shape("rect", { class: "live-handle", x: at - 22, y: 0, width: 44, height: foot + 8 }),
    );
    const y = foot - tall(settings.minP * Math.max(...warm));
    if (!settings.minP) return;
    put(
      shape("line", { class: "live-cut", x1: 0, x2: width, y1: y, y2: y }),
      textAt(width, y - 4, say.floor, "live-small live-end"),
    );
  }

  const nearest = (k) =>
    k > Math.floor(picture.svg.clientWidth / step) - 1
      ? Infinity
      : TOP_K.reduce((best, one) => (Math.abs(one - k) < Math.abs(best - k) ? one : best));
  dragging(
    picture.svg,
    (target) => target.classList.contains("live-handle"),
    ([x]) => {
      settings.topK = nearest(Math.max(1, Math.round(x / step)));
      show();
    },
  );

  const show = onceAFrame(() => {
    own = softmax(logits[prefix]);
    warm = softmax(logits[prefix].map((logit) => logit / settings.temperature));
    probs = Array.from(tokenProbs(logits[prefix], settings));
    order = own.map((_, i) => i).sort((a, b) => own[b] - own[a] || a - b);
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
    picture.show();
    const kept = order.filter(isKept);
    const [some, all] = [kept.length, probs.length].map((n) => plain(n, language));
    status.textContent = say.kept(some, all, three(sum(own, kept)));
    picture.label(say.picture(some));
    for (const update of sliders) update();
  });

  el.replaceChildren(
    formOf(
      language,
      labelled(say.prefix, select, "live-stack live-wide"), // a long one is cut, not the page
      picture.svg,
      element("p", { class: "live-legend" }, say.legend),
      element("div", { class: "live-row" }, ...controls),
      element("div", { class: "live-buttons" }, reset),
      status,
      folded(say.numbers, table),
    ),
  );
  show();
}

const render = renderer(["prefixes", "logits", "tokens", "language"], draw);

export default { render };
