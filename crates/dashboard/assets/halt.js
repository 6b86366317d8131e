// The one thing that a dashboard does. It asks first, and says what came of it.
import { ask, by, say } from "./dom.js";

const dialog = by("halt-dialog");
let session = null;

/** Ready as soon as the session is known. */
export function setUp(known) {
  session = known;
  const button = by("halt");
  button.disabled = !known.halts;
  button.title = known.halts ? "" : "this dashboard shows a journal alone; there is nothing to halt";
  button.addEventListener("click", () => {
    say(by("halt-said"), "", "");
    by("halt-reason").value = "";
    by("halt-yes").disabled = false;
    say(by("halt-no"), "Cancel");
    dialog.showModal();
    by("halt-reason").focus();
  });
  by("halt-no").addEventListener("click", () => dialog.close());
  by("halt-form").addEventListener("submit", halt);
}

async function halt(event) {
  event.preventDefault();
  by("halt-yes").disabled = true;
  say(by("halt-said"), "asking the gateway …", "");
  try {
    const done = await ask("/api/halt", {
      method: "POST",
      headers: { "content-type": "application/json", "x-plimsoll-word": session.word },
      body: JSON.stringify({ reason: by("halt-reason").value }),
    });
    const way = done.asked.find((one) => one.done);
    say(by("halt-said"), done.trading ? `Halted. ${way.said}` : `No gateway answered; halted by other ways: ${done.asked.filter((one) => one.done).map((one) => one.said).join("; ")}`, "good");
    say(by("halt-no"), "Close");
    by("halt-no").focus();
  } catch (problem) {
    say(by("halt-said"), `NOT halted: ${problem.message}. Use plimsoll halt ${session.about.named}.`, "bad");
    by("halt-yes").disabled = false;
  }
}
