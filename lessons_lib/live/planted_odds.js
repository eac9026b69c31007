// Planted odds: what a world says of two groups, and what a temperature makes of it. Numbers are
// those of `lessons_lib.responsibility`.

const STRINGS = {
  en: {
    she: "She is called brave, percent",
    he: "He is called brave, percent",
    tenths: "Temperature",
    groups: ["her", "him"],
    picture:
      "For her and for him two bars, planted and drawn, from 0 to 100 percent; the table says the numbers.",
    bars: ["planted", "drawn"],
    wider: (gap, sharp) => `The log odds lie ${gap} apart in the texts, ${sharp} in what is drawn.`,
    never: (gap) => `The log odds lie ${gap} apart in the texts. Drawn is always the most likely trait.`,
    caption: "How often each is called brave",
    columns: ["Of whom", "Planted, percent", "Drawn, percent"],
    gap: "Difference of the log odds",
    numbers: "The numbers",
  },
  es: {
    she: "A ella se le llama valiente, por ciento",
    he: "A él se le llama valiente, por ciento",
    tenths: "Temperatura",
    groups: ["ella", "él"],
    picture:
      "Para ella y para él, dos barras, lo plantado y lo sorteado, de 0 a 100 por ciento; la tabla da los números.",
    bars: ["plantado", "sorteado"],
    wider: (gap, sharp) =>
      `Los logits distan ${gap} en los textos y ${sharp} en lo que se sortea.`,
    never: (gap) =>
      `Los logits distan ${gap} en los textos. Siempre sale el rasgo más probable.`,
    caption: "Con qué frecuencia se le llama valiente",
    columns: ["De quién", "Plantado, por ciento", "Sorteado, por ciento"],
    gap: "Diferencia de los logits",
    numbers: "Los números",
  },
};

const OTHERS = 7; // traits that share equally what the planted one leaves

// The planted trait's share at a temperature. In percent no trait is ever as likely as the others.
function drawnShare(p, temperature) {
  const other = (1 - p) / OTHERS;
  if (!temperature) return p > other ? 1 : 0;
  return 1 / (1 + OTHERS * (other / p) ** (1 / temperature));
}

const logOdds = (p) => Math.log(p / (1 - p));

// All that the figure shows, for percents and tenths.
function shares({ she, he, tenths }) {
  const planted = [she / 100, he / 100];
  const temperature = tenths / 10;
  const gap = logOdds(planted[1]) - logOdds(planted[0]);
  const without = gap ? Math.sign(gap) * Infinity : 0;
  return {
    planted,
    drawn: planted.map((p) => drawnShare(p, temperature)),
    gap,
    sharp: temperature ? gap / temperature : without,
  };
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const names = ["she", "he", "tenths"];
  const state = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const range = (name) =>
    name === "tenths" ? { min: 0, max: 15, step: 1 } : { min: 1, max: 99, step: 1 };
  const sliders = names.map((name) =>
    slider(say[name], range(name), (value) => {
      state[name] = value;
      show();
    }),
  );
  const picture = shape("svg", {
    class: "live-odds",
    viewBox: "0 0 340 150",
    role: "img",
    "aria-label": say.picture,
  });
  const status = statusLine();
  const table = tableWith("live-planted", say.caption, say.columns);
  const signed = (number) =>
    Math.abs(number) === Infinity
      ? `${number < 0 ? "−" : ""}∞`
      : decimal(number, 2, language);

  function bar(share, kind, word, y) {
    return [
      shape("rect", { class: kind, x: 44, y, width: Math.max(1, 200 * share), height: 20 }),
      shape("text", { x: 52 + 200 * share, y: y + 15 }, `${decimal(100 * share, 0, language)} ${word}`),
    ];
  }

  function show() {
    const found = shares(state);
    picture.replaceChildren(
      ...say.groups.flatMap((name, i) => [
        shape("text", { class: "live-of", x: 4, y: 38 + 72 * i }, name),
        ...bar(found.planted[i], "live-planted-bar", say.bars[0], 10 + 72 * i),
        ...bar(found.drawn[i], "live-drawn-bar", say.bars[1], 34 + 72 * i),
      ]),
    );
    const written = (number) => cell(decimal(100 * number, 1, language));
    fillTable(table, [
      ...say.groups.map((name, i) =>
        rowOf({}, name, written(found.planted[i]), written(found.drawn[i])),
      ),
      rowOf({}, say.gap, cell(signed(found.gap)), cell(signed(found.sharp))),
    ]);
    const finite = Math.abs(found.sharp) !== Infinity;
    table.dataset.odds = JSON.stringify({ ...found, sharp: finite ? found.sharp : null });
    const at = [state.she, state.he, state.tenths];
    sliders.forEach((one, i) =>
      one.set(at[i], i === 2 ? decimal(at[i] / 10, 1, language) : String(at[i])),
    );
    status.textContent = finite
      ? say.wider(signed(found.gap), signed(found.sharp))
      : say.never(signed(found.gap));
  }

  el.replaceChildren(
    formOf(
      language,
      picture,
      ...sliders.map((one) => one.box),
      status,
      folded(say.numbers, scrolling(say.caption, table)),
    ),
  );
  show();
}

const render = renderer(["she", "he", "tenths", "language"], draw);

export default { render };
