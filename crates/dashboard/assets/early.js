// Before anything is drawn: the colours that were chosen here before, so that nothing flashes.
const chosen = localStorage.getItem("plimsoll-theme");
if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
