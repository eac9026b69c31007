// Functions that are called by messages: what a worker offers to the page.

// `functions` gives, for `pause` to await often, functions by name. A message `{ call, name, given }` is
// answered with `{ call, result }` or `{ call, error }`, also while another call goes on; one with the
// type "end" ends all.
function answerCalls(tell, pause, functions) {
  let ended = false;
  const offered = functions(async () => {
    const paused = await pause();
    if (ended) throw new Error("ended");
    return paused;
  });
  return async ({ type, call, name, given }) => {
    if (type === "end") {
      ended = true;
      return;
    }
    try {
      tell({ call, result: await offered[name](...given) });
    } catch ({ message, reason }) {
      tell({ call, error: { message, reason } });
    }
  };
}

// The other side: `call` sends a message by `tell` and promises the result; `hear` gets the answers. What
// is told besides goes to `heard`.
function makeCalls(tell, heard = () => {}) {
  const waiting = new Map();
  let calls = 0;
  return {
    call: (name, ...given) =>
      new Promise((resolve, reject) => {
        waiting.set(++calls, { resolve, reject });
        tell({ call: calls, name, given });
      }),
    hear(told) {
      const { call, result, error } = told;
      if (!call) return heard(told);
      const { resolve, reject } = waiting.get(call);
      waiting.delete(call);
      if (error) reject(Object.assign(new Error(error.message), { reason: error.reason }));
      else resolve(result);
    },
  };
}

// Both: `open` lets a program work somewhere, as `beside` does; it gets what hears the program.
function makeClient(open, heard) {
  const work = open((told) => calls.hear(told));
  const calls = makeCalls(work.tell, heard);
  return { call: calls.call, work };
}

export { answerCalls, makeCalls, makeClient };
