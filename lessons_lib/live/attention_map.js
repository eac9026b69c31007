// The attention map. It computes what `lessons_lib.attention.attention_weights` computes.

import { softmax } from "./engine/sampling.js";

const STRINGS = {
  en: {
    head: "Head",
    temperature: "Temperature: the scores are divided by it",
    mask: "Causal mask: nobody looks ahead",
    looks: "Who looks?",
    at: "At whose key?",
    most: (token, other, weight) => `${token} attends most to ${other}: ${weight}.`,
    even: (token, weight) => `${token} attends alike to all that it sees: ${weight} each.`,
    picture: (token) =>
      `Squares: each row attends to the columns, the larger the more. Arcs: where ${token} looks.`,
    query: (token) => `query of ${token}`,
    key: (token) => `key of ${token}`,
    product: "their product",
    sum: (sum, score) => `sum ${sum}, scaled: score ${score}`,
    share: (weight) => `after softmax: weight ${weight}`,
    unseen: "the mask hides it: weight 0",
    hint: "Tap a word or a square.",
    numbers: "All weights in numbers",
    row: (token) => `Where ${token} looks`,
    all: "All weights: each row attends to the columns",
    token: "Token",
    weight: "Weight",
    masked: "masked",
  },
  es: {
    head: "Cabeza",
    temperature: "Temperatura: las puntuaciones se dividen entre ella",
    mask: "Máscara causal: nadie mira hacia delante",
    looks: "¿Quién mira?",
    at: "¿La clave de quién?",
    most: (token, other, weight) => `${token} atiende sobre todo a ${other}: ${weight}.`,
    even: (token, weight) => `${token} atiende por igual a todo lo que ve: ${weight} a cada token.`,
    picture: (token) =>
      `Cuadrados: cada fila atiende a las columnas, cuanto mayor, más. Arcos: adónde mira ${token}.`,
    query: (token) => `consulta de ${token}`,
    key: (token) => `clave de ${token}`,
    product: "su producto",
    sum: (sum, score) => `suma ${sum}, escalada: puntuación ${score}`,
    share: (weight) => `tras el softmax: peso ${weight}`,
    unseen: "la máscara lo oculta: peso 0",
    hint: "Toca una palabra o un cuadrado.",
    numbers: "Todos los pesos en números",
    row: (token) => `Adónde mira ${token}`,
    all: "Todos los pesos: cada fila atiende a las columnas",
    token: "Token",
    weight: "Peso",
    masked: "oculto",
  },
};

const HIDDEN = "–"; // the weight of a token that the mask hides
const BEND = 46; // how far the widest arc stands out
const LETTER = 6.6; // how wide a letter of a name is, on average
const BESIDE = 540; // from this width on, the vectors stand beside the squares

// Weights (T, T) of queries and keys (T, K); with `causal`, 0 for keys after the query.
function attentionWeights(q, k, temperature, causal) {
  return q.map((query, t) => {
    const scores = k.map((key, s) => {
      const product = query.reduce((sum, number, i) => sum + number * key[i], 0);
      const seen = !causal || s <= t;
      return seen ? product / Math.sqrt(query.length) / temperature : -Infinity;
    });
    return softmax(scores);
  });
}

const largestOf = (numbers) => Math.max(...numbers.map(Math.abs));

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const tokens = model.get("tokens");
  const [q, k] = [model.get("q"), model.get("k")];
  let head = 0;
  let token = model.get("token");
  let other = null; // whose key is compared; at first the one with the largest weight
  let temperature = 1;
  let causal = true;
  let weights = [];

  const change = (act) => (value) => {
    act(value);
    show();
  };
  const select = selectOf(model.get("heads"), change((i) => (head = i)));
  const heat = slider(
    say.temperature,
    { min: 0.25, max: 8, step: 0.25 },
    change((value) => (temperature = value)),
  );
  const mask = checkbox(say.mask, causal, change((checked) => (causal = checked)));
  const looks = change((i) => ([token, other] = [i, null]));
  const names = [...tokens.entries()];
  const who = choice(say.looks, "token", names, token, looks, "live-unseen");
  const at = choice(say.at, "key", names, null, change((i) => (other = i)), "live-unseen");
  const status = statusLine();
  const bars = tableWith("live-bars live-two", "", [say.token, say.weight]);
  const map = tableWith("live-heat", say.all, [say.token, ...tokens]);
  const hidden = (t, s) => causal && s > t;
  const long = (weight) => decimal(weight, 3, language);
  const two = (number) => decimal(number, 2, language);
  const keyOf = () => other ?? weights[token].indexOf(Math.max(...weights[token]));

  // The squares, with the words before them and the arcs of the one that looks.
  function squares(width, put) {
    const most = Math.min(Math.max(...tokens.map((one) => Array.from(one).length)), 10);
    const left = BEND + 8 + 7.4 * most;
    const room = width - left - 4;
    const ends = tokens.map((one, s) => (room - 5 * Array.from(cut(one, 10)).length) / (s + 0.5));
    const wide = Math.min(room / tokens.length, 26, ...(tokens.length > 16 ? [] : ends));
    const high = Math.max(wide, 15);
    const crowded = tokens.length > 16; // only the chosen column has its word
    const top = crowded ? 16 : 12 + 5.4 * most;
    const middle = (t) => top + (t + 0.5) * high;
    const key = keyOf();
    const boxAt = (t, s, kind, gap, more = {}) => {
      const [x, y] = [left + s * wide + gap, top + t * high + gap];
      const [w, h] = [wide - 2 * gap, high - 2 * gap];
      return shape("rect", { class: kind, x, y, width: w, height: h, ...more });
    };
    const [across, down] = [wide, high].map((side) => side * tokens.length);
    put(
      boxAt(token, 0, "live-band live-q", 0, { x: 0, width: left + across }),
      boxAt(0, key, "live-band live-k", 0, { height: down }),
    );
    tokens.forEach((name, s) => {
      const place = [left + (s + 0.5) * wide + 3, top - 4];
      const turn = crowded ? {} : { transform: `rotate(-50 ${place})` };
      const chosen = s === key ? " live-strong live-k" : "";
      const kind = `live-mono${chosen}${crowded ? " live-middle" : ""}`;
      if (!crowded || chosen) put(textAt(...place, cut(name, 10), kind, turn));
    });
    weights.forEach((row, t) => {
      const kind = `live-mono live-end${t === token ? " live-strong live-q" : ""}`;
      put(textAt(left - 5, middle(t) + 4, cut(tokens[t], 10), kind));
      row.forEach((weight, s) => {
        const [width, height] = [wide, high].map((side) => (side - 2) * Math.sqrt(weight));
        const [x, y] = [left + (s + 0.5) * wide - width / 2, middle(t) - height / 2];
        put(
          boxAt(t, s, hidden(t, s) ? "live-masked" : "live-field", 1),
          shape("rect", { class: "live-weight", x, y, width, height }),
        );
      });
    });
    arcs(left - 9 - 7.4 * most, middle, put);
    tokens.forEach((_, t) => {
      const word = { "data-row": t, x: 0, width: left };
      put(boxAt(t, 0, "live-tap", 0, word));
      tokens.forEach((_, s) => {
        put(boxAt(t, s, "live-tap", 0, { "data-row": t, "data-column": s }));
      });
    });
    return [top + down + 4, left + across];
  }

  function arcs(x, middle, put) {
    weights[token].forEach((weight, s) => {
      if (weight < 0.005) return;
      const [from, to] = [middle(token), middle(s)];
      const far = s === token ? 16 : 12 + (BEND - 14) * (Math.abs(s - token) / tokens.length);
      const spread = s === token ? 9 : 0;
      const [start, end] = [from - spread, to + spread];
      const d = `M${x} ${start}C${x - 1.3 * far} ${start} ${x - 1.3 * far} ${end} ${x} ${end}`;
      put(shape("path", { class: "live-arc", d, "stroke-width": 1 + 6 * weight, "data-key": s }));
    });
  }

  // The query, the key and their product as small strips, with the way from the sum to the weight.
  function vectors(x, y, width, put) {
    const key = keyOf();
    const [query, answer] = [q[head][token], k[head][key]];
    const product = query.map((number, i) => number * answer[i]);
    const sum = product.reduce((total, one) => total + one, 0);
    const score = sum / Math.sqrt(query.length) / temperature;
    const rows = [
      [say.query(cut(tokens[token], 8)), query, "live-q"],
      [say.key(cut(tokens[key], 8)), answer, "live-k"],
      [say.product, product, "live-qk"],
    ];
    const longest = LETTER * Math.max(...rows.map(([name]) => name.length)) + 8;
    const label = Math.min(0.7 * width, Math.max(longest, Math.min(150, 0.45 * width)));
    rows.forEach(([name, numbers, kind], i) => {
      const place = { x: x + label, y: y + 28 * i, height: 25, most: largestOf(numbers), kind };
      put(
        textAt(x, y + 28 * i + 17, name),
        strip(numbers, { ...place, width: Math.min(width - label, 26 * numbers.length) }),
      );
    });
    const end = hidden(token, key) ? say.unseen : say.share(long(weights[token][key]));
    put(textAt(x, y + 100, say.sum(two(sum), two(score))));
    put(textAt(x, y + 117, end, "live-strong"));
    return 122;
  }

  const picture = drawing("live-attention", (width, put) => {
    const beside = width >= BESIDE;
    const [bottom, right] = squares(beside ? width - 290 : width, put);
    const x = right + 24;
    const height = beside
      ? vectors(x, Math.max(bottom - 134, 0) / 2, Math.min(width - x, 330), put)
      : bottom + 4 + vectors(0, bottom + 4, width, put);
    return Math.max(bottom, height);
  });
  picture.svg.addEventListener("click", ({ target }) => {
    const { row, column } = target.dataset;
    if (row === undefined) return;
    [token, other] = [Number(row), column === undefined ? null : Number(column)];
    show();
  });

  function fillTables() {
    const row = weights[token];
    const short = (t, s) => (hidden(t, s) ? HIDDEN : two(weights[t][s]));
    fillTable(
      bars,
      tokens.map((name, s) =>
        rowOf({}, tokenOf(name), barCell(row[s], hidden(token, s) ? say.masked : long(row[s]))),
      ),
    );
    fillTable(
      map,
      tokens.map((name, t) =>
        rowOf(
          t === token ? { class: "live-chosen" } : {},
          name,
          ...tokens.map((_, s) => cell(short(t, s))),
        ),
      ),
    );
    map.dataset.weights = JSON.stringify(weights);
    Object.assign(map.dataset, { head, token, temperature, causal });
    bars.caption.textContent = say.row(tokens[token]);
  }

  const show = onceAFrame(() => {
    weights = attentionWeights(q[head], k[head], temperature, causal);
    picture.show();
    picture.label(say.picture(tokens[token]));
    fillTables();
    const row = weights[token];
    heat.set(temperature, two(temperature));
    who.querySelectorAll("input")[token].checked = true;
    at.querySelectorAll("input")[keyOf()].checked = true;
    const seen = row.filter((_, s) => !hidden(token, s));
    const best = row.indexOf(Math.max(...row));
    const most = long(row[best]);
    status.textContent =
      seen.length > 1 && long(Math.min(...seen)) === most
        ? say.even(tokens[token], most)
        : say.most(tokens[token], tokens[best], most);
  });

  el.replaceChildren(
    formOf(
      language,
      element("div", { class: "live-row" }, labelled(say.head, select), heat.box),
      mask,
      who,
      at,
      picture.svg,
      element("p", { class: "live-legend" }, say.hint),
      status,
      folded(say.numbers, bars, scrolling(say.all, map)),
    ),
  );
  show();
}

const render = renderer(["tokens", "heads", "q", "k", "token", "language"], draw);

export default { render };
