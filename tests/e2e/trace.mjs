// Reads what strace -f -y has written, as the order in which things began and ended. Must not know what they mean.

/**
 * The system calls of a trace, in the order in which they began: {thread, name, text, began, ended, result}. `text` is
 * what stands between the brackets, `began` and `ended` are line numbers (one that has not ended has Infinity), and
 * what returned before another began has an `ended` that is smaller than the other's `began`.
 */
export function readTrace(trace) {
  const calls = [];
  const open = new Map(); // thread -> its call under way
  trace.split('\n').forEach((line, number) => {
    const [, thread, rest] = /^(\d+) +[\d:.]+ (.*)$/.exec(line) ?? [];
    if (rest === undefined) return;
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const begun = /^(\w+)\((.*)$/.exec(rest);
    let call;
    let text;
    if (resumed) {
      call = open.get(thread);
      if (!call) return; // it began before the trace did
      [, text] = resumed;
      open.delete(thread);
    } else if (begun) {
      call = { thread, name: begun[1], text: '', began: number, ended: Infinity, result: null };
      [, , text] = begun;
      calls.push(call);
    } else {
      return; // a signal, the end of a thread
    }
    const unfinished = / *<unfinished \.\.\.>$/.exec(text);
    if (unfinished) {
      call.text += text.slice(0, unfinished.index);
      open.set(thread, call);
      return;
    }
    const returned = /^(.*)\) += (-?\d+|\?)[^")]*(?:\(.*\))?$/.exec(text);
    if (!returned) throw new Error(`line ${number + 1} of the trace cannot be read: ${line}`);
    call.text += returned[1];
    call.ended = number;
    call.result = Number(returned[2]);
  });
  return calls;
}

/** The bytes of the first string in a call's text, which strace shows as C would write it. */
export function bytesOf(text) {
  const [, string] = /"((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  if (string === undefined) throw new Error(`there is no string in ${text}`);
  const letters = { n: 10, t: 9, r: 13, v: 11, f: 12, a: 7, b: 8 };
  const bytes = [];
  for (const [, octal, letter, plain] of string.matchAll(/\\(?:([0-7]{1,3})|(.))|([^\\])/g)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (letter !== undefined) bytes.push(letters[letter] ?? letter.charCodeAt(0));
    else bytes.push(plain.charCodeAt(0));
  }
  return Buffer.from(bytes);
}
