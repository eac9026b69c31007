// Where a reward leads: `optimum` and `kl_divergence` of `lessons_lib.alignment`, for what the world
// pays and for what a judge pays who may be wrong.

const STRINGS = {
  en: {
    beta: "Beta: the price of distance",
    answer: "An answer to change",
    pay: "What the judge pays for it",
    share: "Its share in the reference",
    fair: "An honest judge",
    flawed: "A judge with a flaw",
    picture: "For each answer its share in the reference and in two optima; the table says the numbers.",
    way: "Below: true reward over KL, as beta falls, for both.",
    legend: "Line: reference. Green: the optimum for the truth. Orange: for the judge.",
    nats: "KL, nats →",
    truth: "true reward ↑",
    status: (judged, truly, before) =>
      `The judge's optimum earns ${judged} from the judge and ${truly} in truth; the reference, ${before} in truth.`,
    numbers: "In numbers",
    caption: (beta) => `Shares of the answers, beta ${beta}`,
    columns: ["Answer", "World pays", "Judge pays", "Reference", "For the truth", "For the judge"],
    divergence: "KL from the reference, nats",
    reward: "True reward",
  },
  es: {
    beta: "Beta: el precio de alejarse",
    answer: "La respuesta que cambias",
    pay: "Lo que el juez paga por ella",
    share: "Su parte en la referencia",
    fair: "Un juez honrado",
    flawed: "Un juez con un defecto",
    picture:
      "Para cada respuesta, su parte en la referencia y en dos óptimos; la tabla da los números.",
    way: "Abajo: recompensa verdadera frente a KL, al bajar beta, para los dos.",
    legend: "Línea: referencia. Verde: el óptimo para la verdad. Naranja: para el juez.",
    nats: "KL, en nats →",
    truth: "recompensa verdadera ↑",
    status: (judged, truly, before) =>
      `El óptimo para el juez gana ${judged} según el juez y ${truly} según la verdad; la referencia, ${before} según la verdad.`,
    numbers: "En números",
    caption: (beta) => `Parte de cada respuesta, beta ${beta}`,
    columns: [
      "Respuesta",
      "Paga el mundo",
      "Paga el juez",
      "Referencia",
      "Para la verdad",
      "Para el juez",
    ],
    divergence: "KL respecto a la referencia, nats",
    reward: "Recompensa verdadera",
  },
};

const BETAS = [10, 5, 3, 2, 1.5, 1, 0.7, 0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05]; // the slider's places
const ROW = 37; // height of an answer
const HIGH = 70; // of the curves

// The policy with the most reward, less beta times its divergence from the reference.
function optimum(reference, rewards, beta) {
  const most = Math.max(...rewards.filter((_, i) => reference[i] > 0));
  const weights = reference.map((p, i) => (p > 0 ? p * Math.exp((rewards[i] - most) / beta) : 0));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

const divergence = (p, q) =>
  p.reduce((sum, one, i) => (one > 0 ? sum + one * Math.log(one / q[i]) : sum), 0);

const mean = (p, values) => p.reduce((sum, one, i) => sum + one * values[i], 0);

// All that the figure shows.
function found(reference, truth, judge, beta) {
  const policies = { truth: optimum(reference, truth, beta), judge: optimum(reference, judge, beta) };
  const of = (policy) => ({
    policy,
    divergence: divergence(policy, reference),
    reward: mean(policy, truth),
    judged: mean(policy, judge),
  });
  return { truth: of(policies.truth), judge: of(policies.judge), reference: of(reference) };
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const [answers, truth] = [model.get("answers"), model.get("truth")];
  let reference = [...model.get("reference")];
  let judge = [...model.get("judge")];
  let beta = model.get("beta");
  let chosen = 0;
  const two = (value) => decimal(value, 2, language);

  const strength = slider(say.beta, { min: 0, max: BETAS.length - 1, step: 1 }, (place) => {
    beta = BETAS[place];
    show();
  });
  const select = selectOf(answers, (i) => {
    chosen = i;
    show();
  });
  const pay = slider(say.pay, { min: 0, max: 2, step: 0.1 }, (value) => {
    judge[chosen] = value;
    show();
  });
  const share = slider(say.share, { min: 1, max: 95, step: 1 }, (percent) => {
    const others = 1 - reference[chosen];
    reference = reference.map((one, i) =>
      i === chosen ? percent / 100 : (one * (1 - percent / 100)) / others,
    );
    show();
  });
  const judges = [
    [say.fair, truth],
    [say.flawed, model.get("judge")],
  ].map(([name, pays]) =>
    button(name, () => {
      judge = [...pays];
      show();
    }),
  );
  const status = statusLine();
  const table = tableWith("live-optimum", say.caption(""), say.columns);

  const picture = drawing("live-optima", (width, put) => {
    const now = found(reference, truth, judge, beta);
    const wide = width - 44;
    answers.forEach((answer, i) => {
      const y = ROW * i;
      put(textAt(0, y + 11, cut(answer, Math.floor(width / 7))));
      [now.truth, now.judge].forEach(({ policy }, k) => {
        const [kind, top] = [k ? "live-hacked" : "live-v", y + 17 + 9 * k];
        put(shape("rect", { class: kind, x: 0, y: top, width: wide * policy[i], height: 8 }));
      });
      const x = wide * reference[i];
      put(shape("line", { class: "live-cut", x1: x, x2: x, y1: y + 16, y2: y + 35 }));
      put(textAt(width, y + 30, two(now.judge.policy[i]), "live-small live-end"));
    });
    return curves(now, width, ROW * answers.length + 20, put);
  });

  // The true reward over the divergence, for all betas, with a point for the one chosen.
  function curves(now, width, top, put) {
    const [left, right, foot] = [30, width - 10, top + HIGH];
    const ways = BETAS.map((one) => found(reference, truth, judge, one));
    const far = Math.max(0.5, ...ways.flatMap((one) => [one.truth.divergence, one.judge.divergence]));
    const most = Math.max(...truth);
    const place = (one) => [
      left + ((right - left) * one.divergence) / far,
      foot - (HIGH * one.reward) / most,
    ];
    const line = (kind, name) => {
      const all = [now.reference, ...ways.map((one) => one[name])].map(place);
      put(shape("polyline", { class: kind, points: all.map((pair) => pair.join(",")).join(" ") }));
      const [cx, cy] = place(now[name]);
      put(shape("circle", { class: kind, cx, cy, r: 5 }));
    };
    put(shape("line", { class: "live-axis", x1: left, x2: right, y1: foot, y2: foot }));
    put(textAt(0, foot + 4, plain(0, language), "live-small"));
    put(textAt(0, top + 4, plain(most, language), "live-small"));
    put(textAt(left, top - 8, say.truth, "live-small"));
    put(textAt(right, foot + 14, `${say.nats} ${two(far)}`, "live-small live-end"));
    line("live-true-way", "truth");
    line("live-judged-way", "judge");
    return foot + 18;
  }

  const show = onceAFrame(() => {
    const now = found(reference, truth, judge, beta);
    const written = (value) => cell(decimal(value, 3, language));
    const three = (name) => [now.reference, now.truth, now.judge].map((one) => written(one[name]));
    fillTable(table, [
      ...answers.map((answer, i) =>
        rowOf(
          {},
          answer,
          ...[truth[i], judge[i]].map((one) => cell(plain(Number(one.toFixed(1)), language))),
          ...[reference, now.truth.policy, now.judge.policy].map((one) => written(one[i])),
        ),
      ),
      rowOf({}, say.divergence, cell(), cell(), ...three("divergence")),
      rowOf({}, say.reward, cell(), cell(), ...three("reward")),
    ]);
    table.dataset.now = JSON.stringify({ ...now, beta, pays: judge });
    table.caption.textContent = say.caption(plain(beta, language));
    strength.set(BETAS.indexOf(beta), plain(beta, language));
    pay.set(judge[chosen], decimal(judge[chosen], 1, language));
    const percent = Math.round(100 * reference[chosen]);
    share.set(percent, two(reference[chosen]));
    status.textContent = say.status(
      two(now.judge.judged),
      two(now.judge.reward),
      two(now.reference.reward),
    );
    picture.label(`${say.picture} ${say.way}`);
    picture.show();
  });

  el.replaceChildren(
    formOf(
      language,
      picture.svg,
      element("p", { class: "live-legend" }, say.legend),
      strength.box,
      element(
        "div",
        { class: "live-row" },
        labelled(say.answer, select, "live-stack live-wide"),
        pay.box,
        share.box,
      ),
      element("div", { class: "live-buttons" }, ...judges),
      status,
      folded(say.numbers, scrolling(say.numbers, table)),
    ),
  );
  show();
}

const render = renderer(["answers", "reference", "truth", "judge", "beta", "language"], draw);

export default { render };
