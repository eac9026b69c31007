// --- What a reader has answered: kept in this browser, and nowhere else
//
// Each question answered lies in one of five boxes. A right answer on the day it is due, or later, moves
// it to the next box, a wrong one to the first. It is due again after so many days.

const DAYS = [1, 3, 7, 21, 60];
const KEPT = "book-check"; // {"attention/what-comes-out": [box, day, 1 if it is a recall question]}
const FIVE = 5;
const EARLIER = 2; // of the five, at most: recall questions of earlier chapters
const AGAIN = 2; // at most: questions of the chapter itself that are due
const PLACE = /^[a-z_]{1,40}\/[a-z0-9-]{1,80}$/;

const dayOf = (date) => Math.floor((date.getTime() - 60_000 * date.getTimezoneOffset()) / 86_400_000);
const today = () => dayOf(new Date());

// The answers in a text that was stored, by chapter and question; what is no answer is left out.
function readAnswers(text) {
  const answers = new Map();
  let stored = null;
  try {
    stored = JSON.parse(text);
  } catch {
    // Not the book's.
  }
  for (const [name, entry] of Object.entries(Object(stored))) {
    if (!PLACE.test(name) || !Array.isArray(entry)) continue;
    const [box, day, recall] = entry;
    if (![box, day].every(Number.isSafeInteger) || !DAYS[box - 1]) continue;
    answers.set(name, { box, day, recall: recall === 1 });
  }
  return answers;
}

const writeAnswers = (answers) =>
  JSON.stringify(
    Object.fromEntries([...answers].map(([name, { box, day, recall }]) => [name, [box, day, Number(recall)]])),
  );

// A day that has not come yet was noted by a wrong clock.
const isDue = ({ box, day }, now) => day > now || now - day >= DAYS[box - 1];

// What is kept of a question after an answer; `before` is what was kept, if anything.
function answered(before, right, now, recall) {
  if (!right) return { box: 1, day: now, recall };
  if (before && !isDue(before, now)) return { ...before, recall };
  return { box: Math.min(DAYS.length, (before?.box ?? 1) + 1), day: now, recall };
}

// The answers as they are kept: read anew each time, because another tab may have changed them. Where
// nothing can be kept, they last as long as the page.
function keeper() {
  let here = new Map();
  let works = true;
  function read() {
    try {
      if (works) here = readAnswers(localStorage.getItem(KEPT));
    } catch {
      works = false;
    }
    return here;
  }
  function write() {
    try {
      localStorage.setItem(KEPT, writeAnswers(here));
      works = localStorage.getItem(KEPT) !== null;
    } catch {
      works = false; // no storage, or a full one
    }
  }
  return {
    read,
    note(name, right, recall) {
      here = read();
      here.set(name, answered(here.get(name), right, today(), recall));
      write();
    },
    forget() {
      here = new Map();
      try {
        localStorage.removeItem(KEPT);
      } catch {
        // There is nothing to forget.
      }
    },
  };
}

// --- Which questions are asked

function shuffled(things, random) {
  const mixed = [...things];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
  }
  return mixed;
}

// The recall questions of earlier chapters that are due, the longest overdue first: [chapter, id].
function dueEarlier(answers, chapters, now) {
  const due = [...answers].filter(
    ([name, entry]) => entry.recall && chapters.includes(name.split("/")[0]) && isDue(entry, now),
  );
  const waits = ([, { box, day }]) => (day > now ? 0 : now - day - DAYS[box - 1]);
  return due.sort((one, other) => waits(other) - waits(one)).map(([name]) => name.split("/"));
}

// So many different questions of a chapter: some that are due, else new ones, else those answered
// longest ago; of different objectives and kinds as far as possible.
function drawOwn(chapter, questions, count, answers, now, random) {
  const rest = shuffled(questions, random);
  const drawn = [];
  const kept = (question) => answers.get(`${chapter}/${question.id}`);
  const due = (question) => kept(question) && isDue(kept(question), now);
  function cost(question) {
    const alike = (name) => drawn.filter((other) => other[name] === question[name]).length;
    const often = question.kind === "choice" ? 1 : 4;
    const mixed = 2 * alike("objective") + alike("level") + often * alike("kind");
    if (!kept(question)) return mixed + 1;
    if (due(question)) return mixed + (drawn.filter(due).length < AGAIN ? -100 : 100);
    return mixed + 200 + Math.min(100, kept(question).day - now);
  }
  while (drawn.length < count && rest.length) {
    const costs = rest.map(cost);
    drawn.push(...rest.splice(costs.indexOf(Math.min(...costs)), 1));
  }
  return drawn;
}
