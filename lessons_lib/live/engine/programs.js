// The small programs about a story: what `run_program` of `lessons_lib.corpus.tasks` does.

const WORDS = {
  en: ["had", "gave", "left", "found", "again", "who", "times"],
  es: ["tenía", "dio", "dejó", "encontró", "repite", "quién", "veces"],
};
const NOBODY = { en: "nobody", es: "nadie" };
const [MOST_CHARACTERS, MOST_STEPS] = [1000, 200];
const NAME = /^[\p{L}\p{N}_]+$/u;
const ARGUMENTS = { had: NAME, gave: NAME, found: NAME, again: /^\d{1,6}$/ };

// The statements of a program, each a verb, in English, and what stands behind it.
function readProgram(program, language) {
  if (Array.from(program).length > MOST_CHARACTERS) throw new Error("too long");
  const lines = program.trim().split(".");
  if (lines.pop()) throw new Error("no period at the end");
  const statements = lines.map((line) => {
    const [word, ...rest] = line.trim().split(/\s+/u);
    const verb = WORDS.en[WORDS[language].indexOf(word)];
    const argument = ARGUMENTS[verb];
    const fits = argument ? rest.length === 1 && argument.test(rest[0]) : !rest.length;
    if (!verb || !fits) throw new Error(`no statement: ${line}`);
    return [verb, rest[0]];
  });
  const asks = statements.map(([verb]) => verb === "who" || verb === "times");
  if (asks.indexOf(true) !== asks.length - 1 || !asks.length) throw new Error("no one question");
  return statements;
}

// What a program's question is answered; an error where it is none, or goes on for too long.
function runProgram(program, language) {
  const statements = readProgram(program, language);
  const leftOver = new Map(); // of an `again`: how often it still goes back
  let [holder, given, line] = [null, 0, 0];
  for (let step = 0; step < MOST_STEPS; step++) {
    const at = line;
    const [verb, argument] = statements[line++];
    if (verb === "who") return holder ?? NOBODY[language];
    if (verb === "times") return String(given);
    if (verb === "again") {
      const left = leftOver.get(at) ?? Number(argument);
      if (left) line = 0;
      if (left) leftOver.set(at, left - 1);
      else leftOver.delete(at);
      continue;
    }
    if ((verb === "gave" || verb === "left") && holder === null) throw new Error("nobody has it");
    if (verb === "found" && holder !== null) throw new Error("somebody has it");
    given += Number(verb === "gave");
    holder = argument ?? null;
  }
  throw new Error("too many steps");
}

export { runProgram };
