// What the page does without the server: copying an answer, quotes on hover, and names for screen readers.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("#copy");
  const text = document.querySelector("#copy-text textarea, #copy-text input")?.value;
  if (!button || !text) return;
  const label = button.textContent;
  await navigator.clipboard.writeText(text);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
});

// --- the quote behind a chip, while the pointer or the keyboard is on it ---------------------------

const tip = document.createElement("div");
tip.id = "tip";
tip.setAttribute("role", "tooltip");
tip.hidden = true;

function showTip(chip) {
  if (chip.title) { // taken over: the browser's own would stand on top of ours
    chip.dataset.quote = chip.title;
    chip.removeAttribute("title");
  }
  if (!chip.dataset.quote) return;
  document.body.append(tip);
  tip.textContent = chip.dataset.quote;
  tip.hidden = false;
  chip.setAttribute("aria-describedby", "tip");
  const place = chip.getBoundingClientRect();
  const left = Math.min(place.left, document.documentElement.clientWidth - tip.offsetWidth - 12);
  const above = place.top - tip.offsetHeight - 8;
  tip.style.left = `${Math.max(12, left)}px`;
  tip.style.top = `${above > 8 ? above : place.bottom + 8}px`;
}

const chipOf = (event) => event.target.closest?.("a.chip");
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => { const chip = chipOf(event); if (chip) showTip(chip); });
}
for (const kind of ["pointerout", "focusout", "scroll", "click"]) {
  document.addEventListener(kind, () => { tip.hidden = true; }, true);
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

// --- names, roles and the address ------------------------------------------------------------------

function tidy() {
  // Gradio names a message by its markup; a screen reader is better served by the message itself.
  for (const message of document.querySelectorAll("#chat .message [aria-label]")) message.removeAttribute("aria-label");
  const announce = document.querySelector("#announce:not([role])");
  if (announce) announce.setAttribute("role", "status");
  const chat = document.querySelector("#chat [role=log]");
  if (chat) chat.setAttribute("aria-live", "off"); // #announce tells the stages instead of every word
  // Reloading the page comes back to the conversation.
  const saved = document.querySelector("#save a[href^='/export/']")?.getAttribute("href").match(/\/export\/([\w-]+)\./);
  if (saved && !location.search.includes(saved[1])) history.replaceState(history.state, "", `/?c=${saved[1]}`);
}

new MutationObserver(tidy).observe(document.documentElement, {
  subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"],
});
