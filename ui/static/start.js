() => {
  const { som } = window;
  som.show(som.theme());
  const button = document.querySelector("#theme");
  button?.setAttribute("aria-label", som.word("theme", document.documentElement.lang));
  // Enter sends a question; Shift and Enter begins a line.
  document.addEventListener("keydown", (event) => {
    if (event.target.matches?.("#question textarea") && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      event.stopPropagation();
      document.querySelector("#send")?.click();
    }
  }, true);
}
