// --- Five questions, one after the other

const SAY = {
  en: {
    again: "Read again:",
    check: "Check",
    due: (n) => (n === 1 ? "1 is due again." : `${n} are due again.`),
    earlier: (title) => `from an earlier chapter: ${title}`,
    end: "See the result",
    forget: "Delete my answers",
    forgotten: "Your answers in all chapters are deleted.",
    had: "Mine is right",
    how: "And yours?",
    more: "Five others",
    next: "Next question",
    not: "Not yet",
    question: (n, all) => `Question ${n} of ${all}`,
    score: (right, all) => `${right} of ${all} right.`,
    seen: (n, all) => `You have answered ${n} of the ${all} questions of this chapter.`,
    solution: "Show a solution",
  },
  es: {
    again: "Vuelve a leer:",
    check: "Comprobar",
    due: (n) => `Ya toca repasar ${n}.`,
    earlier: (title) => `de un capítulo anterior: ${title}`,
    end: "Ver el resultado",
    forget: "Borrar mis respuestas",
    forgotten: "Se han borrado tus respuestas de todos los capítulos.",
    had: "La mía está bien",
    how: "¿Y la tuya?",
    more: "Otras cinco",
    next: "Pregunta siguiente",
    not: "Todavía no",
    question: (n, all) => `Pregunta ${n} de ${all}`,
    score: (right, all) => `Aciertos: ${right} de ${all}.`,
    seen: (n, all) => `Has respondido ${n} de las ${all} preguntas de este capítulo.`,
    solution: "Mostrar una solución",
  },
};

// The chapters' questions, each loaded once.
const banks = new Map();
function bankOf(chapter, language) {
  const name = `${chapter}_${language}`;
  if (!banks.has(name)) {
    const loading = loadScript(`questions/${name}`);
    loading.catch(() => banks.delete(name)); // to be tried again
    banks.set(name, loading);
  }
  return banks.get(name);
}

// Up to two recall questions of earlier chapters, with the chapter that each is from.
async function earlierOnes(answers, chapters, language) {
  const found = [];
  for (const [chapter, id] of dueEarlier(answers, chapters, today()).slice(0, 2 * EARLIER)) {
    const bank = await bankOf(chapter, language).catch(() => null);
    const question = bank?.questions.find((one) => one.id === id && one.level === "recall");
    if (question && found.length < EARLIER) found.push({ chapter, bank, question, from: bank.title });
  }
  return found;
}

// The five: the second and the fourth are from earlier chapters, if any are.
async function fiveFor(chapter, earlier, language, answers) {
  const bank = await bankOf(chapter, language);
  const others = await earlierOnes(answers, earlier, language);
  const own = drawOwn(chapter, bank.questions, FIVE - others.length, answers, today(), Math.random);
  const five = own.map((question) => ({ chapter, bank, question, from: "" }));
  others.forEach((other, i) => five.splice(1 + 2 * i, 0, other));
  return five;
}

// The section that a question rests on, as a link.
function sectionOf({ chapter, bank, question, from }) {
  const address = `${from ? `${chapter}.html` : ""}#section-${question.at}`;
  const title = question.at ? bank.sections[question.at] : "";
  return html("a", [from, title].filter(Boolean).join(": ") || bank.title, { href: address });
}

function begin(place) {
  const language = document.documentElement.lang;
  const { chapter } = place.dataset;
  const earlier = place.dataset.earlier.split(" ");
  const say = { ...WORDS[language], ...SAY[language] };
  const memory = keeper();
  const form = formOf(language);
  form.classList.add("check-form");

  function show(first, ...parts) {
    form.replaceChildren(first, ...parts);
    window.setFormulas?.(form);
    first.querySelector("[tabindex]").focus();
  }

  async function start() {
    const five = await fiveFor(chapter, earlier, language, memory.read());
    if (!form.isConnected) place.append(form);
    ask(five, 0, []);
  }

  // Asks a question of the five; `results` tells of each before whether it was right.
  function ask(five, n, results) {
    const { chapter: home, question, from } = five[n];
    const name = `${home}/${question.id}`;
    let done = false;
    const act = button("", () => check());
    const ready = () => done || act.setAttribute("aria-disabled", String(!task.ready()));
    const task = ASK[question.kind](question, say, ready, Math.random);
    act.textContent = question.kind === "code" ? say.solution : say.check;
    act.classList.add("check-act");
    ready();
    const said = element("div", { class: "check-said", role: "status" });
    const after = element("div", { class: "live-buttons" });
    const title = html("legend", say.question(n + 1, five.length), { tabindex: -1 });
    if (from) title.append(" · ", html("span", say.earlier(from)));
    const text = html("div", task.text ?? question.text, { class: "check-text", id: `check-text-${n}` });
    form.onsubmit = () => act.click();

    function check() {
      const result = task.judge();
      if (!result) return;
      said.replaceChildren(...(result.unreadable ? [element("p", {}, result.unreadable)] : result.said));
      window.setFormulas?.(said);
      if (result.unreadable) return;
      done = true;
      form.onsubmit = null;
      act.setAttribute("aria-disabled", "true");
      if (result.right !== null) return close(result.right);
      const own = [button(say.had, () => close(true)), button(say.not, () => close(false))];
      after.append(buttonGroup(say.how, own));
      return undefined;
    }

    function close(right) {
      memory.note(name, right, question.level === "recall");
      if (!right) said.append(element("p", {}, `${say.again} `, sectionOf(five[n])));
      const last = n + 1 === five.length;
      const on = button(last ? say.end : say.next, () =>
        last ? finish(five, [...results, right]) : ask(five, n + 1, [...results, right]),
      );
      const here = after.contains(document.activeElement);
      after.replaceChildren(on);
      if (here) on.focus();
    }

    const group = { class: "check-task", "aria-describedby": text.id, "data-question": name };
    show(element("fieldset", group, title, text, ...task.parts), element("div", { class: "live-buttons" }, act), said, after);
  }

  // What came of the five, what to read again, and how much of the chapter has been asked.
  async function finish(five, results) {
    const bank = await bankOf(chapter, language);
    const right = results.filter(Boolean).length;
    const score = element("div", {}, element("p", { class: "check-score", tabindex: -1 }, strong(say.score(right, five.length))));
    const links = five.filter((_, n) => !results[n]).map(sectionOf);
    const different = [...new Map(links.map((link) => [link.getAttribute("href"), link])).values()];
    if (different.length) {
      const list = different.map((link) => element("li", {}, link));
      score.append(element("p", {}, say.again), element("ul", {}, ...list));
    }
    const told = statusLine();
    const tell = () => {
      const answers = memory.read();
      const kept = bank.questions.map(({ id }) => answers.get(`${chapter}/${id}`)).filter(Boolean);
      const due = kept.filter((entry) => isDue(entry, today())).length;
      return [say.seen(kept.length, bank.questions.length), due ? say.due(due) : ""].join(" ").trim();
    };
    const progress = element("p", {}, tell());
    const forget = button(say.forget, () => {
      memory.forget();
      progress.textContent = tell();
      told.textContent = say.forgotten;
    });
    show(score, progress, element("div", { class: "live-buttons" }, button(say.more, start), forget), told);
  }

  return start();
}

document.head.append(element("style", {}, STYLES));
window.beginCheck = begin;
