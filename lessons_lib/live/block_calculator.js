// The block calculator. Its sums are those of `count_parameters` and `block_flops` in
// `lessons_lib.block`. Numbers are BigInts: a long text in a wide model exceeds 2^53.

const STRINGS = {
  en: {
    width: "Width D",
    ratio: "Inner width of feed-forward, F / D",
    tokens: "Length of the text T, in tokens",
    picture: (width, tokens) =>
      `One block: tables as areas, of width ${width}; beside them the square of scores, ${tokens} wide.`,
    square: "scores T × T",
    stack: (layers) => `1 of ${layers} blocks`,
    hint: "Area is the number of parameters; the scores have none. Drag the square's corner.",
    numbers: "In numbers",
    layers: "Layers",
    parameters: "Parameters",
    flops: "FLOPs, forward",
    part: "Part",
    share: "Share",
    number: "Number",
    tables: "Attention: tables",
    scores: "Attention: scores",
    feed: "Feed-forward",
    norms: "Norms",
    total: "Together",
    sums: (parameters, flops) => `${parameters} parameters, ${flops} FLOPs.`,
    each: (quotient) => `That is ${quotient} FLOPs per parameter and token.`,
  },
  es: {
    width: "Ancho D",
    ratio: "Ancho interior de la red, F / D",
    tokens: "Longitud del texto T, en tokens",
    picture: (width, tokens) =>
      `Un bloque: tablas como áreas, de ancho ${width}; al lado, el cuadrado de puntuaciones, de ancho ${tokens}.`,
    square: "puntuaciones T × T",
    stack: (layers) => `1 de ${layers} bloques`,
    hint: "El área es el número de parámetros; las puntuaciones no tienen. Arrastra la esquina.",
    numbers: "En números",
    layers: "Capas",
    parameters: "Parámetros",
    flops: "FLOPs, hacia delante",
    part: "Parte",
    share: "Proporción",
    number: "Número",
    tables: "Atención: tablas",
    scores: "Atención: puntuaciones",
    feed: "Red prealimentada",
    norms: "Normalizaciones",
    total: "En total",
    sums: (parameters, flops) => `${parameters} parámetros, ${flops} FLOPs.`,
    each: (quotient) => `Son ${quotient} FLOPs por parámetro y token.`,
  },
};

const MOST_DOUBLINGS = 20; // texts of 1 to 2^20 tokens
const MOST_LAYERS = 128;
const MOST_RATIO = 8;

const KINDS = { tables: "live-a", scores: "live-qk", feed: "live-f", norms: "live-n" };
const TALLEST = 220; // of the drawn block, in CSS pixels
const GAP = 4;

// Parameters and operations by part; the ratio F / D is a multiple of one half.
function costs(width, ratio, length, layers) {
  const [d, t, n] = [BigInt(width), BigInt(length), BigInt(layers)];
  const f = (d * BigInt(2 * ratio)) / 2n;
  return {
    parameters: {
      tables: n * 4n * d * (d + 1n),
      feed: n * (2n * d * f + f + d),
      norms: n * 4n * d,
    },
    flops: {
      tables: n * 8n * t * d * d,
      scores: n * 4n * t * t * d,
      feed: n * 4n * t * d * f,
    },
  };
}

const sum = (parts) => Object.values(parts).reduce((total, one) => total + one, 0n);

// A share in percent, with one decimal.
const percent = (part, total) => Number((part * 1000n + total / 2n) / total) / 10;

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const widths = model.get("widths");
  const size = {
    width: model.get("d_model"),
    ratio: model.get("ratio"),
    tokens: model.get("n_tokens"),
    layers: model.get("n_layers"),
  };

  // A slider whose places stand for values.
  const setters = {};
  function sized(name, range, place, value = (number) => number) {
    const made = slider(say[name], { step: 1, ...range }, (number) => setters[name](number));
    setters[name] = (number) => {
      size[name] = value(number);
      made.set(number, plain(size[name], language));
      show();
    };
    made.set(place, plain(size[name], language));
    return made.box;
  }

  const status = statusLine();
  const tables = Object.fromEntries(
    ["parameters", "flops"].map((kind) => [
      kind,
      tableWith("live-bars live-costs", say[kind], [say.part, say.share, say.number]),
    ]),
  );

  // The number may be broken after each gap between its groups.
  const numberCell = (number) =>
    cell(
      ...plain(number, language)
        .match(/\d+\D?/g)
        .flatMap((group, i) => (i ? [element("wbr"), group] : [group])),
    );

  // The block: four tables D × D, two of D × F, and the square of scores, all in one scale.
  let unit = 1; // CSS pixels of one number
  let corner = 0; // where the square begins
  function block(width, put) {
    const [d, f, t] = [size.width, size.width * size.ratio, size.tokens];
    const across = Math.max(4 * d, f);
    unit = Math.min((width - 8 * GAP) / (across + t), (TALLEST - 2 * GAP) / Math.max(3 * d, t));
    const [wide, inner, length] = [d, f, t].map((number) => Math.max(number * unit, 1.5));
    const table = (x, y, width, height, kind, name) => {
      put(shape("rect", { class: `live-part ${kind}`, x, y, width, height }));
      if (Math.min(width, height) < 20) return;
      put(textAt(x + width / 2, y + height / 2 + 4, name, "live-middle live-mono live-inside"));
    };
    const top = 18;
    ["Wq", "Wk", "Wv", "Wo"].forEach((name, i) => {
      table(i * (wide + GAP), top, wide, wide, KINDS.tables, name);
    });
    ["W1", "W2"].forEach((name, i) => {
      table(0, top + (i + 1) * (wide + GAP), inner, wide, KINDS.feed, name);
    });
    corner = Math.max(4 * (wide + GAP), inner + GAP) + 2 * GAP;
    const side = { width: length, height: length };
    put(shape("rect", { class: "live-part live-qk", x: corner, y: top, ...side }));
    const [x, y] = [corner + length, top + length];
    put(shape("circle", { class: "live-grip", cx: x, cy: y, r: 5 }));
    put(shape("circle", { class: "live-handle", cx: x, cy: y, r: 22 }));
    put(textAt(0, 12, say.stack(plain(size.layers, language)), "live-small"));
    const late = corner > width / 2;
    put(textAt(late ? width : corner, 12, say.square, `live-small${late ? " live-end" : ""}`));
    return top + Math.max(3 * wide + 2 * GAP, length) + 12;
  }

  // Bars of the shares: of the parameters, of the operations.
  function shares(y, width, found, put) {
    Object.entries(found).forEach(([kind, parts], i) => {
      const total = sum(parts);
      const top = y + 44 * i;
      let x = 0;
      put(textAt(0, top + 12, `${say[kind]}: ${plain(total, language)}`, "live-strong"));
      for (const [name, number] of Object.entries(parts)) {
        const share = percent(number, total);
        const wide = (Number((number * 100000n) / total) / 100000) * width;
        const box = { x, y: top + 18, width: wide, height: 18 };
        put(shape("rect", { class: `live-share ${KINDS[name]}`, "data-part": name, ...box }));
        const text = `${decimal(share, 0, language)}\u00a0%`;
        if (wide > 36) put(textAt(x + wide / 2, top + 31, text, "live-middle live-inside"));
        x += wide;
      }
    });
    return y + 88;
  }

  // What the colours mean, in as many lines as it takes.
  function legend(y, width, put) {
    let [x, line] = [0, y];
    for (const [name, kind] of Object.entries(KINDS)) {
      const wide = 22 + 6.6 * say[name].length;
      if (x + wide > width) [x, line] = [0, line + 18];
      put(shape("rect", { class: kind, x, y: line, width: 11, height: 11 }));
      put(textAt(x + 16, line + 10, say[name]));
      x += wide;
    }
    return line + 16;
  }

  const picture = drawing("live-block", (width, put) => {
    const found = costs(size.width, size.ratio, size.tokens, size.layers);
    const bottom = block(width, put);
    return legend(shares(bottom, width, found, put), width, put);
  });
  let scale = { unit: 1, corner: 0 }; // as they were when the drag began
  dragging(
    picture.svg,
    (target) => {
      scale = { unit, corner };
      return target.classList.contains("live-handle");
    },
    ([x]) => {
      const length = Math.max(1, (x - scale.corner) / scale.unit);
      setters.tokens(Math.min(MOST_DOUBLINGS, Math.round(Math.log2(length))));
    },
  );

  const show = onceAFrame(() => {
    const found = costs(size.width, size.ratio, size.tokens, size.layers);
    for (const [kind, parts] of Object.entries(found)) {
      const total = sum(parts);
      const row = (name, number) => {
        const share = percent(number, total);
        return rowOf(
          { "data-part": name, "data-number": number },
          say[name],
          barCell(share / 100, `${decimal(share, 1, language)}\u00a0%`),
          numberCell(number),
        );
      };
      tables[kind].dataset.kind = kind;
      fillTable(tables[kind], [
        ...Object.entries(parts).map(([name, number]) => row(name, number)),
        row("total", total),
      ]);
    }
    const [parameters, flops] = [sum(found.parameters), sum(found.flops)];
    const quotient = Number(flops) / Number(parameters) / size.tokens;
    const sums = say.sums(plain(parameters, language), plain(flops, language));
    status.textContent = `${sums} ${say.each(decimal(quotient, 2, language))}`;
    picture.show();
    picture.label(say.picture(plain(size.width, language), plain(size.tokens, language)));
  });

  el.replaceChildren(
    formOf(
      language,
      picture.svg,
      element("p", { class: "live-legend" }, say.hint),
      element(
        "div",
        { class: "live-row" },
        sized(
          "width",
          { min: 0, max: widths.length - 1 },
          widths.indexOf(size.width),
          (place) => widths[place],
        ),
        sized("ratio", { min: 1, max: MOST_RATIO, step: 0.5 }, size.ratio),
        sized(
          "tokens",
          { min: 0, max: MOST_DOUBLINGS },
          Math.round(Math.log2(size.tokens)),
          (place) => 2 ** place,
        ),
        sized("layers", { min: 1, max: MOST_LAYERS }, size.layers),
      ),
      status,
      folded(say.numbers, tables.parameters, tables.flops),
    ),
  );
  show();
}

const render = renderer(
  ["widths", "d_model", "ratio", "n_tokens", "n_layers", "language"],
  draw,
);

export default { render };
