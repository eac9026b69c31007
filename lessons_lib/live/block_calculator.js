// The block calculator. Its sums are those of `count_parameters` and `block_flops` in
// `lessons_lib.block`. Numbers are BigInts: a long text in a wide model exceeds 2^53.

const STRINGS = {
  en: {
    width: "Width D",
    ratio: "Inner width of the feed-forward network, F / D",
    tokens: "Length of the text T, in tokens",
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
    ratio: "Ancho interior de la red prealimentada, F / D",
    tokens: "Longitud del texto T, en tokens",
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
  function sized(name, range, place, value = (number) => number) {
    const made = slider(say[name], { step: 1, ...range }, (number) => {
      size[name] = value(number);
      made.set(number, plain(size[name], language));
      show();
    });
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

  function show() {
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
  }

  el.replaceChildren(
    formOf(
      language,
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
      status,
      tables.parameters,
      tables.flops,
    ),
  );
  show();
}

const render = renderer(
  ["widths", "d_model", "ratio", "n_tokens", "n_layers", "language"],
  draw,
);

export default { render };
