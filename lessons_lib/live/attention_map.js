// The attention map. It computes what `lessons_lib.attention.attention_weights` computes.

import { softmax } from "./engine/sampling.js";

const STRINGS = {
  en: {
    head: "Head",
    temperature: "Temperature: the scores are divided by it",
    mask: "Causal mask: nobody looks ahead",
    looks: "Who looks?",
    most: (token, other, weight) => `${token} attends most to ${other}: ${weight}.`,
    even: (token, weight) => `${token} attends alike to all that it sees: ${weight} each.`,
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
    most: (token, other, weight) => `${token} atiende sobre todo a ${other}: ${weight}.`,
    even: (token, weight) => `${token} atiende por igual a todo lo que ve: ${weight} a cada token.`,
    row: (token) => `Adónde mira ${token}`,
    all: "Todos los pesos: cada fila atiende a las columnas",
    token: "Token",
    weight: "Peso",
    masked: "oculto",
  },
};

const HIDDEN = "–"; // the weight of a token that the mask hides

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

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const tokens = model.get("tokens");
  const [q, k] = [model.get("q"), model.get("k")];
  let head = 0;
  let token = model.get("token");
  let temperature = 1;
  let causal = true;

  const select = selectOf(model.get("heads"), (i) => {
    head = i;
    show();
  });
  const heat = slider(say.temperature, { min: 0.25, max: 8, step: 0.25 }, (value) => {
    temperature = value;
    show();
  });
  const mask = checkbox(say.mask, causal, (checked) => {
    causal = checked;
    show();
  });
  const change = (i) => {
    token = i;
    show();
  };
  const who = choice(say.looks, "token", [...tokens.entries()], token, change, "live-pick");
  const status = statusLine();
  const bars = tableWith("live-bars live-two", "", [say.token, say.weight]);
  const map = tableWith("live-heat", say.all, [say.token, ...tokens]);

  function show() {
    const weights = attentionWeights(q[head], k[head], temperature, causal);
    const hidden = (t, s) => causal && s > t;
    const row = weights[token];
    const short = (t, s) => (hidden(t, s) ? HIDDEN : decimal(weights[t][s], 2, language));
    const long = (weight) => decimal(weight, 3, language);
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
          ...tokens.map((_, s) =>
            element("td", { style: `--weight:${weights[t][s]}` }, short(t, s)),
          ),
        ),
      ),
    );
    map.dataset.weights = JSON.stringify(weights);
    Object.assign(map.dataset, { head, token, temperature, causal });
    bars.caption.textContent = say.row(tokens[token]);
    heat.set(temperature, decimal(temperature, 2, language));
    const seen = row.filter((_, s) => !hidden(token, s));
    const best = row.indexOf(Math.max(...row));
    const most = long(row[best]);
    status.textContent =
      seen.length > 1 && long(Math.min(...seen)) === most
        ? say.even(tokens[token], most)
        : say.most(tokens[token], tokens[best], most);
  }

  el.replaceChildren(
    formOf(
      language,
      labelled(say.head, select),
      heat.box,
      mask,
      who,
      status,
      bars,
      scrolling(say.all, map),
    ),
  );
  show();
}

const render = renderer(["tokens", "heads", "q", "k", "token", "language"], draw);

export default { render };
