// Copies a text to the clipboard; without this script the text can still be selected and copied by hand.
"use strict";
for (const button of document.querySelectorAll("button[data-copies]")) {
  const text = document.getElementById(button.dataset.copies);
  const said = document.getElementById(button.dataset.says);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.value);
      said.textContent = "Copied.";
    } catch { // an EHR's frame may not allow it
      text.focus();
      text.select();
      said.textContent = document.execCommand("copy") ? "Copied." : "Selected: press Ctrl+C (or ⌘C) to copy.";
    }
  });
}
