// What the page does without the server: copying an answer, and names for screen readers.
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

// Gradio names a message by its markup; a screen reader is better served by the message itself.
new MutationObserver(() => {
  for (const message of document.querySelectorAll("#chat .message [aria-label]")) message.removeAttribute("aria-label");
}).observe(document.documentElement, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });
