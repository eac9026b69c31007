// A training as messages, for a worker or, where there is none, for the page itself.

import { Trainer, openStories } from "./trainer.js";
import { makePause, nextTask } from "./turns.js";

const FIRST = [0, 5, 10, 20, 30, 40];
const MEASURE = 50; // steps from one measurement to the next
const FIRST_TOLD = [0, 50, 100];
const TELL = 200; // steps from one story to the next
const SEED = 2; // with which even the first story has more than a few words

// `tell` gets what there is to say; the answer is a function that hears what is wanted:
//   { type: "stories", bytes }    -> "opened" with the number of words, or "failed"
//   { type: "begin", run, settings, factor, last }    a new run, up to the step `last`
//       -> "begun", "step", "measured", "story", at last "ended" or "diverged", all with the `run`
//   { type: "factor", factor }    changes the rates
//   { type: "going", going }      pauses the run, or goes on with it
//   { type: "end" }               ends it
function serve(tell) {
  let data = null;
  let current = 0; // the run that goes on; older ones end
  let factor = 1;
  let going = true;
  let wake = () => {};

  async function train({ run, settings, last }) {
    const trainer = new Trainer(data, settings);
    const pause = makePause();
    const say = (type, what) => run === current && tell({ type, run, step: trainer.steps, ...what });
    say("begun", { parameters: trainer.nParameters });
    let seconds = 0;
    while (run === current) {
      if (!going) {
        await new Promise((resolve) => (wake = resolve));
        continue;
      }
      const start = performance.now();
      const { steps } = trainer;
      const ends = steps >= last;
      if (ends || FIRST.includes(steps) || steps % MEASURE === 0) {
        say("measured", { nats: await trainer.heldOut(pause) });
      }
      if (ends || FIRST_TOLD.includes(steps) || steps % TELL === 0) {
        say("story", { text: await trainer.tell(SEED + steps, pause) });
      }
      if (ends) {
        say("ended");
        return;
      }
      const nats = await trainer.step(factor, pause);
      seconds += (performance.now() - start) / 1000;
      say("step", { nats, seconds, tokens: trainer.tokens });
      await nextTask();
    }
  }

  async function act(message) {
    if (message.type === "stories") {
      data = await openStories(message.bytes);
      tell({ type: "opened", words: data.words.length });
    } else if (message.type === "begin") {
      current = message.run;
      factor = message.factor;
      going = true;
      wake();
      await train(message);
    } else if (message.type === "factor") {
      factor = message.factor;
    } else if (message.type === "going") {
      going = message.going;
      wake();
    } else {
      current = 0; // the end
      wake();
    }
  }

  return (message) =>
    act(message).catch((error) => {
      const type = error.reason === "diverged" ? "diverged" : "failed";
      if (message.run === undefined || message.run === current) {
        tell({ type, run: message.run, message: error.message });
      }
    });
}

export { serve };
