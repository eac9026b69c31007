// Exposed secrets: how often one was told against what the model gives away, by epsilon. The runs
// are stored; their intervals are those of `lessons_lib.responsibility`.

const STRINGS = {
  en: {
    epsilon: "ε of the training",
    picture:
      "Exposure in bits, from 0 to 10, by 1, 2, 4, 8 and 16 repetitions: a point and an interval for each, beside a line without noise and a line of chance; the table says the numbers.",
    bits: "bits",
    times: "times",
    chance: "chance",
    free: "without noise",
    said: (epsilon, bits, nats) =>
      `ε = ${epsilon}: told 16 times, a secret has ${bits} bits; an unseen text costs ${nats} nats more than in its world.`,
    caption: "Exposure in bits, and 95% intervals",
    columns: ["Told, times", "Bits", "From", "To"],
    numbers: "The numbers",
  },
  es: {
    epsilon: "ε del entrenamiento",
    picture:
      "Exposición en bits, de 0 a 10, con 1, 2, 4, 8 y 16 repeticiones: un punto y un intervalo para cada una, junto a una línea sin ruido y otra del azar; la tabla da los números.",
    bits: "bits",
    times: "veces",
    chance: "azar",
    free: "sin ruido",
    said: (epsilon, bits, nats) =>
      `ε = ${epsilon}: contado 16 veces, un secreto tiene ${bits} bits; un texto nuevo cuesta ${nats} nats más que en su mundo.`,
    caption: "Exposición en bits e intervalos del 95 %",
    columns: ["Contado, veces", "Bits", "Desde", "Hasta"],
    numbers: "Los números",
  },
};

const LEFT = 62;
const STEP = 52; // between two numbers of repetitions
const column = (i) => LEFT + STEP * i;
const height = (bits) => 152 - 14 * bits;

// The lines of 0, 5 and 10 bits, and below them the repetitions.
function grid(told, say) {
  const ends = { x1: 34, x2: column(told.length - 1) + 20 };
  return [
    ...[0, 5, 10].flatMap((bits) => [
      shape("line", { class: "live-grid", ...ends, y1: height(bits), y2: height(bits) }),
      shape("text", { class: "live-tick", x: 28, y: height(bits) + 5 }, String(bits)),
    ]),
    ...told.map((times, i) =>
      shape("text", { class: "live-times", x: column(i), y: 172 }, String(times)),
    ),
    shape("text", { x: column(told.length - 1) + 26, y: 172 }, say.times),
    shape("text", { x: 34, y: height(10) - 8 }, say.bits),
  ];
}

// What chance gives, and the means of the run without noise.
function references(chance, free, say) {
  const right = column(free.length - 1) + 26;
  const points = free.map(([mean], i) => `${column(i)},${height(mean)}`).join(" ");
  return [
    shape("line", {
      class: "live-chance",
      x1: 34,
      x2: right - 6,
      y1: height(chance),
      y2: height(chance),
    }),
    shape("text", { x: right, y: height(chance) + 5 }, say.chance),
    shape("polyline", { class: "live-free", points }),
    shape("text", { x: right, y: height(free.at(-1)[0]) + 5 }, say.free),
  ];
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const [told, rows, chance] = ["told", "rows", "chance"].map((name) => model.get(name));
  let at = model.get("at");
  const chosen = slider(say.epsilon, { min: 0, max: rows.length - 1, step: 1 }, (value) => {
    at = value;
    show();
  });
  const picture = shape("svg", {
    class: "live-exposed",
    viewBox: "0 -8 380 188",
    role: "img",
    "aria-label": say.picture,
  });
  const status = statusLine();
  const table = tableWith("live-exposures", say.caption, say.columns);
  const written = (number) => decimal(number, 1, language);

  function show() {
    const { epsilon, nats, bits } = rows[at];
    picture.replaceChildren(
      ...grid(told, say),
      ...references(chance, rows[0].bits, say),
      ...bits.flatMap(([mean, low, high], i) => [
        shape("line", {
          class: "live-whisker",
          x1: column(i),
          x2: column(i),
          y1: height(low),
          y2: height(high),
        }),
        shape("circle", { class: "live-mean", cx: column(i), cy: height(mean), r: 5 }),
      ]),
    );
    fillTable(
      table,
      bits.map((ends, i) =>
        rowOf({}, String(told[i]), ...ends.map((end) => cell(written(end)))),
      ),
    );
    table.dataset.exposed = JSON.stringify({ epsilon, nats, bits });
    const name = epsilon === null ? "∞" : plain(epsilon, language);
    chosen.set(at, name);
    status.textContent = say.said(name, written(bits.at(-1)[0]), written(nats));
  }

  el.replaceChildren(
    formOf(
      language,
      picture,
      chosen.box,
      status,
      folded(say.numbers, scrolling(say.caption, table)),
    ),
  );
  show();
}

const render = renderer(["at", "told", "rows", "chance", "language"], draw);

export default { render };
