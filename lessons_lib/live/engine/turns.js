// Long work in small pieces, so that a page can draw and a worker can read its messages in between.

const TURN = 12; // milliseconds of work before something else may come

function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel(); // timers would wait for 4 ms
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

// A function to call often: from time to time it lets others work, and then says true.
function makePause() {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < TURN) return false;
    await nextTask();
    since = performance.now();
    return true;
  };
}

export { makePause, nextTask };
